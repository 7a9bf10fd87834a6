"""The rating's laws: forced shares, monotone in every measure, no matter in which order, unknown is neither good nor bad, steps hold."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from allocation import hashing, star_words, stars
from ordering import frames, ratings, snapshot
from ordering import settings as configured
from ordering.model import LevelReason, Measure
from ordering.settings import RatingSettings
from tests.examples import examples

LAW = settings(max_examples=examples(50), deadline=None)
THIRTY = (1, 1, 2, 2, 3, 3, 3, *[4] * 5, *[5] * 6, *[4] * 5, 3, 3, 3, 2, 2, 1, 1)
NONE = frames.empty(ratings.RATINGS)
MONTH = "2026-03"
DEFAULT = configured.load().rating


def rules(**more: Any) -> RatingSettings:
    return RatingSettings.model_validate(DEFAULT.model_dump() | more)


def city(count: int, seed: int, *, levels: int = 5, unknown: float = 0.3, new: float = 0.1, grid: int = 0) -> pd.DataFrame:
    """ratings.FACTS of made-up retailers; `grid`: measures fall on so many values, so that there are ties."""
    rng = np.random.default_rng(seed)

    def drawn(high: float) -> npt.NDArray[np.float64]:
        value = rng.integers(0, grid, count) / grid if grid else rng.random(count)
        return np.where(rng.random(count) < unknown, np.nan, value * high)

    rows = {
        "retailer_id": [f"{n:08d}" for n in range(count)],
        "area_type": rng.choice(["urban", "rural"], count),
        "business_format": rng.choice(["convenience", "supermarket"], count),
        "district": "D1",
        "street": "S1",
        "previous": rng.integers(1, levels + 1, count),
        "weeks": np.where(rng.random(count) < new, 3, 12),
        "bought": 5.0,
        "sold_share": np.nan,
    }
    measures = {str(m): drawn(high) for m, high in zip(Measure, (60, 1, 30_000, 100, 1), strict=True)}
    return frames.conform(ratings.FACTS, pd.DataFrame(rows | measures))


def places(seed: int) -> st.SearchStrategy[pd.DataFrame]:
    return st.integers(0, seed).map(lambda s: city(40, s, unknown=(s % 3) * 0.3, new=(s % 2) * 0.2, grid=(s % 5) * 2))


CITIES = places(2**32 - 1)


def level_of(rated: stars.Rating, retailer_id: str) -> pd.Series:
    return rated.rows.set_index("retailer_id").loc[retailer_id]


@pytest.mark.parametrize("seed", range(3))
def test_thirty_tiers_of_a_real_city_hit_their_shares_within_half_a_point(seed: int) -> None:
    """15,018 retailers whose levels before were anything, three steps at most: the shares hold to the retailer, and so do the steps."""
    facts = city(15_018, seed, levels=30, new=0.03)
    found = stars.rate(facts, NONE, MONTH, rules(shares=THIRTY, most_steps=3))
    reached = 100 * np.bincount(found.rows["level"], minlength=31)[1:] / len(facts)
    assert np.abs(reached - THIRTY).max() <= 0.01
    old = found.rows["reason"] != LevelReason.NEW_SHOP
    assert (found.rows["level"] - found.rows["previous"]).abs()[old].max() == found.steps == 3


def test_rank_levels_cut_to_the_steps_would_miss_the_shares() -> None:
    """The control of the test above: what it finds is not to be had by leaving those behind who moved too far."""
    facts = city(15_018, 0, levels=30, new=0)
    rows = stars.rate(facts, NONE, MONTH, rules(shares=THIRTY, most_steps=3)).rows
    cut = rows["rank_level"].clip(rows["previous"] - 3, rows["previous"] + 3)
    assert np.abs(100 * np.bincount(cut, minlength=31)[1:] / len(facts) - THIRTY).max() > 0.5


@LAW
@given(CITIES, st.integers(1, 4), st.floats(0, 10))
def test_shares_hold_within_the_tolerance_and_moves_within_the_steps_in_force(facts: pd.DataFrame, steps: int, tolerance: float) -> None:
    found = stars.rate(facts, NONE, MONTH, rules(most_steps=steps, tolerance=tolerance))
    reached = np.bincount(found.rows["level"], minlength=6)[1:]
    assert (np.abs(reached - np.array(DEFAULT.shares) * len(facts) / 100) < max(1, tolerance * len(facts) / 100) + 1e-6).all()
    old = found.rows["reason"] != LevelReason.NEW_SHOP
    assert (found.rows["level"] - found.rows["previous"]).abs()[old].max() <= found.steps


@LAW
@given(CITIES, st.integers(0, 39), st.sampled_from(list(Measure)), st.floats(0, 1), st.integers(1, 4))
def test_more_of_any_measure_never_gives_a_lower_level(facts: pd.DataFrame, at: int, measure: Measure, more: float, steps: int) -> None:
    value = facts.loc[at, str(measure)]
    if np.isnan(value):
        return
    better = facts.copy()
    better.loc[at, str(measure)] = value + more * (ratings.FACTS.column(str(measure)).high or 60_000) - more * value
    before, after = (level_of(stars.rate(f, NONE, MONTH, rules(most_steps=steps)), facts.loc[at, "retailer_id"]) for f in (facts, better))
    assert after["level"] >= before["level"]
    assert after["rank"] <= before["rank"]


def test_more_of_a_measure_does_raise_a_level() -> None:
    """The control of the law above."""
    facts = city(40, 1, new=0)
    last = facts.index[facts["purchases"] == facts["purchases"].min()][0]
    better = facts.assign(purchases=facts["purchases"].where(facts.index != last, 1e6))
    before, after = (level_of(stars.rate(f, NONE, MONTH, rules()), facts.loc[last, "retailer_id"]) for f in (facts, better))
    assert after["rank_level"] > before["rank_level"]


@LAW
@given(CITIES, st.integers(0, 2**32 - 1))
def test_the_order_of_rows_is_of_no_matter_and_the_same_input_gives_the_same_bytes(facts: pd.DataFrame, seed: int) -> None:
    mixed = facts.sample(frac=1, random_state=np.random.default_rng(seed)).reset_index(drop=True)
    found = [snapshot.fingerprint([("r", stars.rate(f, NONE, MONTH, rules()).rows)]) for f in (facts, facts, mixed)]
    assert len(set(found)) == 1


@LAW
@given(CITIES, st.integers(0, 39), st.sampled_from(list(Measure)))
def test_an_unknown_measure_counts_as_if_it_were_not_weighed(facts: pd.DataFrame, at: int, measure: Measure) -> None:
    """The score of the one is that of a rating without the measure; the others' percentiles are those of a city without the one."""
    unknown = facts.copy()
    unknown.loc[at, str(measure)] = np.nan
    left = dict(DEFAULT.weights) | {measure: 0}
    who = facts.loc[at, "retailer_id"]
    found = stars.rate(unknown, NONE, MONTH, rules())
    if level_of(found, who)["reason"] in (LevelReason.NEW_SHOP, LevelReason.NO_MEASURE):
        return
    assert level_of(found, who)["score"] == level_of(stars.rate(unknown, NONE, MONTH, rules(weights=left)), who)["score"]
    without = stars.rate(facts[facts.index != at], NONE, MONTH, rules()).rows
    others = found.rows[found.rows["retailer_id"] != who].reset_index(drop=True)
    column = f"{measure}_percentile"
    pd.testing.assert_series_equal(others[column], without[column])


