"""A proposal that cannot be meant is not published: the limit, what was found and the ways on are told, and each way is audited."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import settings as told
from hypothesis import strategies as st

from jobs import gate, nightly, publish
from ordering import database, frames, settings, tables
from ordering.database import proposals
from ordering.database import runs as runlog
from ordering.errors import StateError, TrueOrderError
from ordering.settings import Settings
from tests import factories as f
from tests.examples import examples
from tests.jobs.test_cli import trueorder

Made = tuple[Path, date]
RULES, GIVING = settings.load().publishing, settings.load().allocation
TUESDAY = f.MONDAY + timedelta(days=1)
AT = datetime(2026, 9, 20, 4, 0)


def day_of(
    cartons: list[int], asked: int = 10, *, past: int = 8, supply: int = 10_000, **more: Any
) -> tuple[frames.Snapshot, pd.DataFrame]:
    """A city whose shops got 6 of 10 cartons on each of the last `past` Tuesdays, and the lines of a Tuesday now."""
    shops = [f.retailer(f"R{n}") for n in range(len(cartons))]
    lines = [
        f.line(shop["retailer_id"], "B1", 10, 6, order_date=TUESDAY - timedelta(weeks=w)) for shop in shops for w in range(1, past + 1)
    ]
    known = f.snapshot(retailers=shops, lines=lines, supply=[{"brand_id": "B1", "week": f.MONDAY, "available": supply}], **more)
    now = pd.DataFrame({"retailer_id": [shop["retailer_id"] for shop in shops], "brand_id": "B1", "week": frames.day(f.MONDAY)})
    return known, now.assign(requested=asked, allocated=cartons)


def broken(known: frames.Snapshot, lines: pd.DataFrame, problems: int = 0, allocation: settings.AllocationSettings = GIVING) -> list[str]:
    return [one.limit for one in gate.breaches(known, lines, TUESDAY, RULES, allocation=allocation, problems=problems)]


@pytest.mark.parametrize(
    ("cartons", "more", "problems", "limits"),
    [
        ([6, 6, 6, 6], {}, 0, []),
        ([8, 6, 5, 3], {}, 200, []),
        ([6, 6, 6, 6], {}, 201, ["most_problems"]),
        ([6, 6, 6, 6], {"supply": 23}, 0, ["supply"]),
        ([6, 6, 6, 6], {"supply": 24}, 0, []),
        ([10, 10, 0, 0], {}, 0, []),
        ([10, 10, 4, 0, 0, 0, 0], {}, 0, ["unserved_share"]),
        ([1, 1, 1, 1], {}, 0, ["cartons_factor", "fulfilment_change"]),
        ([20, 20, 20, 20], {"asked": 20}, 0, ["cartons_factor", "fulfilment_change"]),
        ([10, 10, 10, 9], {}, 0, ["fulfilment_change"]),
        ([1, 1, 1, 1], {"past": 3}, 0, []),
        ([], {}, 999, []),
    ],
)
def test_a_day_is_held_against_each_limit(cartons: list[int], more: dict[str, Any], problems: int, limits: list[str]) -> None:
    assert broken(*day_of(cartons, **more), problems) == limits


@given(st.lists(st.integers(0, 10), min_size=1, max_size=8), st.integers(0, 60), st.integers(0, 10))
@told(max_examples=examples(50), deadline=None)
def test_a_brand_above_its_supply_is_always_found_and_never_wrongly(cartons: list[int], supply: int, given_before: int) -> None:
    before = [f.line("R0", "B1", 10, given_before, order_date=f.MONDAY)]
    known, lines = day_of(cartons, supply=supply, waiting=before)
    assert ("supply" in broken(known, lines)) == (sum(cartons) > max(supply - given_before, 0))


@pytest.mark.parametrize(("rows", "cartons", "limits"), [("available", 7, ["supply"]), ("arrivals", 7, []), ("arrivals", 8, ["supply"])])
def test_what_earlier_weeks_left_counts_where_supply_rows_are_arrivals(rows: str, cartons: int, limits: list[str]) -> None:
    """24 came and 20 of them went, then 24 more: 28 for four shops."""
    _, lines = day_of([cartons] * 4)
    supply = [{"brand_id": "B1", "week": f.week(at), "available": 24} for at in (-1, 0)]
    past = [f.line(f"R{n}", "B1", 10, 5, order_date=TUESDAY - timedelta(weeks=1)) for n in range(4)]
    known = f.snapshot(retailers=[f.retailer(f"R{n}") for n in range(4)], lines=past, supply=supply)
    assert broken(known, lines, allocation=GIVING.model_copy(update={"supply_rows": rows})) == limits


def test_what_was_confirmed_of_the_day_before_counts_as_part_of_it() -> None:
    """A single late line is no day of its own."""
    whole = [f.line(f"R{n}", "B1", 10, 6, order_date=TUESDAY) for n in range(1, 8)]
    known, lines = day_of([6] * 8, waiting=whole)
    assert broken(known, lines.iloc[[0]]) == []
    alone, lines = day_of([6] * 8)
    assert broken(alone, lines.iloc[[0]]) == ["cartons_factor"]


def test_every_limit_is_worded_in_both_languages() -> None:
    for cartons, more in (([1, 1, 1, 1], {}), ([6] * 4, {"supply": 1}), ([0] * 4, {})):
        known, lines = day_of(cartons, **more)
        for one in gate.breaches(known, lines, TUESDAY, RULES, allocation=GIVING, problems=999):
            assert one.english.isascii()
            assert any("\u4e00" <= letter <= "\u9fff" for letter in one.chinese)
            assert one.hard == (one.limit == "supply")


# publishing


def strict(rules: Settings) -> Settings:
    """Rules under which the made-up city has too many lines with nothing."""
    return rules.model_copy(
        update={"publishing": rules.publishing.model_copy(update={"fulfilment_change": 1e-9, "cartons_factor": 1.0000001})}
    )


def late(made: Made) -> datetime:
    return datetime.combine(made[1] + timedelta(days=9), datetime.min.time())


def confirmed(db: database.Database) -> int:
    return len(db.rows(sa.select(tables.confirmations)))


def audited(db: database.Database) -> list[tuple[str, str, str, str]]:
    t = tables.audit
    return [(row["by"], row["action"], row["subject"], row["detail"]) for row in db.rows(sa.select(t).order_by(t.c.audit_id))]


def test_a_proposal_beyond_a_limit_confirms_nothing_until_a_person_says_why(
    planned_city: database.Database, made: Made, rules: Settings, tmp_path: Path
) -> None:
    options: dict[str, Any] = {"history": tmp_path / "h", "clock": late(made), "by": "Wang"}
    with pytest.raises(StateError) as error:
        publish.publish(planned_city, strict(rules), **options)
    for words in ("fulfilment_change: the fulfilment rate would be", "订单满足率", "run 1 of", "nothing was confirmed",
                  "trueorder proposal withdraw 1 --by NAME --why WHY", "trueorder publish --accept-limits WHY --by NAME"):  # fmt: skip
        assert words in str(error.value)
    assert confirmed(planned_city) == 0
    done = publish.publish(planned_city, strict(rules), accept_limits="a fair", **options)
    assert confirmed(planned_city) == sum(day.lines for day in done) > 0
    assert {row[:3] for row in audited(planned_city)} == {("Wang", "publish.accept_limits", "run 1")}
    assert all(row[3].endswith("; a fair") and "fulfilment_change" in row[3] for row in audited(planned_city))


def test_more_than_the_supply_cannot_be_accepted(
    planned_city: database.Database, made: Made, rules: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rule never gives so much; so the supply is taken away between the rule and the gate."""
    honest = gate.breaches

    def none_left(known: frames.Snapshot, *rest: Any, **more: Any) -> list[gate.Breach]:
        from dataclasses import replace

        return honest(replace(known, supply=known.supply.assign(available=0)), *rest, **more)

    monkeypatch.setattr(gate, "breaches", none_left)
    with pytest.raises(StateError) as error:
        publish.publish(planned_city, rules, history=tmp_path / "h", clock=late(made), by="Wang", accept_limits="never mind")
    assert "cartons would be given, 0 are left" in str(error.value)
    assert "--accept-limits" not in str(error.value)
    assert confirmed(planned_city) == 0


