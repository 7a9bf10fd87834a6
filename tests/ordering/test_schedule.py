"""The schedule: every business date exactly once, whatever the clock does, whenever anybody looks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ordering.schedule import Entry, Key, Ledger, Plan, Rules, State, When, due, next_day, parse, pause

LAWS = settings(max_examples=200, deadline=None)
ZONES = ("Asia/Shanghai", "Europe/Berlin", "America/Sao_Paulo", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC")
NIGHTLY, PUBLISH = Plan("nightly", When(time(1, 30)), every=True), Plan("publish", When(time(20)), every=True)
Due = Callable[[Sequence[Plan], datetime, Ledger, Rules], list[Key]]


def rules(zone: str = "Asia/Shanghai", days_back: int = 7) -> Rules:
    return Rules(ZoneInfo(zone), days_back, timedelta(hours=3))


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text)


def run_through(plans: Sequence[Plan], clocks: Sequence[datetime], by: Rules, ask: Due = due) -> list[Key]:
    """What is done when a scheduler looks at these times, each date done at once."""
    ledger: dict[Key, Entry] = {}
    done = []
    for present in clocks:
        for key in ask(plans, present, ledger, by):
            done.append(key)
            ledger[key] = Entry(State.DONE)
    return done


TIMES = st.builds(time, st.integers(0, 23), st.integers(0, 59))
STARTS = st.datetimes(datetime(2015, 1, 1), datetime(2027, 12, 1))
SPECIAL = st.sampled_from([
    "2026-03-28T23:00", "2026-10-24T22:00",  # Berlin, summer time begins and ends
    "2018-11-03T20:00", "2019-02-16T20:00", "2017-10-14T20:00",  # São Paulo, at midnight
    "2020-12-30T12:00", "2026-12-30T12:00", "2015-12-30T12:00",  # ISO week 53
]).map(utc)  # fmt: skip
SHIFTS = st.sampled_from([timedelta(0), timedelta(hours=1), timedelta(hours=-1), timedelta(days=1), timedelta(days=-1)])


@LAWS
@given(
    start=st.one_of(STARTS, SPECIAL), zone=st.sampled_from(ZONES), at=TIMES,
    shifts=st.lists(SHIFTS, min_size=6, max_size=6), minute=st.integers(0, 119),
)  # fmt: skip
def test_every_date_is_done_exactly_once_whatever_the_clock_does(
    start: datetime, zone: str, at: time, shifts: list[timedelta], minute: int
) -> None:
    """A scheduler looks every two hours for six days, each day by a clock that is wrong by as much as a day."""
    plan, by, local = Plan("job", When(at), every=True), rules(zone), ZoneInfo(zone)
    truth = [start + timedelta(minutes=minute + 120 * n) for n in range(6 * 12)]
    clocks = [present + shifts[n // 12] for n, present in enumerate(truth)]
    done = run_through([plan], [*clocks, truth[-1]], by)
    assert len(set(done)) == len(done)
    days = [truth[0].replace(tzinfo=UTC).astimezone(local).date() + timedelta(days=n) for n in range(1, 6)]
    came = [day for day in days if truth[0] < plan.when.instant(day, local) <= truth[-1]]
    assert len(came) >= 4
    assert set(came) <= {day for _, day in done}


@LAWS
@given(
    start=st.one_of(STARTS, SPECIAL), zone=st.sampled_from(ZONES), at=TIMES,
    down=st.lists(st.integers(1, 5 * 24 * 60), min_size=1, max_size=30),
)  # fmt: skip
def test_every_missed_date_is_caught_up_once_and_in_order(start: datetime, zone: str, at: time, down: list[int]) -> None:
    """A scheduler is up for a moment, then down for as long as five days, again and again."""
    by, plan = rules(zone), Plan("publish", When(at), every=True)
    clocks = [start + timedelta(minutes=sum(down[:n])) for n in range(len(down) + 1)]
    done = [day for _, day in run_through([plan], clocks, by)]
    assert done == [done[0] + timedelta(days=n) for n in range(len(done))] if done else True
    assert done
    assert plan.when.instant(done[-1], by.zone) <= clocks[-1] < plan.when.instant(done[-1] + timedelta(days=1), by.zone)


@LAWS
@given(start=STARTS, zone=st.sampled_from(ZONES), at=TIMES, down=st.lists(st.integers(1, 5 * 24 * 60), min_size=1, max_size=30))
def test_of_a_job_whose_newest_date_matters_only_that_is_caught_up(start: datetime, zone: str, at: time, down: list[int]) -> None:
    by, plan = rules(zone), Plan("backup", When(at))
    clocks = [start + timedelta(minutes=sum(down[:n])) for n in range(len(down) + 1)]
    ledger: dict[Key, Entry] = {}
    for present in clocks:
        found = due([plan], present, ledger, by)
        assert len(found) <= 1
        for key in found:
            assert plan.when.instant(key[1], by.zone) <= present < plan.when.instant(key[1] + timedelta(days=1), by.zone)
            ledger[key] = Entry(State.DONE)


def test_a_schedule_that_goes_by_the_last_date_done_would_miss_one() -> None:
    """The laws can fail: who asks only what is later than the last loses a date to a clock that was ahead."""

    def hasty(plans: Sequence[Plan], now: datetime, ledger: Ledger, by: Rules) -> list[Key]:
        last = max((day for _, day in ledger), default=date.min)
        return [key for key in due(plans, now, {}, by) if key[1] > last]

    start = utc("2026-03-01T17:00")  # 01:00 in Shanghai
    clocks = [start + timedelta(days=2), start + timedelta(hours=1), start + timedelta(days=1, hours=1)]
    assert [day.day for _, day in run_through([NIGHTLY], clocks, rules(), hasty)] == [3]
    assert sorted(day.day for _, day in run_through([NIGHTLY], clocks, rules())) == [2, 3]


@LAWS
@given(at=TIMES, zone=st.sampled_from(ZONES), start=st.one_of(STARTS, SPECIAL))
def test_a_day_has_one_moment_and_days_keep_their_order(at: time, zone: str, start: datetime) -> None:
    moments = [When(at).instant(start.date() + timedelta(days=n), ZoneInfo(zone)) for n in range(9)]
    gaps = [later - earlier for earlier, later in pairwise(moments)]
    assert all(timedelta(hours=22, minutes=59) < gap < timedelta(hours=25, minutes=1) for gap in gaps)


@pytest.mark.parametrize(
    ("zone", "day", "at", "moment"),
    [
        ("Europe/Berlin", date(2026, 3, 29), time(2, 30), "2026-03-29T01:30"),  # skipped: as far after the gap as it lies in it
        ("Europe/Berlin", date(2026, 10, 25), time(2, 30), "2026-10-25T00:30"),  # repeated: the first of the two
        ("America/Sao_Paulo", date(2018, 11, 4), time(0, 10), "2018-11-04T03:10"),  # midnight itself is skipped
        ("Asia/Shanghai", date(2027, 1, 1), time(1, 30), "2026-12-31T17:30"),
    ],
)
def test_clocks_that_are_moved_move_no_date(zone: str, day: date, at: time, moment: str) -> None:
    assert When(at).instant(day, ZoneInfo(zone)) == utc(moment)


def test_the_monday_of_week_53_and_of_week_1_are_each_due_once() -> None:
    plan = Plan("rating", When(time(5), frozenset({0})))
    clocks = [utc("2026-12-20T00:00") + timedelta(hours=6 * n) for n in range(4 * 24)]
    days = [day for _, day in run_through([plan], clocks, rules())]
    assert [day.isocalendar().week for day in days][-4:] == [52, 53, 1, 2]


def test_what_came_first_is_done_first() -> None:
    ledger = {("publish", date(2026, 3, 1)): Entry(State.DONE), ("nightly", date(2026, 3, 2)): Entry(State.DONE)}
    found = due([NIGHTLY, PUBLISH], utc("2026-03-04T13:00"), ledger, rules())
    assert found == [
        ("publish", date(2026, 3, 2)), ("nightly", date(2026, 3, 3)), ("publish", date(2026, 3, 3)), ("nightly", date(2026, 3, 4)),
        ("publish", date(2026, 3, 4)),
    ]  # fmt: skip


def test_a_new_installation_does_not_begin_with_the_past() -> None:
    assert due([PUBLISH], utc("2026-03-04T13:00"), {}, rules()) == [("publish", date(2026, 3, 4))]


def test_nothing_is_caught_up_beyond_the_horizon() -> None:
    ledger = {("publish", date(2026, 1, 1)): Entry(State.DONE)}
    assert [day.day for _, day in due([PUBLISH], utc("2026-03-20T13:00"), ledger, rules(days_back=3))] == [17, 18, 19, 20]


@pytest.mark.parametrize(
    ("entry", "is_due"),
    [
        (Entry(State.DONE), False),
        (Entry(State.FAILED, 5), False),
        (Entry(State.RUNNING), True),
        (Entry(State.WAITING, 1, None), True),
        (Entry(State.WAITING, 1, utc("2026-03-04T12:59")), True),
        (Entry(State.WAITING, 1, utc("2026-03-04T13:01")), False),
        (Entry(State.WAITING, 1, utc("2026-03-05T13:01")), True),  # set by a clock a day ahead
    ],
)
def test_a_date_is_due_until_it_is_done_or_given_up(entry: Entry, is_due: bool) -> None:
    found = due([PUBLISH], utc("2026-03-04T13:00"), {("publish", date(2026, 3, 4)): entry}, rules())
    assert (("publish", date(2026, 3, 4)) in found) == is_due


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("01:30", "every day at 01:30"),
        ("mon 5:00", "every mon at 05:00"),
        ("Mon,thu 05:00", "every mon, thu at 05:00"),
        ("first mon 06:30", "first mon of each month at 06:30"),
        ("1,15 06:00", "day 1, 15 of each month at 06:00"),
    ],
)
def test_a_time_of_the_settings_is_read_and_told(text: str, told: str) -> None:
    assert str(parse(text)) == told
    assert parse(" ") is None


@pytest.mark.parametrize(
    "text", ["25:00", "1:3", "noon", "moon 05:00", "31 05:00", "0 05:00", "mon,1 05:00", "first 05:00", "first 1 05:00", "mon"]
)
def test_what_is_no_time_is_refused_with_how_to_write_it(text: str) -> None:
    with pytest.raises(ValueError, match=r"is no time to be scheduled by; write it like 01:30, mon 05:00, "):
        parse(text)


def test_days_of_the_month_and_first_weekdays_come_once_a_month() -> None:
    first, monthly = parse("first mon 06:30"), parse("28 06:00")
    assert first
    assert monthly
    days = [date(2026, 1, 1) + timedelta(days=n) for n in range(365)]
    assert [sum(when.on(day) for day in days) for when in (first, monthly)] == [12, 12]
    assert all(day.weekday() == 0 and day.day <= 7 for day in days if first.on(day))


@LAWS
@given(
    start=STARTS, zone=st.sampled_from(ZONES), at=TIMES, days=st.frozensets(st.integers(1, 28)), weekdays=st.frozensets(st.integers(0, 6))
)
def test_the_next_day_is_the_first_whose_time_is_to_come(
    start: datetime, zone: str, at: time, days: frozenset[int], weekdays: frozenset[int]
) -> None:
    when, by = When(at, weekdays, days), rules(zone, days_back=31)
    found = next_day(when, start, by.zone)
    assert found
    moment = when.instant(found, by.zone)
    assert moment > start
    before = due([Plan("job", when)], moment - timedelta(seconds=1), {}, by)
    assert all(when.instant(day, by.zone) <= start for _, day in before)


def test_pauses_grow() -> None:
    assert [pause(n, timedelta(minutes=2)).total_seconds() / 60 for n in range(1, 5)] == [2, 6, 18, 54]
