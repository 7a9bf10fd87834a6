"""What the ordering desk reads and writes: a shop's lines, quotes that were typed, orders, and the answer to each key.

Whoever writes lines here holds the lock of their weeks (counters.lock).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from ordering import tables
from ordering.database import audit, counters
from ordering.model import ALL, OrderMode

LINES, DONE, OLD, GONE = tables.order_lines, tables.confirmations, tables.request_versions, tables.cancelled_lines
ORDERS, ASKED, ANSWERS = tables.desk_orders, tables.line_requests, tables.desk_answers
Row = Mapping[str, Any]

OF_OWNER = sa.and_(
    LINES.c.retailer_id.in_(sa.bindparam("licences", expanding=True)),
    LINES.c.week.between(sa.bindparam("first"), sa.bindparam("last")),
)
OWN_LINES = sa.select(LINES).where(OF_OWNER).order_by(LINES.c.retailer_id, LINES.c.order_id, LINES.c.brand_id)
WERE_GIVEN = sa.and_(OF_OWNER, LINES.c.allocated.is_not(None))
WHAT_GIVEN = LINES.c.brand_id, LINES.c.week, LINES.c.order_date, LINES.c.allocated
OWN_GIVEN = sa.select(*WHAT_GIVEN).where(WERE_GIVEN)
NUMBER = sa.select(sa.func.count()).where(
    ORDERS.c.retailer_id == sa.bindparam("retailer"), ORDERS.c.order_date == sa.bindparam("day"), ORDERS.c.mode == OrderMode.SAME_DAY
)
_NOW = sa.select(
    counters.VERSION.scalar_subquery().label("version"),
    NUMBER.scalar_subquery().label("orders"),
    counters.of_one("brand").scalar_subquery().label("of_brand"),
    counters.of_one("all").scalar_subquery().label("given"),
    sa.exists().where(counters.WEEKS.c.week == sa.bindparam("of")).label("written"),
).subquery()
STANDING = sa.select(_NOW, *WHAT_GIVEN).select_from(_NOW.outerjoin(LINES, WERE_GIVEN))
ANSWERED = sa.select(ANSWERS).where(ANSWERS.c.retailer_id == sa.bindparam("retailer"), ANSWERS.c.key == sa.bindparam("of"))
WHOSE = [sa.select(t.c.retailer_id).where(t.c.order_id == sa.bindparam("order")).limit(1) for t in (LINES, GONE)]
NEWEST = sa.select(OLD.c.brand_id, sa.func.max(OLD.c.version)).where(OLD.c.order_id == sa.bindparam("order")).group_by(OLD.c.brand_id)
KEPT = ("order_id", "brand_id", "retailer_id", "order_date", "requested", "cap_seen", "asked_by", "asked_at", "superseded_at")


def _quoted(first: sa.FromClause) -> sa.Insert:
    """Keep a request under the version after the newest; `first`: a source of one row that is read before."""
    same = sa.and_(OLD.c.order_id == sa.bindparam("of_order"), OLD.c.brand_id == sa.bindparam("of_brand"))
    version = sa.func.coalesce(sa.func.max(OLD.c.version), 0) + 1
    values = sa.select(*(sa.bindparam(name, type_=OLD.c[name].type) for name in KEPT), version).select_from(first.outerjoin(OLD, same))
    return OLD.insert().from_select([*KEPT, "version"], values).returning(OLD.c.version)


QUOTED = {
    "sqlite": _quoted(sa.select(sa.literal(1)).subquery()),
    # a quote promises nothing: the disk is not waited for, and when the power fails the last half second of quotes is not kept
    "postgresql": _quoted(sa.select(sa.func.set_config("synchronous_commit", "off", True).label("said")).subquery()),
}
"""Statements of every order, made once."""


@dataclass(frozen=True)
class Asked:
    """Who asks, for which retailer and order, for which day, and when (UTC)."""

    order_id: str
    retailer_id: str
    day: date
    week: date
    by: str
    at: datetime


def lines_of(tx: sa.Connection, licences: Collection[str], first: date, last: date) -> list[Row]:
    """Lines of some licences, of weeks `first` to `last`, those of each in key order."""
    return [dict(row) for row in tx.execute(OWN_LINES, {"licences": list(licences), "first": first, "last": last}).mappings()]


Given = tuple[str, date, date, int]
"""What a line was given: brand_id, week, order date, cartons."""


@dataclass(frozen=True)
class Standing:
    """What a quote of one brand must know of this moment: the city's version, the number of the retailer's next same-day order of the day,
    what the week gave, as from counters.given, and what lines of its owner were given in weeks that share a month with it."""

    version: int
    number: int
    given: dict[str, int] | None
    lines: list[Given]


def standing(tx: sa.Connection, retailer_id: str, licences: Collection[str], day: date, week: date, brand_id: str) -> Standing:
    """What stands at this moment, in one statement."""
    first, last = counters.months([week])
    asked = {"retailer": retailer_id, "day": day, "of": week, "brand": brand_id, "all": ALL}
    found = tx.execute(STANDING, asked | {"licences": list(licences), "first": first, "last": last}).all()
    now = found[0]
    counted = {} if now.given is None else {brand_id: int(now.of_brand or 0), ALL: int(now.given)}
    lines = [(row.brand_id, row.week, row.order_date, int(row.allocated)) for row in found if row.allocated is not None]
    return Standing(int(now.version), int(now.orders) + 1, counted if counted or not now.written else None, lines)


def given_to(tx: sa.Connection, licences: Collection[str], first: date, last: date) -> list[Given]:
    """What lines of some licences, of weeks `first` to `last`, were given."""
    found = tx.execute(OWN_GIVEN, {"licences": list(licences), "first": first, "last": last})
    return [(brand_id, week, day, int(cartons)) for brand_id, week, day, cartons in found]


def given_of(lines: Iterable[Row]) -> list[Given]:
    """The same of lines that were read."""
    return [(row["brand_id"], row["week"], row["order_date"], row["allocated"]) for row in lines if row["allocated"] is not None]


def number_of(tx: sa.Connection, retailer_id: str, day: date) -> int:
    """The number of a retailer's next same-day order of a day, from 1."""
    return int(tx.execute(NUMBER, {"retailer": retailer_id, "day": day}).scalar_one()) + 1


