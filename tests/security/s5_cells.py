"""S5: texts that a spreadsheet could take for formulas, in every text column of every export and in every file that the pages give."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
from python_calamine import CalamineWorkbook

from jobs import exports, output
from ordering import tables
from ordering.accounts import MAY, Role
from ordering.database import Database
from tests.jobs.test_output import FORMULA, SLY
from tests.security.ground import Ground
from tests.web.conftest import bearer
from tests.web.test_authorisation import FILLED, Tried, one_of, routes


def s5(ground: Ground) -> Tried:
    """Exports whose texts are all sly, as csv and as xlsx; then every file of the route table over a city whose names are sly."""
    source = exports.source(ground.house.db, ground.house.settings, ground.folder / "city" / "one-history")
    for what in list(exports.COLUMNS)[:: round(1 / ground.share)]:
        for ending in ("csv", "xlsx"):
            file, dimensions = ground.folder / f"{what}.{ending}", ["brand"] if what in exports.BY_DIMENSION else []
            with sly() as numbers:
                rows = exports.export(source, what, file, by=dimensions)
            check = of_csv if ending == "csv" else of_workbook
            yield f"{what} as {ending}, {rows} rows", check(file.read_bytes(), numbers)
    renamed(ground.house.db)
    yield from given_files(ground)


@contextmanager
def sly() -> Iterator[dict[str, set[str]]]:
    """While it lasts every text that is exported is sly; gives the columns of numbers, as they are seen."""
    plain, seen = output._plain, {"numbers": set[str]()}

    def other(part: pd.DataFrame) -> pd.DataFrame:
        found = plain(part)
        texts = [name for name in found.columns if pd.api.types.is_string_dtype(found[name]) or found[name].dtype == object]
        seen["numbers"] |= {name for name in found.columns if pd.api.types.is_numeric_dtype(found[name])}
        payloads = [SLY[n % len(SLY)] for n in range(len(found))]
        return found.assign(**{name: pd.Series(payloads, index=found.index, dtype="object") for name in texts})

    output._plain = other
    try:
        yield seen
    finally:
        output._plain = plain


def of_csv(content: bytes, seen: dict[str, set[str]]) -> str:
    """What is live in a csv, or no number any more; "": nothing."""
    header, *rows = csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""))
    for row in rows:
        for name, cell in zip(header, row, strict=True):
            if name in seen["numbers"]:
                if cell and not _number(cell):
                    return f"{name}: {cell!r} is no number"
            elif cell.startswith(FORMULA) and not _number(cell):
                return f"{name}: {cell!r} is live"
    return ""


def _number(cell: str) -> bool:
    try:
        float(cell.replace("true", "1").replace("false", "0"))
    except ValueError:
        return False
    return True


def of_workbook(content: bytes, seen: dict[str, set[str]]) -> str:
    """The same of a workbook: a formula stands in an element of its own, and a number is none of text."""
    with zipfile.ZipFile(io.BytesIO(content)) as book:
        sheets = [book.read(name).decode() for name in book.namelist() if name.startswith("xl/worksheets/sheet")]
    if any("<f>" in sheet or "<f " in sheet for sheet in sheets):
        return "a formula"
    header, *rows = CalamineWorkbook.from_filelike(io.BytesIO(content)).get_sheet_by_index(0).to_python()
    pairs = [pair for row in rows for pair in zip(header, row, strict=False)]
    texts = [name for name, cell in pairs if name in seen["numbers"] and isinstance(cell, str) and cell]
    return f"{texts[0]}: text in a column of numbers" if texts else ""


def renamed(db: Database) -> None:
    """Give shops and brands, and their places and makers, sly names."""
    with db.writing() as tx:
        for table, columns in (("retailers", ("name", "street")), ("brands", ("name", "manufacturer"))):
            tx.execute(tables.contract[table].update().values(dict.fromkeys(columns, '=HYPERLINK("http://x","y")')))


def given_files(ground: Ground) -> Tried:
    """Every file of the route table, by every role that may have it."""
    house = ground.house
    for method, path, found in routes(house.app):
        may = [role for role in Role if method == "GET" and found and (found[0] is None or found[0] in MAY[role])]
        for role in may[: ground.number(len(Role))]:
            address = path.format(retailer_id=house.own, chosen="en", **FILLED | {"run_id": "1", "brand_id": "010001"})
            query = {"retailer": house.own} if path.startswith("/privacy") else {}
            answer = ground.client.get(address, params=query, headers=bearer(house, one_of(house, role)), follow_redirects=False)
            for name, content in files_of(answer.headers.get("content-type", ""), answer.content):
                yield f"{path} by {role}: {name}", of_file(name, content)


def files_of(kind: str, content: bytes) -> Iterator[tuple[str, bytes]]:
    """The tables among the files that an answer is, or has packed in it."""
    if "spreadsheet" in kind:
        yield "table.xlsx", content
    elif "csv" in kind:
        yield "table.csv", content
    elif "zip" in kind:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            yield from ((name, packed.read(name)) for name in packed.namelist() if Path(name).suffix in (".csv", ".xlsx"))


def of_file(name: str, content: bytes) -> str:
    """What is live in a table."""
    return (of_csv if name.endswith(".csv") else of_workbook)(content, {"numbers": set()})
