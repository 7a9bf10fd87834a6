"""Surveys and complaints on both databases: kept, the newest counts, entries only added, audited, and what was expected beside them."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pandas as pd
import pytest
import sqlalchemy as sa

from jobs import satisfaction as figured
from jobs.exports import COLUMNS
from ordering import database, frames, settings, tables
from ordering.complaints import Entry
from ordering.database import complaints, expected, surveys
from ordering.errors import StateError, TrueOrderError
from ordering.satisfaction import Aspect, Survey
from tests import factories as f
from tests.schema import migrate

AT = datetime(2026, 3, 2, 4, 0)
RULES = settings.load()
SHOPS = tables.contract["retailers"]
MINE = SHOPS.c.account_manager == "M1"
CONTENT, CROSS = dict.fromkeys(Aspect, 5), dict.fromkeys(Aspect, 1)


@pytest.fixture
def city(db: database.Database) -> database.Database:
    """R1 and R2 of manager M1, R3 of M2; lines of two weeks, one of them still waiting."""
    shops = [
        f.retailer("R1", account_manager="M1"),
        f.retailer("R2", account_manager="M1"),
        f.retailer("R3", account_manager="M2", district="D2"),
    ]
    lines = [
        f.line("R1", "B1", 10, 6),
        f.line("R1", "B2", 4, 4),
        f.line("R1", "B1", 9, 3, order_date=f.MONDAY - timedelta(days=20)),
        f.line("R1", "B1", 50, None, order_date=f.MONDAY + timedelta(days=1)),
        f.line("R3", "B1", 7, 7),
    ]
    found = {"retailers": shops, "brands": [f.brand("B1"), f.brand("B2")], "order_lines": lines}
    database.store(db, {n: f.table(frames.CONTRACT[n], rows) for n, rows in found.items()}, folder="city", by="tester", at=AT)
    return db


def answer(db: database.Database, retailer_id: str, scores: dict[Aspect, int], on: date = f.MONDAY) -> int:
    return surveys.answer(db, Survey(scores, "words"), retailer_id=retailer_id, by=retailer_id, on=on, at=AT)


def begin(db: database.Database, retailer_id: str = "R1", *, at: datetime = AT) -> int:
    return complaints.begin(db, retailer_id=retailer_id, subject="delivery", text="两条没到", by=retailer_id, at=at)


def add(db: database.Database, number: int, kind: Entry, text: str = "said", *, days: int = 1) -> int:
    return complaints.add(db, number, kind, text, by="Wang", at=AT + timedelta(days=days))


def audited(db: database.Database) -> list[tuple[str, str, str]]:
    found = db.rows(sa.select(tables.audit).where(tables.audit.c.action != "import").order_by(tables.audit.c.audit_id))
    return [(row["by"], row["action"], row["subject"]) for row in found]


# surveys


def test_the_newest_survey_of_a_month_counts_and_the_older_stays(city: database.Database) -> None:
    first, second = answer(city, "R1", CROSS), answer(city, "R1", CONTENT)
    answer(city, "R1", {Aspect.EMPATHY: 2}, f.MONDAY - timedelta(days=20))
    answer(city, "R3", CROSS)
    assert [row["survey_id"] for row in surveys.of_retailer(city, "R1", months=9)] == [second, 3]
    assert [row["survey_id"] for row in surveys.of_retailer(city, "R1", months=1)] == [second]
    assert len(city.rows(sa.select(tables.surveys).where(tables.surveys.c.survey_id == first))) == 1, "kept"
    with city.reading() as reader:
        found = surveys.of_months(reader, "2026-03", "2026-03")
        mine = surveys.of_months(reader, "2026-03", "2026-03", MINE)
    assert found[["retailer_id", "empathy"]].to_numpy().tolist() == [["R1", 5], ["R3", 1]]
    assert mine["retailer_id"].tolist() == ["R1"]


def test_a_day_belongs_to_the_month_of_its_monday(city: database.Database) -> None:
    answer(city, "R1", CONTENT, date(2026, 4, 1))
    assert surveys.months(city) == ["2026-03"]


def test_an_aspect_left_blank_stays_blank(city: database.Database) -> None:
    answer(city, "R1", {Aspect.TANGIBLES: 4})
    with city.reading() as reader:
        found = surveys.of_months(reader, "2026-03", "2026-03").iloc[0]
    assert found[list(map(str, Aspect))].isna().tolist() == [True, True, True, True, False]


def test_an_empty_survey_writes_nothing(city: database.Database) -> None:
    with pytest.raises(TrueOrderError, match="answer one question"):
        answer(city, "R1", {})
    assert (surveys.months(city), audited(city)) == ([], [])
    answer(city, "R1", CONTENT)
    assert audited(city) == [("R1", "surveys.answer", "survey 1")]


# complaints


def test_a_complaint_stands_open_until_it_is_closed_with_an_outcome(city: database.Database) -> None:
    number = begin(city)
    add(city, number, Entry.FOLLOW_UP, "已上门")
    add(city, number, Entry.CLOSED, "已补送", days=3)
    found = complaints.of_retailer(city, "R1", number)
    assert found is not None
    assert (found["state"], found["outcome"], found["closed_by"], found["closed_at"]) == (
        "closed",
        "已补送",
        "Wang",
        AT + timedelta(days=3),
    )
    assert [(row["kind"], row["text"]) for row in complaints.entries(city, number)] == [("follow_up", "已上门"), ("closed", "已补送")]
    names = [f"complaints.{kind}" for kind in ("open", "follow_up", "closed")]
    assert audited(city) == [(by, name, f"complaint {number}") for by, name in zip(("R1", "Wang", "Wang"), names, strict=True)]
    assert "补送" not in str(city.rows(sa.select(tables.audit))), "the audit holds no words"


@pytest.mark.parametrize("way", [Entry.REOPENED, Entry.WORD])
def test_a_closed_complaint_is_opened_again_and_what_was_said_stays(city: database.Database, way: Entry) -> None:
    number = begin(city)
    add(city, number, Entry.CLOSED)
    add(city, number, way, "again")
    found = complaints.of_retailer(city, "R1", number)
    assert found is not None
    assert (found["state"], found["closed_at"], found["closed_by"], found["outcome"]) == ("open", None, None, None)
    assert [row["kind"] for row in complaints.entries(city, number)] == ["closed", way]


@pytest.mark.parametrize("wrong", [Entry.REOPENED, "closed twice", "followed up after its end"])
def test_what_does_not_stand_so_is_refused_and_nothing_is_written(city: database.Database, wrong: str) -> None:
    number = begin(city)
    if wrong != Entry.REOPENED:
        add(city, number, Entry.CLOSED)
    before = (audited(city), complaints.entries(city, number))
    kind = {"closed twice": Entry.CLOSED, "followed up after its end": Entry.FOLLOW_UP}.get(wrong, Entry.REOPENED)
    with pytest.raises(StateError, match=f"complaint {number} is"):
        add(city, number, kind, "otherwise")
    assert (audited(city), complaints.entries(city, number)) == before


def test_what_is_sent_twice_is_kept_once(city: database.Database) -> None:
    number = begin(city)
    assert begin(city, at=AT + timedelta(seconds=1)) == number
    word = add(city, number, Entry.WORD)
    assert add(city, number, Entry.WORD) == word
    assert add(city, number, Entry.FOLLOW_UP) > word, "of another kind"
    assert add(city, number, Entry.WORD) > word, "not what was said last"
    closed = add(city, number, Entry.CLOSED)
    assert add(city, number, Entry.CLOSED) == closed
    assert begin(city) > number, "the same once more, after its end"
    assert len(complaints.entries(city, number)) == 4


def test_nothing_is_opened_or_said_without_words_or_about_nothing(city: database.Database) -> None:
    number = begin(city)
    with pytest.raises(TrueOrderError, match="outcome"):
        add(city, number, Entry.CLOSED, " \n ")
    with pytest.raises(TrueOrderError, match='subject "weather": there are supply'):
        complaints.begin(city, retailer_id="R1", subject="weather", text="rain", by="R1", at=AT)
    with pytest.raises(StateError, match="there is no complaint 99"):
        add(city, 99, Entry.WORD)


def test_open_complaints_come_first_the_oldest_first_and_only_ones_own(city: database.Database) -> None:
    old, shut, new = (begin(city, at=AT - timedelta(days=days)) for days in (9, 5, 1))
    foreign = begin(city, "R3")
    add(city, shut, Entry.CLOSED)

    def ids(among: Any, **more: Any) -> list[int]:
        return [row["complaint_id"] for row in complaints.listed(city, among, offset=0, limit=9, **more)[0]]

    assert ids(None) == [old, new, foreign, shut]
    assert ids(MINE) == [old, new, shut]
    assert ids(MINE, state="open") == [old, new]
    assert ids(None, retailer_id="R3") == [foreign]
    assert complaints.of_retailer(city, "R1", foreign) is None


# beside them


def night(db: database.Database, run_id: int, on: date, withdrawn: bool = False, **suggested: int) -> None:
    """A night that suggested so many cartons of brands to R1, for the Tuesday of the week before MONDAY's."""
    day = f.MONDAY - timedelta(days=6)
    with db.writing() as tx:
        run = {"run_id": run_id, "job": "nightly", "business_date": on, "status": "done", "version": "1", "started_at": AT}
        tx.execute(tables.runs.insert().values(**run, detailed=True, withdrawn=withdrawn))
        for brand, count in suggested.items():
            tx.execute(tables.results["suggestions"].insert().values(run_id=run_id, **f.suggestion("R1", brand, count, order_day=day)))