# going back


def test_a_withdrawn_proposal_gives_way_to_the_one_before_and_can_be_taken_up_again(
    planned_city: database.Database, made: Made, rules: Settings, tmp_path: Path
) -> None:
    second = nightly.run(planned_city, made[1] + timedelta(days=1), rules, history=tmp_path / "h").run_id
    left = proposals.withdraw(planned_city, second, by="Wang", why="supply was wrong", at=AT)
    assert left is not None
    assert left.run_id == 1
    options: dict[str, Any] = {"history": tmp_path / "h", "clock": late(made), "by": "Wang"}
    with pytest.raises(StateError, match=f"run {second} was withdrawn; trueorder proposal restore {second}"):
        publish.publish(planned_city, rules, run_id=second, **options)
    done = publish.publish(planned_city, rules, **options)
    assert {day.run_id for day in done} == {1}
    proposals.restore(planned_city, second, by="Li", why="it was right", at=AT)
    newest = runlog.newest(planned_city)
    assert newest is not None
    assert newest.run_id == second
    assert [row[:3] for row in audited(planned_city)] == [
        ("Wang", "proposal.withdraw", f"run {second}"), ("Li", "proposal.restore", f"run {second}"),
    ]  # fmt: skip


def test_a_night_that_finds_a_withdrawn_one_again_says_what_takes_it_up(
    planned_city: database.Database, made: Made, rules: Settings, tmp_path: Path
) -> None:
    def again() -> nightly.Outcome:
        return nightly.run(planned_city, made[1], rules, history=tmp_path / "h")

    assert (again().withdrawn, again().notes) == (False, ())
    proposals.withdraw(planned_city, 1, by="Wang", why="x", at=AT)
    found = again()
    assert (found.run_id, found.stored, found.withdrawn, runlog.newest(planned_city)) == (1, False, True, None)
    assert found.notes == (
        "the equal run 1 was withdrawn and stays so, and nothing is published of it; trueorder proposal restore 1 takes it up again",
    )
    proposals.restore(planned_city, 1, by="Li", why="x", at=AT)
    assert (again().withdrawn, again().notes) == (False, ())


