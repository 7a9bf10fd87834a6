"""Answers to flags on both databases: only added, undone by id, seen by later nights alone, and forgotten whole."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pandas as pd
import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from ordering import answers, database, frames, tables
from ordering.answers import GROUNDS, LONGEST, VERDICTS, Answer, Verdict
from ordering.database import answers as stored
from ordering.errors import StateError, TrueOrderError
from tests import factories as f

DAY = f.MONDAY - timedelta(days=6)
SAID_ON = f.MONDAY
AT = datetime(2026, 3, 2, 4, 0)
BANQUET = Answer(Verdict.EXPLAINED, "banquet", "婚宴")
WRONG = Answer(Verdict.MISTAKEN, "estimate_wrong", "the till was down")


@pytest.fixture
def flagged(db: database.Database) -> database.Database:
    """Run 1 flagged three lines of R1 and one of R2; a further line of R1 was judged and not flagged."""
    lines = [("O1", "B1", "R1", 30, True), ("O1", "B2", "R1", 8, True), ("O2", "B1", "R1", 20, True), ("O3", "B1", "R2", 40, True),
             ("O2", "B2", "R1", 2, False)]  # fmt: skip
    rows = [
        {"run_id": 1, "order_id": o, "brand_id": b, "retailer_id": r, "order_date": DAY, "requested": q, "expected": 4.0, "score": 0.95,
         "flagged": is_flagged, "reason": "far_above_need"}
        for o, b, r, q, is_flagged in lines
    ]  # fmt: skip
    shops = [f.retailer("R1", account_manager="M1"), f.retailer("R2", account_manager="M2")]
    database.store(db, {"retailers": f.table(frames.RETAILERS, shops)}, folder="city", by="tester", at=AT)
    with db.writing() as tx:
        tx.execute(tables.results["inflated"].insert(), rows)
    return db


def give(db: database.Database, answer: Answer, order_id: str = "O1", brand_id: str = "B1", *, on: date = SAID_ON) -> int:
    return stored.give(db, answer, order_id=order_id, brand_id=brand_id, run_id=1, by="Wang", on=on, at=AT)


def known(db: database.Database, before: date) -> list[dict[str, Any]]:
    with db.reading() as reader:
        return database.read_answers(reader, before).to_dict("records")


def audited(db: database.Database) -> list[tuple[str, str, str]]:
    return [(row["by"], row["action"], row["subject"]) for row in db.rows(sa.select(tables.audit).order_by(tables.audit.c.audit_id))]


def test_an_answer_is_kept_with_who_when_and_why_and_audited(flagged: database.Database) -> None:
    answer_id = give(flagged, BANQUET)
    row = flagged.rows(sa.select(tables.flag_answers))[0]
    assert (row["answered_by"], row["answered_at"], row["note"], row["version"]) == ("Wang", AT, "婚宴", 1)
    assert audited(flagged) == [("Wang", "flags.answer", f"answer {answer_id}")]


def test_a_night_knows_the_answers_of_earlier_days_only(flagged: database.Database) -> None:
    give(flagged, BANQUET)
    assert known(flagged, SAID_ON) == []
    (seen,) = known(flagged, SAID_ON + timedelta(days=1))
    assert (seen["verdict"], seen["retailer_id"], seen["factor"]) == ("explained", "R1", 30 / 4.0)


def test_an_explanation_holds_to_the_end_of_its_order_week_unless_told_otherwise(flagged: database.Database) -> None:
    give(flagged, BANQUET)
    give(flagged, Answer(Verdict.EXPLAINED, "new_site", "school", every_brand=True, until=DAY + timedelta(days=60)), "O2")
    ends = {row["order_id"]: row["until_on"].date() for row in known(flagged, date(2027, 1, 1))}
    assert ends == {"O1": f.week(-1) + timedelta(days=6), "O2": DAY + timedelta(days=60)}


def test_a_later_answer_goes_before_an_earlier_one_and_overwrites_nothing(flagged: database.Database) -> None:
    give(flagged, BANQUET)
    give(flagged, WRONG, on=SAID_ON + timedelta(days=3))
    assert [row["verdict"] for row in known(flagged, SAID_ON + timedelta(days=2))] == ["explained"]
    assert [row["verdict"] for row in known(flagged, SAID_ON + timedelta(days=4))] == ["mistaken"]
    assert [row["version"] for row in flagged.rows(sa.select(tables.flag_answers).order_by(tables.flag_answers.c.answer_id))] == [1, 2]


def test_taking_an_answer_back_brings_the_one_before_back_from_the_next_day_on(flagged: database.Database) -> None:
    give(flagged, BANQUET)
    second = give(flagged, WRONG)
    later = SAID_ON + timedelta(days=5)
    stored.withdraw(flagged, second, by="Li", why="wrong shop", on=later, at=AT)
    assert [row["verdict"] for row in known(flagged, later)] == ["mistaken"]
    assert [row["verdict"] for row in known(flagged, later + timedelta(days=1))] == ["explained"]
    assert audited(flagged)[-1][:2] == ("Li", "flags.withdraw")


@pytest.mark.parametrize(("answer_id", "message"), [(1, "answer 1 was taken back already"), (9, "there is no answer 9")])
def test_what_cannot_be_taken_back_is_told_in_words(flagged: database.Database, answer_id: int, message: str) -> None:
    give(flagged, BANQUET)
    stored.withdraw(flagged, 1, by="Li", why="a slip", on=SAID_ON, at=AT)
    with pytest.raises(StateError, match=message):
        stored.withdraw(flagged, answer_id, by="Li", why="again", on=SAID_ON, at=AT)


def test_a_line_that_was_not_flagged_needs_no_answer(flagged: database.Database) -> None:
    with pytest.raises(StateError, match="run 1 did not flag this line"):
        give(flagged, BANQUET, "O2", "B2")
    with pytest.raises(StateError, match="judged no line of brand B9 in order O1"):
        give(flagged, BANQUET, "O1", "B9")
    assert flagged.rows(sa.select(tables.flag_answers)) == audited(flagged) == []


def test_an_answer_within_another_explanation_is_measured_against_the_plain_need(flagged: database.Database) -> None:
    """The night's need of the second line already holds what the first answer added; that must not make the second worth less."""
    give(flagged, Answer(Verdict.EXPLAINED, "new_site", "school", every_brand=True, until=DAY + timedelta(days=30)))
    with flagged.writing() as tx:
        t = tables.results["inflated"]
        tx.execute(t.update().where(t.c.order_id == "O2").values(expected=4.0 * 7.5, requested=60))
    give(flagged, BANQUET, "O2")
    factors = {row["order_id"]: row["factor"] for row in known(flagged, date(2027, 1, 1))}
    assert factors == {"O1": 7.5, "O2": 60 / 4.0}