def known(db: database.Database, before: date = f.MONDAY) -> dict[str, int]:
    with db.reading() as reader:
        found = expected.suggested(reader, "R1", f.week(-5), before)
    return dict(zip(found["brand_id"], found["suggested"], strict=True))


def test_what_was_suggested_is_what_was_decided_on_else_what_the_newest_night_said(city: database.Database) -> None:
    day = f.MONDAY - timedelta(days=6)
    night(city, 1, f.week(-1), B1=1, B2=2)
    night(city, 2, day, B1=3)
    night(city, 3, day, withdrawn=True, B1=99)
    assert known(city) == {"B1": 3, "B2": 2}
    decided = {"retailer_id": "R1", "brand_id": "B2", "order_day": day, "week": f.week(-1), "version": 1, "run_id": 1, "suggested": 8}
    with city.writing() as tx:
        tx.execute(tables.suggestion_decisions.insert().values(**decided, decision="accepted", pending=False, code="", note=""))
    assert known(city) == {"B1": 3, "B2": 8}
    with city.reading() as reader:
        weekly = expected.weekly_suggested(reader, f.MONDAY)
    assert weekly.astype(object).to_numpy().tolist() == [["R1", pd.Timestamp(f.week(-1)), 11]]
    assert known(city, day) == {}, "a day that has not passed is no expectation yet"


