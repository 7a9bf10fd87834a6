"""Texts of an export that a spreadsheet could take for formulas: none is live, whatever the file, and numbers stay numbers."""

from __future__ import annotations

import csv
import zipfile
from pathlib import Path

import pandas as pd
import pytest
from python_calamine import CalamineWorkbook

from jobs import output, reviewing

SLY = ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "\n=1", " =1", "＝1+1", '=HYPERLINK("http://x","y")', '"=1', "-"]
MILD = ["-3", "+4.5", "0100086", "云烟(紫)", "a=b", "'", "", "—", None]
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", " =", "＝")


@pytest.fixture
def rows() -> pd.DataFrame:
    texts = SLY + MILD
    return pd.DataFrame({"text": pd.Series(texts, dtype="object"), "kind": pd.Categorical(texts), "count": range(len(texts)), "rate": -0.5})


def test_no_text_of_a_csv_is_a_live_formula(rows: pd.DataFrame, tmp_path: Path) -> None:
    assert output.write([rows.astype({"text": "string"})], list(rows.columns), tmp_path / "r.csv") == len(rows)
    with (tmp_path / "r.csv").open(encoding="utf-8", newline="") as file:
        _, *found = csv.reader(file)
    for column in (0, 1):
        assert [row[column] for row in found] == [f"'{text}" if text in SLY and text != '"=1' else text or "" for text in SLY + MILD]
    assert [row[2:] for row in found] == [[str(count), "-0.5"] for count in range(len(rows))]
    assert any(text.startswith(FORMULA) for text in SLY), "negative control: as they came they would be live"


def test_no_text_of_a_workbook_is_a_live_formula(rows: pd.DataFrame, tmp_path: Path) -> None:
    output.write([rows], list(rows.columns), tmp_path / "r.xlsx")
    with zipfile.ZipFile(tmp_path / "r.xlsx") as book:
        sheets = [book.read(name).decode() for name in book.namelist() if name.startswith("xl/worksheets/sheet")]
    assert sheets
    assert not any("<f>" in sheet or "hyperlink" in sheet for sheet in sheets)
    _, *found = CalamineWorkbook.from_path(tmp_path / "r.xlsx").get_sheet_by_index(0).to_python()
    assert [row[0] for row in found[: len(SLY)]] == SLY
    assert [row[2:] for row in found] == [[count, -0.5] for count in range(len(rows))]


def test_a_list_that_is_read_again_has_its_texts_as_they_were(tmp_path: Path) -> None:
    told = {"retailer_id": "-R1", "brand_id": "=B", "order_day": "2026-03-03", "version": "1", "final": "3", "code": "", "note": "- asked"}
    output.write([pd.DataFrame([told])], list(told), tmp_path / "r.csv")
    assert "'=B" in (tmp_path / "r.csv").read_text("utf-8")
    (found,) = reviewing._read(tmp_path / "r.csv").to_dict("records")
    assert [found[name] for name in ("retailer_id", "brand_id", "note_told", "final")] == ["-R1", "=B", "- asked", 3]
