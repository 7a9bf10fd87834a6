"""The pages of headquarters: their figures are those of the exports, and who may not see them is refused."""

from __future__ import annotations

import html
import io
import json
import re
from pathlib import Path

import pandas as pd
import pytest
import python_calamine
import sqlalchemy as sa
from starlette.testclient import TestClient

from jobs import brand_figures, chain, exports, strategies
from jobs.breakdown import Asked, breakdown
from ordering import database, tables
from ordering.accounts import Role
from ordering.database import chains, lookups
from ordering.database import runs as runlog
from ordering.errors import StateError
from ordering.gaps import GAPS
from tests.web.conftest import House, Looks, bearer
from web.screens import figures

TEXT = {"Accept": "text/html"}
Row = list[str]


def table(page: str, kind: str) -> list[Row]:
    """The body's rows of the table of a class, as plain text."""
    (body,) = re.findall(rf'<table[^>]*class="{kind}">.*?<tbody>(.*?)</tbody>', page, re.DOTALL)
    rows = re.findall(r"<tr.*?</tr>", body, re.DOTALL)
    return [[plain(cell) for cell in re.findall(r"<t[hd].*?</t[hd]>", row, re.DOTALL)] for row in rows]


def plain(markup: str) -> str:
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", markup))).strip()


@pytest.mark.parametrize(
    ("by", "period"),
    [("district", "month"), ("star", "week"), ("price_class", "quarter"), ("manufacturer", "year"), ("manager", "month")],
)
def test_the_rates_of_a_page_are_those_of_the_export(looks: Looks, source: exports.Source, by: str, period: str) -> None:
    page = looks.page("/rates", by=by, period=period, sort="name", down="false")
    told = exports.rates(source, [by, "period"], period)
    shown = re.findall(r"<option selected>(.*?)</option>", page)
    want = told[told["period"] == shown[0]]
    found = table(page, "figures")
    assert len(found) == len(want) > 0
    for row, figure in zip(found, want.itertuples(), strict=True):
        assert str(getattr(figure, by)) in row[0]
        assert row[1:4] == [figures.cases(getattr(figure, name)) for name in ("requested", "allocated", "demand")]
        assert {figures.percent(figure.fulfilment_rate), figures.percent(figure.demand_fulfilment_rate)} <= set(row)


@pytest.mark.parametrize(("by", "below"), [("manufacturer", ["brand", "district"]), ("manager", ["retailer", "star"])])
def test_what_a_value_is_broken_down_into_adds_up_to_it(source: exports.Source, by: str, below: list[str]) -> None:
    every = breakdown(source, Asked(by))
    assert every is not None
    assert len(every.rows) > 1
    for value, whole in every.rows.set_index(by).iterrows():
        for name in below:
            inside = breakdown(source, Asked(name, within={by: str(value)}))
            assert inside is not None
            sums = inside.rows[["requested", "allocated", "demand", "gap", *GAPS]].sum()
            assert (sums == whole[sums.index]).all()  # exactly
            assert inside.whole["fulfilment_rate"] == whole["fulfilment_rate"] != every.whole["fulfilment_rate"]
    assert every.whole["gap"] == every.whole["requested"] - every.whole["allocated"]


def test_within_what_nobody_asked_nothing_is_found(source: exports.Source) -> None:
    assert breakdown(source, Asked("brand", within={"district": "nowhere"})) is None


def test_the_change_is_that_on_the_period_before(source: exports.Source) -> None:
    told = exports.rates(source, ["period"], "week").set_index("period")["fulfilment_rate"]
    found = breakdown(source, Asked("district", period="week", at=told.index[3]))
    assert found is not None
    assert found.whole["fulfilment_rate_change"] == told.iloc[3] - told.iloc[2]
    first = breakdown(source, Asked("district", period="week", at=told.index[0]))
    assert first is not None
    assert pd.isna(first.whole["fulfilment_rate_change"])
    assert list(found.trend["fulfilment_rate"]) == list(told)


def test_rates_are_sorted_as_asked_and_turned_round(looks: Looks) -> None:
    down = [row[1] for row in table(looks.page("/rates", by="retailer", sort="requested"), "figures")]
    up = [row[1] for row in table(looks.page("/rates", by="retailer", sort="requested", down="false"), "figures")]
    numbers = [int(text.replace(",", "")) for text in down]
    assert numbers == sorted(numbers, reverse=True) != [int(text.replace(",", "")) for text in up]
    assert sorted(down) == sorted(up)