def test_a_retailer_s_months_hold_what_was_decided_and_not_what_waits(city: database.Database) -> None:
    night(city, 1, f.week(-1), B1=8)
    answer(city, "R1", CONTENT)
    found = figured.of_retailer(city, RULES.satisfaction, "R1", today=f.MONDAY)
    months = found.months[["period", "requested", "received", "gap", "suggested", "received_of_suggested"]]
    assert months.astype(object).to_numpy().tolist() == [["2026-02", 23, 13, 10, 8, 6]]
    assert (found.index, found.surveys[0]["month"]) == (100, "2026-03")
    nobody = figured.of_retailer(city, RULES.satisfaction, "R2", today=f.MONDAY)
    assert (len(nobody.months), nobody.index) == (0, None)


def figures(db: database.Database, territory: Any = None, **asked: Any) -> figured.Figures:
    return figured.figures(db, RULES, figured.Asked(**asked), territory=territory, today=f.MONDAY)


def test_the_index_stands_beside_how_complaints_stand_with_its_answers(city: database.Database) -> None:
    answer(city, "R1", CONTENT)
    answer(city, "R3", CROSS)
    add(city, begin(city), Entry.CLOSED, days=4)
    begin(city, "R3")
    found = figures(city, by="district")
    rows = found.rows.set_index("district")
    assert (found.at, rows["retailers"].to_dict(), rows["answers"].to_dict()) == ("2026-Q1", {"D1": 2, "D2": 1}, {"D1": 1, "D2": 1})
    assert rows["index"].to_dict() == {"D1": 100, "D2": 0}
    assert rows["few"].all()
    assert rows.loc["D1", ["open_complaints", "closed_complaints", "days_to_close"]].tolist() == [0, 1, 4]
    assert rows["open_complaints"].to_dict() == {"D1": 0, "D2": 1}
    assert rows["fulfilment_rate"].isna().all(), "no night is stored"
    assert (found.whole["answers"], found.whole["index"]) == (2, 50)