def test_no_night_reads_the_levels_of_a_withdrawn_one(planned_city: database.Database, made: Made) -> None:
    def levels() -> int:
        with planned_city.reading() as reader:
            return len(database.read_week_levels(reader, made[1], made[1], before=made[1] + timedelta(days=1)))

    assert levels() > 0
    assert proposals.withdraw(planned_city, 1, by="Wang", why="x", at=AT) is None
    assert levels() == 0


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda db: proposals.withdraw(db, 9, by="x", why="x", at=AT), "run 9 holds no proposal; trueorder proposal list"),
        (lambda db: proposals.restore(db, 1, by="x", why="x", at=AT), "run 1 is not withdrawn"),
        (lambda db: proposals.withdraw(db, 1, by=" ", why="x", at=AT), "by: say who does this"),
        (lambda db: proposals.withdraw(db, 1, by="x", why="", at=AT), "why: say in a few words why"),
        (lambda db: [proposals.withdraw(db, 1, by="x", why="x", at=AT) for _ in "ab"], "run 1 was withdrawn already"),
    ],
)
def test_what_cannot_be_withdrawn_is_told_in_words(planned_city: database.Database, act: Any, message: str) -> None:
    with pytest.raises(TrueOrderError, match=message):
        act(planned_city)


def test_the_gate_and_the_way_back_by_command(planned_city: database.Database, made: Made, tmp_path: Path) -> None:
    (tmp_path / "trueorder.toml").write_text("[publishing]\nfulfilment_change = 1e-9\n[nightly]\nworkers = 1\n[forecast]\norigins = 1\n")

    def say(*words: object) -> tuple[int, str]:
        ran = trueorder(*words, cwd=tmp_path, url=str(planned_city.url))
        return ran.returncode, ran.stdout + ran.stderr

    assert say("publish")[0] == 1
    assert "by: say who accepts" in say("publish", "--accept-limits", "fine")[1]
    assert "run 1 of" in say("proposal", "list")[1]
    withdrawn = say("proposal", "withdraw", 1, "--by", "Wang", "--why", "wrong")[1]
    assert "no other is stored" in withdrawn
    assert "a night on the same input and settings finds run 1 again and leaves it withdrawn" in withdrawn
    assert "trueorder proposal restore 1" in withdrawn
    assert "withdrawn" in say("proposal", "list")[1]
    assert "no run is stored" in say("publish")[1]
    assert "note: the equal run 1 was withdrawn" in say("nightly", "--date", made[1])[1]
    assert "is a proposal again" in say("proposal", "restore", 1, "--by", "Wang", "--why", "right")[1]
    status, told_ = say("publish", "--accept-limits", "fine", "--by", "Wang")
    assert status == 0
    assert "lines confirmed" in told_
