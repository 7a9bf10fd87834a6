"""docs/api.md: its example is run by curl against a real server, its table holds every code."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import uvicorn
from fastapi import FastAPI

from ordering import database
from ordering.accounts import Role
from tests.test_documentation import read, rows, section
from tests.web import desks
from tests.web.conftest import House, local
from web import problems
from web.refusals import Refusal


@contextmanager
def served(app: FastAPI) -> Iterator[str]:
    """The address of an application, served by uvicorn in a thread."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="warning"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(20)


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
def test_the_example_of_the_page_is_an_order(db: database.Database, tmp_path: Path) -> None:
    desks.city(db)
    house = House(db, local(desks.RULES), tmp_path, desks.NOON)
    house.person("R0", Role.RETAILER)
    examples = re.findall(r"```sh\n(.*?)```", read("docs/api.md"), re.DOTALL)
    assert len(examples) == 3
    with served(house.app) as address:
        names = {"SERVICE": address, "TOKEN": house.tokens["R0"], "SHOP": "R0", "BRAND": "B1"}
        answers = [json.loads(_said(example, os.environ | names)) for example in (*examples, examples[-1])]
    sheet, quote, order, again = answers
    assert sheet["is_open"]
    assert order["lines"][0]["allocated"] == quote["orderable"] > 0
    assert again == order


def _said(command: str, environment: dict[str, str]) -> str:
    return subprocess.run(["sh", "-c", command], env=environment, capture_output=True, text=True, timeout=30, check=True).stdout


def test_the_table_holds_every_code_with_its_status() -> None:
    told = {}
    for row in rows(section(read("docs/api.md"), "## Errors")):
        told |= dict.fromkeys(re.findall(r"`([A-Z_]+)`", row[1]), int(row[0]))
    own = {code: status for code, (status, *_) in problems.CODES.items()}
    assert told == own | {code.upper(): problems.ORDERS[code] for code in Refusal}
