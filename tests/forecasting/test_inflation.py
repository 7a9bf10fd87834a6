from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from forecasting import demand, inflation
from ordering import frames
from ordering.settings import DemandSettings, InflationSettings
from tests import factories
from tests.forecasting import small_city

RULES, FLAGS = DemandSettings(weeks=60), InflationSettings(weeks=26, flag_at=0.9)
MIXED = ("ample", "ample", "turns", "turns", "tight", "tight")


def flagged(city: frames.Snapshot) -> pd.DataFrame:
    return inflation.flag(city, demand.estimate(city, RULES), FLAGS)


@pytest.fixture(scope="module")
def honest() -> small_city.SmallCity:
    return small_city.build(MIXED)


def test_honest_shops_are_hardly_ever_accused(honest: small_city.SmallCity) -> None:
    assert flagged(honest.snapshot)["flagged"].mean() <= 0.003


def test_a_shop_that_asks_fivefold_is_found_with_its_reason(honest: small_city.SmallCity) -> None:
    found = flagged(small_city.fivefold(honest.snapshot, "R07"))
    asked_much = found[(found["retailer_id"] == "R07") & (found["requested"] >= 25)]
    assert asked_much["flagged"].mean() > 0.8
    assert asked_much.loc[asked_much["flagged"], "reason"].str.contains("far_above_need").all()
    assert found.loc[found["retailer_id"] != "R07", "flagged"].mean() <= 0.003


def test_every_line_of_the_window_and_every_waiting_line_is_judged_once(honest: small_city.SmallCity) -> None:
    lines = honest.snapshot.lines
    last = lines[lines["week"] == lines["week"].max()]
    shift = pd.Timedelta(weeks=1)
    waiting = last.assign(order_id="W" + last["order_id"], week=last["week"] + shift, allocated=pd.Series(pd.NA, last.index, "Int32"))
    city = factories_replace(honest.snapshot, waiting)
    found = flagged(city)
    begin = pd.Timestamp(factories.MONDAY) - pd.Timedelta(weeks=26)
    assert len(found) == (lines["week"] >= begin).sum() + len(waiting)
    assert not found.duplicated(["order_id", "brand_id"]).any()
    assert found["score"].between(0, 1).all()


def factories_replace(city: frames.Snapshot, waiting: pd.DataFrame) -> frames.Snapshot:
    from dataclasses import replace

    return replace(city, waiting=waiting.reset_index(drop=True))


def test_a_larger_request_never_scores_lower(honest: small_city.SmallCity) -> None:
    city = honest.snapshot
    found = demand.estimate(city, RULES)
    lines = city.lines
    more = small_city.with_lines(city, lines.assign(requested=lines["requested"] + 7))
    low, high = (inflation.flag(c, found, FLAGS)["score"].to_numpy() for c in (city, more))
    assert (high >= low).all()
    assert (high > low).any()


def test_a_request_equal_to_the_cap_is_named_and_not_flagged(honest: small_city.SmallCity) -> None:
    from dataclasses import replace

    greedy = small_city.fivefold(honest.snapshot, "R07")
    plain = flagged(greedy)
    accused = plain[plain["flagged"]].iloc[0]
    cap = {"brand_id": accused["brand_id"], "week": accused["order_date"].date() - pd.Timedelta(days=1), "star_level": 3}
    strategy = factories.snapshot(release_strategy=[cap | {"cap": int(accused["requested"])}]).release_strategy
    again = flagged(replace(greedy, release_strategy=strategy)).set_index(["order_id", "brand_id"])
    line = again.loc[(accused["order_id"], accused["brand_id"])]
    assert not line["flagged"]
    assert "cap_echo" in line["reason"]


def test_a_pair_of_which_nothing_is_known_is_not_judged() -> None:
    city = factories.snapshot(waiting=[factories.line(requested=500, allocated=None, order_date=factories.MONDAY)])
    found = flagged(city)
    assert found["flagged"].tolist() == [False]
    assert found["reason"].tolist() == ["unknown_pair"]


def test_reasons_that_occur_are_worded_in_both_languages(honest: small_city.SmallCity) -> None:
    found = flagged(small_city.fivefold(honest.snapshot, "R07"))
    codes = {code for reason in found["reason"].unique() for code in reason.split(";") if code}
    assert codes
    assert codes <= set(inflation.REASONS)
    assert all(len(words) == 2 and all(words) for words in inflation.REASONS.values())


def test_no_lines_give_an_empty_table() -> None:
    found = flagged(factories.snapshot())
    assert found.empty
    assert list(found.columns) == frames.INFLATED.names


def test_a_smoothly_growing_request_crosses_the_flag_far_above_need() -> None:
    ratio = np.linspace(0.1, 10, 100)
    score = ratio**inflation.STEEPNESS / (ratio**inflation.STEEPNESS + inflation.HALF_AT**inflation.STEEPNESS)
    assert ratio[score >= FLAGS.flag_at].min() > 2.0
