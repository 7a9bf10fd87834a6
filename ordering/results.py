"""The tables of what a night finds; each is stored with its run. `frames` hands them on with those of the contract."""

from __future__ import annotations

from collections.abc import Mapping

from ordering.advice import DEPENDENCE, SUBSTITUTES
from ordering.columns import OPTIONAL, Column, Kind, Table, count, dated, ident, number, text, week
from ordering.conduct import HABITS, SIGNALS

PAIR_ESTIMATES = Table(
    "pair_estimates",
    (
        ident("retailer_id"),
        ident("brand_id"),
        number("rate", low=0),  # mean primary demand, cartons a week, where the brand's index is 1
        number("dispersion", low=0),  # a: variance of a week's demand = mean + a * mean**2
        text("evidence"),  # what the rate mainly rests on: requests, allocations, scans, counts, peers
        week("from_week"),  # the pair's life, both ends included
        week("to_week"),
    ),
    ("retailer_id", "brand_id"),
)
BRAND_INDEX = Table(
    "brand_index",
    (ident("brand_id"), ident("district"), week(), number("index", low=0)),
    ("brand_id", "district", "week"),
)
BRAND_DEMAND = Table(
    "brand_demand",
    (
        ident("brand_id"), week(), count("requested"), count("allocated"), number("demand", low=0), number("p10", low=0),
        number("p90", low=0),
    ),
    ("brand_id", "week"),
)  # fmt: skip
BRAND_FORECAST = Table(
    "brand_forecast",
    (
        ident("brand_id"), week(), number("demand", low=0), number("p10", low=0), number("p50", low=0), number("p90", low=0),
        text("method"),
    ),
    ("brand_id", "week"),
)  # fmt: skip
INFLATED = Table(
    "inflated",
    (
        ident("order_id"), ident("retailer_id"), ident("brand_id"), dated("order_date"), count("requested"), number("expected", low=0),
        number("score", low=0, high=1), Column("flagged", Kind.BOOL), text("reason"),
    ),
    ("order_id", "brand_id"),
)  # fmt: skip
SUGGESTIONS = Table(
    "suggestions",
    (
        ident("retailer_id"), ident("brand_id"), week(), dated("order_day"), count("suggested"), count("requested"), number("p10", low=0),
        number("p50", low=0), number("p90", low=0), number("stock", low=0, blank=True), text("reason"),
        count("most", blank=True),  # what each bound alone leaves, missing where there is none
        text("bound"),  # the Reason of the one that leaves least
        # What it was made of, as it was; missing in runs stored before it was kept.
        number("demand", low=0, **OPTIONAL),  # cartons a week
        number("cover_weeks", low=0, **OPTIONAL),  # the target stock in weeks of that demand
        dated("since", **OPTIONAL),  # the day from which the shelf was reckoned: of the latest count, or eight weeks back
        count("counted", **OPTIONAL),  # what was counted on it; missing where nobody counted: then it stood at its target
        count("received", **OPTIONAL),  # from that day on
        count("need", **OPTIONAL),  # target less shelf, before packs
        count("pack_multiple", low=1, **OPTIONAL), count("min_lot", low=1, **OPTIONAL),
        # What could be had; missing where there is no such limit.
        count("given", **OPTIONAL),  # of the order week already
        count("cap", **OPTIONAL), count("level_line", **OPTIONAL),  # in force for the whole week: star level's cap, level of the supply
        count("quota_left", **OPTIONAL),  # of the month's quota of the brand
        count("shared_left", **OPTIONAL),  # of the limits over brands, after the retailer's larger brands
    ),
    ("retailer_id", "brand_id", "week"),
)  # fmt: skip
"""`given` to `shared_left` and the pack bound the need: `allocation.suggest` says how, and a test recomputes each row from itself.
What people made of it is kept apart, in `review.DECISIONS`.
"""
ALLOCATION = Table(
    "allocation",
    (
        ident("order_id"), ident("retailer_id"), ident("brand_id"), week(), dated("order_date"), count("requested"),
        count("cap", blank=True), count("cap_left", blank=True), count("demand_left", blank=True), count("quota_left", blank=True),
        count("band_left", blank=True), count("total_left", blank=True), count("day_left", blank=True), Column("held", Kind.BOOL),
        count("pack_multiple"), count("min_lot"), count("taken"), count("usable"), count("weight"), Column("ticket", Kind.SIGNED),
        number("level", low=0, blank=True), count("allocated"), text("reason"), text("policy"),
    ),
    ("order_id", "brand_id"),
)  # fmt: skip
WEEK_LEVELS = Table(
    "week_levels",
    (
        ident("brand_id"), week(), count("available"), number("expected"), Column("threshold", Kind.SIGNED, blank=True),
        number("level", low=0, blank=True), count("turns", required=False, blank=True, default=0),
        text("policy", required=False, blank=True, default="uniform"),
    ),
    ("brand_id", "week"),
)  # fmt: skip
WEEK_TOTALS = Table("week_totals", (week(), count("handed"), count("possible")), ("week",))
"""Cartons handed out in a week, expected requests among them, and what any sharing could have: 1 − handed ÷ possible is the price of
fairness and choice."""
FAIRNESS = Table(
    "fairness",
    (
        week(), ident("brand_id"), count("star_level", low=1), count("lines"), count("requested"), count("usable"), count("allocated"),
        number("demand", low=0), count("envy"), count("drought"),
    ),
    ("week", "brand_id", "star_level"),
)  # fmt: skip
"""What a sharing came to, see allocation.fairness."""

_RATE_MEASURES = (
    count("requested"), count("allocated"), count("lines"), count("lines_filled"), count("lines_unserved"), number("demand", low=0),
    number("met", low=0), number("demand_window", low=0), number("gap_inflated", low=0), number("gap_supply", low=0),
    number("gap_province", low=0), number("gap_cap", low=0), number("gap_quota", low=0), number("gap_limit", low=0),
    number("gap_other", low=0),
)  # fmt: skip
DISTRICT_CELLS = Table("district_cells", (week(), ident("brand_id"), ident("district"), *_RATE_MEASURES), ("week", "brand_id", "district"))
"""Additive weekly sums by brand and district; the window of `met` and `demand_window` is 4 weeks."""
RETAILER_CELLS = Table(
    "retailer_cells", (week(), ident("retailer_id"), count("star_level", low=1), *_RATE_MEASURES), ("week", "retailer_id")
)
"""The same per retailer, over all brands."""
RETAILER_MONTHS = Table("retailer_months", RETAILER_CELLS.columns, RETAILER_CELLS.key)
"""The same by month; `week` is the first of the month's weeks that there are."""

RESULTS: Mapping[str, Table] = {
    table.name: table
    for table in (
        PAIR_ESTIMATES, BRAND_INDEX, BRAND_DEMAND, BRAND_FORECAST, INFLATED, SUGGESTIONS, ALLOCATION, WEEK_LEVELS, WEEK_TOTALS, FAIRNESS,
        DISTRICT_CELLS, RETAILER_CELLS, RETAILER_MONTHS, HABITS, SIGNALS, SUBSTITUTES, DEPENDENCE,
    )
}  # fmt: skip
"""What every run stores, by name."""

PROBLEMS = Table("problems", (text("step"), text("subject"), text("message")), ("step", "subject", "message"))
"""What a step could not do as it should, and did otherwise: one row each, shown with the run."""