def test_unknown_is_not_taken_for_nought() -> None:
    """The control of the law above: a shop that sold nothing through stands below the same shop of which that is not known."""
    facts = city(40, 2, unknown=0, new=0)
    who = facts.loc[0, "retailer_id"]
    scores = [level_of(stars.rate(facts.assign(sell_through=facts["sell_through"].where(facts.index > 0, v)), NONE, MONTH, rules()), who)
              ["score"] for v in (0.0, np.nan)]  # fmt: skip
    assert scores[0] < scores[1]


@LAW
@given(CITIES)
def test_a_score_can_be_recomputed_from_what_is_published(facts: pd.DataFrame) -> None:
    rows = stars.rate(facts, NONE, MONTH, rules()).rows
    own = ~rows["reason"].isin([LevelReason.NEW_SHOP, LevelReason.NO_MEASURE])
    total = 50 + rows.loc[own, ratings.names("_points")].sum(axis=1)
    assert np.allclose(rows.loc[own, "score"], total, atol=1e-9)
    for measure in Measure:
        known = rows[f"{measure}_percentile"].notna()
        assert (rows.loc[~known, f"{measure}_points"] == 0).all()
        weight = DEFAULT.weights[measure]
        least = 100 * weight / sum(DEFAULT.weights.values()) * (rows[f"{measure}_percentile"] - 0.5).abs()
        assert (rows.loc[known, f"{measure}_points"].abs() >= least[known] - 1e-4).all()


def test_ties_are_settled_by_the_published_hash_and_another_month_settles_them_otherwise() -> None:
    facts = city(50, 3, unknown=0, new=0).assign(**{str(m): 1.0 for m in Measure})
    orders = []
    for month in ("2026-03", "2026-04"):
        rows = stars.rate(facts, NONE, month, rules()).rows.sort_values("rank")
        ids = rows["retailer_id"].tolist()
        lot = hashing.first_words(ids, [month], np.arange(50), np.zeros(50, np.int64), "stars")
        assert (np.diff(lot.astype(np.int64)) > 0).all()
        orders.append(ids)
    assert orders[0] != orders[1]


# new shops


