"""Texts of an export that a spreadsheet could take for formulas: none is live, whatever the file, and numbers stay numbers."""

from __future__ import annotations

import csv
import zipfile
from pathlib import Path

import pandas as pd
import pytest
from python_calamine import CalamineWorkbook

from jobs import edited_lists, output, output_sheets
from jobs.output_sheets import Look

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
    (found,) = edited_lists.read("r.csv", (tmp_path / "r.csv").read_bytes()).to_dict("records")
    assert [found[name] for name in ("line", "retailer_id", "brand_id", "note", "final")] == [2, "-R1", "=B", "- asked", "3"]


def test_what_no_xml_has_is_written_and_read_as_it_was(tmp_path: Path) -> None:
    told = ["a\x01b", "_x0041_", "<r><f>1+1</f></r>", " a ", "x" * 40_000, True, 3, 2.5]
    put = pd.DataFrame({"what": pd.Series(told, dtype="object"), "rate": [0.25, float("inf"), *[float("nan")] * 6]})
    look = Look({"what": "什么"}, named=True, formats={"rate": "0.0%"}, notes={"what": "a note"}, choices={"what": ["a", "b"]})
    output.write([put, put], ["what", "rate"], tmp_path / "r.xlsx", look)
    with zipfile.ZipFile(tmp_path / "r.xlsx") as book:
        assert "<f>" not in book.read("xl/worksheets/sheet1.xml").decode()
    titles, names, *found = CalamineWorkbook.from_path(tmp_path / "r.xlsx").get_sheet_by_index(0).to_python()
    assert (titles, names, len(found)) == (["什么", "rate"], ["what", "rate"], 16)
    assert [row[0] for row in found[2:4] + found[5:8]] == [*told[2:4], *told[5:]]
    assert found[4][0] == "x" * 32_766 + "…"
    assert [row[1] for row in found[:3]] == [0.25, "", ""]
    assert found[:8] == found[8:]


def test_rows_beyond_a_sheet_go_onto_the_next(tmp_path: Path) -> None:
    with output.workbook(tmp_path / "r.xlsx", {"constant_memory": True}) as book:
        put = output_sheets.writer(book, ["n"], Look(), rows=3)
        put(pd.DataFrame({"n": range(2)}))
        put(pd.DataFrame({"n": range(2, 7)}))
    sheets = [CalamineWorkbook.from_path(tmp_path / "r.xlsx").get_sheet_by_index(at).to_python() for at in range(3)]
    assert sheets == [[["n"], [0.0], [1.0], [2.0]], [["n"], [3.0], [4.0], [5.0]], [["n"], [6.0]]]
