"""The ordering desk: what a retailer sees, asks and gets, without HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from ordering.database import Database
from ordering.settings import Settings
from web.orders import Offer as Offer
from web.orders import Order as Order
from web.orders import OrderLine as OrderLine
from web.orders import Quote as Quote
from web.orders import Sheet as Sheet


class Desk:
    """The desk of one city; one for a process, its methods may be called by many threads. `now` is UTC, naive. What a retailer can mend is
    an OrderError, with its code and words in both languages."""

    def __init__(self, db: Database, settings: Settings, *, history: Path) -> None:
        self.db, self.settings, self.history = db, settings, history

    def sheet(self, retailer_id: str, *, now: datetime) -> Sheet:
        """What the retailer sees before it asks."""
        raise NotImplementedError

    def quote(
        self, retailer_id: str, brand_id: str, requested: int, *, by: str, now: datetime, cart: Mapping[str, int] | None = None
    ) -> Quote:
        """What of a same-day request could be ordered now, after what stands in the `cart`; kept as a version of the request."""
        raise NotImplementedError

    def confirm(self, retailer_id: str, lines: Mapping[str, int], *, key: str, by: str, now: datetime) -> Order:
        """Give a same-day order what can be given now, once for each key."""
        raise NotImplementedError

    def pre_order(self, retailer_id: str, lines: Mapping[str, int], *, key: str, by: str, now: datetime) -> Order:
        """Leave requests for the next order day in the place of those that waited; once for each key."""
        raise NotImplementedError

    def cancel(self, order_id: str, *, paid: bool, by: str, why: str, now: datetime) -> Order:
        """Take an order back, cancelled or not paid; its cartons can be given again at once."""
        raise NotImplementedError

    def orders(self, retailer_id: str, *, now: datetime) -> list[Order]:
        """The retailer's orders of this month's weeks and of those that come, the newest first."""
        raise NotImplementedError
