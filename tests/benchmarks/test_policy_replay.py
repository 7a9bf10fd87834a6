"""The replay of a small made-up city: it hands out what there was, week by week, and its figures are what their definitions say."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks import city_folder, policy_replay, replay_figures, trial_power
from benchmarks.policy_replay import RECORDED, Replay
from ordering import settings
from ordering.errors import TrueOrderError
from ordering.model import Policy
from ordering.sample import write_city
from tests import factories as make

WEEKS = 8


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    write_city(folder / "city", truth=folder / "truth", kind="inflating", retailers=16, brands=4, weeks=56, seed=3)
    return folder


@pytest.fixture(scope="module")
def found(place: Path) -> Replay:
    return policy_replay.replayed(place, WEEKS, settings.load())


def test_every_recorded_line_is_replayed_once_under_every_policy_and_none_gets_more_than_it_asked(found: Replay, place: Path) -> None:
    lines = city_folder.tables(place)["order_lines"]
    there = lines[lines["week"].isin(found.weeks)]
    keys = sorted(zip(there["order_id"], there["brand_id"], strict=True))
    assert set(found.lines) == {RECORDED, *map(str, Policy), "true_demand, oracle"}
    for name, told in found.lines.items():
        assert sorted(zip(told["order_id"].astype("str"), told["brand_id"].astype("str"), strict=True)) == keys, name
        assert (told["allocated"] <= told["requested"]).all(), name


def test_no_brand_gives_out_more_than_it_had_and_a_short_one_all_that_its_bounds_let_it(found: Replay) -> None:
    for name, told in found.lines.items():
        sums = told.assign(brand_id=told["brand_id"].astype("str")).groupby(["brand_id", "week"])[["allocated", "usable"]].sum()
        supply = found.supply.astype({"brand_id": "str"}).set_index(["brand_id", "week"])["available"].reindex(sums.index)
        assert (sums["allocated"] <= supply.fillna(np.inf)).all(), name
        if name in ("uniform", "true_demand", "proportional", "first_come"):
            assert (sums["allocated"] == sums["usable"].clip(upper=supply.fillna(np.inf))).all(), name
    assert replay_figures.shortage(found).any()


def test_no_policy_meets_more_than_could_be_met_and_uniform_leaves_no_envy(found: Replay) -> None:
    tables = replay_figures.tables(found)
    for name, row in tables["share of demand met"].items():
        assert all(0 <= row[rate] <= 1 for rate in row), name
    fair = tables["short brands: fairness"]
    assert fair["uniform"]["envy, one star level"] <= 1
    assert fair["first_come"]["envy, one star level"] > 1
    assert tables["what was asked"]["other shops"]["of short brands"] > 1


def night(asked: int, week: int, **tables: object) -> object:
    """One shop that asks for `asked` in a week; a quota of 6 for the month; the weeks before are recorded as given in full."""
    day = make.MONDAY + timedelta(weeks=week)
    return make.snapshot(
        lines=[make.line(requested=5, allocated=5, order_date=make.MONDAY + timedelta(weeks=at)) for at in range(-2, week)],
        waiting=[make.line(requested=asked, allocated=None, order_date=day)],
        business_date=day,
        monthly_quotas=[{"month": "2026-03", "star_level": 3, "brand_id": "B1", "quota": 6}],
        scanned_sales=[
            {"retailer_id": "R1", "brand_id": "B1", "week": make.week(at), "sold": 4} for at in range(-2, week)
        ],
        **tables,
    )  # fmt: skip


def test_what_the_replay_gave_counts_against_the_month_and_what_was_recorded_for_its_weeks_does_not() -> None:
    nights = [night(4, 0), night(9, 1)]
    demand = pd.DataFrame({"retailer_id": ["R1"], "brand_id": ["B1"], "week": pd.to_datetime([make.week()]), "demand": [1.0]})
    lines, problems = policy_replay.replay(nights, settings.load(), Policy.UNIFORM, lambda _: demand)
    assert lines["allocated"].tolist() == [4, 2]
    assert problems == []
    earlier = policy_replay.replay(nights[1:], settings.load(), Policy.UNIFORM, lambda _: demand)[0]
    assert earlier["allocated"].tolist() == [1]  # replayed from its second week, the month's first is as recorded


def test_tills_and_deliveries_end_where_the_replayed_month_begins() -> None:
    later = night(9, 1)
    done, _ = policy_replay.replay([night(4, 0)], settings.load(), Policy.UNIFORM, lambda _: None)
    told = policy_replay.as_replayed(later, [done], pd.Timestamp(make.week()))
    assert told.lines["week"].max() < pd.Timestamp(make.week())
    assert told.scanned_sales["week"].max() < pd.Timestamp(make.week())
    assert told.waiting["allocated"].fillna(-1).tolist() == [4, -1]


def test_droughts_are_runs_of_weeks_in_which_a_shop_asked_and_got_nothing() -> None:
    weeks = pd.date_range("2026-03-02", periods=6, freq="7D")
    index = pd.MultiIndex.from_product([["R1", "R2"], ["B1"], weeks])
    nothing = pd.Series([True, True, False, True, True, True] + [False] * 6, index=index)
    assert replay_figures.droughts(nothing).tolist() == [3, 0]


def test_envy_is_the_widest_gap_between_equals_that_were_both_cut() -> None:
    index = pd.MultiIndex.from_tuples([(f"R{i}", "B1", pd.Timestamp("2026-03-02")) for i in range(4)])
    cut = pd.DataFrame({"own_allocated": [1, 4, 9, 2], "weight": [1000, 1000, 3000, 1000]}, index=index)
    assert replay_figures.envy(cut, "weight") == 3
    assert replay_figures.envy(cut.iloc[:0], "weight") == 0


def test_a_window_is_the_sum_over_its_weeks(found: Replay) -> None:
    told, at = replay_figures.windowed(found.true.rate, found), found.true.weeks.get_indexer(found.weeks)
    for number, week in enumerate(at):
        np.testing.assert_allclose(told[:, :, number], found.true.rate[:, :, week - 3 : week + 1].sum(-1))


def test_the_pairs_that_the_formula_asks_for_find_the_effect_four_times_in_five() -> None:
    """Streets whose change within pairs spreads by .05, an effect of .02; the control finds none more often than it may."""
    rng, pairs = np.random.default_rng(1), trial_power.pairs_needed(0.05, 0.02)
    first, wanted = np.repeat(np.linspace(0.4, 0.6, pairs), 2), np.full(2 * pairs, 7.0)
    power, size, spread = [], [], []
    for change in rng.normal(0, 0.05 / np.sqrt(2), (400, 2 * pairs)):
        old = trial_power.Streets(np.column_stack([first, first + change]), wanted)
        power.append(trial_power.simulated(old, np.add(old.rates, [0, 0.02]), 20)["trials that find one"])
        size.append(trial_power.simulated(old, old.rates, 20)["trials that find one"])
        spread.append(trial_power.spread(old, old.pairs())["s"])
    assert np.mean(power) == pytest.approx(trial_power.POWER, abs=0.05)
    assert np.mean(size) == pytest.approx(trial_power.ALPHA, abs=0.02)
    assert np.mean(spread) == pytest.approx(0.05, rel=0.03)
    assert (pairs, trial_power.pairs_needed(0.05, 0.2)) == (50, 6)


def test_the_effect_is_a_ratio_of_sums_and_its_error_that_of_many_draws() -> None:
    """Pairs of very different size: a large one counts as what it wants, and the standard error knows it."""
    rng, weight = np.random.default_rng(2), np.repeat([0.002, 0.018], [50, 50])
    mean, error = trial_power.effects(rng.normal(0.01, 0.05, (4000, 100)), weight)
    assert mean.mean() == pytest.approx(0.01, abs=0.001)
    assert np.sqrt(np.square(error).mean()) == pytest.approx(mean.std(), rel=0.05)
    assert mean.std() > 1.2 * 0.05 / np.sqrt(100)  # the control: all pairs counted alike would tell more


def test_pairs_are_of_streets_with_the_nearest_history_and_each_street_is_in_one() -> None:
    rates = np.array([[0.9, 0], [0.1, 0], [0.5, 0], [0.2, 0], [0.8, 0]])
    streets = trial_power.Streets(rates, np.array([1.0, 2.0, 3.0, 4.0, 5.0]))
    assert streets.pairs().tolist() == [[1, 3], [2, 4]]
    assert streets.weights(streets.pairs()).tolist() == [6 / 14, 8 / 14]


def test_what_is_told_says_what_a_replay_is_and_how_large_a_trial_must_be(found: Replay, capsys: pytest.CaptureFixture[str]) -> None:
    streets = [f"S{number // 2}" for number in range(len(found.shops))]
    policy_replay.tell(replace(found, shops=found.shops.assign(street=streets)), "made", power=True, markdown=True)
    printed = capsys.readouterr().out
    assert printed.startswith(f"made, {WEEKS} weeks, {policy_replay.LABEL}")
    assert "| uniform as replayed |" in printed
    assert "nan" not in printed


def test_a_folder_without_a_truth_is_named(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=str(tmp_path)):
        policy_replay.main([str(tmp_path)])


def test_more_weeks_than_there_are_and_too_little_for_a_trial_is_refused(place: Path, found: Replay) -> None:
    with pytest.raises(TrueOrderError, match="at least 1"):
        policy_replay.replayed(place, 0, settings.load())
    with pytest.raises(TrueOrderError, match="replay fewer"):
        policy_replay.replayed(place, 500, settings.load())
    with pytest.raises(TrueOrderError, match="at least 8"):
        trial_power.inflation(replace(found, weeks=found.weeks[:4]))
    with pytest.raises(TrueOrderError, match="1 streets want short brands"):
        trial_power.inflation(replace(found, shops=found.shops.assign(street="S1")))
