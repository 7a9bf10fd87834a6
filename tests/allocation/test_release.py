"""Caps of a brand and week: equal to brute force, monotone, and nearer to the plan than caps that are planned on release."""

from __future__ import annotations

import itertools
import time
from typing import Any

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest

from allocation import release, take_up

many = hypothesis.settings(max_examples=200, deadline=None)


@st.composite
def brands(draw: st.DrawFn, *, levels: int = 5, caps: int = 5) -> dict[str, Any]:
    """A brand: concave take-up by level and cap, weights, retailers, packs and a plan."""
    count, most = draw(st.integers(1, levels)), draw(st.integers(1, caps))
    gain = st.lists(st.floats(0, 20), min_size=most, max_size=most).map(lambda steps: sorted(steps, reverse=True))
    steps = np.array(draw(st.lists(gain, min_size=count, max_size=count)))
    expected = np.concatenate([np.zeros((count, 1)), np.cumsum(steps, axis=1)], axis=1)
    weights = st.lists(st.sampled_from([0.5, 1.0, 2.0, 3.0, 5.0]), min_size=count, max_size=count).map(sorted)
    pack = draw(st.sampled_from([1, 1, 1, 2]))
    return {
        "expected": expected,
        "plan": draw(st.integers(0, max(1, int(1.2 * expected[:, -1].sum())))),
        "weight": np.array(draw(weights)),
        "retailers": np.array(draw(st.lists(st.integers(0, 40), min_size=count, max_size=count)), np.int64),
        "ladder": release.ladder(most, pack, draw(st.sampled_from([1, 1, 2, 3]))),
        "tolerance": draw(st.sampled_from([0, 0, 0, 4])),
    }


def monotone(levels: int, ladder: np.ndarray) -> Any:
    """All caps that are never higher for a lower level."""
    return (cap for cap in itertools.product(ladder.tolist(), repeat=levels) if all(a <= b for a, b in itertools.pairwise(cap)))


def objective(brand: dict[str, Any], cap: Any, line: np.ndarray) -> tuple[int, int]:
    """The two parts of the objective as ADR 16 defines them, from nothing but the inputs and the line."""
    parts, scale = release.in_parts(brand["expected"], brand["plan"])
    away = abs(sum(int(parts[level, c]) for level, c in enumerate(cap)) / scale - brand["plan"])
    miss = max(int(away + 0.5) - brand["tolerance"], 0)
    distance = sum(max(int(n), 1) * abs(1000 * c - round(1000 * x)) for n, c, x in zip(brand["retailers"], cap, line, strict=True))
    return miss, int(distance)


def least(brand: dict[str, Any], line: np.ndarray) -> tuple[int, int]:
    return min(objective(brand, cap, line) for cap in monotone(len(line), brand["ladder"]))


@hypothesis.settings(max_examples=600, deadline=None)
@hypothesis.given(brands())
def test_chosen_caps_are_the_best_by_brute_force_in_both_parts_of_the_objective(brand: dict[str, Any]) -> None:
    found = release.choose(**brand)
    assert (found.miss, found.distance) == least(brand, found.line)
    assert (found.miss, found.distance) == objective(brand, found.cap.tolist(), found.line)


def test_caps_rounded_from_the_line_are_not_the_best() -> None:
    """The control: the line in whole cartons, which is what one would do by hand, misses the plan far more often than not."""
    rng, worse = np.random.default_rng(2), 0
    for _ in range(300):
        steps = -np.sort(-rng.uniform(0, 20, (4, 4)), axis=1)
        expected = np.concatenate([np.zeros((4, 1)), np.cumsum(steps, axis=1)], axis=1)
        brand = {
            "expected": expected, "plan": int(rng.integers(0, 120)), "weight": np.arange(1.0, 5.0),
            "retailers": np.full(4, 20), "ladder": release.ladder(4), "tolerance": 0,
        }  # fmt: skip
        found = release.choose(**brand)
        by_hand = np.clip(np.round(found.line), 0, 4).astype(int)
        worse += objective(brand, by_hand.tolist(), found.line) > (found.miss, found.distance)
    assert worse > 200


@many
@hypothesis.given(brands(levels=8, caps=12))
def test_caps_are_whole_packs_and_never_higher_for_a_lower_level(brand: dict[str, Any]) -> None:
    cap = release.choose(**brand).cap
    assert (np.diff(cap) >= 0).all()
    assert np.isin(cap, brand["ladder"]).all()


def taken(brand: dict[str, Any], cap: np.ndarray) -> float:
    return float(brand["expected"][np.arange(len(cap)), cap].sum())


@many
@hypothesis.given(brands(levels=8, caps=12), st.integers(0, 30))
def test_a_larger_plan_never_lowers_what_is_taken_up(brand: dict[str, Any], more: int) -> None:
    """But for the grain in which take-up is added up, and the half carton within which misses are equal."""
    brand["tolerance"] = 0
    larger = brand | {"plan": brand["plan"] + more}
    grain = len(brand["weight"]) / release.FINEST + 1
    assert taken(larger, release.choose(**larger).cap) >= taken(brand, release.choose(**brand).cap) - grain