def test_a_manager_s_figures_are_of_its_own_retailers(city: database.Database) -> None:
    answer(city, "R1", CONTENT)
    answer(city, "R3", CROSS)
    begin(city, "R3")
    found = figures(city, {"manager": frozenset({"M1"})}, by="retailer")
    assert found.rows["retailer"].tolist() == ["R1", "R2"]
    assert (found.whole["answers"], found.whole["index"], found.whole["open_complaints"]) == (1, 100, 0)


def test_of_several_surveys_of_a_period_a_retailer_s_newest_counts(city: database.Database) -> None:
    answer(city, "R1", CROSS, date(2026, 1, 20))
    answer(city, "R1", CONTENT)
    assert figures(city, by="star").whole[["answers", "index"]].tolist() == [1, 100]
    assert figures(city, by="star", period="month", at="2026-01").whole[["answers", "index"]].tolist() == [1, 0]
    assert figures(city, by="star", within={"district": "D2"}).whole["answers"] == 0


@pytest.mark.parametrize("asked", [{"by": "brand"}, {"period": "week"}, {"at": "1999-Q1"}, {"within": {"x": 1}}])
def test_what_is_not_there_cannot_be_asked_for(city: database.Database, asked: dict[str, Any]) -> None:
    with pytest.raises(TrueOrderError):
        figures(city, **asked)


def test_a_period_is_its_mondays() -> None:
    assert figured.span("month", "2026-03") == (date(2026, 3, 2), date(2026, 4, 6))
    assert figured.span("quarter", "2026-Q4") == (date(2026, 10, 5), date(2027, 1, 4))
    assert figured.span("year", "2026") == (date(2026, 1, 5), date(2027, 1, 4))


def test_the_export_has_each_retailer_and_period_that_was_given_something_or_answered(city: database.Database) -> None:
    night(city, 1, f.week(-1), B1=8)
    answer(city, "R2", {Aspect.EMPATHY: 3})
    found = figured.rows(city, RULES.satisfaction, period="month", today=f.MONDAY)
    assert list(found.columns) == list(COLUMNS["satisfaction"])
    plain = found.astype(object).where(found.notna(), None).to_numpy().tolist()
    assert plain == [["R1", "2026-02", None, 0, 23, 8, 13], ["R2", "2026-03", 50, 1, 0, None, 0], ["R3", "2026-02", None, 0, 7, None, 7]]


def test_the_tables_go_with_an_older_schema_and_come_back_empty(db: database.Database) -> None:
    begin(db)
    migrate(db, "0016", down=True)
    assert not {"surveys", "complaints", "complaint_entries"} & set(sa.inspect(db.engine).get_table_names())
    database.migrate(db)
    assert db.rows(sa.select(tables.complaints)) == []
