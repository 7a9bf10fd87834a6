"""What files and an inbox hold, as far as it is the same each time."""

from __future__ import annotations

import json
import re
import zipfile
from pathlib import Path

import pandas as pd
import sqlalchemy as sa
from python_calamine import CalamineWorkbook

from ordering import database, tables
from ordering.database import deliveries

PASSING = {"import_id", "version"}
"""Columns that another import fills otherwise."""


def of_file(path: Path) -> object:
    """What a file holds, as far as it is the same each time."""
    if path.is_dir():
        return {child.name: of_file(child) for child in path.iterdir()}
    if path.suffix == ".xlsx":
        book = CalamineWorkbook.from_path(path)
        return {name: len(book.get_sheet_by_name(name).to_python()) for name in book.sheet_names}
    if path.suffix == ".html":
        return path.read_text("utf-8").rstrip().endswith("</html>")
    if path.suffix == ".backup":
        return _backed_up(path)
    if path.suffix == ".parquet":
        return pd.read_parquet(path).to_csv()
    return path.read_text("utf-8")


def _backed_up(path: Path) -> object:
    """Of each table of a backup how many rows it has, and their checksum."""
    with zipfile.ZipFile(path) as packed:
        assert packed.testzip() is None
        return json.loads(packed.read("manifest.json"))["tables"]


def taken_in(url: str, inbox: Path) -> dict[str, object]:
    """What has become of deliveries: the city that they made, their records and their files, without times and ids."""
    db = database.connect(url)
    told = [(one.name, one.state, one.settled, one.counts, one.fault_count) for one in deliveries.find(db)]
    shown = {name: [column for column in of.columns if column.name not in PASSING] for name, of in tables.contract.items()}
    city = {name: sorted(map(repr, db.rows(sa.select(*columns)))) for name, columns in shown.items()}
    db.engine.dispose()
    files = {re.sub(r"\d{6}-", "", str(path.relative_to(inbox))): path for path in inbox.rglob("*") if path.is_file()}
    read = {name: re.sub(r"\d+", "", path.read_text("utf-8-sig")) for name, path in files.items()}
    return {"city": city, "deliveries": told, "files": read}