def test_a_row_leads_to_what_is_within_it(looks: Looks) -> None:
    page = looks.page("/rates", by="manager")
    href = html.unescape(re.findall(r'<th scope="row"><a href="([^"]+)">M-other', page)[0])
    inside = looks.page(href)
    assert "Only Account manager: M-other" in plain(inside)
    assert len(table(inside, "figures")) < len(table(looks.page("/rates", by="retailer"), "figures"))
    assert 'href="/retailers/' in inside
    assert 'href="/brands/' in looks.page("/rates", by="brand")


def test_rates_that_are_not_kept_are_refused_in_words(looks: Looks) -> None:
    assert "not kept summed up" in looks.page("/rates", 422, by="retailer", brand="B1")
    assert "there are no rates of" in looks.page("/rates", 422, at="1999-01")
    looks.page("/rates", 422, by="colour")
    assert "Nothing was asked here" in looks.page("/rates", by="brand", district="nowhere")


def brand_of(house: House) -> str:
    """The first brand."""
    return str(lookups.brands(house.db)[0]["brand_id"])


def test_brands_are_listed_with_the_figures_of_the_exports(looks: Looks, house: House, source: exports.Source) -> None:
    page = looks.page("/brands")
    month = re.findall(r"<option selected>(.*?)</option>", page)[0]
    told = exports.rates(source, ["brand", "period"], "month")
    told = told[told["period"] == month].set_index("brand")
    ahead = source.result("brand_forecast").groupby("brand_id")["demand"].sum()
    with house.db.reading() as reader:
        supply = database.read_table(reader, "supply")
    supply = supply[supply["week"].dt.strftime("%Y-%m") == month].groupby("brand_id")["available"].sum()
    rows = {row[0].split()[-1]: row for row in table(page, "figures")}
    assert set(rows) == set(told.index)
    for brand, row in rows.items():
        figure = told.loc[brand]
        limited = figures.cases(supply.get(brand))
        assert row[3:7] == [
            figures.cases(figure["requested"]),
            figures.cases(figure["demand"]),
            limited,
            figures.cases(figure["allocated"]),
        ]
        rates = [figures.percent(figure[name]) for name in ("fulfilment_rate", "demand_fulfilment_rate")]
        assert row[7:10] == [*rates, figures.cases(ahead[brand])]


def test_a_brand_shows_the_forecast_of_the_night_with_its_interval(looks: Looks, house: House, source: exports.Source) -> None:
    brand = brand_of(house)
    page = looks.page(f"/brands/{brand}")
    told = source.result("brand_forecast", brand_id=brand)
    want = [[f"{row.week:%Y-%m-%d}", *map(figures.cases, (row.demand, row.p10, row.p50, row.p90))] for row in told.itertuples()]
    assert table(page, "close forecast") == want
    assert len(want) == house.settings.forecast.weeks
    drawn = json.loads(html.unescape(re.findall(r"data-chart='(.*?)'", page)[0]))
    assert len(drawn["labels"]) == len(drawn["band"]["high"]) == len(drawn["series"][3]["data"])
    assert drawn["series"][3]["data"][-1] == round(told["demand"].iloc[-1] / 250, 3)
    assert "No forecast of this brand has come due" in page


def test_a_brand_shows_how_near_its_forecasts_came(looks: Looks, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    told = pd.DataFrame({"brand": [brand_of(house), "other"], "horizon": [2, 2], "forecast": [500.0, 1.0], "actual": [250.0, 1.0]})
    told = told.assign(absolute_error=250.0, forecast_accuracy=[0.125, 0.999], forecast_bias=[1.0, 0.0])
    monkeypatch.setattr(brand_figures, "accuracy_of", lambda source, by: told)
    rows = table(looks.page(f"/brands/{brand_of(house)}"), "close accuracy")
    assert rows == [["2", "2.0", "1.0", "12.5%", "▲ +100.0"]]


def test_an_unknown_brand_is_not_there(looks: Looks) -> None:
    for path in ("/brands/nowhere", "/brands/nowhere/letter"):
        assert "There is no such thing" in looks.page(path, 404)


def test_the_letter_to_the_manufacturer_is_a_workbook_of_its_brands(client: TestClient, house: House, looks: Looks) -> None:
    brand = brand_of(house)
    href = html.unescape(re.findall(r'href="(/brands/[^"]*/letter[^"]*)"', looks.page(f"/brands/{brand}"))[0])
    answer = client.get(href, headers=looks.headers)
    assert answer.headers["content-disposition"].endswith(".xlsx")
    first = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(answer.content)).get_sheet_by_index(0).to_python()
    assert any(brand in map(str, row) for row in first)
    assert "letter" not in Looks(client, house, "manager").page(f"/brands/{brand}")


