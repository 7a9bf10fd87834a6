"""What is kept beside the runs, and outlives them: what each forecasting method said when, and what was forecast and came true.

Neither is a result of a night: the first is read by later weeks to weigh the methods, the second only by people and alarms.
"""

from __future__ import annotations

from collections.abc import Mapping

from ordering.columns import Column, Kind, Table

_ORIGIN = Column("origin", Kind.WEEK)
_WEEK = Column("week", Kind.WEEK)
_BRAND = Column("brand_id", Kind.ID)
_JUDGED = (
    Column("forecast", Kind.NUMBER, low=0),
    Column("actual", Kind.NUMBER, blank=True, low=0),  # missing until the week can be judged
)

CANDIDATES = Table(
    "candidate_forecasts",
    (
        Column("planned_week", Kind.WEEK),  # the night's week for which it was made: later knowledge than this is not in it
        _ORIGIN, _BRAND, Column("method", Kind.TEXT), _WEEK, Column("demand", Kind.NUMBER, low=0),
    ),
    ("planned_week", "origin", "brand_id", "method", "week"),
)  # fmt: skip
"""What each forecasting method said of a brand's week, from an origin: the first week that was not yet known."""

ORIGINS = Table(
    "candidate_origins",
    (Column("planned_week", Kind.WEEK), _ORIGIN, Column("made_in", Kind.WEEK)),
    ("planned_week", "origin"),
)
"""Which origins the nights of a week weigh the methods by, and in which week what was said there was made. A night run again reads the
same, whatever other nights have gone back to since."""

BRANDS = Table(
    "forecast_brands",
    (_WEEK, _ORIGIN, _BRAND, *_JUDGED, Column("p10", Kind.NUMBER, low=0), Column("p90", Kind.NUMBER, low=0)),
    ("week", "origin", "brand_id"),
)
"""What was forecast of a brand's week on the first night of the week `origin`, and what came."""
DISTRICTS = Table(
    "forecast_districts",
    (_WEEK, _ORIGIN, _BRAND, Column("district", Kind.ID), *_JUDGED),
    ("week", "origin", "brand_id", "district"),
)
"""The same by district."""
RETAILERS = Table(
    "forecast_retailers",
    (_WEEK, _ORIGIN, Column("retailer_id", Kind.ID), *_JUDGED),
    ("week", "origin", "retailer_id"),
)
"""The same by retailer, over all brands, for a few horizons."""

FORECASTS: Mapping[str, Table] = {table.name: table for table in (BRANDS, DISTRICTS, RETAILERS)}
