"""The vocabulary: what an order, a reason and a week are. No behaviour that needs records lives here."""

from __future__ import annotations

from datetime import date, timedelta
from enum import StrEnum


class OrderMode(StrEnum):
    """How a line was placed: left ahead of the order day, or typed and confirmed on it."""

    PRE_ORDER = "pre_order"
    SAME_DAY = "same_day"


class AreaType(StrEnum):
    URBAN = "urban"
    RURAL = "rural"


class SupplyAttribute(StrEnum):
    """What the company expects of a brand's supply (紧俏, 均衡, 充足, 新品)."""

    TIGHT = "tight"
    BALANCED = "balanced"
    AMPLE = "ample"
    NEW = "new"


class Origin(StrEnum):
    PROVINCE = "province"
    OTHER = "other"
    IMPORTED = "imported"


class Reason(StrEnum):
    """Why a line got what it got: the bound that was the smallest, one code per line."""

    FULL = "FULL"
    STAR_CAP = "STAR_CAP"
    BAND_CAP = "BAND_CAP"
    QUOTA_BRAND = "QUOTA_BRAND"
    QUOTA_TOTAL = "QUOTA_TOTAL"
    DAY_LIMIT = "DAY_LIMIT"
    PACK = "PACK"
    MIN_LOT = "MIN_LOT"
    DEMAND_CAP = "DEMAND_CAP"
    HOLD = "HOLD"
    LEVEL = "LEVEL"
    TURN_LOST = "TURN_LOST"
    TURN_WON = "TURN_WON"


class Policy(StrEnum):
    """By which rule a brand's supply is shared (allocation.rules)."""

    UNIFORM = "uniform"
    TRUE_DEMAND = "true_demand"
    STAR_CAP = "star_cap"
    TURN_AND_EARN = "turn_and_earn"
    PROPORTIONAL = "proportional"
    FIRST_COME = "first_come"


COMPARISONS = frozenset({Policy.PROPORTIONAL, Policy.FIRST_COME})
"""What companies do today: they reward who asks for more, and who asks first. To compare with only; no night gives out by them."""


class Decision(StrEnum):
    """What an account manager made of a suggestion."""

    OPEN = "open"
    ACCEPTED = "accepted"
    ADJUSTED = "adjusted"
    REJECTED = "rejected"


class Measure(StrEnum):
    """What a star rating weighs; `ratings.FACTS` says in which unit."""

    PURCHASES = "purchases"
    SELL_THROUGH = "sell_through"
    STRUCTURE = "structure"
    INTEGRITY = "integrity"
    COOPERATION = "cooperation"


class LevelReason(StrEnum):
    """Why a rated retailer has its level, one code per retailer and month."""

    RANK = "RANK"
    STEPS_UP = "STEPS_UP"
    STEPS_DOWN = "STEPS_DOWN"
    PLACES = "PLACES"
    NEW_SHOP = "NEW_SHOP"
    NO_MEASURE = "NO_MEASURE"


class VisitReason(StrEnum):
    """Why an account manager should see a retailer."""

    FOLLOW_UP = "follow_up"
    LOW_FULFILMENT = "low_fulfilment"
    NO_ORDER = "no_order"
    STOCK_OUT = "stock_out"
    OVERSTOCK = "overstock"
    INFLATED = "inflated"
    NEW_LEVEL = "new_level"


ALL = ""
"""The value of a scope column that narrows nothing (all brands, all districts)."""


def week_of(day: date) -> date:
    """The Monday that names the week of `day` (weeks run Monday to Sunday)."""
    return day - timedelta(days=day.weekday())


def month_of(week: date) -> str:
    """The month, `YYYY-MM`, that a week belongs to: the month of its Monday."""
    return f"{week:%Y-%m}"
