"""The satisfaction index, its interval, expected against received, and how complaints stand: laws first."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume
from hypothesis import given as drawn
from hypothesis import settings as tried
from hypothesis import strategies as st

from ordering import complaints, expected, satisfaction, settings
from ordering.errors import SettingsError, TrueOrderError
from ordering.satisfaction import HIGHEST, LOWEST, Aspect, Survey
from tests import factories as f

OURS = settings.load().satisfaction.weights
ASPECTS = [str(aspect) for aspect in Aspect]
slowly = tried(deadline=None)
"""No example is to be done within a time: the machine may be busy."""
scores = st.dictionaries(st.sampled_from(Aspect), st.integers(LOWEST, HIGHEST), min_size=1)
wholes = st.fixed_dictionaries({aspect: st.integers(LOWEST, HIGHEST) for aspect in Aspect})
weights = (
    st.lists(st.integers(0, 50), min_size=5, max_size=5)
    .filter(sum)
    .map(lambda parts: {aspect: 100 * part / sum(parts) for aspect, part in zip(Aspect, parts, strict=True)})
)


def frame(given: list[dict[Aspect, int]], **more: list[Any]) -> pd.DataFrame:
    rows = [{str(aspect): said.get(aspect) for aspect in Aspect} for said in given]
    return pd.DataFrame(rows, columns=ASPECTS).astype("Int64").assign(**more)


# the index of one survey


def test_the_weights_are_those_of_the_source() -> None:
    assert [OURS[aspect] for aspect in Aspect] == [32, 22, 19, 16, 11]


@slowly
@drawn(scores, weights)
def test_an_index_lies_between_0_and_100(said: dict[Aspect, int], by: dict[Aspect, float]) -> None:
    found = satisfaction.index(said, by)
    assert found is None or 0 <= found <= 100 + 1e-9


@slowly
@drawn(wholes, st.sampled_from(Aspect), weights)
def test_a_better_score_never_lowers_the_index_and_raises_it_where_the_aspect_counts(
    said: dict[Aspect, int], aspect: Aspect, by: dict[Aspect, float]
) -> None:
    assume(said[aspect] < HIGHEST)
    before, after = (satisfaction.index(said | {aspect: said[aspect] + more}, by) for more in (0, 1))
    assert before is not None
    assert after is not None
    assert after - before == pytest.approx(by[aspect] / 4)


@slowly
@drawn(scores, weights)
def test_all_the_best_is_100_and_all_the_worst_0_whatever_was_left_blank(said: dict[Aspect, int], by: dict[Aspect, float]) -> None:
    assume(sum(by[aspect] for aspect in said) > 0)
    assert satisfaction.index(dict.fromkeys(said, HIGHEST), by) == pytest.approx(100)
    assert satisfaction.index(dict.fromkeys(said, LOWEST), by) == pytest.approx(0)


def test_an_aspect_left_blank_is_not_an_aspect_scored_in_the_middle() -> None:
    assert satisfaction.index({Aspect.RELIABILITY: 5}, OURS) == 100
    assert satisfaction.index({Aspect.RELIABILITY: 5} | dict.fromkeys(list(Aspect)[1:], 3), OURS) == pytest.approx(66)
    assert satisfaction.index({}, OURS) is None


# weights


@pytest.mark.parametrize(
    ("changed", "said"),
    [({Aspect.RELIABILITY: 33.0}, "add up to 101"), ({Aspect.RELIABILITY: -1.0, Aspect.EMPATHY: 49.0}, "below 0"), (None, "none for")],
)
def test_weights_that_are_not_shares_of_100_are_refused(changed: dict[Aspect, float] | None, said: str) -> None:
    wrong = {Aspect.RELIABILITY: 100.0} if changed is None else {**OURS, **changed}
    with pytest.raises(TrueOrderError, match=said):
        satisfaction.index({Aspect.RELIABILITY: 3}, wrong)
    with pytest.raises(TrueOrderError, match=said):
        satisfaction.aggregate(frame([{Aspect.RELIABILITY: 3}]), wrong)


def test_settings_whose_weights_do_not_add_up_are_refused_by_name(tmp_path: Any) -> None:
    file = tmp_path / "own.toml"
    file.write_text("[satisfaction.weights]\nreliability = 33\n", "utf-8")
    with pytest.raises(SettingsError, match=r"own\.toml: satisfaction\.weights .* add up to 101, not to 100"):
        settings.load(file)
    file.write_text("[satisfaction.weights]\nreliability = 31\ntangibles = 12\n", "utf-8")
    assert settings.load(file).satisfaction.weights[Aspect.TANGIBLES] == 12


# over retailers


@slowly
@drawn(st.lists(st.tuples(wholes, st.sampled_from("AB")), min_size=1, max_size=12))
def test_the_index_of_all_lies_between_those_of_the_parts_and_counts_each_voice(given: list[tuple[dict[Aspect, int], str]]) -> None:
    surveys = frame([said for said, _ in given], group=[group for _, group in given])
    parts, whole = satisfaction.aggregate(surveys, OURS, ["group"]), satisfaction.aggregate(surveys, OURS).iloc[0]
    assert parts["index"].min() - 1e-9 <= whole["index"] <= parts["index"].max() + 1e-9
    assert parts["answers"].sum() == whole["answers"] == len(given)
    assert whole["index"] == pytest.approx(np.mean([satisfaction.index(said, OURS) for said, _ in given]))


@slowly
@drawn(st.lists(scores, min_size=1, max_size=12))
def test_the_interval_holds_the_index_and_stays_within_its_bounds(given: list[dict[Aspect, int]]) -> None:
    found = satisfaction.aggregate(frame(given), OURS).iloc[0]
    assert 0 <= found["index_low"] <= found["index"] + 1e-9
    assert found["index"] - 1e-9 <= found["index_high"] <= 100


def test_a_voice_that_left_much_blank_weighs_less_so_it_is_a_ratio_of_sums_and_no_mean() -> None:
    surveys = [dict.fromkeys(Aspect, 5), {Aspect.TANGIBLES: 1}]
    found = satisfaction.aggregate(frame(surveys), OURS).iloc[0]
    assert found["index"] == pytest.approx(100 * 100 / 111)
    assert found["index"] != pytest.approx(np.mean([satisfaction.index(said, OURS) for said in surveys]))
    assert (found["answers"], found["score_tangibles"], found["score_empathy"]) == (2, 3.0, 5.0)


def test_who_answered_nothing_that_counts_is_no_voice() -> None:
    only = dict.fromkeys(Aspect, 0.0) | {Aspect.RELIABILITY: 100.0}
    found = satisfaction.aggregate(frame([{Aspect.RELIABILITY: 4}, {Aspect.EMPATHY: 1}]), only).iloc[0]
    assert (found["answers"], found["index"]) == (1, 75.0)


def test_nobody_who_answered_gives_no_index_and_not_0() -> None:
    found = satisfaction.aggregate(frame([]), OURS).iloc[0]
    assert found["answers"] == 0
    assert found[["index", "index_low", "index_high"]].isna().all()


def test_three_who_agree_say_little_and_sixty_say_more() -> None:
    content = dict.fromkeys(Aspect, 5)
    three, sixty = (satisfaction.aggregate(frame([content] * n), OURS).iloc[0] for n in (3, 60))
    assert three["index"] == sixty["index"] == three["index_high"] == 100
    assert three["index_low"] < 50
    assert sixty["index_low"] > 90


@pytest.mark.parametrize("answers", [2, 5, 20, 80])
def test_the_interval_holds_the_truth_as_often_as_it_says(answers: int) -> None:
    rng, draws, chances = np.random.default_rng(7), 400, [0.05, 0.1, 0.2, 0.35, 0.3]
    mood = rng.choice(5, answers * draws, p=chances) + 1
    own = {name: np.where(rng.random(len(mood)) < 0.6, mood, rng.choice(5, len(mood), p=chances) + 1) for name in ASPECTS}
    found = satisfaction.aggregate(pd.DataFrame(own).assign(draw=np.repeat(range(draws), answers)), OURS, ["draw"])
    truth = 25 * np.dot(chances, range(5))
    assert ((found["index_low"] <= truth) & (truth <= found["index_high"])).mean() >= 0.935
    assert answers < 80 or (found["index_high"] - found["index_low"]).mean() < 12, "and is of use"


def test_a_retailer_has_one_voice_its_newest() -> None:
    surveys = frame([{Aspect.EMPATHY: n} for n in (1, 2, 3)], retailer_id=["R1", "R2", "R1"], survey_id=[1, 2, 3])
    assert satisfaction.newest(surveys)[["retailer_id", "survey_id"]].to_numpy().tolist() == [["R1", 3], ["R2", 2]]


@pytest.mark.parametrize(
    ("survey", "said"),
    [
        (Survey({}), "answer one question"),
        (Survey({Aspect.EMPATHY: 6}), "empathy 6; a score"),
        (Survey({Aspect.EMPATHY: 0}), "a score"),
        (Survey({Aspect.EMPATHY: 3}, "x" * 1001), "1001 characters"),
    ],
)
def test_a_survey_that_says_nothing_or_too_much_is_refused(survey: Survey, said: str) -> None:
    with pytest.raises(TrueOrderError, match=said):
        satisfaction.checked(survey)


# expected against received


def lines(*rows: tuple[str, str, int, int, int]) -> pd.DataFrame:
    named = [(r, b, pd.Timestamp(f.week(w)), asked, got) for r, b, w, asked, got in rows]
    return pd.DataFrame(named, columns=[*expected.KEY, "requested", "received"]).astype({"week": "datetime64[us]"})


def hints(*rows: tuple[str, str, int, int]) -> pd.DataFrame:
    named = [(r, b, pd.Timestamp(f.week(w)), count) for r, b, w, count in rows]
    return pd.DataFrame(named, columns=[*expected.KEY, "suggested"]).astype({"week": "datetime64[us]"})


def test_what_was_asked_and_suggested_stands_against_what_was_received_month_by_month() -> None:
    asked = lines(("R1", "B1", 0, 10, 6), ("R1", "B2", 0, 4, 4), ("R1", "B1", 1, 5, 5), ("R1", "B1", -1, 9, 3), ("R2", "B1", 0, 1, 0))
    told = hints(("R1", "B1", 0, 8), ("R1", "B3", 1, 2))
    found = expected.against(asked, told, "month").set_index(["retailer_id", "period"])
    assert found.loc[("R1", "2026-03")].to_dict() == {
        "requested": 19, "received": 15, "gap": 4, "suggested": 10, "received_of_suggested": 6, "gap_to_suggested": 4, "weeks": 2,
        "weeks_suggested": 2,
    }  # fmt: skip
    assert found.loc[("R1", "2026-02"), ["requested", "received", "gap"]].tolist() == [9, 3, 6]


def test_a_suggestion_that_nobody_kept_is_unknown_and_not_nothing() -> None:
    found = expected.against(lines(("R1", "B1", 0, 10, 6)), hints(), "month")
    assert found[["suggested", "received_of_suggested", "gap_to_suggested"]].isna().all(axis=None)
    assert found["weeks_suggested"].tolist() == [0]
    of_nothing = expected.against(lines(("R1", "B1", 0, 10, 6)), hints(("R1", "B1", 0, 0)), "month")
    assert of_nothing[["suggested", "received_of_suggested", "gap_to_suggested"]].to_numpy().tolist() == [[0, 6, -6]], "the control"


@slowly
@drawn(st.lists(st.tuples(st.sampled_from("AB"), st.sampled_from("xy"), st.integers(-9, 0), st.integers(0, 9), st.integers(0, 9))))
def test_nothing_is_lost_or_counted_twice(rows: list[tuple[str, str, int, int, int]]) -> None:
    asked = lines(*{row[:3]: row for row in rows}.values())
    for period in ("month", "year"):
        found = expected.against(asked, hints(), period)
        assert found[["requested", "received", "gap"]].sum().tolist() == [
            asked["requested"].sum(), asked["received"].sum(), (asked["requested"] - asked["received"]).sum(),
        ]  # fmt: skip


# complaints


def test_how_complaints_stand_counts_open_ones_and_takes_the_median_of_the_others() -> None:
    opened = datetime(2026, 3, 2, 4)
    days = [1, 2, 9, None]
    rows = pd.DataFrame(
        {"at": [*"AAAA", "B"], "opened_at": opened, "closed_at": [opened + timedelta(days=d) if d else None for d in [*days, None]]}
    )
    found = complaints.standing(rows.astype({"opened_at": "datetime64[us]", "closed_at": "datetime64[us]"}), ["at"])
    assert found.iloc[0].tolist() == ["A", 1, 3, 2.0]
    assert found.iloc[1, :3].tolist() == ["B", 1, 0]
    assert np.isnan(found.loc[1, "days_to_close"])