@pytest.mark.parametrize("path", ["/rates", "/brands", "/brands/{brand}", "/strategy"])
def test_a_page_without_a_night_says_so(tmp_path: Path, client: TestClient, house: House, path: str) -> None:
    with database.connect(f"sqlite:///{house.folder / 'one.db'}").writing() as tx:
        tx.exec_driver_sql("update runs set status = 'failed'")
    page = Looks(client, house).page(path.format(brand=brand_of(house)))
    assert "No night is stored yet" in page
    assert "trueorder nightly" in page


@pytest.mark.parametrize(
    ("path", "roles"),
    [
        ("/rates", {Role.ACCOUNT_MANAGER, Role.HEADQUARTERS, Role.SERVICE}),
        ("/brands", {Role.HEADQUARTERS, Role.SERVICE}),
        ("/brands/{brand}", {Role.ACCOUNT_MANAGER, Role.HEADQUARTERS, Role.SERVICE}),
        ("/brands/{brand}/letter", {Role.HEADQUARTERS, Role.SERVICE}),
        ("/runs", {Role.HEADQUARTERS, Role.ADMINISTRATOR, Role.SERVICE}),
        ("/runs/1", {Role.HEADQUARTERS, Role.ADMINISTRATOR, Role.SERVICE}),
        ("/strategy", {Role.HEADQUARTERS}),
        ("/strategy/proposal", {Role.HEADQUARTERS}),
        ("/strategy/plans", {Role.HEADQUARTERS}),
        ("/strategy/what-if/brand?brand={brand}", {Role.HEADQUARTERS}),
        ("/rates/lowest?first=2026-01-05&last=2026-01-26", {Role.ACCOUNT_MANAGER, Role.HEADQUARTERS, Role.SERVICE}),
        ("/rates/lines?week=2026-01-05", {Role.ACCOUNT_MANAGER, Role.HEADQUARTERS, Role.SERVICE}),
    ],
)
def test_who_may_not_see_a_page_is_refused(client: TestClient, house: House, path: str, roles: set[Role]) -> None:
    people = {house.own: Role.RETAILER, "manager": Role.ACCOUNT_MANAGER} | {
        str(role): role for role in (Role.HEADQUARTERS, Role.ADMINISTRATOR, Role.SERVICE)
    }
    path = path.format(brand=brand_of(house))
    for name, role in people.items():
        status = client.get(path, headers=bearer(house, name) | TEXT).status_code
        of_city = path == "/brands" and role is Role.ACCOUNT_MANAGER  # it may look at rates, but not at those of the whole city
        assert status == (200 if role in roles else 409 if of_city else 403), (path, role)
    assert client.get(path, headers=TEXT, follow_redirects=False).headers["location"].startswith("/login")


@pytest.mark.parametrize(
    "path",
    [
        "/rates",
        "/brands",
        "/brands/{brand}",
        "/runs",
        "/runs/1",
        "/strategy",
        "/strategy/proposal",
        "/strategy/plans",
        "/rates/lines?week=2026-01-05",
        "/strategy/what-if/brand?brand={brand}",
    ],
)
def test_pages_hold_no_style_and_no_script_of_their_own(house: House, looks: Looks, path: str) -> None:
    page = looks.page(path.format(brand=brand_of(house)))
    assert not re.search(r'\sstyle="|<style|\son\w+="|<script(?![^>]*\ssrc=)', page)


def test_runs_are_listed_and_shown_with_their_steps(looks: Looks, house: House) -> None:
    (row,) = table(looks.page("/runs"), "runs")
    (run,) = chains.newest(house.db, 2)
    assert row[:4] == [str(run.run_id), "nightly", run.business_date.isoformat(), "done"]
    page = looks.page(f"/runs/{run.run_id}")
    told = runlog.read_steps(house.db, run.run_id)
    steps = table(page, "close steps")
    assert [step[0] for step in steps] == [step["step"] for step in told]
    assert [step[4] for step in steps] == [f"{step['rows']:,}" for step in told]
    assert [step[2] for step in steps] == [f"{step['seconds']:.2f}" for step in told]
    assert page.count("hx-trigger") == 0
    looks.page("/runs/99", 404)


