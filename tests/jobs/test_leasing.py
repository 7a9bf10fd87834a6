"""Leases left behind by whoever has ended are taken at once; those of whoever is at it are not."""

from __future__ import annotations

import os
import socket
import subprocess
import sys

import pytest

from jobs import leasing
from ordering import database
from ordering.database import leases


def holder(process: int, host: str = "") -> str:
    return f"{host or socket.gethostname()}/{process}/word"


def dead_process() -> int:
    """The number of a process that has ended and was waited for."""
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    return child.pid


def test_the_lease_of_a_process_that_has_ended_is_taken_at_once(db: database.Database) -> None:
    assert leases.take(db, "publish", holder=holder(dead_process()), seconds=600) is not None
    with leasing.alone(db, "publish", 600, "publishing"):
        pass


@pytest.mark.parametrize("held_by", ["another host", "a process that lives"])
def test_the_lease_of_others_is_not(db: database.Database, held_by: str) -> None:
    other = holder(dead_process(), "another.example") if held_by == "another host" else holder(os.getppid())
    assert leases.take(db, "publish", holder=other, seconds=600) is not None
    with pytest.raises(leasing.HeldError), leasing.alone(db, "publish", 600, "publishing"):
        pass


def test_a_lease_that_this_process_could_not_give_back_is_taken_again(db: database.Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """As where the disk was too full to write that it ended."""

    def full(*_given: object) -> None:
        raise OSError("no space left on device")

    with monkeypatch.context() as disk:
        disk.setattr(leases, "release", full)
        with leasing.alone(db, "publish", 600, "publishing"):
            pass
    with leasing.alone(db, "publish", 600, "publishing"):
        pass


def test_a_lease_that_this_process_holds_is_not_taken_twice(db: database.Database) -> None:
    with (
        leasing.alone(db, "publish", 600, "publishing"),
        pytest.raises(leasing.HeldError, match=f"process {os.getpid()}"),
        leasing.alone(db, "publish", 600, "publishing"),
    ):
        pass
