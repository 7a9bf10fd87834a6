"""A same-day line is a confirmed line like any other to whoever comes after: publishing, the next night, explanations, re-runs."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pandas as pd
import pytest
import sqlalchemy as sa

from jobs import explaining, exports, nightly, publish
from ordering import database, tables
from ordering.database import counters
from ordering.database import runs as runlog
from ordering.settings import Settings
from web.desk import Desk, Order

Made = tuple[Path, date]


@pytest.fixture
def desk(planned_city: database.Database, rules: Settings, tmp_path: Path) -> Desk:
    return Desk(planned_city, rules, history=tmp_path / "one-history")


def noon(day: date) -> datetime:
    return (
        datetime.combine(day, datetime.min.time().replace(hour=12), ZoneInfo("Asia/Shanghai"))
        .astimezone(ZoneInfo("UTC"))
        .replace(tzinfo=None)
    )


def ordering_day(db: database.Database, monday: date) -> tuple[date, list[str]]:
    """The day of the week on which most shops order, and these shops."""
    shops = pd.DataFrame(db.rows(sa.select(tables.contract["retailers"])))
    weekday = int(shops["order_weekday"].mode().iloc[0])
    return monday + timedelta(days=weekday - 1), sorted(shops.loc[shops["order_weekday"] == weekday, "retailer_id"])


def ordered(desk: Desk, monday: date) -> Iterator[Order]:
    """Every shop of the day asks ten cartons of every brand at once."""
    day, shops = ordering_day(desk.db, monday)
    for shop in shops:
        packs = {offer.brand_id: offer.pack_multiple for offer in desk.sheet(shop, now=noon(day)).offers}
        yield desk.confirm(shop, {brand: 10 * pack for brand, pack in packs.items()}, key="first", by=shop, now=noon(day))


def given(db: database.Database, week: date) -> dict[str, int]:
    t = tables.order_lines
    query = sa.select(t.c.brand_id, sa.func.sum(t.c.allocated).label("n")).where(t.c.week == week).group_by(t.c.brand_id)
    return {row["brand_id"]: row["n"] or 0 for row in db.rows(query)}


def supply(db: database.Database, week: date) -> dict[str, int]:
    return {row["brand_id"]: row["available"] for row in db.rows(sa.select(tables.contract["supply"])) if row["week"] == week}


def test_what_the_desk_gave_is_explained_checked_and_counted_by_publishing_and_the_next_night(
    desk: Desk,
    made: Made,
    rules: Settings,
    tmp_path: Path,
) -> None:
    db, monday = desk.db, made[1]
    orders = list(ordered(desk, monday))
    assert sum(line.allocated or 0 for order in orders for line in order.lines) > 20
    source = exports.source(db, rules, tmp_path / "one-history")
    line = next(one for one in orders[0].lines if one.allocated)
    told = explaining.explained(source, orders[0].order_id, line.brand_id)
    assert told.confirmed
    assert line.words is not None
    assert told.sentences["en"][0] == line.words.en
    sheet = explaining.sheet(source, orders[0].retailer_id)
    own = sheet[sheet["order_id"] == orders[0].order_id]
    assert len(own) == len(orders[0].lines)
    assert own["agrees"].all()
    day = orders[0].order_date
    publish.publish(db, rules, history=tmp_path / "one-history", clock=noon(monday + timedelta(days=8)), by="t", accept_limits="a test")
    for brand, cartons in given(db, monday).items():
        assert cartons <= supply(db, monday).get(brand, 10**9)
    before = {(o.order_id, one.brand_id): one.allocated for o in orders for one in o.lines}
    night = nightly.run(db, day + timedelta(days=1), rules, history=tmp_path / "one-history")
    with db.reading() as reader:
        lines = runlog.read_result(reader, night.run_id, "allocation")
    assert not set(lines["order_id"]) & {order.order_id for order in orders}
    t = tables.order_lines
    after = {(r["order_id"], r["brand_id"]): r["allocated"] for r in db.rows(sa.select(t)) if (r["order_id"], r["brand_id"]) in before}
    assert after == before


def test_publishing_decides_again_what_the_desk_gave_while_it_was_deciding(
    desk: Desk,
    made: Made,
    rules: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The desk takes nearly all of a brand between reading and writing; without a second look the lines would be given it as well."""
    db, monday = desk.db, made[1]
    given_by_desk: list[Order] = []
    decide = publish._decided

    def slowly(*args: object) -> publish.Decided:
        found = decide(*args)  # type: ignore[arg-type]
        if not given_by_desk:
            given_by_desk.extend(ordered(desk, monday))
        return found

    monkeypatch.setattr(publish, "_decided", slowly)
    publish.publish(db, rules, history=tmp_path / "one-history", clock=noon(monday + timedelta(days=8)), by="t", accept_limits="a test")
    assert given_by_desk
    for brand, cartons in given(db, monday).items():
        assert cartons <= supply(db, monday).get(brand, 10**9), brand
    with db.engine.connect().execution_options(reading=True) as tx:
        assert counters.given(tx, monday) in (None, {})  # thrown away: publishing wrote lines


def test_nobody_writes_lines_of_a_week_that_another_holds(db: database.Database) -> None:
    """On PostgreSQL by the row of the week, on SQLite because there is one writer."""
    week, order = date(2026, 3, 2), []
    with db.writing() as tx:
        counters.open_week(tx, week)

    def second() -> None:
        with db.writing() as tx:
            counters.lock(tx, [week])
            order.append("second")

    with db.writing() as tx:
        counters.lock(tx, [date(2026, 3, 30)])  # another week of the same month
        other = threading.Thread(target=second)
        other.start()
        other.join(0.3)
        order.append("first")
    other.join()
    assert order == ["first", "second"]
