"""The letter to a manufacturer: its figures are sums of what the run stored, in both languages, in a workbook that opens."""

from __future__ import annotations

import zipfile
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from python_calamine import CalamineWorkbook

from jobs import exports, letter, letter_xlsx
from ordering import database, rate_cells
from ordering.errors import StateError, TrueOrderError
from ordering.settings import Settings
from tests.jobs.test_cli import trueorder

Watched = tuple[Path, date]


@pytest.fixture
def source(watched_city: database.Database, rules: Settings, tmp_path: Path) -> exports.Source:
    return exports.source(watched_city, rules, tmp_path / "h")


def makers(source: exports.Source) -> pd.DataFrame:
    with source.db.reading() as reader:
        return database.read_table(reader, "brands")


def sheets(file: Path) -> dict[str, list[list[Any]]]:
    book = CalamineWorkbook.from_path(str(file))
    return {name: book.get_sheet_by_name(name).to_python(skip_empty_area=False) for name in book.sheet_names}


def test_every_manufacturer_has_a_letter_whose_figures_are_sums_of_what_was_stored(source: exports.Source, tmp_path: Path) -> None:
    brands = makers(source)
    files = letter.write(source, tmp_path / "letters", month="2026-08")
    assert {file.stem for file in files} == set(brands["manufacturer"])
    cells = source.result("district_cells")
    cells = cells[rate_cells.periods(cells["week"], "month") == "2026-08"].merge(brands, on="brand_id")
    for file in files:
        own = cells[cells["manufacturer"] == file.stem].groupby("brand_id")[["requested", "allocated", "demand"]].sum() / 250
        first = sheets(file)["通报 Letter"]
        top = next(number for number, row in enumerate(first) if str(row[0]).startswith("编号"))
        table = pd.DataFrame(first[top + 1 : -1], columns=first[top]).set_index("编号\nId")
        for name, column in (("requested", "要货量\nRequested"), ("allocated", "订购量\nAllocated"), ("demand", "真实需求\nTrue demand")):
            assert table[column].astype(float).to_dict() == pytest.approx(own[name].to_dict())
            assert float(first[-1][list(first[top]).index(column)]) == pytest.approx(own[name].sum())
        assert (table["需求下限\nDemand, low"].astype(float) <= table["真实需求\nTrue demand"].astype(float)).all()
        assert (table["真实需求\nTrue demand"].astype(float) <= table["需求上限\nDemand, high"].astype(float)).all()
        shortage = table["真实需求\nTrue demand"].astype(float) - table["订购量\nAllocated"].astype(float)
        assert table["需求 − 订购\nDemand − allocated"].astype(float).tolist() == pytest.approx(shortage.tolist())


def test_the_forecast_of_the_letter_is_that_of_the_run(source: exports.Source, tmp_path: Path) -> None:
    brands = makers(source)
    name = brands["manufacturer"].iloc[0]
    letter.write(source, tmp_path / "one.xlsx", manufacturer=name)
    rows = sheets(tmp_path / "one.xlsx")["预测 Forecast"]
    told = {(row[0], row[2]): row[3] * 250 for row in rows[1:]}
    forecast = source.result("brand_forecast")
    forecast = forecast[forecast["brand_id"].isin(brands.loc[brands["manufacturer"] == name, "brand_id"])]
    assert told == pytest.approx({(row.brand_id, row.week.date()): row.demand for row in forecast.itertuples()})
    weeks = sheets(tmp_path / "one.xlsx")["每周合计 Weeks"]
    assert sum(row[4] * 250 for row in weeks[1:] if row[4] != "") == pytest.approx(forecast["demand"].sum())


def test_the_text_says_in_both_languages_how_it_was_found_and_how_certain_it_is(source: exports.Source, tmp_path: Path) -> None:
    name = makers(source)["manufacturer"].iloc[0]
    letter.write(source, tmp_path / "one.xlsx", manufacturer=name, month="2026-08")
    said = "\n".join(str(row[0]) for row in sheets(tmp_path / "one.xlsx")["通报 Letter"])
    for words in (
        f"致 {name}",
        f"To {name}",
        "需求如何得出",
        "How demand was found",
        "有多确定",
        "How certain it is",
        "要货量本身不是需求",
    ):
        assert words in said
    assert "{" not in said
    judged = "过去 26 周中，提前 4 周以上所作的本企业品牌预测，准确率" in said
    assert judged, "the forecast of the first night, four weeks ahead, has come due"


def test_the_charts_point_at_the_figures(source: exports.Source, tmp_path: Path) -> None:
    letter.write(source, tmp_path / "one.xlsx", manufacturer=makers(source)["manufacturer"].iloc[0])
    first = sheets(tmp_path / "one.xlsx")["通报 Letter"]
    top = next(number for number, row in enumerate(first, start=1) if str(row[0]).startswith("编号"))
    last = len(first) - 1
    with zipfile.ZipFile(tmp_path / "one.xlsx") as book:
        charts = [book.read(name).decode() for name in sorted(book.namelist()) if name.startswith("xl/charts/chart")]
    assert len(charts) == 2
    assert f"'通报 Letter'!$F${top + 1}:$F${last}" in charts[0]
    assert "<c:errBars>" in charts[0]
    assert "'每周合计 Weeks'!$E$2:$E$" in charts[1]


def test_words_of_a_cell_are_never_a_formula(source: exports.Source, tmp_path: Path) -> None:
    results = letter.read(source)
    sly = results.brands.assign(name="=1+1", manufacturer="=cmd|x")
    found = letter.compose(source, letter.Results(**{**vars(results), "brands": sly}), "=cmd|x", "2026-08")
    assert found is not None
    letter_xlsx.write(tmp_path / "sly.xlsx", found)
    with zipfile.ZipFile(tmp_path / "sly.xlsx") as book:
        assert not any("<f>" in book.read(name).decode() for name in book.namelist() if name.startswith("xl/worksheets/sheet"))
    assert letter.file_names(["a/b", "a:b", "..", "丙"]) == ["a_b-1", "a_b-2", "_", "丙"]


@pytest.mark.parametrize(
    ("more", "kind", "said"),
    [
        ({"manufacturer": "nobody"}, TrueOrderError, 'there is no manufacturer "nobody"; there are '),
        ({"month": "1999-01"}, StateError, "holds no orders of 1999-01; the months it holds: 2026-"),
    ],
)
def test_what_is_not_there_is_told_in_words(
    more: dict[str, str], kind: type[Exception], said: str, source: exports.Source, tmp_path: Path
) -> None:
    with pytest.raises(kind, match=said):
        letter.write(source, tmp_path / "x.xlsx", **more)
    assert not (tmp_path / "x.xlsx").exists()


def test_the_command_writes_one_letter_or_all(source: exports.Source, tmp_path: Path) -> None:
    url, name = str(source.db.url), makers(source)["manufacturer"].iloc[0]
    ran = trueorder("letter", name, "--month", "2026-08", "--to", "one.xlsx", cwd=tmp_path, url=url)
    assert (ran.returncode, ran.stdout.strip()) == (0, "letter: one.xlsx"), ran.stderr
    ran = trueorder("letter", "--to", "all", cwd=tmp_path, url=url)
    assert ran.returncode == 0, ran.stderr
    assert len(ran.stdout.splitlines()) == len(list((tmp_path / "all").glob("*.xlsx"))) == makers(source)["manufacturer"].nunique()
    ran = trueorder("letter", name, "--to", "one.csv", cwd=tmp_path, url=url)
    assert (ran.returncode, "let the name end with .xlsx" in ran.stderr) == (1, True)
