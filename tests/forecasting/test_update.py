"""What a night adds to the week's fit: only to the pairs with something new, and near to what the next fit finds."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from forecasting import demand, update
from forecasting.states import Estimate
from ordering import frames
from ordering.frames import Snapshot
from ordering.settings import DemandSettings
from tests.forecasting import small_city
from tests.forecasting.small_city import until

RULES = DemandSettings(weeks=60)
PAIR = ["retailer_id", "brand_id"]
WEEK = timedelta(weeks=1)
TOLERANCE = 0.03
"""Mean difference of updated and newly fitted rates, weighed by the rates, in a city as small as this; ADR 13 has larger ones."""


@pytest.fixture(scope="module")
def city() -> Snapshot:
    return small_city.build(("ample", "turns", "tight", "tight"), shops=60, scans=tuple(range(0, 60, 3))).snapshot


@pytest.fixture(scope="module")
def monday(city: Snapshot) -> date:
    return small_city.last_monday(city)


@pytest.fixture(scope="module")
def fitted(city: Snapshot, monday: date) -> Estimate:
    return demand.estimate(until(city, monday), RULES)


def expected(estimate: Estimate) -> pd.Series:
    """This week as the last."""
    last = estimate.index[estimate.index["week"] == estimate.index["week"].max()].set_index("brand_id")["index"]
    return last * estimate.pairs.groupby(estimate.pairs["brand_id"].astype("str"))["rate"].sum().reindex(last.index)


def rates(pairs: pd.DataFrame) -> pd.Series:
    return pairs.astype({"retailer_id": "str", "brand_id": "str"}).set_index(PAIR)["rate"]


def updated(city: Snapshot, fitted: Estimate, day: date) -> pd.Series:
    known = until(city, day)
    return rates(update.reread(known, update.recoded(fitted, known), expected(fitted)))


def test_a_night_without_new_lines_leaves_the_fit_as_it_is(city: Snapshot, fitted: Estimate, monday: date) -> None:
    pd.testing.assert_series_equal(updated(city, fitted, monday), rates(fitted.pairs))


def test_only_pairs_with_a_line_of_this_week_move(city: Snapshot, fitted: Estimate, monday: date) -> None:
    day = monday + timedelta(days=3)
    after, before = updated(city, fitted, day), rates(fitted.pairs)
    lines = until(city, day).lines
    new = lines[(lines["week"] == frames.day(monday)) & (lines["requested"] > 0)]
    asked = pd.MultiIndex.from_frame(new[PAIR].astype("str").drop_duplicates())
    moved = before.index[after != before]
    assert len(moved) > 0
    assert moved.isin(asked).all()


def test_after_all_order_days_the_update_is_near_the_next_fit_and_nearer_than_no_update(
    city: Snapshot, fitted: Estimate, monday: date
) -> None:
    next_monday = monday + WEEK
    after, before = updated(city, fitted, next_monday - timedelta(days=1)), rates(fitted.pairs)
    known = until(city, next_monday)  # the tills of the week are not in yet
    again = rates(demand.estimate(known, RULES).pairs).reindex(before.index)
    moved = (after != before).to_numpy()

    def off(found: pd.Series) -> float:
        return float((found - again).abs()[moved].sum() / again[moved].sum())

    assert off(after) < TOLERANCE
    assert off(after) < off(before)


def test_shops_and_brands_that_came_since_monday_change_nothing_of_the_others(city: Snapshot, fitted: Estimate, monday: date) -> None:
    known = until(city, monday)
    shop = known.retailers.iloc[[0]].assign(retailer_id="A00")  # before all others
    shops = pd.concat([shop, known.retailers]).sort_values("retailer_id", ignore_index=True).astype(known.retailers.dtypes.to_dict())
    kind = pd.CategoricalDtype(shops["retailer_id"])
    coded = {n: getattr(known, n).astype({"retailer_id": kind}) for n in ("lines", "scanned_sales", "stock_counts", "star_levels")}
    grown = replace(known, retailers=shops, **coded)
    found = update.recoded(fitted, grown)
    assert found.learnt.part[0] == -1
    assert (found.learnt.part[1:] == fitted.learnt.part).all()
    np.testing.assert_array_equal(found.learnt.chance[1:], fitted.learnt.chance)
    pd.testing.assert_series_equal(rates(update.reread(grown, found, expected(fitted))), rates(fitted.pairs))


def test_a_surge_that_lasted_until_the_fit_goes_on_in_the_night(city: Snapshot, monday: date) -> None:
    shop, sunday = "R21", monday + WEEK - timedelta(days=1)
    plain, greedy = (demand.estimate(until(made, monday), RULES) for made in (city, small_city.fivefold(city, shop)))
    of = greedy.pairs["retailer_id"].cat.categories.get_loc(shop)
    assert greedy.learnt.surge[of, 1] == len(greedy.index["week"].unique()) - 1
    honest, found = updated(city, plain, sunday)[shop], updated(small_city.fivefold(city, shop), greedy, sunday)[shop]
    ended = replace(greedy, learnt=replace(greedy.learnt, surge=np.full_like(greedy.learnt.surge, (0, -1))))
    taken = updated(small_city.fivefold(city, shop), ended, sunday)[shop]  # the control: what it asks for is taken as it stands
    off, off_taken = (float((one / honest - 1).abs().max()) for one in (found, taken))
    assert off < 0.02 < off_taken