def test_a_run_that_goes_is_asked_for_again_until_it_ends(looks: Looks, house: House) -> None:
    with house.db.writing() as tx:
        goes = {"heartbeat_at": chains.clock(tx), "host": chain.here().host, "process": chain.here().process, "finished_at": None}
        tx.execute(sa.update(tables.runs).values(status="running", **goes))
        last = sa.update(tables.run_steps).where(tables.run_steps.c.step == "write")
        tx.execute(last.values(state="running", progress_done=3, progress_total=12))
    page = looks.page("/runs/1")
    assert 'hx-get="/runs/1" hx-trigger="every 2s" hx-select="#run"' in page
    assert "3 / 12" in plain(page)
    assert 'hx-trigger="every 5s"' in looks.page("/runs")
    with house.db.writing() as tx:
        tx.execute(sa.update(tables.runs).values(status="failed", error="ValueError: no <b>carton</b>"))
    page = looks.page("/runs/1")
    assert "hx-trigger" not in page
    assert "no &lt;b&gt;carton&lt;/b&gt;" in page


def test_without_a_run_the_list_says_so(looks: Looks, house: House) -> None:
    with house.db.writing() as tx:
        tx.execute(sa.delete(tables.runs))
    assert "No run is stored yet" in looks.page("/runs")


def test_the_planned_week_is_shown_with_supply_caps_and_what_is_given(looks: Looks, house: House, source: exports.Source) -> None:
    page = looks.page("/strategy")
    lines, levels = source.result("allocation"), source.result("week_levels").set_index("brand_id")
    asked = lines.groupby("brand_id")[["requested", "allocated"]].sum()
    with house.db.reading() as reader:
        caps = database.read_table(reader, "release_strategy")
    week_caps = caps[caps["week"] == levels["week"].iloc[0]]
    every = sorted(week_caps["star_level"].unique())
    rows = {row[0].split()[-1]: row for row in table(page, "week close")}
    assert set(rows) == set(levels.index) | set(asked.index)
    asked = asked.reindex(list(rows), fill_value=0)
    for brand, row in rows.items():
        own = week_caps[week_caps["brand_id"] == brand].groupby("star_level")["cap"].max().reindex(every)
        supply = levels["available"].get(brand)
        figures_of = [supply, *own, *asked.loc[brand]]
        assert row[1 : 1 + len(figures_of)] == ["–" if pd.isna(value) else f"{value:,.0f}" for value in figures_of]
    totals = source.result("week_totals").iloc[0]
    assert figures.percent(1 - totals["handed"] / totals["possible"]) in plain(page)


def test_the_proposal_is_that_of_the_api(looks: Looks, client: TestClient, house: House) -> None:
    told = client.get("/api/v1/strategy/proposal", headers=bearer(house, "headquarters"), params={"limit": 1000}).json()
    part = looks.page("/strategy/proposal")
    assert told["week"] in part
    for row in table(part, "proposal close"):
        own = [cap for cap in told["caps"]["items"] if cap["brand_id"] == row[0].split()[-1]]
        assert row[2 : 2 + len(own)] == [f"{cap['cap']:,}" for cap in own]
        released, expected = (sum(cap[name] for cap in own) for name in ("released", "expected"))
        assert row[2 + len(own) : 4 + len(own)] == [f"{released:,.0f}", f"{expected:,.0f}"]
        assert row[4 + len(own)] == figures.signed(expected - int(row[1].replace(",", "")))


def test_another_policy_stands_beside_the_live_one_as_the_api_has_it(looks: Looks, client: TestClient, house: House) -> None:
    asked = {"policy": "proportional"}
    told = client.post("/api/v1/what-if", headers=bearer(house, "headquarters"), json=asked).json()
    rows = table(looks.send("/strategy/what-if", **asked), "close compared")
    assert len(rows) == len(told)
    for row, want in zip(rows, told, strict=True):
        assert [row[4], row[8]] == [f"{want['allocated']:,}", f"{want['allocated_then']:,}"]
        assert [row[5], row[9]] == [figures.percent(want["fill"]), figures.percent(want["fill_then"])]
    looks.send("/strategy/what-if", 422, policy="none of them")
    assert "choose another policy" in looks.send("/strategy/what-if", 422)


def test_where_nothing_can_be_planned_the_part_says_why(looks: Looks, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise StateError("month 2026-12 goes beyond the forecasts")

    monkeypatch.setattr(strategies, "strategy", refuse)
    assert "goes beyond the forecasts" in looks.page("/strategy/proposal")
