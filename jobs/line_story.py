"""What a suggestion was made of, for one who looks at it: its sentences, its inputs as they were, its weeks, its peers, its decisions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd

from allocation import suggest
from allocation.suggest import NOT_YET_KNOWN
from forecasting import demand
from jobs import advising
from jobs.exports import Source
from ordering import frames
from ordering.database import line_acts, lookups, pair_weeks, review_lines, runs
from ordering.model import week_of
from ordering.review import Filter

WEEKS = 52
"""Weeks before the planned one."""
Weeks = Mapping[str, list[Any]]
"""week, requested, allocated, demand, p10, p90: a list each, missing numbers None."""
AROUND = 1
"""Star levels that a peer may be apart."""
LEAST_PEERS = 5
"""Fewer are told of nothing: what one of them asks would show."""


@dataclass(frozen=True)
class Peers:
    """Of shops like this one, for the same brand: how many, and their lower quartile, median and upper quartile by column."""

    shops: int
    middle: Mapping[str, tuple[float, float, float]]


@dataclass(frozen=True)
class Story:
    """A suggestion in words, its stored inputs and what follows from them by column, and its weeks up to the planned one.

    `bound`: what cut it, "" where nothing did. `acts`: what was decided, the newest first. `before`: the inputs of the night on which it
    was decided, where that is another one; None where it is this night, where nothing is decided, or where that night is no longer kept.
    """

    words: str
    inputs: Mapping[str, Any]
    weeks: Weeks
    bound: str
    peers: Peers | None
    acts: Sequence[Mapping[str, Any]]
    before: Mapping[str, Any] | None


def told(source: Source, retailer_id: str, brand_id: str, language: str) -> Story:
    """All that is stored of a suggestion. Raises TrueOrderError where the run suggests nothing of the kind."""
    which = {"retailer_id": retailer_id, "brand_id": brand_id}
    rows = source.result("suggestions", **which)
    if rows.empty:
        raise advising.nothing(source, retailer_id, brand_id)
    own = _inputs(rows)
    acts = line_acts.of_line(source.db, retailer_id, brand_id, own["order_day"].date())
    decided_in = acts[0]["run_id"] if acts and acts[0]["by"] else source.run.run_id
    before = None if decided_in == source.run.run_id else _before(source, decided_in, which, own["order_day"])
    codes = str(own["reason"]).removesuffix(f"+{NOT_YET_KNOWN}").split("+")
    return Story(
        words=advising.in_words(rows.iloc[0].to_dict(), advising.offers(source, **which), language),
        inputs=own,
        weeks=weeks(source, retailer_id, brand_id),
        bound=codes[1] if len(codes) > 1 else "",
        peers=peers(source, retailer_id, brand_id),
        acts=acts,
        before=before,
    )


def _before(source: Source, run_id: int, which: Mapping[str, str], day: pd.Timestamp) -> Mapping[str, Any] | None:
    """The inputs of an earlier night for the same order day; None where it holds none."""
    with source.db.reading() as reader:
        rows = runs.read_result(reader, run_id, "suggestions", **which)
    rows = rows[rows["order_day"] == day].reset_index(drop=True)
    return None if rows.empty else _inputs(rows)


def _inputs(rows: pd.DataFrame) -> Mapping[str, Any]:
    """What a run stored of a suggestion, the first of `rows`, with what follows from it."""
    row = pd.concat([rows, suggest.derived(rows)], axis=1).iloc[0]
    return {str(name): None if pd.isna(value) else value for name, value in row.items()}


def peers(source: Source, retailer_id: str, brand_id: str) -> Peers | None:
    """What the night found for peers: area type and business format the same, star level at most AROUND apart; None where they are few."""
    shop = lookups.retailer(source.db, retailer_id)
    if shop is None:
        return None
    with source.db.reading() as reader:
        lines = review_lines.read(reader, source.run, Filter(brand=brand_id, empty=True), line_acts.alike(shop))
    own = lines["retailer_id"].astype("str") == retailer_id
    star = lines.loc[own, "star_level"].max()
    near = lines[~own & ((lines["star_level"] - star).abs() <= AROUND)]
    if len(near) < LEAST_PEERS:
        return None
    middle = {name: near[name].astype("float64").quantile([0.25, 0.5, 0.75]) for name in ("requested", "suggested", "p50", "stock")}
    return Peers(len(near), {name: (one.iloc[0], one.iloc[1], one.iloc[2]) for name, one in middle.items() if one.notna().all()})


def weeks(source: Source, retailer_id: str, brand_id: str) -> Weeks:
    """What was asked, given and wanted of a pair, with the interval of what was wanted, up to the week of the business date."""
    last = week_of(source.run.business_date)
    first = last - timedelta(weeks=WEEKS)
    with source.db.reading() as reader:
        lines = pair_weeks.read(reader, retailer_id, brand_id, first, last)
    every = pd.DataFrame({"week": pd.date_range(frames.day(first), frames.day(last), freq="7D").as_unit("us")})
    found = every.merge(lines, on="week", how="left", validate="1:1")
    found = found.merge(_wanted(source, retailer_id, brand_id, first, last), on="week", how="left", validate="1:1")
    known = np.flatnonzero(found[["requested", "demand"]].notna().any(axis=1))
    found = found.iloc[known[0] if len(known) else len(found) :]
    plain = found.assign(week=found["week"].dt.strftime("%Y-%m-%d"), demand=found["demand"].round(2)).astype(object)
    columns: Weeks = plain.where(found.notna(), None).to_dict("list")
    return columns


def _wanted(source: Source, retailer_id: str, brand_id: str, first: date, last: date) -> pd.DataFrame:
    """The stored estimate of a pair by week, from the first of its life on, with deciles: its rate × the brand's index in its district."""
    district = (lookups.retailer(source.db, retailer_id) or {}).get("district", "")
    index = pair_weeks.index(source.db, source.run.run_id, [brand_id], district, first, last)
    pair = source.rows("pair_estimates", retailer_id=retailer_id, brand_id=brand_id)
    if not pair:
        return pd.DataFrame({"week": pd.DatetimeIndex([]).as_unit("us"), "demand": [], "p10": [], "p90": []})
    (own,) = pair
    lived = {row["week"]: row["index"] for row in index if row["week"] >= own["from_week"]}
    mean = own["rate"] * np.array(list(lived.values()), np.float64)
    deciles = {name: demand.interval(mean, own["dispersion"], at) for name, at in (("p10", 0.1), ("p90", 0.9))}
    return pd.DataFrame({"week": pd.DatetimeIndex(list(lived)).as_unit("us"), "demand": mean, **deciles})
