"""Who gets what of the planned weeks: the waiting lines of each week, a reason for every line, and the level of every brand.

Pre-orders and same-day orders share one supply, so a brand's level is solved once a week over all who are expected to claim, and kept:
later nights read it, and early orders cannot empty the shelf of later ones.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from allocation import bounds, limits, sharing
from ordering import frames
from ordering.frames import Snapshot
from ordering.model import Policy
from ordering.settings import AllocationSettings

STEP = "allocation"


@dataclass(frozen=True)
class Allocated:
    """What a night gives out: ALLOCATION of the waiting lines, WEEK_LEVELS of the brands with a supply row, WEEK_TOTALS, and PROBLEMS."""

    lines: pd.DataFrame
    levels: pd.DataFrame
    totals: pd.DataFrame
    problems: pd.DataFrame


def allocate(
    snapshot: Snapshot,
    expected: pd.DataFrame,
    settings: AllocationSettings,
    *,
    demand: pd.DataFrame | None = None,
    only: Policy | None = None,
    closing: bool = False,
) -> Allocated:
    """Allocate the waiting lines that are not confirmed yet, week by week, what an earlier week takes of a monthly quota being gone.

    `expected`: retailer_id, brand_id, week, requested (cartons) of retailers who are expected to order in a week and have not yet.
    `demand`: retailer_id, brand_id, week, demand (cartons a week): the order in which a retailer's brands share its totals; without it
    they share in the order of brand ids; with a column `most` it caps what resale-prone brands are given up to. `only`: one policy for
    all brands, those for comparison among them. `closing`: the cut-off of the lines has passed, and those of the week's last order day
    share what its level leaves. A week whose supply or strategy is not known yet gets nothing, and a problem says so.
    Raises TrueOrderError on an id that the city does not have, SettingsError on a weight of nothing.
    """
    open_lines, against, results = _open_lines(snapshot), bounds.given(snapshot), []
    planned = (open_lines, expected, snapshot.week_levels)
    weeks = sorted({week for frame in planned for week in pd.to_datetime(frame["week"]).unique()})
    problems, sums = [], []
    for week in weeks:
        if missing := not_known(snapshot, week):
            problems.append((f"week {week:%Y-%m-%d}", f"no {missing} is known for this week yet: its lines wait, nothing is allocated"))
            continue
        claims = _claims(snapshot, open_lines, expected, week)
        found = sharing.share_week(snapshot, claims, week, against=against, demand=demand, settings=settings, only=only, closing=closing)
        against = pd.concat([against, found.given], ignore_index=True)
        results.append(found)
        sums.append({"week": week, "handed": found.handed, "possible": found.possible})
        problems += found.problems
    return Allocated(
        _joined(frames.ALLOCATION, [found.lines for found in results]),
        _joined(frames.WEEK_LEVELS, [found.levels for found in results]),
        _joined(frames.WEEK_TOTALS, [pd.DataFrame(sums)] if sums else []),
        frames.conform(frames.PROBLEMS, pd.DataFrame([(STEP, *row) for row in problems], columns=frames.PROBLEMS.names)),
    )


def prepared(
    snapshot: Snapshot, expected: pd.DataFrame, settings: AllocationSettings, *, demand: pd.DataFrame | None = None
) -> list[sharing.Prepared]:
    """The planned weeks, each by itself, before they are decided; arguments as of `allocate`. A week that is not known yet is left out."""
    lines, against = _open_lines(snapshot), bounds.given(snapshot)
    weeks = [week for week in sorted(lines["week"].unique()) if not not_known(snapshot, week)]
    return [
        sharing.prepare(snapshot, _claims(snapshot, lines, expected, week), week, against=against, demand=demand, settings=settings)
        for week in weeks
    ]


def _open_lines(snapshot: Snapshot) -> pd.DataFrame:
    """The waiting lines that are not confirmed yet, by order and brand."""
    waiting = snapshot.waiting.sort_values(["order_id", "brand_id"], ignore_index=True)
    return waiting[waiting["allocated"].isna()]


def not_known(snapshot: Snapshot, week: pd.Timestamp) -> str:
    """What is not known of a week yet in a city that uses the file: "supply", "release strategy", or nothing."""
    for name, table in (("supply", snapshot.supply), ("release strategy", snapshot.release_strategy)):
        if len(table) and not (table["week"] == week).any():
            return name
    return ""


def _joined(table: frames.Table, parts: list[pd.DataFrame]) -> pd.DataFrame:
    return frames.conform(table, pd.concat(parts, ignore_index=True)) if parts else frames.empty(table)


def _claims(snapshot: Snapshot, lines: pd.DataFrame, expected: pd.DataFrame, week: pd.Timestamp) -> pd.DataFrame:
    """The week's open lines, and the expected requests of retailers who have no waiting order in it, in one frame.

    An expected request has no order id, and is dated on the retailer's order day.
    """
    lines = lines[lines["week"] == week]
    of_week = expected[pd.to_datetime(expected["week"]) == week]
    retailer = limits.codes(of_week["retailer_id"], snapshot.retailers["retailer_id"], "retailer")
    brand = limits.codes(of_week["brand_id"], snapshot.brands["brand_id"], "brand")
    asked = snapshot.waiting.loc[snapshot.waiting["week"] == week, "retailer_id"].cat.codes.unique()
    order = np.lexsort((brand, retailer))
    order = order[~np.isin(retailer[order], asked)]
    retailer, brand = retailer[order], brand[order]
    shops, wares = snapshot.categories()
    weekday = snapshot.retailers["order_weekday"].to_numpy(np.int64)[retailer]
    more = pd.DataFrame(
        {
            "order_id": "",
            "retailer_id": pd.Categorical.from_codes(retailer, dtype=shops),
            "brand_id": pd.Categorical.from_codes(brand, dtype=wares),
            "week": week,
            "order_date": week + pd.to_timedelta(weekday - 1, unit="D").as_unit("us"),
            "requested": of_week["requested"].to_numpy(np.int64)[order],
        }
    )
    waits = np.arange(len(lines) + len(more)) < len(lines)
    return pd.concat([lines[list(more.columns)], more], ignore_index=True).assign(waits=waits)
