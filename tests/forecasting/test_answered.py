"""Answers change what is flagged: as far as they were given, and no farther."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest

from forecasting import answered, demand, inflation
from ordering import conduct, frames
from ordering.settings import DemandSettings, InflationSettings
from tests import factories as f
from tests.forecasting import small_city

RULES, FLAGS = DemandSettings(weeks=60), InflationSettings(weeks=26, flag_at=0.9)


def answer(order_id: str = "O1", brand_id: str = "B1", verdict: str = "explained", **more: Any) -> dict[str, Any]:
    return {
        "order_id": order_id, "brand_id": brand_id, "retailer_id": "R1", "verdict": verdict, "every_brand": False, "factor": 3.0,
        "from_on": f.week(-3), "until_on": f.week(0),
    } | more  # fmt: skip


def told(line: dict[str, Any], *answers: dict[str, Any]) -> answered.Answered:
    city = f.snapshot(retailers=[f.retailer("R1"), f.retailer("R2")], brands=[f.brand("B1"), f.brand("B2")], waiting=[line])
    return answered.of_lines(city.waiting, f.table(conduct.ANSWERS, answers))


@pytest.mark.parametrize(
    ("line", "factor"),
    [
        (f.line("R1", "B1", order_date=f.week(-3)), 3.0),
        (f.line("R1", "B1", order_date=f.week(0)), 3.0),
        (f.line("R1", "B1", order_date=f.week(0) + timedelta(days=1)), 1.0),
        (f.line("R1", "B1", order_date=f.week(-3) - timedelta(days=1)), 1.0),
        (f.line("R1", "B2", order_date=f.week(-1)), 1.0),
        (f.line("R2", "B1", order_date=f.week(-1)), 1.0),
    ],
)
def test_an_explanation_raises_the_need_of_its_shop_and_brand_in_its_days(line: dict[str, Any], factor: float) -> None:
    assert told(line, answer()).factor.tolist() == [factor]


def test_an_explanation_of_every_brand_holds_for_every_brand_and_the_largest_of_several_counts() -> None:
    line = f.line("R1", "B2", order_date=f.week(-1))
    every = answer(every_brand=True)
    assert told(line, every).factor.tolist() == [3.0]
    assert told(line, every, answer("O2", "B2", factor=5.0), answer("O3", "B2", "confirmed", factor=9.0)).factor.tolist() == [5.0]


def test_without_answers_nothing_changes() -> None:
    none = told(f.line())
    assert none.factor.tolist() == [1.0]
    assert not none.flagged(np.array([False])).any()
    assert none.flagged(np.array([True])).all()


# in the flags


@pytest.fixture(scope="module")
def greedy() -> tuple[frames.Snapshot, demand.Estimate]:
    city = small_city.fivefold(small_city.build(("ample", "ample", "turns", "turns", "tight", "tight")).snapshot, "R07")
    return city, demand.estimate(city, RULES)


def judged(greedy: tuple[frames.Snapshot, demand.Estimate], *answers: dict[str, Any]) -> pd.DataFrame:
    city, estimate = greedy
    return inflation.flag(replace(city, answers=f.table(conduct.ANSWERS, answers)), estimate, FLAGS).set_index(["order_id", "brand_id"])


def accused(greedy: tuple[frames.Snapshot, demand.Estimate]) -> tuple[tuple[str, str], pd.Series]:
    """The first flagged line of a brand that R07 is flagged for again within the next eight weeks."""
    plain = judged(greedy)
    his = plain[plain["flagged"] & (plain["retailer_id"] == "R07")].sort_values("order_date")
    for key, row in his.iterrows():
        days = his["order_date"] - row["order_date"]
        later = his[(days > pd.Timedelta(0)) & (days < pd.Timedelta(weeks=8))]
        if (later.index.get_level_values("brand_id") == key[1]).any():
            return key, row
    raise AssertionError("R07 is not flagged twice for any brand")


def said_of(key: tuple[str, str], row: pd.Series, verdict: str, until: date, factor: float) -> dict[str, Any]:
    on = row["order_date"].date()
    return answer(*key, verdict, retailer_id="R07", factor=factor, from_on=on, until_on=until)


def test_an_explained_line_is_not_flagged_again_nor_are_those_of_its_days_and_the_reason_says_so(
    greedy: tuple[frames.Snapshot, demand.Estimate],
) -> None:
    (order_id, brand_id), row = accused(greedy)
    until = row["order_date"].date() + timedelta(weeks=8)
    generous = 3 * row["requested"] / row["expected"]
    plain, after = judged(greedy), judged(greedy, said_of((order_id, brand_id), row, "explained", until, generous))
    covered = (after["retailer_id"] == "R07") & (after.index.get_level_values("brand_id") == brand_id)
    covered &= after["order_date"].between(row["order_date"], pd.Timestamp(until))
    assert plain.loc[covered, "flagged"].sum() >= 2
    assert not after.loc[covered, "flagged"].any()
    assert after.loc[covered & plain["flagged"], "reason"].str.contains("explained").all()
    pd.testing.assert_frame_equal(plain[~covered], after[~covered])


def test_an_explanation_is_no_licence_to_ask_for_anything(greedy: tuple[frames.Snapshot, demand.Estimate]) -> None:
    city, estimate = greedy
    key, row = accused(greedy)
    said = said_of(key, row, "explained", f.week(9), row["requested"] / row["expected"])
    lines = city.lines
    later = (lines["retailer_id"] == "R07") & (lines["brand_id"] == key[1]) & (lines["order_date"] > row["order_date"])
    more = small_city.with_lines(city, lines.assign(requested=lines["requested"].where(~later, 400).astype("int32")))
    found = judged((more, estimate), said)
    assert found.loc[(found["retailer_id"] == "R07") & (found["requested"] == 400), "flagged"].all()


@pytest.mark.parametrize(("verdict", "flagged"), [("mistaken", False), ("confirmed", True), ("explained", False)])
def test_the_answer_to_a_line_settles_that_line(greedy: tuple[frames.Snapshot, demand.Estimate], verdict: str, flagged: bool) -> None:
    key, row = accused(greedy)
    after = judged(greedy, said_of(key, row, verdict, row["order_date"].date(), 1.0))
    assert after.loc[key, "flagged"] == flagged
    assert verdict in after.loc[key, "reason"].split(";")


def test_a_confirmed_line_stays_flagged_where_the_estimate_now_understands_it(greedy: tuple[frames.Snapshot, demand.Estimate]) -> None:
    plain = judged(greedy)
    key, row = next((k, r) for k, r in plain.iterrows() if not r["flagged"] and r["retailer_id"] == "R01")
    assert judged(greedy, answer(*key, "confirmed", retailer_id="R01", from_on=row["order_date"].date())).loc[key, "flagged"]