@many
@hypothesis.given(brands(levels=6, caps=8), st.sampled_from([2, 4, 16]))
def test_a_city_so_many_times_as_large_misses_no_more_than_as_many_times(brand: dict[str, Any], times: int) -> None:
    """Every shop `times` over, and the plan too: the same caps would do, so the miss can only get relatively smaller."""
    brand["tolerance"] = 0
    larger = brand | {"expected": times * brand["expected"], "plan": times * brand["plan"], "retailers": times * brand["retailers"]}
    small, large = release.choose(**brand), release.choose(**larger)
    assert large.level == pytest.approx(small.level, rel=0.3) or small.level == 0 or brand["plan"] >= brand["expected"][:, -1].sum() - 1
    assert large.miss <= times * (small.miss + 0.5) + times * len(brand["weight"]) / 16 + 1


@many
@hypothesis.given(brands(levels=6, caps=8))
def test_the_line_is_the_lowest_that_takes_up_the_plan(brand: dict[str, Any]) -> None:
    steps, ladder, weight = brand["expected"][:, brand["ladder"]], brand["ladder"], brand["weight"]
    level = release.line_level(steps, brand["plan"], weight, ladder)

    def under(at: float) -> float:
        return sum(float(np.interp(w * at, ladder, row)) for w, row in zip(weight, steps, strict=True))

    wanted = max(min(brand["plan"], steps[:, -1].sum() - 0.5), 0)
    assert under(level) == pytest.approx(wanted, abs=1e-3)
    assert level == 0 or under(0.99 * level - 1e-5) <= wanted


@many
@hypothesis.given(brands(levels=5, caps=6))
def test_the_next_steps_are_the_best_single_ones_that_stay_monotone(brand: dict[str, Any]) -> None:
    found, levels = release.choose(**brand), len(brand["weight"])
    need = take_up.Need(brand["retailers"], brand["retailers"], np.zeros(levels), brand["expected"], brand["expected"])
    ladder, plan = brand["ladder"], brand["plan"]
    for by in (1, -1):
        step = release.step(found.cap, need, brand["expected"], plan, ladder, by)
        at = np.searchsorted(ladder, found.cap)
        others = []
        for row in range(levels):
            moved = at.copy()
            moved[row] += by
            if 0 <= moved[row] < len(ladder) and (np.diff(moved) >= 0).all() and brand["retailers"][row]:
                others.append(abs(taken(brand, ladder[moved]) - plan))
        assert (step is None) == (not others)
        if step is not None:
            assert abs(step.residual) == pytest.approx(min(others))


def city(levels: int = 30, shops: int = 500, seed: int = 3) -> take_up.Need:
    """A city in which most shops need a carton of the brand every few weeks, as in the real one."""
    rng = np.random.default_rng(seed)
    group = np.repeat(np.arange(levels), shops)
    mean = rng.gamma(0.5, 2 * 0.1 * 1.08**group)
    return take_up.tabulate(mean, np.full(len(mean), 0.5), np.ones(len(mean), np.int64), group, groups=levels, most=40)


def planned_on_release(plan: int, weight: np.ndarray, retailers: np.ndarray) -> np.ndarray:
    """What is done where a plan is taken for what is released: Σ cap × retailers = plan, nearest to the line of the weights."""
    caps = np.arange(41)
    return release.choose(retailers[:, None] * caps[None, :].astype(float), plan, weight, retailers, release.ladder(40)).cap


def test_planning_on_release_misses_the_plan_by_far_and_planning_on_take_up_does_not() -> None:
    """The control that the whole file stands on."""
    need, weight = city(), np.arange(1.0, 31.0)
    plan = int(0.6 * need.need.sum())
    ours = release.choose(need.within, plan, weight, need.retailers, release.ladder(40))
    theirs = planned_on_release(plan, weight, need.retailers)
    assert abs(taken({"expected": need.within}, ours.cap) - plan) <= 1.5
    assert abs(taken({"expected": need.within}, theirs) - plan) > 0.5 * plan


def test_thirty_levels_and_forty_caps_take_well_under_a_second() -> None:
    need, weight = city(), np.arange(1.0, 31.0)
    release.choose(need.within, 100, weight, need.retailers, release.ladder(40))  # compiles
    begun = time.perf_counter()
    found = release.choose(need.within, int(0.6 * need.need.sum()), weight, need.retailers, release.ladder(40))
    assert time.perf_counter() - begun < 1.0
    assert found.miss == 0


def test_figures_are_ratios_of_sums() -> None:
    need = city(levels=5, shops=50)
    found = release.choose(need.within, 20, np.arange(1.0, 6.0), need.retailers, release.ladder(40))
    rows = release.figures(found, need, need.within)
    assert rows["released"].tolist() == (found.cap * 50).tolist()
    assert rows["expected"].sum() == pytest.approx(20, abs=1.5)
    none = rows[rows["cap"] == 0]
    assert none["take_up"].isna().all()
    assert (none["covered"] == 0).all()
    some = rows[rows["cap"] > 0]
    assert (some["take_up"] == some["expected"] / some["released"]).all()
    assert ((some["whole_need"] < some["fulfilment"]) & (some["fulfilment"] <= 1)).all()


def test_a_plan_beyond_all_need_takes_the_lowest_caps_that_let_everything_be_taken() -> None:
    need = city(levels=5, shops=50)
    ladder = release.ladder(release.highest(need.within))
    found = release.choose(need.within, 10_000, np.arange(1.0, 6.0), need.retailers, ladder)
    assert taken({"expected": need.within}, found.cap) > need.need.sum() - 2
    assert found.cap.max() < 40


def test_nothing_planned_is_nothing_released() -> None:
    need = city(levels=5, shops=50)
    found = release.choose(need.within, 0, np.arange(1.0, 6.0), need.retailers, release.ladder(40))
    assert not found.cap.any()
    assert (found.miss, found.distance, found.level) == (0, 0, 0.0)
