"""The ordering desk: what a retailer sees, asks and gets, without HTTP. How it stays whole under many hands: docs/adr/0022."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TypeVar

from allocation import promise
from allocation.promise import Shop
from jobs import giving_back
from ordering.database import Database, Transaction, counters, desk
from ordering.database.desk import Asked, Row
from ordering.database.retrying import BusyError, StaleError, retried
from ordering.model import week_of
from ordering.settings import Settings
from web import sheets
from web.ground import Books, Ground
from web.orders import CANCELLED, order_from
from web.orders import Offer as Offer
from web.orders import Order as Order
from web.orders import OrderLine as OrderLine
from web.orders import Quote as Quote
from web.orders import Sheet as Sheet
from web.refusals import Refusal, refused

T = TypeVar("T")
LONGEST_KEY = 200
MOST = 1_000_000
"""Cartons of a line above which a number is a slip of the finger."""


class Desk:
    """The desk of one city; one for a process, its methods may be called by many threads. `now` is UTC, naive. What a retailer can mend is
    an OrderError, with its code and words in both languages."""

    def __init__(self, db: Database, settings: Settings, *, history: Path) -> None:
        self.db, self.settings = db, settings
        self.books = Books(db, settings, history)

    def sheet(self, retailer_id: str, *, now: datetime) -> Sheet:
        """What the retailer sees before it asks."""

        def read(tx: Transaction) -> Sheet:
            ground = self.books.ground(tx, retailer_id, now)
            lines = self._lines(tx, ground)
            shop = Shop.of(ground.book, ground.row, desk.given_of(lines))
            return sheets.sheet(ground, shop, lines, self._given(tx, ground))

        return self._tried(read, reading=True)

    def quote(
        self, retailer_id: str, brand_id: str, requested: int, *, by: str, now: datetime, cart: Mapping[str, int] | None = None
    ) -> Quote:
        """What of a same-day request could be ordered now, after what stands in the `cart`; kept as a version of the request.

        A quote holds nothing back: others may be faster. Raises OrderError as `confirm` does, but for whole packs, which it tells.
        """

        def ask(tx: Transaction) -> Quote:
            ground = self.books.last_known(retailer_id, now) or self.books.ground(tx, retailer_id, now)
            known = desk.standing(tx, retailer_id, ground.licences(), ground.opening.day, ground.week, brand_id)
            self.books.check(ground, known.version)
            self._check_open(ground)
            before = {name: count for name, count in (cart or {}).items() if name != brand_id}
            wanted = self._checked(ground, {**before, brand_id: requested}, packs=False)
            given = self._given(tx, ground) if before else self._counted(ground, known.given)
            shop = Shop.of(ground.book, ground.row, known.lines)
            found = promise.cart(ground.book, shop, ground.day, ground.rows(wanted), given)[-1]
            asked = self._asked(ground, self._order_id(ground, "S", known.number), by, now)
            version = desk.keep_quote(tx, asked, brand_id, requested, cap=found["cap"])
            return sheets.quote(asked.order_id, brand_id, found, version)

        return self._tried(ask, single=True)

    def confirm(self, retailer_id: str, lines: Mapping[str, int], *, key: str, by: str, now: datetime) -> Order:
        """Give a same-day order what can be given now, its lines in turn: what one takes of a limit is gone for the next.

        The same key gives the same answer and does nothing again. Raises OrderError where the window is not open, the week is not known or
        not planned yet, a brand or quantity is none, a line no multiple of its pack, or the key was used for other lines.
        """

        def act(tx: Transaction) -> Order:
            ground = self.books.ground(tx, retailer_id, now, hold=True)
            self._lock(tx, ground)
            if done := self._answered(tx, retailer_id, key, "confirm", lines):
                return done
            self._check_open(ground)
            wanted = {brand_id: count for brand_id, count in self._checked(ground, lines).items() if count}
            if not wanted:
                raise refused(Refusal.NO_LINES)
            counters.count(tx, ground.week)
            given = self._given(tx, ground)
            shop = Shop.of(ground.book, ground.row, desk.given_to(tx, ground.licences(), *counters.months([ground.week])))
            found = promise.cart(ground.book, shop, ground.day, ground.rows(wanted), given)
            rows = [{"brand_id": brand_id, **one} for brand_id, one in zip(wanted, found, strict=True)]
            first = desk.number_of(tx, retailer_id, ground.opening.day)
            asked = self._asked(ground, self._free(tx, ground, "S", first), by, now)
            desk.confirm(tx, asked, rows, run_id=ground.kept.run_id)
            return self._keep(tx, asked, key, "confirm", lines, sheets.confirmed(asked, rows))

        return self._once(retailer_id, lines, key, "confirm", act)

    def pre_order(self, retailer_id: str, lines: Mapping[str, int], *, key: str, by: str, now: datetime) -> Order:
        """Leave requests for the next order day, in the place of those that wait for it; without any line nothing waits any more.

        They may be beyond a cap: what is asked is the truth. The same key gives the same answer and does nothing again. Raises OrderError
        as `confirm` does, but for the window: pre-orders are taken until the cut-off.
        """

        def act(tx: Transaction) -> Order:
            ground = self.books.ground(tx, retailer_id, now, hold=True)
            self._lock(tx, ground, new=any(lines.values()))
            if done := self._answered(tx, retailer_id, key, "pre_order", lines):
                return done
            self._check_early(ground)
            wanted = {brand_id: count for brand_id, count in self._checked(ground, lines).items() if count}
            waiting = [row for row in self._lines(tx, ground) if ground.waits(row)]
            order_id = min((str(row["order_id"]) for row in waiting), default="") or self._free(tx, ground, "P")
            asked = self._asked(ground, order_id, by, now)
            desk.wait(tx, asked, wanted, waiting=waiting, caps=ground.caps(wanted))
            return self._keep(tx, asked, key, "pre_order", lines, sheets.waits(asked, wanted))

        return self._once(retailer_id, lines, key, "pre_order", act)

    def cancel(self, order_id: str, *, paid: bool, by: str, why: str, now: datetime) -> Order:
        """Take an order back: cancelled, or (`paid` False) its payment failed. Its cartons can be given again at once, and it counts
        against no limit any more. Raises OrderError where there is no such order, StateError where its week is closed."""
        retailer_id = self.retailer_of(order_id)
        if retailer_id is None or not any(order.order_id == order_id and order.state != CANCELLED for order in self._orders(retailer_id)):
            raise refused(Refusal.NO_ORDER, order_id=order_id)
        told = why if paid else f"not paid; {why}"
        giving_back.cancel(self.db, self.settings, order_id, brand_id=None, by=by, why=told, clock=now)
        return next(one for one in self._orders(retailer_id) if one.order_id == order_id and one.state == CANCELLED)

    def orders(self, retailer_id: str, *, now: datetime) -> list[Order]:
        """The retailer's orders of the last eight weeks and of those that come, the newest day first, cancelled ones among them."""
        return self._orders(retailer_id, since=week_of(now.date()) - timedelta(weeks=8))

    def retailer_of(self, order_id: str) -> str | None:
        """Whose order it is; None where there is none."""
        return self._tried(lambda tx: desk.retailer_of(tx, order_id), reading=True)

    def _orders(self, retailer_id: str, since: date = date.min) -> list[Order]:
        return sheets.orders(self._tried(lambda tx: desk.orders_of(tx, retailer_id, since), reading=True))

    def _tried(self, act: Callable[[Transaction], T], *, reading: bool = False, single: bool = False) -> T:
        try:
            return retried(self.db, act, reading=reading, single=single)
        except BusyError as error:
            raise refused(Refusal.BUSY) from error

    def _once(self, retailer_id: str, lines: Mapping[str, int], key: str, what: str, act: Callable[[Transaction], Order]) -> Order:
        """The answer to a key, from `act` where it is new."""
        if not key.strip() or len(key) > LONGEST_KEY:
            raise refused(Refusal.KEY, most=LONGEST_KEY)
        done = self._tried(lambda tx: self._answered(tx, retailer_id, key, what, lines), reading=True)
        return done or self._tried(act)

    def _answered(self, tx: Transaction, retailer_id: str, key: str, what: str, lines: Mapping[str, int]) -> Order | None:
        """What was answered to the key before. Raises OrderError where it was asked with other lines."""
        found = desk.answer(tx, retailer_id, key)
        if found is not None and found["asked"] != _as_text(what, lines):
            raise refused(Refusal.KEY_USED, key=key, order_id=found["order_id"])
        return order_from(found["answer"]) if found is not None else None

    def _keep(self, tx: Transaction, asked: Asked, key: str, what: str, lines: Mapping[str, int], order: Order) -> Order:
        desk.keep_answer(tx, asked, key=key, lines=_as_text(what, lines), text=order.text())
        return order

    def _check_open(self, ground: Ground) -> None:
        """Raise OrderError where no same-day order is taken now."""
        if refusal := ground.refusal():
            raise refused(refusal, **ground.told())

    def _check_early(self, ground: Ground) -> None:
        if ground.opening.early:
            raise refused(Refusal.TOO_EARLY, **ground.told())

    def _checked(self, ground: Ground, lines: Mapping[str, int], *, packs: bool = True) -> dict[str, int]:
        """The lines, if each is of a brand on offer, a quantity and (`packs`) a multiple of its pack."""
        for brand_id, requested in lines.items():
            if not ground.offers(brand_id):
                raise refused(Refusal.NO_BRAND, brand_id=brand_id, day=ground.opening.day)
            if not 0 <= requested <= MOST:
                raise refused(Refusal.QUANTITY, brand_id=brand_id, requested=requested, most=MOST)
            pack = int(ground.book.pack[ground.book.brands[brand_id]])
            if packs and requested % pack:
                below = requested // pack * pack
                raise refused(Refusal.PACK, brand_id=brand_id, pack=pack, requested=requested, below=below, above=below + pack)
        return dict(lines)

    def _lines(self, tx: Transaction, ground: Ground) -> Sequence[Row]:
        """Lines of the retailer's owner of all weeks that share a month with the week."""
        return desk.lines_of(tx, ground.licences(), *counters.months([ground.week]))

    def _lock(self, tx: Transaction, ground: Ground, *, new: bool = True) -> None:
        if new:
            counters.open_week(tx, ground.week)
        counters.lock(tx, [ground.week])

    def _given(self, tx: Transaction, ground: Ground) -> dict[int, int]:
        """Cartons that the week gave of each brand, by its row."""
        return self._counted(ground, counters.given(tx, ground.week))

    def _counted(self, ground: Ground, found: Mapping[str, int] | None) -> dict[int, int]:
        """The same of what was counted, if it was."""
        if found is None:
            raise StaleError(lambda: self._count(ground.week))
        return {ground.book.brands[name]: cartons for name, cartons in found.items() if name in ground.book.brands}

    def _count(self, week: date) -> None:
        """Count what a week gave, where nobody did since its lines were written."""
        with self.db.writing() as tx:
            counters.lock(tx, [week])
            counters.count(tx, week)

    def _asked(self, ground: Ground, order_id: str, by: str, now: datetime) -> Asked:
        return Asked(order_id, ground.retailer_id, ground.opening.day, ground.week, by, now)

    def _free(self, tx: Transaction, ground: Ground, kind: str, first: int = 1) -> str:
        """The id of the retailer's next order of the day that is not taken."""
        number = first
        while desk.retailer_of(tx, order_id := self._order_id(ground, kind, number)) is not None:
            number += 1
        return order_id

    def _order_id(self, ground: Ground, kind: str, number: int) -> str:
        return f"{kind}{ground.opening.day:%Y%m%d}-{ground.retailer_id}-{number}"


def _as_text(what: str, lines: Mapping[str, int]) -> str:
    """What was asked, the same text for the same lines in any order."""
    return json.dumps([what, sorted((brand_id, int(count)) for brand_id, count in lines.items())], ensure_ascii=False)