def keep_quote(tx: sa.Connection, asked: Asked, brand_id: str, requested: int, *, cap: int | None) -> int:
    """Keep a request that was typed as a version of the line that it may become; gives the version."""
    values = {"retailer_id": asked.retailer_id, "order_date": asked.day, "requested": requested, "cap_seen": cap, "asked_by": asked.by}
    line = {"of_order": asked.order_id, "of_brand": brand_id, "order_id": asked.order_id, "brand_id": brand_id}
    return int(tx.execute(QUOTED[tx.dialect.name], line | values | {"asked_at": asked.at, "superseded_at": asked.at}).scalar_one())


def _version(tx: sa.Connection, order_id: str, brands: Collection[str]) -> dict[str, int]:
    """The newest version of each line of an order that was superseded, 0 where none was."""
    found = {brand_id: int(version) for brand_id, version in tx.execute(NEWEST, {"order": order_id})}
    return {brand_id: found.get(brand_id, 0) for brand_id in brands}


def answer(tx: sa.Connection, retailer_id: str, key: str) -> Row | None:
    """What was answered to a retailer's key: order_id, asked, answer; None where it is new."""
    found = tx.execute(ANSWERED, {"retailer": retailer_id, "of": key}).mappings().first()
    return None if found is None else dict(found)


def keep_answer(tx: sa.Connection, asked: Asked, *, key: str, lines: str, text: str) -> None:
    """Keep what is answered to a key: `lines`, what was asked, and the answer, as text."""
    values = {"order_id": asked.order_id, "asked": lines, "answer": text, "asked_by": asked.by, "asked_at": asked.at}
    tx.execute(ANSWERS.insert(), values | {"retailer_id": asked.retailer_id, "key": key})


