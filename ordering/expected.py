"""What a retailer expected against what it received: requests and suggestions beside what was given, by period. Pure."""

from __future__ import annotations

import pandas as pd

from ordering import rate_cells

COLUMNS = ("requested", "received", "gap", "suggested", "received_of_suggested", "gap_to_suggested", "weeks", "weeks_suggested")
"""Of `against`, after retailer_id and period; cartons and weeks."""
KEY = ["retailer_id", "brand_id", "week"]
SUMS = ("requested", "received", "suggested", "received_of_suggested")


def against(lines: pd.DataFrame, suggested: pd.DataFrame, period: str) -> pd.DataFrame:
    """Expected against received by retailer and period: retailer_id, period and COLUMNS, sorted.

    `lines`: retailer_id, brand_id, week, requested, received, of lines that were decided, each retailer, brand and week once. `suggested`:
    the same keys and suggested, where it is known what was suggested: what was received of that alone is held against it, for a suggestion
    that nobody kept is not a suggestion of nothing. A period without any known has it missing. `weeks` and `weeks_suggested` say how many
    weeks each rests on.
    """
    both = lines.merge(suggested, on=KEY, how="outer", validate="1:1")
    told = both["suggested"].notna()
    both = both.assign(
        period=rate_cells.periods(both["week"], period).astype("str"), received_of_suggested=both["received"].fillna(0).where(told),
        of_lines=both["week"].where(both["requested"].notna()), of_told=both["week"].where(told),
    )  # fmt: skip
    grouped = both.groupby(["retailer_id", "period"], sort=True, observed=True)
    found = grouped[list(SUMS)].sum(min_count=1)
    found = found.assign(weeks=grouped["of_lines"].nunique(), weeks_suggested=grouped["of_told"].nunique())
    found[["requested", "received"]] = found[["requested", "received"]].fillna(0)
    found = found.assign(
        gap=found["requested"] - found["received"], gap_to_suggested=found["suggested"] - found["received_of_suggested"]
    )  # fmt: skip
    whole = {name: "int64" if name in ("requested", "received", "gap", "weeks", "weeks_suggested") else "Int64" for name in COLUMNS}
    return found[list(COLUMNS)].astype(whole).reset_index()


def totals(weekly: pd.DataFrame, suggested: pd.DataFrame, period: str) -> pd.DataFrame:
    """Sums by retailer and period: retailer_id, period, requested, received, suggested (missing where none is known).

    `weekly`: retailer_id, week, requested, received; `suggested`: retailer_id, week, suggested.
    """
    both = pd.concat([weekly, suggested], ignore_index=True)
    both = both.assign(period=rate_cells.periods(both["week"], period).astype("str"))
    found = both.groupby(["retailer_id", "period"], sort=True, observed=True)[["requested", "received", "suggested"]].sum(min_count=1)
    return (
        found.fillna({"requested": 0, "received": 0})
        .astype({"requested": "int64", "received": "int64", "suggested": "Int64"})
        .reset_index()
    )
