from datetime import timedelta

import pandas as pd

from ordering import frames, metrics, release
from tests import factories

WEEK = factories.week(-1)
WEEKS = pd.DatetimeIndex([WEEK]).as_unit("us")
BRANDS = [factories.brand(b) for b in ("B1", "B2", "B3")]
RETAILERS = [
    factories.retailer("R1", star_level=5),
    factories.retailer("R2", star_level=5, visit_every_weeks=2),
    factories.retailer("R3", star_level=1, area_type="rural"),
    factories.retailer("R4", star_level=5, active_to=WEEK - timedelta(days=1)),
]
STRATEGY = [
    {"brand_id": "B1", "week": WEEK, "star_level": 5, "cap": 4},
    {"brand_id": "B1", "week": WEEK, "star_level": 1, "cap": 1},
    {"brand_id": "B1", "week": WEEK, "star_level": 1, "cap": 3, "area_type": "rural"},
    {"brand_id": "B2", "week": WEEK, "star_level": 5, "cap": 0},
]


def found(*lines) -> pd.DataFrame:
    known = factories.snapshot(retailers=RETAILERS, brands=BRANDS, lines=lines, release_strategy=STRATEGY)
    return release.release_cells(known, WEEKS).set_index(["brand_id", "star_level"])


def test_what_is_released_is_the_sum_of_the_caps_of_those_who_trade_that_week():
    cells = found()
    assert cells["released"].to_dict() == {("B1", 1): 3, ("B1", 5): 4 + 8, ("B2", 5): 0}
    assert cells["retailers"].to_dict() == {("B1", 1): 1, ("B1", 5): 2, ("B2", 5): 2}
    assert (cells[["allocated", "retailers_ordered", "retailers_took_cap"]] == 0).all(axis=None)


def test_orders_of_a_week_are_held_against_the_cap_together():
    halves = [factories.line("R1", "B1", 2, 2), factories.line("R1", "B1", 5, 2, order_id="second")]
    unserved = factories.line("R2", "B1", 6, 0)
    waiting = factories.line("R3", "B1", 6, None)
    uncapped = factories.line("R1", "B3", 9, 9)
    cells = found(*halves, unserved, waiting, uncapped)
    row = cells.loc[("B1", 5)]
    assert (row["retailers_ordered"], row["retailers_took_cap"], row["allocated"]) == (2, 1, 4)
    assert cells.loc[("B1", 1), "retailers_ordered"] == 0
    assert "B3" not in cells.index.get_level_values("brand_id")
    rates = metrics.compute(cells.reset_index(), ["cap_take_up_rate", "cap_hit_breadth", "ordering_rate"]).iloc[0]
    assert rates.tolist() == [4 / 15, 1 / 2, 2 / 5]


def test_a_cap_of_nothing_is_never_taken_whole():
    cells = found(factories.line("R1", "B2", 3, 0))
    assert cells.loc[("B2", 5), "retailers_ordered"] == 1
    assert cells.loc[("B2", 5), "retailers_took_cap"] == 0


def test_a_city_without_a_strategy_has_no_cells():
    known = factories.snapshot(lines=[factories.line()])
    assert release.release_cells(known, WEEKS).empty
    assert frames.empty(frames.RELEASE_STRATEGY).empty