def confirm(tx: sa.Connection, asked: Asked, lines: Iterable[Row], *, run_id: int) -> None:
    """Store a same-day order: its lines as given, and a confirmation of each, as publishing writes them.

    `lines`: brand_id and the columns of frames.ALLOCATION but for order, retailer, week and day.
    """
    rows = [{"order_id": asked.order_id, "week": asked.week, **line} for line in lines]
    before = _version(tx, asked.order_id, [row["brand_id"] for row in rows])
    tx.execute(ORDERS.insert(), {"order_id": asked.order_id} | _header(asked, OrderMode.SAME_DAY))
    of_order = {"retailer_id": asked.retailer_id, "order_date": asked.day, "mode": OrderMode.SAME_DAY, "import_id": None}
    names = ("order_id", "brand_id", "week", "requested", "allocated")
    tx.execute(LINES.insert(), [{n: row[n] for n in names} | of_order | {"version": before[row["brand_id"]] + 1} for row in rows])
    tx.execute(DONE.insert(), [row | {"run_id": run_id, "confirmed_at": asked.at, "confirmed_by": asked.by} for row in rows])
    same = {"order_id": asked.order_id, "asked_by": asked.by, "asked_at": asked.at}
    tx.execute(ASKED.insert(), [same | {"brand_id": row["brand_id"], "cap_seen": row["cap"]} for row in rows])
    given = {(asked.week, row["brand_id"]): row["allocated"] for row in rows}
    counters.renew_versions(tx, [asked.week], given)
    told = f"{len(rows)} lines, {sum(given.values())} cartons"
    audit.record(tx, action="orders.confirm", subject=f"order {asked.order_id}", detail=told, by=asked.by, at=asked.at)


def _header(asked: Asked, mode: OrderMode) -> dict[str, Any]:
    return {"retailer_id": asked.retailer_id, "order_date": asked.day, "mode": mode, "asked_by": asked.by, "asked_at": asked.at}


def _begin(tx: sa.Connection, asked: Asked, mode: OrderMode) -> None:
    values = _header(asked, mode)
    if not tx.execute(ORDERS.update().where(ORDERS.c.order_id == asked.order_id).values(values)).rowcount:
        tx.execute(ORDERS.insert().values(order_id=asked.order_id, **values))


def _note(tx: sa.Connection, asked: Asked, caps: Mapping[str, int | None]) -> None:
    """Who asked the present version of lines, when, and which cap was seen."""
    tx.execute(ASKED.delete().where(ASKED.c.order_id == asked.order_id, ASKED.c.brand_id.in_(caps)))
    same = {"order_id": asked.order_id, "asked_by": asked.by, "asked_at": asked.at}
    if caps:
        tx.execute(ASKED.insert(), [{"brand_id": brand_id, "cap_seen": cap, **same} for brand_id, cap in caps.items()])


