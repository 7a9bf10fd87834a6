"""What a request at the desk stands on: the books of the weeks, the retailer, its order day, and what is on offer."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from allocation import promise
from allocation.limits import NONE
from allocation.promise import Book
from jobs import books
from jobs.books import Kept
from ordering.database import Database, Transaction, counters
from ordering.database.desk import Row
from ordering.database.retrying import StaleError
from ordering.errors import OrderError
from ordering.model import Reason, week_of
from ordering.settings import Settings
from web import opening
from web.opening import Opening
from web.refusals import Refusal, refused

MISSING = {"supply": "货源", "release strategy": "投放策略"}


@dataclass(frozen=True)
class Ground:
    """A retailer (`row` of the book) before its next order day."""

    retailer_id: str
    row: int
    opening: Opening
    kept: Kept
    zone: ZoneInfo

    @property
    def book(self) -> Book:
        """The book of the week."""
        return self.kept.book

    @property
    def week(self) -> date:
        """The order week, by its Monday."""
        return self.kept.week

    @cached_property
    def day(self) -> int:
        """The order day, days since 1970."""
        return promise.day_number(self.opening.day)

    def licences(self) -> list[str]:
        """The licences of the retailer's owner."""
        return [self.book.retailer_ids[row] for row in self.book.licences(self.row)]

    def rows(self, lines: Mapping[str, int]) -> list[tuple[int, int]]:
        """Lines by brand id as (row of the brand, cartons)."""
        return [(self.book.brands[brand_id], requested) for brand_id, requested in lines.items()]

    def offers(self, brand_id: str) -> bool:
        """Whether a brand is on offer on the order day."""
        return bool(self.on_offer[self.book.brands[brand_id]]) if brand_id in self.book.brands else False

    @cached_property
    def on_offer(self) -> npt.NDArray[np.bool_]:
        """The same by row of the brands."""
        day = np.datetime64(self.opening.day)
        return (self.kept.launched <= day) & (day <= self.kept.withdrawn)

    def waits(self, row: Row) -> bool:
        """Whether a line is the retailer's own and waits for the order day."""
        return row["retailer_id"] == self.retailer_id and row["order_date"] == self.opening.day and row["allocated"] is None

    def caps(self, brands: Iterable[str]) -> dict[str, int | None]:
        """The cap in force of each brand for the week; None where there is none."""
        names = list(brands)
        rows = self.book.rows(self.row, np.array([self.book.brands[name] for name in names], np.int64), self.day)
        found = self.book.limits.of(rows)[Reason.STAR_CAP].tolist()
        return {name: None if cap == NONE else cap for name, cap in zip(names, found, strict=True)}

    def refusal(self) -> Refusal | None:
        """Why no same-day order is taken now; None where one is."""
        known = Refusal.NOT_YET_KNOWN if self.book.missing else Refusal.NOT_PLANNED if self.kept.unplanned else None
        return self.opening.refusal or known

    def told(self) -> dict[str, object]:
        """What the words of a refusal name."""
        local = {
            name: at.replace(tzinfo=ZoneInfo("UTC")).astimezone(self.zone)
            for name, at in (("opens", self.opening.opens_at), ("closes", self.opening.closes_at), ("from_day", self.opening.from_at))
        }
        closed = self.opening.refusal is Refusal.CLOSED
        return {
            "day": self.opening.today if closed else self.opening.day,
            "opens": f"{local['opens']:%H:%M}",
            "closes": f"{local['closes']:%H:%M}",
            "from_day": local["from_day"].date(),
            "week": self.week,
            "missing": self.book.missing,
            "missing_zh": MISSING.get(self.book.missing, ""),
        }


class Books:
    """The books of this week and the next, in memory, each renewed when the day or the version of the city is another."""

    def __init__(self, db: Database, settings: Settings, history: Path) -> None:
        self.db, self.settings, self.history = db, settings, history
        self.zone = ZoneInfo(settings.city.time_zone)
        self._kept: dict[date, Kept] = {}
        self._lock = threading.Lock()

    def ground(self, tx: Transaction, retailer_id: str, now: datetime, *, hold: bool = False) -> Ground:
        """What a retailer's request stands on; `hold`: it stays so until the transaction ends. Raises StaleError where a book is old, and
        OrderError where there is no such retailer, or it is not active on its order day."""
        return self._stood(retailer_id, now, counters.city(tx, hold=hold))

    def last_known(self, retailer_id: str, now: datetime) -> Ground | None:
        """The same by the books as they are, whatever the city's version is now (`check`); None where they do not say."""
        try:
            return self._stood(retailer_id, now, None)
        except (StaleError, OrderError):
            return None

    def check(self, ground: Ground, version: int) -> None:
        """Raise StaleError where the city is not of the version of the book that a request stands on."""
        if ground.kept.version != version:
            raise StaleError(lambda: self._renew(ground.kept.today, ground.week, version))

    def _stood(self, retailer_id: str, now: datetime, version: int | None) -> Ground:
        today = now.replace(tzinfo=ZoneInfo("UTC")).astimezone(self.zone).date()
        kept = self._fresh(today, week_of(today), version)
        if retailer_id not in kept.book.retailers:
            raise refused(Refusal.NO_RETAILER, retailer_id=retailer_id)
        found = opening.of(int(kept.weekdays[kept.book.retailers[retailer_id]]), self.settings, now)
        kept = self._fresh(today, week_of(found.day), version)
        row, day = kept.book.retailers.get(retailer_id, -1), promise.day_number(found.day)
        licences = kept.book.limits.owners
        if row < 0 or not licences.first[row] <= day <= licences.last[row]:
            raise refused(Refusal.NO_RETAILER, retailer_id=retailer_id)
        return Ground(retailer_id, row, found, kept, self.zone)

    def _fresh(self, today: date, week: date, version: int | None) -> Kept:
        kept = self._kept.get(week)
        if kept is None or kept.today != today or version not in (None, kept.version):
            raise StaleError(lambda: self._renew(today, week, version or 0))
        return kept

    def _renew(self, today: date, week: date, version: int) -> None:
        """Read the book of a week, unless another thread has meanwhile."""
        with self._lock:
            kept = self._kept.get(week)
            if kept is not None and kept.today == today and kept.version >= version:
                return
            made = books.kept(self.db, self.settings, today, week, self.history)
            self._kept = {monday: one for monday, one in self._kept.items() if one.today == today} | {week: made}
