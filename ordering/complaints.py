"""Complaints of retailers: what about, how they stand, and what may be done to one. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

import pandas as pd

LONGEST = 2000
"""Characters of a complaint, and of an entry."""


class State(StrEnum):
    """How a complaint stands."""

    OPEN = "open"
    CLOSED = "closed"


class Entry(StrEnum):
    """What an entry of a complaint is: a word of the retailer, a visit or another thing that was done, its end, its beginning anew."""

    WORD = "word"
    FOLLOW_UP = "follow_up"
    CLOSED = "closed"
    REOPENED = "reopened"


class Subject(StrEnum):
    """What a complaint is about."""

    SUPPLY = "supply"
    DELIVERY = "delivery"
    GOODS = "goods"
    ORDERING = "ordering"
    STAR_LEVEL = "star_level"
    FLAG = "flag"
    MANAGER = "manager"
    OTHER = "other"


SUBJECTS: Mapping[Subject, tuple[str, str]] = MappingProxyType({
    Subject.SUPPLY: ("What was given, caps and quotas", "货源分配、限量与月限量"),
    Subject.DELIVERY: ("Delivery: late, short or wrong", "送货：晚到、少送、错送"),
    Subject.GOODS: ("Goods: damaged or of poor quality", "货品：破损或质量问题"),
    Subject.ORDERING: ("Ordering and payment", "订货与扣款"),
    Subject.STAR_LEVEL: ("The level", "档位评定"),
    Subject.FLAG: ("A flag on a request", "要货被标记"),
    Subject.MANAGER: ("Visits and service of staff", "走访与人员服务"),
    Subject.OTHER: ("Something else", "其他"),
})  # fmt: skip
"""Every subject with its words in English and Chinese."""


def days_open(opened_at: datetime, closed_at: datetime | None, now: datetime) -> int:
    """Whole days for which a complaint stood open, until now where it still does."""
    return max(((closed_at or now) - opened_at).days, 0)


def standing(complaints: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """How complaints stand by the columns `by`: open_complaints, closed_complaints, days_to_close (the median, NaN where none was closed).

    `complaints`: opened_at, closed_at (missing while open) and `by`.
    """
    closed = complaints["closed_at"].notna()
    days = (complaints["closed_at"] - complaints["opened_at"]).dt.total_seconds() / 86400
    rows = complaints[by].assign(open_complaints=~closed, closed_complaints=closed, days_to_close=days)
    if not by:
        rows = rows.assign(whole=0)
    grouped = rows.groupby(by or ["whole"], sort=True, observed=True)
    found = grouped[["open_complaints", "closed_complaints"]].sum().astype("int64").assign(days_to_close=grouped["days_to_close"].median())
    return found.reset_index()[[*by, "open_complaints", "closed_complaints", "days_to_close"]]