def test_a_new_shop_stands_in_the_middle_of_its_peers_and_the_shares_still_hold() -> None:
    facts = city(400, 5, new=0.2, unknown=0)
    rows = stars.rate(facts, NONE, MONTH, rules()).rows.merge(facts[["retailer_id", *stars.PEERS]], on="retailer_id")
    new = rows["reason"] == LevelReason.NEW_SHOP
    assert new.sum() == (facts["weeks"] < DEFAULT.least_weeks).sum() > 20
    middle = rows[~new].groupby(stars.PEERS)["score"].median()
    expected = [middle[tuple(row)] for row in rows.loc[new, stars.PEERS].to_numpy()]
    assert np.allclose(rows.loc[new, "score"], expected, atol=1e-4)
    assert rows.loc[new, ratings.names("_percentile")].isna().all(axis=None)
    assert np.bincount(rows["level"])[1:].tolist() == [40, 80, 160, 80, 40]


@pytest.mark.parametrize("entry", [1, 2, 5])
def test_a_new_shop_starts_at_the_configured_level(entry: int) -> None:
    facts = city(400, 6, new=0.05, unknown=0)
    facts["previous"] = stars.rate(facts, NONE, MONTH, rules(entry_level=entry)).rows["rank_level"]
    rows = stars.rate(facts, NONE, MONTH, rules(entry_level=entry)).rows
    assert set(rows.loc[rows["reason"] == LevelReason.NEW_SHOP, "level"]) == {entry}


def test_a_city_of_new_shops_alone_is_rated_by_lot() -> None:
    rows = stars.rate(city(20, 7, new=1.0), NONE, MONTH, rules(most_steps=5)).rows
    assert set(rows["reason"]) == {LevelReason.NEW_SHOP}
    assert np.bincount(rows["level"])[1:].tolist() == [2, 4, 8, 4, 2]


# reasons and words


def test_every_level_that_is_not_the_ranks_says_why() -> None:
    rows = stars.rate(city(2_000, 8, levels=5, new=0), NONE, MONTH, rules(most_steps=1)).rows
    reason, step = rows["reason"], rows["level"] - rows["previous"]
    assert (rows["level"] == rows["rank_level"])[reason == LevelReason.RANK].all()
    up, down = reason == LevelReason.STEPS_UP, reason == LevelReason.STEPS_DOWN
    assert up.sum() > 50
    assert down.sum() > 50
    assert (step[up] == 1).all()
    assert (step[down] == -1).all()
    assert (rows["level"] < rows["rank_level"])[up].all()
    assert (rows["level"] > rows["rank_level"])[down].all()
    assert (rows["level"] != rows["rank_level"])[reason == LevelReason.PLACES].all()


def test_what_moved_a_level_most_is_told_against_the_rating_before() -> None:
    facts = city(60, 9, unknown=0, new=0)
    before = stars.rate(facts, NONE, "2026-02", rules()).rows
    last = before.sort_values("rank")["retailer_id"].iloc[-1]
    better = facts.assign(
        previous=before["level"], structure=facts["structure"].where(facts["retailer_id"] != last, 1e6),
        integrity=facts["integrity"].where(facts["retailer_id"] != last, 100.0),
    )  # fmt: skip
    after = level_of(stars.rate(better, before, MONTH, rules(weights=dict.fromkeys(Measure, 20))), last)
    change = {m: after[f"{m}_points"] - level_of(stars.Rating(before, 0, 0), last)[f"{m}_points"] for m in Measure}
    assert after["level"] > after["previous"]
    assert after["moved_by"] == max(change, key=lambda m: change[m])


@pytest.mark.parametrize("language", star_words.LANGUAGES)
def test_a_sheet_names_every_measure_and_what_is_not_known(language: str) -> None:
    rated = stars.rate(city(60, 10, unknown=0.4), NONE, MONTH, rules())
    plain = rules().model_dump(mode="json")
    for row in rated.rows.to_dict("records"):
        lines = star_words.sheet(row, steps=1, rated=60, rules=plain, language=language)
        assert len(lines) == 7
        at = star_words.LANGUAGES.index(language)
        for measure, line in zip(Measure, lines[1:6], strict=True):
            assert line.startswith(star_words.MEASURES[measure][at])
            assert (star_words.UNKNOWN[at] in line) == bool(np.isnan(row[f"{measure}_percentile"]))


def test_every_reason_is_worded_in_both_languages() -> None:
    assert list(star_words.REASONS) == list(LevelReason)
    assert list(star_words.MEASURES) == list(star_words.VALUES) == list(Measure)
    for english, chinese in [*star_words.REASONS.values(), *star_words.MEASURES.values(), star_words.MOVED, star_words.HEADLINE]:
        assert english.isascii()
        assert any("一" <= letter <= "鿿" for letter in chinese)
    with pytest.raises(ValueError, match="no texts in 'fr'"):
        star_words.why({"reason": "RANK", "moved_by": ""}, steps=1, language="fr")


def test_forty_thousand_retailers_of_thirty_tiers_are_rated_in_seconds() -> None:
    facts, thirty = city(40_000, 11, levels=30), rules(shares=THIRTY, most_steps=3)
    stars.rate(facts.head(50), NONE, MONTH, thirty)
    begun = time.process_time()
    stars.rate(facts, NONE, MONTH, thirty)
    assert time.process_time() - begun < 5
