"""The notices of a night, posted in the transaction that stores it: that it is ready, which flags wait, and what arrives for whom."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from ordering import tables
from ordering.database import outbox
from ordering.model import week_of
from ordering.notices import MANAGERS, RETAILERS, Notice

Offered = Callable[[str, date], Sequence[str]]
"""The retailers to whom a brand is offered under a cap in a week."""


def of_night(tx: sa.Connection, run_id: int, *, business_date: date, problems: int, offered: Offered, days: int, at: datetime) -> None:
    """Post what a night's end tells managers, and retailers of brands that arrive within `days`."""
    payload: dict[str, Any] = {"run_id": run_id, "business_date": business_date, "problems": problems}
    kind, subject = Notice.NIGHT_READY, f"night of {business_date}"
    outbox.post(tx, kind=kind, subject=subject, audience=outbox.managers, payload=payload, at=at, unique=f"{kind}:{run_id}")
    _flags(tx, run_id, business_date, at)
    _arrivals(tx, business_date, days, offered, at)


def _flags(tx: sa.Connection, run_id: int, business_date: date, at: datetime) -> None:
    """A notice for the managers whose shops have flagged lines that wait."""
    flags, shops = tables.results["inflated"], tables.contract["retailers"]
    waiting = sa.and_(flags.c.run_id == run_id, flags.c.flagged.is_(True), flags.c.order_date >= business_date)
    counted = sa.select(shops.c.account_manager, sa.func.count()).join(flags, flags.c.retailer_id == shops.c.retailer_id).where(waiting)
    rows = tx.execute(counted.group_by(shops.c.account_manager).order_by(shops.c.account_manager)).all()
    by_manager = {str(manager): int(count) for manager, count in rows}
    payload = {"run_id": run_id, "business_date": business_date, "flagged": sum(by_manager.values()), "by_manager": by_manager}
    kind, subject, readers = Notice.FLAGS_TO_LOOK_AT, f"night of {business_date}", outbox.Audience(MANAGERS, list(by_manager))
    outbox.post(tx, kind=kind, subject=subject, audience=readers, payload=payload, at=at, unique=f"{kind}:{run_id}")


def _arrivals(tx: sa.Connection, business_date: date, days: int, offered: Offered, at: datetime) -> None:
    """A notice for each arrival within `days` that was not told yet, for the retailers to whom the brand is offered in its week."""
    t, brands = tables.contract["arrivals"], tables.contract["brands"]
    soon = sa.and_(t.c.arrives_on > business_date, t.c.arrives_on <= business_date + timedelta(days=days), t.c.quantity > 0)
    rows = tx.execute(sa.select(t, brands.c.name).join(brands, brands.c.brand_id == t.c.brand_id).where(soon).order_by(t.c.arrives_on))
    for row in rows.mappings().all():
        unique = f"{Notice.BRAND_ARRIVING}:{row['brand_id']}:{row['arrives_on']}"
        if tx.execute(sa.select(outbox.NOTICES.c.notice_id).where(outbox.NOTICES.c.unique_key == unique)).first():
            continue
        week = week_of(row["arrives_on"])
        payload = {"week": week, **{name: row[name] for name in ("brand_id", "name", "arrives_on", "quantity")}}
        readers = outbox.Audience(RETAILERS, list(offered(row["brand_id"], week)))
        outbox.post(
            tx, kind=Notice.BRAND_ARRIVING, subject=f"brand {row['brand_id']}", audience=readers, payload=payload, at=at, unique=unique
        )
