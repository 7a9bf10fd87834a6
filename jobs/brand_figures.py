"""What is known of brands: asked, wanted, supplied and given in a period; of one brand its weeks, its forecast, and how near that came."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from jobs import breakdown
from jobs.breakdown import Asked, Breakdown
from jobs.exports import Source
from jobs.scoreboard import accuracy_of
from ordering import database, kept_cells
from ordering.accounts import Territory
from ordering.database import cells

SHOWN = ("name", "manufacturer", "price_class", "supply_attribute")
PAST_WEEKS = 53


@dataclass(frozen=True)
class Listed:
    """The brands in a period; quantities are cartons.

    `rows`: brand, SHOWN, the columns of `breakdown.Breakdown.rows`, `available` (missing: not limited), `ahead`: the sum of the forecast,
    and `forecast_accuracy` of the weeks that have come (missing: none has). `weeks`: how many weeks are forecast.
    """

    at: str
    known: Sequence[str]
    rows: pd.DataFrame
    weeks: int


def listed(source: Source, at: str | None = None) -> Listed | None:
    """The brands in a month (the newest whole one unless given); None where nothing was asked yet. Raises TrueOrderError as rates do."""
    found = breakdown.breakdown(source, Asked("brand", at=at))
    if found is None:
        return None
    forecast = source.result("brand_forecast")
    judged = accuracy_of(source, ["brand"]).set_index("brand")["forecast_accuracy"]
    with source.db.reading() as reader:
        brands = database.read_table(reader, "brands").set_index("brand_id")
        supply = cells.supplied(reader, found.first, found.last)
    rows = found.rows.merge(brands[list(SHOWN)], left_on="brand", right_index=True, how="left", validate="1:1")
    ahead = forecast.groupby(forecast["brand_id"].astype("str"))["demand"].sum()
    more = {"available": pd.Series(supply, dtype="float64"), "ahead": ahead, "forecast_accuracy": judged}
    rows = rows.assign(**{name: rows["brand"].map(values) for name, values in more.items()})
    return Listed(found.at, found.known, rows, int(forecast["week"].nunique()))


@dataclass(frozen=True)
class Brand:
    """One brand; quantities are cartons a week, undefined is NaN.

    `about`: its row among the brands. `past`: week, requested, allocated, demand, p10, p90; `ahead`: week, demand, p10, p50, p90, method.
    `accuracy`: by horizon in weeks (1: forecast in its own week), empty where no forecast has come due. `rates`: by district, None where
    nobody asked for it yet, or they are not kept for the territory of who asks.
    """

    about: Mapping[str, object]
    past: pd.DataFrame
    ahead: pd.DataFrame
    accuracy: pd.DataFrame
    rates: Breakdown | None


def about(db: database.Database, brand_id: str) -> Mapping[str, object] | None:
    """A brand's row among the brands; None where there is none."""
    with db.reading() as reader:
        brands = database.read_table(reader, "brands")
    rows = brands[brands["brand_id"] == brand_id]
    return None if rows.empty else dict(rows.iloc[0])


def has_brands(territory: Territory | None) -> bool:
    """Whether rates by brand are kept for the retailers of a territory."""
    return kept_cells.stored_in(["brand", *(territory or {})]) is not None


def brand(source: Source, of: Mapping[str, object], at: str | None = None, territory: Territory | None = None) -> Brand:
    """What is known of the brand that `of` describes; rates are those of the `territory`. Raises TrueOrderError where there are no rates of
    the month `at`."""
    brand_id = str(of["brand_id"])
    asked = Asked("district", at=at, within={"brand": brand_id}, territory=territory)
    judged = accuracy_of(source, ["brand", "horizon"])
    return Brand(
        about=of,
        past=source.result("brand_demand", brand_id=brand_id).tail(PAST_WEEKS),
        ahead=source.result("brand_forecast", brand_id=brand_id),
        accuracy=judged[judged["brand"] == brand_id].drop(columns="brand"),
        rates=breakdown.breakdown(source, asked) if has_brands(territory) else None,
    )
