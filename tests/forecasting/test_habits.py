"""Habits out of judged lines that are made up here, so that what is true is known."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasting import habits
from jobs import conduct_words
from ordering import conduct, frames
from ordering.conduct import Habit, Reaction, Trend
from ordering.settings import HabitSettings
from tests import factories as f

RULES = HabitSettings(least_lines=20, least_weeks=4, recent_weeks=8)
WEEKS, BRANDS = 26, 8


def city(shops: int) -> frames.Snapshot:
    return f.snapshot(
        retailers=[f.retailer(f"R{r:03}") for r in range(shops)],
        brands=[f.brand(f"B{b}") for b in range(BRANDS)],
        lines=[f.line("R000", "B0")],
    )


def lines(flagged: np.ndarray, *, asked: np.ndarray | None = None) -> pd.DataFrame:
    """frames.INFLATED of shops × weeks × brands, weeks ascending to the last before the business week; need is 4 everywhere."""
    weeks = flagged.shape[1]
    r, w, b = (index.ravel() for index in np.indices(flagged.shape))
    said = flagged.ravel()
    return frames.conform(frames.INFLATED, pd.DataFrame({
        "order_id": [f"O{i:03}-{j:02}" for i, j in zip(r, w, strict=True)], "retailer_id": [f"R{i:03}" for i in r],
        "brand_id": [f"B{i}" for i in b],
        "order_date": pd.Timestamp(f.MONDAY) + pd.to_timedelta(7 * (w - weeks) + 1, unit="D"),
        "requested": np.where(said, 12, 4) if asked is None else asked.ravel(), "expected": 4.0, "score": np.where(said, 0.97, 0.1),
        "flagged": said, "reason": np.where(said, "far_above_need;rises_with_shortage", ""),
    }))  # fmt: skip


def drawn(rates: Sequence[float], *, seed: int = 0, weeks: int = WEEKS) -> np.ndarray:
    """Flags that fall independently, one rate per shop."""
    return np.random.default_rng(seed).random((len(rates), weeks, BRANDS)) < np.asarray(rates)[:, None, None]


def tight(*brands: str) -> pd.DataFrame:
    """Which brands were short, in every week."""
    weeks = pd.date_range(end=pd.Timestamp(f.week(-1)), periods=WEEKS, freq="7D", unit="us")
    rows = [(f"B{b}", week, f"B{b}" in brands) for b in range(BRANDS) for week in weeks]
    return pd.DataFrame(rows, columns=["brand_id", "week", "tight"])


def measured(flags: np.ndarray | pd.DataFrame, short: pd.DataFrame | None = None) -> pd.DataFrame:
    table = lines(flags) if isinstance(flags, np.ndarray) else flags
    found = habits.measure(city(table["retailer_id"].nunique()), table, tight() if short is None else short, RULES)
    return frames.validated(conduct.HABITS, found).set_index("retailer_id")


MIXED = [0.0] * 30 + [0.4] * 20


def test_those_who_inflate_often_and_seldom_are_told_apart() -> None:
    found = measured(drawn(MIXED))
    assert (found["habit"][:30] == Habit.SELDOM).all()
    assert (found["habit"][30:] == Habit.OFTEN).all()
    assert (found["reason"][30:] == "rises_with_shortage").all()
    assert (found["lines"] == WEEKS * BRANDS).all()
    assert (found["weeks"] == WEEKS).all()


def test_the_interval_holds_the_true_rate_nine_times_in_ten() -> None:
    rates = np.random.default_rng(5).beta(0.6, 2.4, 600)
    found = measured(drawn(rates, seed=6, weeks=2))
    inside = (found["rate_low"] <= rates) & (rates <= found["rate_high"])
    assert 0.85 <= inside.mean() <= 0.95
    shrunk, raw = ((value - rates).pow(2).mean() for value in (found["rate"], found["flagged"] / found["lines"]))
    assert shrunk < 0.9 * raw


def test_flags_that_come_in_whole_orders_are_less_evidence_than_as_many_that_come_alone() -> None:
    rates = np.linspace(0.0, 0.8, 40)
    together = np.repeat(drawn(rates)[:, :, :1], BRANDS, axis=2)
    width = [(found["rate_high"] - found["rate_low"]).median() for found in (measured(drawn(rates)), measured(together))]
    assert width[1] > 2 * width[0], "eight lines of an order are one piece of evidence: √8 times as wide"


def test_of_few_lines_nothing_is_said() -> None:
    flags = drawn(MIXED)
    table = lines(flags)
    few = (table["retailer_id"] == "R040") & (table["order_date"] < pd.Timestamp(f.week(-2)))
    found = measured(table[~few].reset_index(drop=True))
    assert found.loc["R040", ["habit", "trend", "shortage"]].tolist() == [Habit.CANNOT_TELL, Trend.CANNOT_TELL, Reaction.CANNOT_TELL]
    assert found.loc["R041", "habit"] != Habit.CANNOT_TELL


@given(st.integers(0, WEEKS * BRANDS - 1), st.integers(1, 60))
@settings(deadline=None, max_examples=8)
def test_more_flags_never_lower_a_retailers_rate(first: int, more: int) -> None:
    flags = drawn(MIXED[28:36])
    worse = flags.copy()
    worse[3].ravel()[first : first + more] = True
    rate = [measured(value).loc["R003", "rate"] for value in (flags, worse)]
    assert rate[1] >= rate[0] - 1e-12


def answered(flags: np.ndarray, code: str, count: int) -> pd.DataFrame:
    """The first `count` flagged lines of the last shop are answered."""
    table = lines(flags)
    his = table.index[(table["retailer_id"] == f"R{len(flags) - 1:03}") & table["flagged"]][:count]
    table.loc[his, "reason"] += f";{code}"
    table.loc[his, "flagged"] = code == "confirmed"
    return table


def test_answers_weigh_more_than_flags_each_in_its_direction() -> None:
    flags = drawn([0.0] * 20 + [0.15] * 20)
    plain = measured(flags).iloc[-1]
    rate = {code: measured(answered(flags, code, 12)).iloc[-1] for code in ("mistaken", "confirmed", "explained")}
    assert rate["mistaken"]["rate"] < rate["explained"]["rate"] < plain["rate"]
    assert rate["confirmed"]["rate"] >= plain["rate"]
    assert [rate[code][code] for code in rate] == [12, 12, 12]
    assert rate["explained"]["lines"] == plain["lines"] - 12
    assert rate["mistaken"]["probable"] < plain["probable"] < rate["confirmed"]["probable"]


def test_a_confirmed_line_counts_whole_where_a_flag_of_its_order_counts_in_part() -> None:
    together = np.repeat(np.random.default_rng(1).random((40, WEEKS, 1)) < 0.2, BRANDS, axis=2)
    plain, confirmed = measured(together), measured(answered(together, "confirmed", 8))
    assert confirmed["rate"].iloc[-1] > plain["rate"].iloc[-1] + 0.02
    np.testing.assert_allclose(confirmed["rate"].iloc[:-1], plain["rate"].iloc[:-1], atol=0.03)


@pytest.mark.parametrize("code", ["cap_echo", "probe", "unknown_pair", "explained"])
def test_lines_that_say_nothing_of_the_habit_are_counted_beside_it(code: str) -> None:
    table = lines(drawn(MIXED))
    theirs = table["brand_id"] == "B0"
    table.loc[theirs, ["reason", "flagged"]] = [code, False]
    found = measured(table)
    column = {"cap_echo": "echoes", "probe": "probes", "unknown_pair": "unknown", "explained": "explained"}[code]
    assert (found[column] == WEEKS).all()
    assert (found["lines"] == WEEKS * (BRANDS - 1)).all()


# trend


def changed(before: float, after: float) -> pd.DataFrame:
    """Ten shops of a hundred change their rate eight weeks before the end; the others keep the first."""
    flags = drawn([before] * 100, seed=2)
    flags[90:, -8:] = np.random.default_rng(3).random((10, 8, BRANDS)) < after
    return measured(flags)


@pytest.mark.parametrize(("before", "after", "trend"), [(0.1, 0.6, Trend.RISING), (0.6, 0.1, Trend.FALLING)])
def test_a_habit_that_changed_is_seen_to_change(before: float, after: float, trend: Trend) -> None:
    found = changed(before, after)
    assert (found["trend"][90:] == trend).all()
    assert (found["trend"][:90] == trend).mean() < 0.05


def test_a_habit_that_stays_hardly_ever_seems_to_change() -> None:
    """The control of the test above: chance alone."""
    found = measured(drawn([0.3] * 400, seed=8))
    assert found["trend"].isin([Trend.RISING, Trend.FALLING]).mean() <= 0.1
    inside = (found["change_low"] <= 0) & (found["change_high"] >= 0)
    assert inside.mean() >= 0.85


def test_more_brands_in_shortage_are_no_change_of_habit() -> None:
    short = tight()
    recent = short["week"] >= pd.Timestamp(f.week(-8))
    number = short["brand_id"].str[1:].astype(int)
    short["tight"] = np.where(recent, number < 7, number < 1)
    chance = np.where(short.pivot(index="week", columns="brand_id", values="tight").to_numpy(), 0.5, 0.02)
    flags = np.random.default_rng(4).random((60, WEEKS, BRANDS)) < chance
    with_shortage, without = measured(flags, short), measured(flags, tight())
    assert (without["trend"] == Trend.RISING).mean() > 0.9, "flags do become many more"
    assert (with_shortage["trend"] == Trend.RISING).mean() < 0.1


# reaction to shortage


def reaction(factor: float) -> pd.Series:
    """Every shop asks `factor` times its need of B0 to B3, which are short, and its need of the others, give or take."""
    rng = np.random.default_rng(9)
    mean = 4.0 * np.where(np.arange(BRANDS) < 4, factor, 1.0) * np.ones((20, WEEKS, 1))
    asked = rng.poisson(mean)
    return measured(lines(np.zeros(asked.shape, bool), asked=asked), tight("B0", "B1", "B2", "B3"))


def test_what_shortage_does_to_requests_is_measured_against_need() -> None:
    for factor, said in ((4.0, Reaction.ASKS_MORE), (1.0, Reaction.NO_DIFFERENT), (1.4, Reaction.NO_DIFFERENT)):
        found = reaction(factor)
        assert (found["shortage"] == said).mean() > 0.9
        assert found["shortage_factor"].median() == pytest.approx(factor, rel=0.1)
        assert ((found["factor_low"] <= factor) & (factor <= found["factor_high"])).mean() > 0.7


def test_where_no_brand_is_short_nothing_is_said_of_shortage() -> None:
    found = measured(drawn(MIXED))
    assert (found["shortage"] == Reaction.CANNOT_TELL).all()
    assert found["shortage_factor"].isna().all()


# all together


def test_the_order_of_the_lines_changes_nothing_and_no_lines_give_an_empty_table() -> None:
    table = lines(drawn(MIXED))
    shuffled = table.sample(frac=1.0, random_state=1).reset_index(drop=True)
    pd.testing.assert_frame_equal(measured(table), measured(shuffled))
    empty = habits.measure(city(3), frames.empty(frames.INFLATED), tight(), RULES)
    assert list(empty.columns) == conduct.HABITS.names
    assert empty.empty


def test_every_habit_is_put_into_words_in_both_languages() -> None:
    found = measured(drawn([*MIXED, 0.15, 0.12]), tight("B0", "B1"))
    said = conduct_words.habits(found)
    assert said["english"].str.contains("lines flagged").all()
    assert said["chinese"].str.contains("行中标记").all()
    assert not said["english"].str.contains(r"nan|\{", regex=True).any()
    assert [len(words) for words in (conduct_words.HABITS, conduct_words.TRENDS, conduct_words.REACTIONS)] == [4, 4, 3]
