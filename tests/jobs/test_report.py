import json
import re
import shutil
import subprocess
import zipfile
from dataclasses import replace
from datetime import date, datetime
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from python_calamine import CalamineWorkbook

from jobs import report, report_html, report_xlsx
from jobs.report_figures import Figures, ReportContent, figures, in_month
from jobs.report_words import UNDEFINED, cases, percent, points, word, words
from ordering import frames
from ordering.errors import TrueOrderError
from ordering.gaps import GAPS
from tests import factories

WEEKS = [date(2026, 1, 26), date(2026, 2, 2), date(2026, 2, 9), date(2026, 3, 2)]
"""One week of January, two of February, the month reported, and one after it."""
NASTY = "<script>alert(1)</script>"
FORMULA = '=HYPERLINK("http://evil.example","x")'


def cell(week: date, requested: int, allocated: int, demand: float, **more) -> dict:
    gap = requested - allocated
    return {
        "week": week, "star_level": 3, "requested": requested, "allocated": allocated, "lines": 2, "lines_filled": int(gap == 0),
        "lines_unserved": int(allocated == 0), "demand": demand, "met": min(allocated, demand) * 3, "demand_window": demand * 3,
    } | dict.fromkeys(GAPS, 0.0) | {"gap_inflated": gap / 2, "gap_supply": gap - gap / 2} | more  # fmt: skip