def wait(tx: sa.Connection, asked: Asked, lines: Mapping[str, int], *, waiting: Iterable[Row], caps: Mapping[str, int | None]) -> None:
    """Requests by brand in the place of a retailer's lines that wait for a day (`waiting`): what these were stays in `request_versions`.

    A brand keeps the order in which it stands; of several lines of it the first; new ones are of `asked.order_id`.
    """
    waiting = list(waiting)
    if not waiting and not any(lines.values()):
        return  # a week without lines is none
    kept: dict[str, Row] = {}
    for row in waiting:
        if row["brand_id"] in kept or not lines.get(row["brand_id"]):
            _supersede(tx, row, asked.at)
            tx.execute(LINES.delete().where(_is(LINES, row)))
        else:
            kept[row["brand_id"]] = row
    for brand_id, row in kept.items():
        if row["requested"] != lines[brand_id]:
            _supersede(tx, row, asked.at)
            new = {"requested": lines[brand_id], "version": row["version"] + 1, "mode": OrderMode.PRE_ORDER}
            tx.execute(LINES.update().where(_is(LINES, row)).values(new))
            same = Asked(row["order_id"], asked.retailer_id, asked.day, asked.week, asked.by, asked.at)
            _note(tx, same, {brand_id: caps.get(brand_id)})
    fresh = [brand_id for brand_id, requested in lines.items() if requested and brand_id not in kept]
    before = _version(tx, asked.order_id, fresh)
    of_order = {"order_id": asked.order_id, "retailer_id": asked.retailer_id, "order_date": asked.day, "week": asked.week}
    if fresh:
        more = of_order | {"mode": OrderMode.PRE_ORDER, "allocated": None, "import_id": None}
        tx.execute(LINES.insert(), [more | {"brand_id": b, "requested": lines[b], "version": before[b] + 1} for b in fresh])
    _begin(tx, asked, OrderMode.PRE_ORDER)
    _note(tx, asked, {brand_id: caps.get(brand_id) for brand_id in fresh})
    counters.renew_versions(tx, [asked.week], {})
    told = f"{sum(1 for requested in lines.values() if requested)} lines, {sum(lines.values())} cartons"
    audit.record(tx, action="orders.wait", subject=f"order {asked.order_id}", detail=told, by=asked.by, at=asked.at)


def _is(table: sa.Table, row: Row) -> sa.ColumnElement[bool]:
    same = (table.c.order_id == row["order_id"], table.c.brand_id == row["brand_id"])
    return sa.and_(*same, *([table.c.week == row["week"]] if "week" in table.c else []))


def _supersede(tx: sa.Connection, row: Row, at: datetime) -> None:
    """A line about to change: what it was, and who asked it, goes into `request_versions`."""
    found = tx.execute(sa.select(ASKED).where(_is(ASKED, row))).mappings().first()
    known = {} if found is None else dict(found)
    kept = ("order_id", "brand_id", "version", "retailer_id", "order_date", "requested", "allocated", "import_id")
    more = {name: known.get(name) for name in ("cap_seen", "asked_by", "asked_at")}
    tx.execute(OLD.insert().values(**{name: row[name] for name in kept}, **more, superseded_at=at))
    tx.execute(ASKED.delete().where(_is(ASKED, row)))


def orders_of(tx: sa.Connection, retailer_id: str, since: date) -> list[Row]:
    """Lines of a retailer, of weeks from `since` on, with their confirmations; `cancelled` where they were taken back. By day and key."""
    done = [DONE.c[name] for name in DETAILS]
    here = sa.select(*(LINES.c[name] for name in OF_LINE), *done, sa.literal(False).label("cancelled"))
    same = sa.and_(*(LINES.c[name] == DONE.c[name] for name in ("order_id", "brand_id", "week")))
    here = here.join_from(LINES, DONE, same, isouter=True).where(LINES.c.retailer_id == retailer_id, LINES.c.week >= since)
    gone = sa.select(
        *(GONE.c[name] for name in OF_LINE),
        *(GONE.c[f"confirmed_{name}"].label(name) for name in DETAILS),
        sa.literal(True).label("cancelled"),
    ).where(GONE.c.retailer_id == retailer_id, GONE.c.week >= since)
    found = [dict(row) for query in (here, gone) for row in tx.execute(query).mappings()]
    return sorted(found, key=lambda row: (row["order_date"], row["order_id"], row["brand_id"]))


OF_LINE = ("order_id", "brand_id", "retailer_id", "order_date", "week", "mode", "requested", "allocated")
DETAILS = ("cap", "quota_left", "pack_multiple", "min_lot", "taken", "usable", "weight", "level", "reason")
"""What the words on a line are made of."""


def retailer_of(tx: sa.Connection, order_id: str) -> str | None:
    """Whose order it is, taken back or not; None where there is none."""
    for whose in WHOSE:
        found = tx.execute(whose, {"order": order_id}).scalar()
        if found is not None:
            return str(found)
    return None
