"""A large city for the ordering desk, written straight into a database: shops, brands, this week's strategy, supply and levels, tokens."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import sqlalchemy as sa

from ordering import database, frames, tables
from ordering.database import runs as runlog
from ordering.model import month_of, week_of

STARS = 5
TIGHT = 0.6
"""Share of the brands whose supply does not cover what is asked."""


@dataclass(frozen=True)
class City:
    """What the clients must know: shops whose order day is today, their tokens, and the brands with their caps by star level."""

    today: date
    shops: list[str]
    stars: list[int]
    brands: list[str]
    caps: npt.NDArray[np.int64]

    def token(self, shop: str) -> str:
        """The bearer token of a shop."""
        return token(shop)


def token(shop: str) -> str:
    return f"benchmark_{shop}_{hashlib.sha256(shop.encode()).hexdigest()[:16]}"


def fill(db: database.Database, *, retailers: int, brands: int, share: float, today: date, now: datetime, seed: int = 1) -> City:
    """Write the city. `share` of the shops have their order day today; a week of history is confirmed by import."""
    rng = np.random.default_rng(seed)
    shops, wares = _shops(rng, retailers, share, today), _brands(rng, brands)
    star = shops["star_level"].to_numpy(np.int64)
    ample = rng.random(brands) > TIGHT
    cap = np.where(ample, rng.integers(8, 20, brands), rng.integers(1, 5, brands))[:, None] * np.arange(1, STARS + 1)[None, :]
    week = week_of(today)
    # every shop orders 25 brands a week; what is tight covers 60% of that, the rest twice as much
    asked = cap[:, :].mean(axis=1) * retailers * 25 / brands
    supply = np.where(ample, asked * 2, asked * 0.6).astype(np.int64)
    given = {
        "retailers": frames.conform(frames.RETAILERS, shops),
        "brands": frames.conform(frames.BRANDS, wares),
        "release_strategy": _strategy(wares, cap, week),
        "supply": _frame(frames.SUPPLY, brand_id=wares["brand_id"], week=frames.day(week), available=supply),
        "daily_limits": _frame(frames.DAILY_LIMITS, star_level=np.arange(1, STARS + 1), limit=60 * np.arange(1, STARS + 1)),
        "monthly_quotas": _quotas(month_of(week)),
    }
    database.store(db, given, folder="made", by="benchmark", at=now)
    database.store(db, {"order_lines": _history(rng, shops, wares, week)}, folder="made", by="benchmark", at=now)
    with db.writing() as tx:  # statistics, as a database that has run for a day has them
        tx.exec_driver_sql("CREATE INDEX IF NOT EXISTS ix_order_lines_retailer_id ON order_lines (retailer_id, week)")
        tx.exec_driver_sql("ANALYZE")
    _night(db, wares, supply, cap, star, ample, today, now)
    mine = shops[shops["order_weekday"] == today.isoweekday()]
    _people(db, mine["retailer_id"].tolist(), now)
    return City(today, mine["retailer_id"].tolist(), mine["star_level"].tolist(), wares["brand_id"].tolist(), cap)


def _frame(table: frames.Table, **columns: Any) -> pd.DataFrame:
    return frames.conform(table, pd.DataFrame(columns))


def _shops(rng: np.random.Generator, count: int, share: float, today: date) -> pd.DataFrame:
    others = [day for day in range(1, 8) if day != today.isoweekday()]
    day = np.where(rng.random(count) < share, today.isoweekday(), rng.choice(others, count))
    found = {
        "retailer_id": [f"R{n:06d}" for n in range(count)], "name": "店", "star_level": rng.integers(1, STARS + 1, count),
        "district": [f"D{n % 12:02d}" for n in range(count)], "street": [f"S{n // 9}" for n in range(count)], "area_type": "urban",
        "business_format": "convenience", "account_manager": [f"M{n // 200:03d}" for n in range(count)], "order_weekday": day,
    }  # fmt: skip
    return pd.DataFrame(found)


def _brands(rng: np.random.Generator, count: int) -> pd.DataFrame:
    found = {"brand_id": [f"B{n:03d}" for n in range(count)], "name": "牌", "manufacturer": "F1", "price_class": rng.integers(1, 6, count)}
    return pd.DataFrame(found).assign(wholesale_price=180.0)


def _strategy(wares: pd.DataFrame, cap: npt.NDArray[np.int64], week: date) -> pd.DataFrame:
    brands = len(wares)
    star = np.tile(np.arange(1, STARS + 1), brands)
    where = dict.fromkeys(("district", "area_type", "business_format", "street"), "")
    ids = wares["brand_id"].repeat(STARS).to_numpy()
    return _frame(frames.RELEASE_STRATEGY, brand_id=ids, week=frames.day(week), star_level=star, cap=cap.ravel(), **where)


def _quotas(month: str) -> pd.DataFrame:
    star = np.arange(1, STARS + 1)
    return _frame(frames.MONTHLY_QUOTAS, month=month, star_level=star, brand_id="", quota=180 * star)


def _history(rng: np.random.Generator, shops: pd.DataFrame, wares: pd.DataFrame, week: date, lines: int = 25) -> pd.DataFrame:
    """The week before: `lines` brands of every shop, given in full."""
    count = len(shops)
    first = rng.integers(0, len(wares), count)
    brand = wares["brand_id"].to_numpy()[(first[:, None] + np.arange(lines)[None, :] * 7) % len(wares)]
    days = frames.day(week - timedelta(days=7)) + pd.to_timedelta(shops["order_weekday"] - 1, unit="D")
    asked = rng.integers(1, 6, count * lines)
    return _frame(
        frames.ORDER_LINES, order_id=np.repeat(("H" + shops["retailer_id"]).to_numpy(), lines), brand_id=brand.ravel(),
        retailer_id=np.repeat(shops["retailer_id"].to_numpy(), lines), order_date=np.repeat(days.to_numpy(), lines), mode="pre_order",
        requested=asked, allocated=asked,
    )  # fmt: skip


def _night(
    db: database.Database, wares: pd.DataFrame, supply: npt.NDArray[np.int64], cap: npt.NDArray[np.int64], star: npt.NDArray[np.int64],
    ample: npt.NDArray[np.bool_], today: date, now: datetime,
) -> None:  # fmt: skip
    """The first night of the week, with the level of every tight brand: what its supply gives if everybody who asks takes the line."""
    week, asking = week_of(today), 25 / len(wares)
    level = supply / (star.sum() * asking)
    threshold = (level * 2**32 / 1000).astype(np.int64)
    columns = {
        "brand_id": wares["brand_id"], "week": frames.day(week), "available": supply, "expected": cap.mean(axis=1) * len(star) * asking,
        "threshold": pd.Series(threshold).where(~ample).astype("Int64"), "level": np.where(ample, np.nan, 1000 * threshold / 2**32),
        "turns": 0, "policy": "uniform",
    }  # fmt: skip
    run_id = runlog.begin(db, job="nightly", business_date=week, version="v", at=now)
    results = {"week_levels": _frame(frames.WEEK_LEVELS, **columns)}
    steps, problems = [runlog.Step("made", 0, 0, 0)], frames.empty(frames.PROBLEMS)
    runlog.save(db, run_id, results, hashes={}, steps=steps, problems=problems, at=now, keep=8)


def _people(db: database.Database, shops: list[str], now: datetime) -> None:
    """A user for each shop, with a token that was used this hour."""
    users, tokens = tables.users, tables.user_tokens
    who = {"role": "retailer", "disabled": False, "created_at": now, "created_by": "benchmark"}
    until = {
        "created_at": now,
        "created_by": "benchmark",
        "expires_at": now + timedelta(days=30),
        "used_at": now,
        "label": "b",
        "scopes": "",
    }
    with db.writing() as tx:
        tx.execute(users.insert(), [{"name": shop, "login": shop.casefold(), "retailer_id": shop, **who} for shop in shops])
        ids = {row[0]: row[1] for row in tx.execute(sa.select(users.c.retailer_id, users.c.user_id))}
        rows = [{"user_id": ids[shop], "secret_hash": hashlib.sha256(token(shop).encode()).hexdigest(), **until} for shop in shops]
        tx.execute(tokens.insert(), rows)