def content(**more) -> ReportContent:
    shops = [factories.retailer("R1", name=NASTY), factories.retailer("R2", name=FORMULA, district="D2", account_manager="M2")]
    wares = [
        factories.brand("B1", name="=1+1", manufacturer=NASTY),
        factories.brand("B2", name="中华（软）", price_class=1),
        factories.brand("B3", name="@SUM(A1)"),
    ]
    rng = np.random.default_rng(7)
    brand_rows, shop_rows = [], []
    for week in WEEKS:
        for district in ("D1", "D2"):
            for brand, size in (("B1", 900), ("B2", 300), ("B3", 0)):
                asked = int(rng.integers(size // 2, size + 1))
                got = int(rng.integers(0, asked + 1))
                key = {"brand_id": brand, "district": district}
                brand_rows.append(cell(week, asked, got, asked * 0.6, **key))
        shop_rows += [cell(week, 400, 100, 240.0, retailer_id="R1"), cell(week, 9, 9, 5.0, retailer_id="R2")]
    given = {
        "city": "示例市",
        "month": "2026-02",
        "run": "7",
        "made_at": datetime(2026, 3, 9, 1, 30),
        "cells": factories.table(frames.DISTRICT_CELLS, brand_rows),
        "retailer_cells": factories.table(frames.RETAILER_CELLS, shop_rows),
        "retailers": factories.table(frames.RETAILERS, shops),
        "brands": factories.table(frames.BRANDS, wares),
        "supply": factories.table(frames.SUPPLY, [{"brand_id": "B1", "week": week, "available": 500} for week in WEEKS]),
        "targets": factories.table(
            frames.TARGETS,
            [
                {"metric": "fulfilment_rate", "period": "2026-02", "target": 0.86},
                {"metric": "fulfilment_rate", "period": "2026-02", "dimension": "district", "value": "D1", "target": 0.9},
            ],
        ),
    }
    return ReportContent(**(given | more))


class Page(HTMLParser):
    """Reads a page strictly: every tag closed in turn; gathers scripts, visible text by element, addresses."""

    VOID = frozenset({"meta", "br", "link", "img", "input", "hr"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.scripts: list[str] = []
        self.text: list[str] = []
        self.addresses: list[str] = []
        self.languages: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        if tag not in self.VOID:
            self.open.append(tag)
        named = dict(attrs)
        self.addresses += [value for key, value in named.items() if key in ("src", "href", "action")]
        self.languages += [named["lang"]] if tag == "span" and "lang" in named else []
        if tag == "script":
            self.scripts.append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] == "script":
            self.scripts[-1] += data
        elif self.open and self.open[-1] != "style":
            self.text.append(data)


@pytest.fixture(scope="module")
def made() -> ReportContent:
    return content()


@pytest.fixture(scope="module")
def found(made) -> Figures:
    return figures(made)


@pytest.fixture(scope="module")
def folder(made, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("report")
    assert report.write(path, made, figures(made), "en") == path / "index.html"
    return path


def test_the_page_is_one_whole_file_that_calls_no_address(folder):
    page = Page((folder / "index.html").read_text("utf-8"))
    assert all(address.startswith("#") for address in page.addresses)
    assert len(page.scripts) == 3  # the data, the library, the page's own
    assert sorted(path.name for path in folder.iterdir()) == ["index.html", "rates.xlsx"]


def test_every_word_of_the_page_is_there_in_both_languages(folder):
    page = Page((folder / "index.html").read_text("utf-8"))
    assert page.languages.count("zh") == page.languages.count("en") > 100
    assert all(chinese and english for chinese, english in words().values())


def test_names_that_look_like_markup_stay_text(folder):
    text = (folder / "index.html").read_text("utf-8")
    page = Page(text)
    assert NASTY not in text
    assert any(NASTY in said for said in page.text)
    assert json.loads(page.scripts[0])["why"]["brand"]["names"][0] == "=1+1"
    assert "<" not in page.scripts[0]


def test_names_that_look_like_formulas_stay_text(folder):
    with zipfile.ZipFile(folder / "rates.xlsx") as parts:
        sheets = [parts.read(name).decode() for name in parts.namelist() if name.startswith("xl/worksheets/sheet")]
        assert not [name for name in parts.namelist() if "hyperlink" in name.lower()]
    assert sheets
    assert not [sheet for sheet in sheets if "<f>" in sheet or "<hyperlink" in sheet]
    names = [row[1] for row in CalamineWorkbook.from_path(folder / "rates.xlsx").get_sheet_by_name("Retailer").to_python()]
    assert names[1:] == [NASTY, FORMULA]


def read(folder: Path, sheet: str) -> list[list]:
    return CalamineWorkbook.from_path(folder / "rates.xlsx").get_sheet_by_name(sheet).to_python()[1:]


def same(rows: list[list], frame: pd.DataFrame) -> None:
    """The sheet's rows are the frame's: numbers equal, text equal, undefined written as such."""
    assert len(rows) == len(frame)
    for row, values in zip(rows, frame.itertuples(index=False), strict=True):
        for got, want in zip(row, values, strict=True):
            if pd.isna(want):
                assert got == UNDEFINED
            elif isinstance(want, str):
                assert got == want
            elif isinstance(want, pd.Timestamp):
                assert got == want.date()
            else:
                assert got == pytest.approx(want, rel=1e-14)


def test_the_workbook_holds_the_same_figures(folder, found):
    for name, rows in found.by.items():
        same(read(folder, word(f"by_{name}", "en")), rows)
    same(read(folder, "Trend by week"), found.trend)
    same(read(folder, "Short brands"), found.short)
    same(read(folder, "Why the gap Brand"), found.why["brand"])
    same(read(folder, "Lowest rates Retailer"), found.low["retailer"])
    same(read(folder, "Heat map Fulfilment rate"), found.heat["fulfilment_rate"].reset_index())
    assert next(row[2:] for row in read(folder, "Summary")) == pytest.approx(found.headline.iloc[0, 1:].tolist())
    assert {row[1] for row in read(folder, "Definitions")} >= set(found.headline["metric"])


def test_the_page_shows_the_same_figures(folder, found):
    text = " ".join(Page((folder / "index.html").read_text("utf-8")).text)
    for row in found.headline.itertuples():
        assert percent(row.now) in text
    for row in found.by["brand"].itertuples():
        assert cases(row.requested) in text
        assert percent(row.demand_fulfilment_rate) in text


def test_every_total_is_the_sum_of_its_parts_and_every_rate_their_ratio(made, found):
    now = found.headline.set_index("metric").loc["fulfilment_rate"]
    shops = in_month(made.retailer_cells, made.month)
    for name in ("star", "manager", "retailer"):
        assert found.by[name]["allocated"].sum() == shops["allocated"].sum()
        assert found.by[name]["requested"].sum() == shops["requested"].sum()
    for name in ("district", "price_class", "manufacturer", "brand"):
        assert found.by[name]["allocated"].sum() == now["numerator"]
        assert found.by[name]["requested"].sum() == now["denominator"]
        assert found.by[name]["allocated"].sum() / found.by[name]["requested"].sum() == now["now"]
    for rows in found.why.values():
        assert rows["gap"].sum() == now["denominator"] - now["numerator"]
        np.testing.assert_allclose(rows[list(GAPS)].sum(axis=1), rows["gap"])


def test_only_the_weeks_of_the_month_count_and_the_change_is_on_the_month_before(made, found):
    cells = made.cells
    february, january = (cells[cells["week"].isin(pd.to_datetime(weeks))] for weeks in (WEEKS[1:3], WEEKS[:1]))
    rate, before = (part["allocated"].sum() / part["requested"].sum() for part in (february, january))
    row = found.headline.set_index("metric").loc["fulfilment_rate"]
    assert (row["now"], row["before"], row["target"]) == pytest.approx((rate, before, 0.86))
    assert row["change"] == pytest.approx(rate - before)
    assert [f"{week:%Y-%m-%d}" for week in found.weeks] == ["2026-02-02", "2026-02-09"]
    assert found.trend["week"].max() == pd.Timestamp("2026-02-09")


def test_targets_stand_beside_their_own_dimension_alone(found):
    by = found.by
    np.testing.assert_array_equal(by["district"]["fulfilment_rate_target"], [0.9, np.nan])
    assert by["brand"]["fulfilment_rate_target"].isna().all()


def test_what_nobody_asked_for_is_undefined_everywhere(folder, found):
    row = found.by["brand"].set_index("brand").loc["B3"]
    assert row["requested"] == 0
    assert np.isnan(row["fulfilment_rate"])
    assert np.isnan(row["demand_fulfilment_rate"])
    assert UNDEFINED in Page((folder / "index.html").read_text("utf-8")).text
    assert next(row for row in read(folder, "Brand") if row[0] == "B3")[7] == UNDEFINED


def test_supply_utilisation_counts_limited_brands_alone_and_cap_take_up_needs_a_strategy(made, found):
    rows = found.headline.set_index("metric")
    limited = made.cells[(made.cells["brand_id"] == "B1") & made.cells["week"].isin(pd.to_datetime(WEEKS[1:3]))]
    assert rows.loc["supply_utilisation", "denominator"] == 1000
    assert rows.loc["supply_utilisation", "numerator"] == limited["allocated"].sum()
    assert np.isnan(rows.loc["cap_take_up_rate", "now"])
    none = figures(replace(made, supply=frames.empty(frames.SUPPLY)))
    assert np.isnan(none.headline.set_index("metric").loc["supply_utilisation", "now"])
    assert none.short.empty


def test_short_brands_are_those_asked_for_beyond_their_supply(found):
    short = found.short.set_index("brand")
    assert list(short.index) == ["B1"]
    assert short.loc["B1", "short_by"] == pytest.approx(short.loc["B1", "demand"] - 1000)


def test_too_small_a_volume_does_not_lead_the_list_of_lowest_rates(made, found):
    low = found.low["retailer"]
    assert list(low["retailer"]) == ["R1"]
    assert sorted(figures(replace(made, least_retailer=1)).low["retailer"]["retailer"]) == ["R1", "R2"]


def test_the_order_of_the_rows_changes_not_one_byte_of_the_page(made, found):
    mixed = {name: getattr(made, name).sample(frac=1, random_state=3) for name in ("cells", "retailer_cells", "supply", "targets")}
    other = replace(made, **mixed)
    assert report_html.page(other, figures(other), "zh") == report_html.page(made, found, "zh")


def test_a_month_without_weeks_says_so_and_shows_no_rates(tmp_path):
    empty = content(
        cells=frames.empty(frames.DISTRICT_CELLS), retailer_cells=frames.empty(frames.RETAILER_CELLS), targets=frames.empty(frames.TARGETS)
    )
    page = Page(report.write(tmp_path, empty, figures(empty), "zh").read_text("utf-8"))
    assert "本月没有已分配的周" in page.text
    assert figures(empty).headline["now"].isna().all()
    assert not any(re.fullmatch(r"[\d.]+%", said.strip()) for said in page.text)


def test_more_rows_than_a_sheet_holds_go_on_in_further_sheets(tmp_path, made, monkeypatch, found):
    monkeypatch.setattr(report_xlsx, "SHEET_ROWS", 2)
    report.write(tmp_path, made, figures(made), "en")
    rows = read(tmp_path, "Brand") + read(tmp_path, "Brand 2")
    same(rows, found.by["brand"])


def test_an_unknown_language_and_a_folder_that_cannot_be_written_are_refused_in_words(tmp_path, made):
    with pytest.raises(TrueOrderError, match="no language 'fr'; there are zh, en"):
        report.write(tmp_path, made, figures(made), "fr")
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(TrueOrderError, match="the report cannot be written"):
        report.write(blocked, made, figures(made))
    assert blocked.read_text() == ""


def test_a_failing_report_leaves_the_old_one(tmp_path, made, monkeypatch):
    report.write(tmp_path, made, figures(made))
    old = (tmp_path / "index.html").read_bytes()

    def full(*_: object) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(report_html, "page", full)
    with pytest.raises(TrueOrderError, match=r"No space left on device\); free space"):
        report.write(tmp_path, made, figures(made))
    assert (tmp_path / "index.html").read_bytes() == old
    assert sorted(path.name for path in tmp_path.iterdir()) == ["index.html", "rates.xlsx"]


def test_the_headline_in_words_names_rate_change_and_target(found):
    lines = report.headline(found, "en")
    row = found.headline.iloc[0]
    assert lines[0] == f"Fulfilment rate {percent(row['now'])} (Change {points(row['change'])}, target 86.0%)"


def test_figures_are_written_with_one_decimal_a_sign_and_an_arrow():
    assert [percent(0.86907), percent(float("nan")), cases(12_345), cases(-125)] == ["86.9%", "–", "49.4", "−0.5"]
    assert [points(0.0123), points(-0.2), points(0.0001), points(float("nan"))] == ["▲ +1.2", "▼ −20.0", "＝", "–"]


CHROMIUM = shutil.which("chromium")


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine")
def test_a_browser_draws_the_charts_without_a_complaint(folder, tmp_path):
    done = subprocess.run(
        [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--enable-logging=stderr",
         f"--user-data-dir={tmp_path}", "--virtual-time-budget=4000", "--dump-dom", (folder / "index.html").as_uri()],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert len(re.findall(r'<svg [^>]*viewBox="0 0 \d+ \d+"', done.stdout)) == 4
    assert "CONSOLE" not in done.stderr
