from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks import oracle, truth
from forecasting import demand, rhythm, scarcity, shelf
from ordering import settings
from ordering.sample import write_city
from ordering.settings import Settings

SPAN = slice(2, 8)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    write_city(folder / "city", truth=folder / "truth", kind="inflating", retailers=14, brands=4, weeks=56, seed=3)
    return folder


@pytest.fixture(scope="module")
def rules() -> Settings:
    found = settings.load()
    return found.model_copy(update={"demand": found.demand.model_copy(update={"weeks": 52})})


@pytest.fixture(scope="module")
def tables(place: Path, rules: Settings) -> dict[str, oracle.Table]:
    return oracle.experiments(place, rules, forecast=False, reread=["habits"])


@pytest.fixture(scope="module")
def city(place: Path) -> oracle.City:
    return oracle.read(place, 13)


@pytest.fixture(scope="module")
def ours(city: oracle.City, rules: Settings) -> demand.Estimate:
    return demand.estimate(city.known, rules.demand)


@pytest.mark.parametrize("levels", [(oracle.BRAND,), (oracle.PAIR,), (oracle.BRAND_WEEK,), (oracle.CITY_WEEK,)])
def test_a_corrected_level_is_the_true_one_and_other_weeks_stay(levels: tuple[tuple[int, ...], ...]) -> None:
    ours, right = np.random.default_rng(1).gamma(2.0, size=(2, 5, 3, 10))
    found = oracle.corrected(ours, right, SPAN, *levels)
    np.testing.assert_allclose(found[:, :, SPAN].sum(levels[0]), right[:, :, SPAN].sum(levels[0]))
    np.testing.assert_array_equal(np.delete(found, range(2, 8), 2), np.delete(ours, range(2, 8), 2))
    assert not np.allclose(found, right)


def test_two_levels_are_raked_until_both_are_true_and_what_was_not_estimated_stays_nothing() -> None:
    ours, right = np.random.default_rng(2).gamma(2.0, size=(2, 5, 3, 10))
    ours[0, 0], right[0, 0] = 0.0, 0.0
    found = oracle.corrected(ours, right, SPAN, oracle.PAIR, oracle.BRAND_WEEK)[:, :, SPAN]
    for axes in (oracle.PAIR, oracle.BRAND_WEEK):
        np.testing.assert_allclose(found.sum(axes), right[:, :, SPAN].sum(axes), rtol=1e-6)
    assert not found[0, 0].any()


def test_a_perfect_level_leaves_no_error_of_its_own_and_ours_has_some(tables: dict[str, oracle.Table]) -> None:
    found = tables["recovered"]
    assert min(found["ours"][name] for name in ("brand_week", "pair", "tight_brand_week")) > 0.01
    assert found["true brand-weeks"]["brand_week"] == pytest.approx(0, abs=1e-9)
    assert found["true pairs' level"]["pair"] < 0.3 * found["ours"]["pair"]
    assert found["true brands' level"]["bias"] == pytest.approx(0, abs=1e-9)


def test_the_index_alone_moves_no_brand_level(tables: dict[str, oracle.Table]) -> None:
    found = tables["recovered"]
    assert found["true brands' index"]["bias"] == pytest.approx(found["ours"]["bias"])
    assert found["true brands' index"]["brand_week"] < found["ours"]["brand_week"]


def test_truths_that_are_read_change_the_estimate_and_are_gone_afterwards(
    city: oracle.City, ours: demand.Estimate, rules: Settings
) -> None:
    before = shelf.habits, shelf.full_shelves, scarcity.measure, rhythm.index
    for name in ("weeks of shortage", "needs"):
        assert not np.allclose(oracle.read_again(city, name, rules), oracle._past(city, ours)), name
    assert before == (shelf.habits, shelf.full_shelves, scarcity.measure, rhythm.index)


def test_the_index_that_is_read_is_the_true_one_of_the_mean_pair(city: oracle.City, rules: Settings) -> None:
    true = city.true
    with oracle._told(city, "index while reading") as known:
        told = demand.estimate(known, rules.demand).index.pivot(index="brand_id", columns="week", values="index")
    mean = true.rate.sum(0) / np.maximum((true.rate > 0).sum(0), 1)
    for name, row in zip(true.brands, mean, strict=True):
        at = true.weeks.get_indexer(told.columns)
        lived = row[at] > 0
        assert np.ptp((told.loc[name].to_numpy() / np.where(lived, row[at], 1.0))[lived]) == pytest.approx(0, abs=1e-6)


def test_with_true_needs_only_the_requests_are_others(city: oracle.City) -> None:
    known = oracle.with_needs(city)
    assert (known.lines["requested"] != city.known.lines["requested"]).any()
    assert known.lines.drop(columns="requested").equals(city.known.lines.drop(columns="requested"))
    assert known.lines["requested"].sum() < city.known.lines["requested"].sum()


def test_habits_are_judged_among_those_nearest_to_the_true_one(city: oracle.City, ours: demand.Estimate, rules: Settings) -> None:
    with oracle._told(city, "habits") as known:
        chance = demand.estimate(known, rules.demand).learnt.chance
    names = known.retailers["retailer_id"].astype("str").map(city.habits)
    for name, row in zip(names, chance, strict=True):
        assert not row[~(oracle.NEAREST.get(name, np.ones(len(row), bool)) | oracle.ITSELF)].any()
    assert (ours.learnt.chance != chance).any()


def test_groups_of_pairs_share_out_all_demand_and_all_error(tables: dict[str, oracle.Table]) -> None:
    found = tables["pairs by what they rest on"]
    for share in ("of demand", "of error"):
        assert sum(row[share] for row in found.values()) == pytest.approx(1)
    assert len(found) > 1
    assert all(0 < row["expected"] < 2 for name, row in found.items() if name != "not estimated")
    whole = sum(row["of demand"] * row["ours"] for row in found.values())
    assert whole == pytest.approx(tables["recovered"]["ours"]["pair"])


def test_a_forecast_with_the_true_pairs_and_weeks_errs_least(city: oracle.City) -> None:
    true, noise = city.true, np.random.default_rng(4)
    past = true.rate * noise.gamma(9.0, 1 / 9, true.rate.shape[:2])[:, :, None]
    ours = past * noise.gamma(9.0, 1 / 9, true.rate.shape[1:])[None]
    off = {name: truth.errors(true, each, true.future) for name, each in oracle.forecast_again(ours, past, true).items()}
    both, now = off["pairs' level and brand-weeks to come"], truth.errors(true, ours, true.future)
    assert both["pair_week"] < min(off["brand-weeks to come"]["pair_week"], off["pairs' level to come"]["pair_week"]) < now["pair_week"]
    assert off["pairs' level of last year"]["brand_week"] == pytest.approx(now["brand_week"], rel=1e-6)


def test_a_table_is_told_for_a_screen_and_for_a_document() -> None:
    table = {"ours": {"pair_week": 0.125, "pairs": 12.0, "bias": float("nan")}}
    assert (
        oracle.text("town", table, markdown=True)
        == "| town | pair week | pairs | bias |\n| --- | --- | --- | --- |\n| ours | 0.1250 | 12 | – |\n"
    )
    assert "0.1250" in oracle.text("town", table, markdown=False)


def test_a_folder_without_a_truth_is_named(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=str(tmp_path)):
        oracle.main([str(tmp_path)])
