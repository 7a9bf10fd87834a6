"""Cartons that come back after they were confirmed: an order cancelled or not paid, a supply cut; and the undoing of both."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import pandas as pd

from allocation import owners
from allocation.recall import recall as by_rule
from allocation.week_supply import carried as carried_into
from jobs.publish import closed_until
from ordering import database, frames, history, snapshot, tables
from ordering.database import batches, cancellations, counters, recalls
from ordering.database.cancellations import Carried
from ordering.errors import StateError
from ordering.frames import Snapshot
from ordering.model import month_of, week_of
from ordering.settings import Settings


@dataclass(frozen=True)
class GivenBack:
    """What an act came to: its number, the lines and cartons of it, and cartons still missing because their lines were delivered."""

    batch_id: int
    lines: int
    cartons: int
    missing: int = 0


OPEN_WEEKS = 1
"""Weeks after its own in which an order can still be taken back: the payment of a Friday's order fails on a Monday."""


def cancel(
    db: database.Database, settings: Settings, order_id: str, *, brand_id: str | None, by: str, why: str, clock: datetime
) -> GivenBack:
    """Take an order back, or its line of one brand: cancelled by the retailer, or not paid. `clock` is UTC."""
    return GivenBack(*cancellations.cancel(db, order_id, brand_id=brand_id, since=_since(settings, clock), by=by, why=why, at=clock))


def recall(
    db: database.Database, settings: Settings, *, brand_id: str, week: date, delivered: date | None, by: str, why: str, clock: datetime
) -> GivenBack:
    """Bring what was confirmed of a brand's week down to its supply, as the rule decides; lines of order days up to `delivered` stay.

    Raises StateError where the supply covers what was confirmed, nothing was confirmed, or the week is closed.
    """
    return undisturbed(lambda: _recalled(db, settings, brand_id=brand_id, week=week, delivered=delivered, by=by, why=why, clock=clock))


TRIES = 5
"""How often an act is decided that others disturb by writing lines of its week."""


def undisturbed(act: Callable[[], GivenBack]) -> GivenBack:
    """An act that reads lines, decides and writes; again where they changed meanwhile."""
    for _ in range(TRIES - 1):
        with suppress(counters.ChangedError):
            return act()
    return act()


def _recalled(
    db: database.Database, settings: Settings, *, brand_id: str, week: date, delivered: date | None, by: str, why: str, clock: datetime
) -> GivenBack:
    """One try of `recall`."""
    monday = week_of(week)
    before = counters.seen(db, [monday])
    if monday < _since(settings, clock):
        raise StateError(f"brand {brand_id}, week {monday}: this week is closed; correct it by an import")
    carried = _carried(db, settings, {monday})
    given, left = recalls.read_given(db, brand_id, monday, carried=carried)
    name = f"brand {brand_id}, week {monday}"
    if given.empty:
        raise StateError(f"{name}: nothing was confirmed here; trueorder publish confirms")
    if left is None or left >= 0:
        raise StateError(f"{name}: the supply covers what was confirmed; import the smaller supply first")
    with db.reading() as reader:
        ware = database.read_table(reader, "brands").set_index("brand_id").loc[brand_id]
        given = _with_owners(reader, settings, given, monday)
    fixed = (given["order_date"] <= delivered).to_numpy() if delivered is not None else False
    supply = int(given["allocated"].sum()) + left  # what others were given by import is gone
    sizes = {"supply": max(supply, 0), "pack": int(ware["pack_multiple"]), "lot": int(ware["min_lot"])}
    found = by_rule(given.assign(fixed=fixed), brand_id, salt=settings.allocation.salt, **sizes)
    changed = given.assign(new_allocated=found.allocated, new_reason=found.reason, new_level=found.level)
    changed = changed[changed["new_allocated"] < changed["allocated"]]
    if changed.empty:
        raise StateError(f"{name}: {-left} cartons too many were confirmed, and all of them are delivered; nobody can give back")
    changed = changed.assign(brand_id=brand_id, week=monday)
    batch_id = recalls.change(db, changed, carried=carried, seen=before, action=recalls.RECALL, by=by, why=why, at=clock)
    cartons = int((changed["allocated"] - changed["new_allocated"]).sum())
    return GivenBack(batch_id, len(changed), cartons, max(-left - cartons, 0))


def _with_owners(reader: database.Reader, settings: Settings, given: pd.DataFrame, monday: date) -> pd.DataFrame:
    """`given` with the owner of each line's licence, and that licence's own weight in thousandths in the week's month."""
    retailers = database.read_table(reader, "retailers")
    month = tables.contract["star_levels"].c.month == month_of(monday)
    rated = database.read_table(reader, "star_levels", month).astype({"retailer_id": "str"}).set_index("retailer_id")["star_level"]
    ids = retailers["retailer_id"].astype("str")
    level = ids.map(rated).fillna(retailers["star_level"]).astype("int64")
    owner = pd.Series(ids.to_numpy()[owners.of(retailers)], ids)
    weight = pd.Series([round(1000 * settings.allocation.weight(int(one))) for one in level], ids)
    return given.assign(owner_id=given["retailer_id"].map(owner), own_weight=given["retailer_id"].map(weight))


def restore(db: database.Database, settings: Settings, batch_id: int, *, by: str, why: str, clock: datetime) -> tuple[int, int, list[str]]:
    """Take a cancellation, a recall or a re-run back; gives the new act, its lines, and the names of those that could not come back."""
    carried = _carried(db, settings, recalls.weeks_of(db, batch_id))
    if batches.action_of(db, batch_id) == cancellations.ACTION:
        return *cancellations.restore(db, batch_id, carried=carried, since=_since(settings, clock), by=by, why=why, at=clock), []
    return recalls.restore(db, batch_id, carried=carried, by=by, why=why, at=clock)


def left_before(known: Snapshot, weeks: Iterable[date], settings: Settings) -> Carried:
    """What a week has beside its own supply row: what earlier weeks left, where the rows are arrivals."""
    if settings.allocation.supply_rows != "arrivals":
        return {}
    brands = known.brands["brand_id"].astype("str")
    return {
        (brand, week): left for week in weeks for brand, left in zip(brands, carried_into(known, frames.day(week)).tolist(), strict=True)
    }


def _carried(db: database.Database, settings: Settings, weeks: set[date]) -> Carried:
    """The same, of a snapshot of each week as the database has it now; nothing in a week before which nothing is stored."""
    found: dict[tuple[str, date], int] = {}
    for week in weeks if settings.allocation.supply_rows == "arrivals" else ():
        span = {"weeks": settings.demand.weeks, "horizon": settings.forecast.weeks}
        folder = history.folder_for(db.url, settings.database.history_folder)
        with suppress(StateError):
            found |= left_before(snapshot.read_week(db, week, history_folder=folder, **span)[0], [week], settings)
    return found


def _since(settings: Settings, clock: datetime) -> date:
    """The first week whose orders can still be taken back."""
    return week_of(closed_until(settings, clock)) - timedelta(weeks=OPEN_WEEKS)
