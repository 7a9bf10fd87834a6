"""A night of a new city, with a shop that opens and a brand that is launched in the week: everybody is suggested something and served."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from jobs import exports, nightly
from ordering.settings import Settings
from tests import factories as f
from tests.jobs.conftest import load_city

SHOPS = [f.retailer(f"R{n}", order_weekday=1 + n % 5, street=f"S{n % 3}") for n in range(8)]
WANTED = {"B1": 4, "B2": 2}


def city(weeks: int) -> dict[str, list[dict[str, Any]]]:
    """So many weeks of eight shops that want and get the same every week; now a ninth opens, and B3 is launched."""
    past = [
        f.line(shop["retailer_id"], brand, asked, asked, order_date=f.week(-back) + timedelta(days=shop["order_weekday"] - 1))
        for shop in SHOPS
        for brand, asked in WANTED.items()
        for back in range(1, weeks + 1)
    ]
    tuesday = f.week() + timedelta(days=1)
    now = [f.line(*of, 3, allocated="", order_date=tuesday) for of in (("R9", "B1"), ("R1", "B1"), ("R1", "B3"))]
    return {
        "retailers": [*SHOPS, f.retailer("R9", active_from=f.week())],
        "brands": [f.brand("B1"), f.brand("B2"), f.brand("B3", launched_on=f.week())],
        "order_lines": [*past, *now],
        "supply": [{"brand_id": "B3", "week": f.week(back), "available": 12} for back in range(-weeks, 1)],
    }


def night(weeks: int, rules: Settings, folder: Path) -> tuple[nightly.Outcome, exports.Source]:
    """The night of the city, and what it stored."""
    db = load_city(f"sqlite:///{folder / 'a.db'}", f.write_folder(folder / "city", city(weeks)), rules)
    return nightly.run(db, f.week(), rules, history=folder / "h"), exports.source(db, rules, folder / "h")


Night = tuple[nightly.Outcome, exports.Source]


@pytest.fixture(scope="module")
def three(rules: Settings, tmp_path_factory: pytest.TempPathFactory) -> Night:
    """The night of a city of three weeks."""
    return night(3, rules, tmp_path_factory.mktemp("three"))


@pytest.mark.parametrize("weeks", [1, 3])
def test_a_city_of_a_few_weeks_is_planned(weeks: int, three: Night, rules: Settings, tmp_path: Path) -> None:
    outcome, source = three if weeks == 3 else night(weeks, rules, tmp_path)
    forecast = source.result("brand_forecast").groupby("brand_id")["demand"].mean()
    for brand, asked in WANTED.items():
        assert forecast[brand] == pytest.approx(8 * asked, rel=0.15)
    told = outcome.problems[outcome.problems["step"] == "forecast"]
    assert told["message"].str.contains(f"only {weeks} weeks known").sum() == len(WANTED)
    lines = source.result("allocation").set_index("brand_id")
    assert (lines["allocated"] == lines["requested"])["B1"].all()
    assert lines["allocated"]["B3"] > 0


def test_a_new_shop_and_a_new_brand_are_suggested_for_and_claim_their_part_of_the_supply(three: Night, tmp_path: Path) -> None:
    source = three[1]
    suggested = source.result("suggestions").set_index(["retailer_id", "brand_id"])["suggested"]
    shops = [*(shop["retailer_id"] for shop in SHOPS), "R9"]
    assert (suggested.unstack() > 0).to_numpy().all()
    assert set(suggested.index) == {(shop, brand) for shop in shops for brand in ("B1", "B2", "B3")}
    assert suggested["R9"]["B1"] >= suggested["R9"]["B2"]
    pairs = source.result("pair_estimates").set_index(["retailer_id", "brand_id"])["rate"]
    assert pairs["R9"]["B1"] == pytest.approx(4, rel=0.15)
    levels = source.result("week_levels").set_index("brand_id")
    assert levels.loc["B3", "expected"] > 3, "others than the one that has asked are expected to claim"
    source_of = {name: tmp_path / f"{name}.parquet" for name in ("forecast", "brand-forecast")}
    for name, file in source_of.items():
        exports.export(source, name, file)
    low = pd.read_parquet(source_of["forecast"]).groupby(["brand_id", "week"])["demand"].sum()
    top = pd.read_parquet(source_of["brand-forecast"]).set_index(["brand_id", "week"])["demand"]
    assert "B3" in top.index.get_level_values("brand_id")
    pd.testing.assert_series_equal(low, top, check_names=False, rtol=1e-6)


def test_no_request_is_judged_by_what_peers_want(three: Night) -> None:
    lines = three[1].result("inflated")
    fresh = lines[(lines["retailer_id"] == "R9") | (lines["brand_id"] == "B3")]
    assert len(fresh) == 2
    assert not fresh["flagged"].any()
    assert fresh["reason"].tolist() == ["unknown_pair"] * 2
