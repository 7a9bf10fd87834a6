import json
import sys
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks import demand_speed, made_market
from benchmarks.made_market import Shard, Size
from forecasting import evidence, rhythm, scarcity, totals

SMALL = Size(retailers=40, brands=20, weeks=60, districts=2)


def arrays(shard: Shard) -> list[np.ndarray]:
    panel = shard.panel
    rows = [part for source in (panel.lines, panel.scans, panel.counts) for part in (source.start, source.week, source.value, source.other)]
    return [panel.retailer, panel.brand, panel.reports, panel.caps.profile, *rows]


def same(one: Shard, other: Shard) -> bool:
    return all(np.array_equal(left, right) for left, right in zip(arrays(one), arrays(other), strict=True))


def test_a_district_is_the_same_every_time_for_any_number_of_threads_and_differs_from_the_others() -> None:
    import numba

    market, threads = made_market.draw(SMALL), numba.get_num_threads()
    demand_speed.use_threads(1)
    try:
        once = market.shard(1)
    finally:
        demand_speed.use_threads(threads)
    assert same(once, made_market.draw(SMALL).shard(1))
    assert not same(once, made_market.draw(replace(SMALL, seed=1)).shard(1))
    assert not same(once, market.shard(0))
    assert market.shops.sum() == SMALL.retailers


def test_a_district_is_a_panel_as_the_estimator_takes_it() -> None:
    panel = made_market.draw(SMALL).shard(0).panel
    assert (np.diff(panel.retailer.astype(np.int64) * panel.brands + panel.brand) > 0).all()
    for rows in (panel.lines, panel.scans, panel.counts):
        assert len(rows.start) == panel.pairs + 1
        assert rows.start[-1] == len(rows.week) == len(rows.value) == len(rows.other) > 0
        assert (np.diff(rows.week)[np.diff(rows.pair) == 0] > 0).all()
    lines, retailer = panel.lines, panel.retailer[panel.lines.pair]
    brand = panel.brand[lines.pair]
    first, last = panel.life.of(retailer, brand)
    assert ((lines.week >= first) & (lines.week <= last)).all()
    assert (lines.other <= np.minimum(lines.value, panel.caps.of(retailer, brand, lines.week))).all()
    assert panel.reports[panel.retailer[panel.scans.pair], panel.scans.week].all()


def test_shortage_lies_where_it_was_put_and_the_estimator_finds_it_there() -> None:
    size = replace(SMALL, retailers=120, districts=1)
    market = made_market.draw(size)
    assert (scarcity.measure(totals.of(market.shard(0).panel)).tight == market.tight).mean() > 0.95
    assert market.tight.any(axis=1).mean() == pytest.approx(size.always + size.alternating, abs=0.06)
    ample = made_market.draw(replace(size, always=0.0, alternating=0.0))
    assert scarcity.measure(totals.of(ample.shard(0).panel)).tight.mean() < 0.01


def test_those_who_inflate_ask_for_much_more_in_shortage_than_honest_shops() -> None:
    asked = []
    for honest in (0.0, 1.0):
        market = made_market.draw(replace(SMALL, retailers=120, districts=1, honest=honest))
        asked.append(made_market.told(market.shard(0), market.tight, evidence.TOUCHED_WEEKS)["asked_short"])
    assert asked[0] > 1.5 * asked[1]


def test_the_short_form_times_its_steps_and_says_what_it_found(tmp_path: Path) -> None:
    made = demand_speed.make(SMALL, tmp_path, 1)
    told = demand_speed.refit(SMALL, tmp_path, 1)
    assert told["pairs"] == made["pairs"] == sum(demand_speed.read(tmp_path, number).panel.pairs for number in range(2))
    assert all(seconds > 0 for seconds in told["steps"].values())
    assert told["seconds"] == pytest.approx(sum(told["steps"].values()))
    assert told["gigabytes"] >= told["gigabytes_before"] > 0.01
    others = {"tsb": {"series": 30, "seconds": 1.0, "cpu": 0.5}}
    figures = json.loads(json.dumps({"size": asdict(SMALL), "threads": 1, "made": made, "refit": told, "peers": others}))
    assert "tsb, 30 random series on one thread: 60.0 series/s per core" in demand_speed.described(figures)
    assert "MISSES" not in demand_speed.described(figures)
    assert "MISSES 600 s" in demand_speed.described({**figures, "refit": {**told, "seconds": 601.0}})


def test_the_series_given_to_the_others_are_deliveries_of_the_same_city(tmp_path: Path) -> None:
    made = demand_speed.make(SMALL, tmp_path, 1)
    every = pd.read_parquet(demand_speed.write_series(SMALL, tmp_path, made["pairs"]))
    given = sum(int(demand_speed.read(tmp_path, number).panel.lines.other.sum()) for number in range(2))
    assert every["demand"].sum() == given
    some = pd.read_parquet(demand_speed.write_series(SMALL, tmp_path, 30))
    assert some.groupby("series").size().tolist() == [SMALL.weeks] * 30


def test_a_method_that_cannot_be_run_is_named_with_its_reason(tmp_path: Path) -> None:
    pd.DataFrame({"series": [0], "week": [pd.Timestamp("2026-08-24")], "demand": [1.0]}).to_parquet(tmp_path / "series.parquet")
    with pytest.raises(SystemExit, match=r"tsb could not be run by .*statsforecast"):
        demand_speed.peer("tsb", 1, tmp_path / "series.parquet", Path(sys.executable))


def test_what_is_timed_is_the_estimate_itself() -> None:
    shard, clock = made_market.draw(replace(SMALL, districts=1)).shard(0), demand_speed.Clock()
    found = demand_speed.estimated(lambda _: shard, 1, clock, clock)[2][0]
    city = totals.of(shard.panel)
    short = scarcity.measure(city)
    again = evidence.weigh(
        shard.panel, short, rhythm.index(city, short), shard.retailers, shard.brands, np.zeros(shard.panel.retailers, bool)
    )
    np.testing.assert_array_equal(found.rate, again.rate)
    assert (found.rate > 0).all()