def test_an_answer_given_again_keeps_the_measure_of_the_first(flagged: database.Database) -> None:
    give(flagged, BANQUET)
    with flagged.writing() as tx:
        t = tables.results["inflated"]
        tx.execute(t.update().where(t.c.order_id == "O1").values(expected=30.0, flagged=False))
    give(flagged, Answer(Verdict.EXPLAINED, "tourist_season", "longer", until=DAY + timedelta(days=90)))
    assert [row["factor"] for row in known(flagged, date(2027, 1, 1))] == [7.5]


def test_forgetting_a_retailer_leaves_nothing_but_that_it_was_done(flagged: database.Database) -> None:
    give(flagged, BANQUET)
    stored.withdraw(flagged, give(flagged, WRONG), by="Li", why="secret", on=SAID_ON, at=AT)
    give(flagged, WRONG, "O3")
    assert stored.forget(flagged, "R1", by="Zhao", why="by letter", at=AT) == 3
    assert [row["retailer_id"] for row in known(flagged, date(2027, 1, 1))] == ["R2"]
    left = repr(flagged.rows(sa.select(tables.audit))) + repr(flagged.rows(sa.select(tables.flag_answers)))
    assert "婚宴" not in left
    assert "secret" not in left
    assert audited(flagged)[-1] == ("Zhao", "flags.forget", "retailer R1")
    with pytest.raises(StateError, match="nothing was ever answered about retailer R1"):
        stored.forget(flagged, "R1", by="Zhao", why="again", at=AT)


def test_an_id_is_not_given_again_after_its_answer_was_forgotten(flagged: database.Database) -> None:
    gone = give(flagged, BANQUET)
    stored.forget(flagged, "R1", by="Zhao", why="by letter", at=AT)
    assert give(flagged, WRONG, "O3") > gone


