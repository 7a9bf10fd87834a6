"""Publishing confirms a proposal once, after the cut-off, on the night's level, and never changes what was confirmed."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest
import sqlalchemy as sa

from jobs import nightly, publish
from ordering import database, frames, tables
from ordering.database import runs as runlog
from ordering.errors import StateError
from ordering.settings import Settings
from tests.jobs.conftest import load_city

Made = tuple[Path, date]


def late(monday: date) -> datetime:
    """A time, UTC, when every order day of the week has passed."""
    return datetime.combine(monday + timedelta(days=9), datetime.min.time())


def lines_of(db: database.Database, monday: date) -> pd.DataFrame:
    t = tables.order_lines
    return pd.DataFrame(db.rows(sa.select(t).where(t.c.week == monday).order_by(t.c.order_id, t.c.brand_id)))


def run_publish(db: database.Database, rules: Settings, folder: Path, clock: datetime, **more: object) -> list[publish.Published]:
    return publish.publish(db, rules, history=folder, clock=clock, by="tester", **more)  # type: ignore[arg-type]


def test_a_published_night_confirms_just_the_proposal_and_only_once(
    city: database.Database, made: Made, rules: Settings, tmp_path: Path
) -> None:
    night = nightly.run(city, made[1], rules, history=tmp_path / "h")
    with city.reading() as reader:
        proposed = runlog.read_result(reader, night.run_id, "allocation")
    done = run_publish(city, rules, tmp_path / "h", late(made[1]))
    assert sum(day.lines for day in done) == len(proposed)
    assert sum(day.cartons for day in done) == proposed["allocated"].sum()
    after = lines_of(city, made[1])
    both = proposed.merge(after, on=["order_id", "brand_id"], how="outer", validate="1:1", suffixes=("", "_stored"))
    assert (both["allocated"] == both["allocated_stored"]).all()
    again = run_publish(city, rules, tmp_path / "h", late(made[1]))
    assert sum(day.lines for day in again) == 0
    pd.testing.assert_frame_equal(lines_of(city, made[1]), after)
    confirmed = city.rows(sa.select(tables.confirmations))
    assert {row["confirmed_by"] for row in confirmed} == {"tester"}
    assert len(confirmed) == len(proposed)


def test_a_day_is_published_after_its_cut_off_and_not_before(
    planned_city: database.Database, made: Made, rules: Settings, tmp_path: Path
) -> None:
    first = lines_of(planned_city, made[1])["order_date"].min()
    before = datetime.combine(first, datetime.min.time()) + timedelta(hours=11, minutes=59)  # 19:59 in Shanghai
    assert first not in {day.order_day for day in run_publish(planned_city, rules, tmp_path / "h", before)}
    assert lines_of(planned_city, made[1])["allocated"].isna().all()
    with pytest.raises(StateError, match=f"the cut-off of {first} is at 20:00 that day; its lines are still open"):
        run_publish(planned_city, rules, tmp_path / "h", before, order_day=first)
    after = before + timedelta(minutes=1)
    assert first in {day.order_day for day in run_publish(planned_city, rules, tmp_path / "h", after)}
    lines = lines_of(planned_city, made[1])
    assert lines.loc[lines["order_date"] > first, "allocated"].isna().all()
    assert lines.loc[lines["order_date"] == first, "allocated"].notna().all()


def test_an_edit_after_the_night_is_allocated_as_it_stands_at_the_cut_off(
    planned_city: database.Database, made: Made, rules: Settings, tmp_path: Path
) -> None:
    lines = lines_of(planned_city, made[1])
    edited = lines[lines["requested"] > 1].iloc[[0]][frames.ORDER_LINES.names].assign(requested=1, allocated="")
    folder = tmp_path / "edit"
    folder.mkdir()
    edited.to_csv(folder / "order_lines.csv", index=False)
    load_city(str(planned_city.url), folder, rules)
    run_publish(planned_city, rules, tmp_path / "h", late(made[1]))
    key = edited.iloc[0]
    after = lines_of(planned_city, made[1]).set_index(["order_id", "brand_id"]).loc[(key["order_id"], key["brand_id"])]
    assert (after["requested"], after["version"]) == (1, 2)
    assert after["allocated"] <= 1


def test_a_later_night_leaves_confirmed_lines_and_counts_their_cartons(
    planned_city: database.Database, made: Made, rules: Settings, tmp_path: Path
) -> None:
    first = lines_of(planned_city, made[1])["order_date"].min()
    run_publish(planned_city, rules, tmp_path / "h", datetime.combine(first, datetime.min.time()) + timedelta(hours=13))
    before = lines_of(planned_city, made[1])
    nightly.run(planned_city, first + timedelta(days=1), rules, history=tmp_path / "h")
    run_publish(planned_city, rules, tmp_path / "h", late(made[1]))
    after = lines_of(planned_city, made[1])
    settled = before["allocated"].notna()
    assert settled.any()
    assert (after.loc[settled, "allocated"] == before.loc[settled, "allocated"]).all()
    with planned_city.reading() as reader:
        supply = database.read_table(reader, "supply", tables.contract["supply"].c.week == made[1])
    given = after.groupby("brand_id")["allocated"].sum()
    against = supply.set_index("brand_id")["available"]
    shared = given.index.intersection(against.index)
    assert (given[shared] <= against[shared]).all()


def test_an_allocation_that_came_by_import_is_left_alone(
    sqlite_city: database.Database, made: Made, rules: Settings, tmp_path: Path
) -> None:
    past = made[1] - timedelta(weeks=2)
    before = lines_of(sqlite_city, past)
    nightly.run(sqlite_city, past, rules, history=tmp_path / "h")
    done = run_publish(sqlite_city, rules, tmp_path / "h", late(past))
    assert sum(day.lines for day in done) == 0
    pd.testing.assert_frame_equal(lines_of(sqlite_city, past), before)


def test_a_day_that_was_missed_is_published_by_the_night_that_planned_it(
    planned_city: database.Database, made: Made, rules: Settings, tmp_path: Path
) -> None:
    days = sorted(lines_of(planned_city, made[1])["order_date"].unique())
    nightly.run(planned_city, days[1], rules, history=tmp_path / "h")
    done = run_publish(planned_city, rules, tmp_path / "h", late(made[1]))
    assert {day.order_day: day.run_id for day in done} == {days[0]: 1} | dict.fromkeys(days[1:], 2)
    assert lines_of(planned_city, made[1])["allocated"].notna().all()


def test_checking_an_old_night_again_does_not_make_it_the_newest(
    planned_city: database.Database, made: Made, rules: Settings, tmp_path: Path
) -> None:
    nightly.run(planned_city, made[1] - timedelta(weeks=3), rules, history=tmp_path / "h")
    newest = runlog.newest(planned_city)
    assert newest is not None
    assert newest.business_date == made[1]


def test_publishing_what_is_not_there_says_what_to_do(sqlite_city: database.Database, made: Made, rules: Settings, tmp_path: Path) -> None:
    with pytest.raises(StateError, match="no run is stored; run: trueorder nightly"):
        run_publish(sqlite_city, rules, tmp_path / "h", late(made[1]))
    nightly.run(sqlite_city, made[1], rules, history=tmp_path / "h")
    with pytest.raises(StateError, match="there is no run 99"):
        run_publish(sqlite_city, rules, tmp_path / "h", late(made[1]), run_id=99)
    with pytest.raises(StateError, match="no stored run planned 2020-01-01; run: trueorder nightly --date 2020-01-01"):
        run_publish(sqlite_city, rules, tmp_path / "h", late(made[1]), order_day=date(2020, 1, 1))