def test_a_write_that_fails_leaves_neither_answer_nor_audit(flagged: database.Database, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("the power went")

    monkeypatch.setattr(stored.audit, "record", broken)
    with pytest.raises(RuntimeError):
        give(flagged, BANQUET)
    assert flagged.rows(sa.select(tables.flag_answers)) == []


def test_flags_are_listed_with_their_answers_by_retailer_brand_and_manager(flagged: database.Database) -> None:
    give(flagged, BANQUET)

    def listed(**only: str) -> list[tuple[str, str, object]]:
        chosen = {"retailer": None, "brand": None, "manager": None} | only
        with flagged.reading() as reader:
            found = database.read_flags(reader, 1, **chosen)  # type: ignore[arg-type]
        return [(row.order_id, row.brand_id, row.verdict) for row in found.itertuples()]

    assert [row[:2] for row in listed()] == [("O1", "B1"), ("O1", "B2"), ("O2", "B1"), ("O3", "B1")]
    assert listed()[0][2] == "explained"
    assert [row[:2] for row in listed(manager="M2")] == [("O3", "B1")]
    assert [row[:2] for row in listed(retailer="R1", brand="B2")] == [("O1", "B2")]


def test_requests_changed_on_their_order_day_are_kept_apart_from_corrections(db: database.Database) -> None:
    def ask(requested: int, at: datetime, retailer_id: str = "R1") -> None:
        line = f.line(retailer_id, requested=requested, allocated=None, order_date=DAY)
        database.store(db, {"order_lines": f.table(frames.ORDER_LINES, [line])}, folder="day", by="tester", at=at)

    noon = datetime.combine(DAY, datetime.min.time()) + timedelta(hours=6)
    for minute, asked in enumerate((9999, 40, 3)):
        ask(asked, noon + timedelta(minutes=minute))
    ask(80, noon, "R2")
    ask(5, noon + timedelta(days=2), "R2")
    with db.reading() as reader:
        found = database.read_revisions(reader, f.week(-10), f.MONDAY, before=f.MONDAY)
        sooner = database.read_revisions(reader, f.week(-10), f.MONDAY, before=DAY)
    assert found[["retailer_id", "most"]].to_numpy().tolist() == [["R1", 9999]]
    assert found["cap_seen"].isna().all()
    assert sooner.empty, "a night of the order day itself does not know yet what is changed on it"


# what may be said


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (Answer(Verdict.EXPLAINED, "feared_shortage", "x"), 'reason "feared_shortage": not one for "explained"; there are banquet'),
        (Answer(Verdict.MISTAKEN, "nonsense", "x"), 'reason "nonsense": not one for "mistaken"'),
        (Answer(Verdict.EXPLAINED, "banquet", "  "), "note: say in a few words"),
        (Answer(Verdict.MISTAKEN, "data_wrong", "x", until=DAY), '"mistaken" is about one line'),
        (Answer(Verdict.CONFIRMED, "for_others", "x", every_brand=True), '"confirmed" is about one line'),
        (Answer(Verdict.EXPLAINED, "banquet", "x", until=DAY - timedelta(days=1)), "give a day from 2026-02-24"),
        (Answer(Verdict.EXPLAINED, "banquet", "x", until=DAY + timedelta(days=LONGEST + 1)), "to 366 days after it"),
    ],
)
def test_an_answer_that_does_not_hold_together_is_refused_in_words(answer: Answer, message: str) -> None:
    with pytest.raises(TrueOrderError) as error:
        answers.check(answer, DAY)
    assert message in str(error.value)


def test_every_verdict_and_ground_is_worded_in_both_languages_and_every_verdict_has_grounds() -> None:
    assert list(VERDICTS) == list(Verdict)
    for english, chinese in [*VERDICTS.values(), *((g.english, g.chinese) for g in GROUNDS.values())]:
        assert english.isascii()
        assert any("\u4e00" <= letter <= "\u9fff" for letter in chinese)
    assert all(sum(verdict in g.verdicts for g in GROUNDS.values()) >= 3 for verdict in Verdict)


@given(st.lists(st.tuples(st.integers(0, 2), st.booleans()), max_size=12))
@settings(deadline=None, max_examples=60)
def test_of_each_line_the_newest_answer_not_taken_back_holds(acts: list[tuple[int, bool]]) -> None:
    """Against a stack per line: an answer is put on it, a withdrawal takes its top away."""
    rows: list[dict[str, object]] = []
    stacks: dict[int, list[int]] = {}
    for number, (line, take_back) in enumerate(acts, start=1):
        stack = stacks.setdefault(line, [])
        withdraws = stack.pop() if take_back and stack else None
        if withdraws is None:
            stack.append(number)
        rows.append({"answer_id": number, "order_id": f"O{line}", "brand_id": "B1", "withdraws": withdraws})
    frame = pd.DataFrame(rows, columns=["answer_id", "order_id", "brand_id", "withdraws"]).astype({"withdraws": "Int64"})
    assert set(answers.in_force(frame)["answer_id"]) == {stack[-1] for stack in stacks.values() if stack}
