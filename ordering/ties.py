"""Release strategy: two caps that could both apply to one retailer, and caps that rise as the level falls."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations

import numpy as np
import pandas as pd

from ordering import frames
from ordering.keys import Parsed
from ordering.refusing import FaultList
from ordering.strategy import SCOPES

EVENT = ["brand_id", "week", "star_level"]


def no_ties(tables: Mapping[str, Parsed], stored: pd.DataFrame, stored_retailers: pd.DataFrame, faults: FaultList) -> None:
    """Refuse two rows of one brand, week and level with equally many, but other scopes, both of which fit a retailer that exists.

    Rows with the same scope columns either repeat the key or fit nobody in common, so only different sets of columns can tie.
    """
    strategy = tables.get("release_strategy")
    if strategy is None or not strategy.sheet.rows or not strategy.has(*EVENT):
        return
    rows = _rows(strategy, stored)
    shops = _shops(tables.get("retailers"), stored_retailers)
    filled = sum((rows[scope] != "").astype(int) * 2**place for place, scope in enumerate(SCOPES))
    found = [
        _tied(rows[filled == one], _names(one), rows[filled == other], _names(other), shops)
        for one, other in combinations(sorted(filled.unique()), 2)
        if int(one).bit_count() == int(other).bit_count()
    ]
    pairs = pd.concat(found) if found else pd.DataFrame({"row": [], "rival": []})
    # Told at the later of the two rows; a stored row (negative) has no line, so its rival in the file tells it.
    late, early = pairs.max(axis=1).astype(int), pairs.min(axis=1).astype(int)
    told = pd.DataFrame({"late": late, "early": early}).query("late >= 0").drop_duplicates("late").sort_values("late")
    rival = dict(zip(told["late"], told["early"], strict=True))

    def message(row: int) -> str:
        other = rows.loc[rival[row]]
        where = f"line {strategy.sheet.line_of(np.array([rival[row]]))[0]}" if rival[row] >= 0 else "the database"
        return (
            f"and the row for {_scope(other)} in {where} name equally many scopes and both fit some retailers; narrow or remove one of them"
        )

    faults.add_rows(strategy.sheet, "scope", told["late"].to_numpy(np.int64), message, lambda row: _scope(rows.loc[row]))


def _names(filled: int) -> list[str]:
    return [scope for place, scope in enumerate(SCOPES) if filled >> place & 1]


def _scope(row: pd.Series) -> str:
    scopes = ", ".join(f"{scope}={row[scope]}" for scope in SCOPES if row[scope] != "")
    return f"{row['brand_id']}, {row['week']:%Y-%m-%d}, level {row['star_level']}, {scopes}"


def _rows(strategy: Parsed, stored: pd.DataFrame) -> pd.DataFrame:
    """The sound rows of the file, by row number, and the stored ones that the file does not replace, numbered from -1 down."""
    key = [*EVENT, *SCOPES]
    sound = np.flatnonzero(strategy.sound([*key, "cap"]))
    given = pd.DataFrame(_plain(strategy, [*key, "cap"], sound), index=sound)
    held = stored[[*key, "cap"]].astype({name: "str" for name in key if name not in ("week", "star_level")})
    held = held[held["week"].isin(given["week"])] if len(held) else held
    held = held.merge(given[key].drop_duplicates(), on=key, how="left", indicator=True, validate="m:1").query("_merge == 'left_only'")
    return pd.concat([given, held.drop(columns="_merge").set_index(-1 - np.arange(len(held)))])


def _plain(parsed: Parsed, names: list[str], rows: np.ndarray) -> dict[str, object]:
    """Columns of rows by number; scopes that the file has no column for narrow nothing."""
    out: dict[str, object] = {}
    for name in names:
        column = parsed.columns.get(name)
        if column is None:
            out[name] = pd.array([""] * len(rows), dtype="str")
        elif isinstance(column.values, np.ndarray):
            out[name] = column.values[column.codes[rows]]
        else:
            out[name] = pd.array(column.words(), dtype="str").take(column.codes[rows])
    return out


def _shops(parsed: Parsed | None, stored: pd.DataFrame) -> pd.DataFrame:
    """The combinations of scope values that some retailer has."""
    held = stored[["retailer_id", *SCOPES]].astype("str")
    if parsed is not None:
        names = ["retailer_id", *SCOPES]
        given = pd.DataFrame(_plain(parsed, names, np.flatnonzero(parsed.sound(names))))
        held = pd.concat([given, held[~held["retailer_id"].isin(given["retailer_id"])]])
    return held[list(SCOPES)].drop_duplicates()


def _tied(one: pd.DataFrame, ones: list[str], other: pd.DataFrame, others: list[str], shops: pd.DataFrame) -> pd.DataFrame:
    """Pairs of row numbers (row, rival) of the same brand, week and level that fit a shop in common."""
    one = one.reset_index(names="row").merge(other[EVENT].drop_duplicates(), on=EVENT, validate="m:1")
    other = other.reset_index(names="rival").merge(one[EVENT].drop_duplicates(), on=EVENT, validate="m:1")
    both = list(dict.fromkeys([*ones, *others]))
    places = shops[both].drop_duplicates()
    fits = one[["row", *EVENT, *ones]].merge(places, on=ones, validate="m:m")
    return fits.merge(other[["rival", *EVENT, *others]], on=[*EVENT, *others], validate="m:m")[["row", "rival"]].drop_duplicates()


def odd_caps(tables: Mapping[str, Parsed], stored_retailers: pd.DataFrame) -> list[str]:
    """Notes on what is allowed but seldom meant: a lower level with a higher cap, a scope that no retailer has."""
    strategy = tables.get("release_strategy")
    if strategy is None or not strategy.sheet.rows or not strategy.has(*EVENT, "cap"):
        return []
    key = ["brand_id", "week", *SCOPES]
    rows = _rows(strategy, frames.empty(frames.RELEASE_STRATEGY))
    ordered = rows.sort_values([*key, "star_level"], kind="stable")
    same = (ordered[key] == ordered[key].shift()).all(axis=1)
    falls = ordered[same & (ordered["cap"] < ordered["cap"].shift())]
    notes = []
    if len(falls):
        at, file = falls.iloc[0], strategy.sheet.file
        where = f"{at['brand_id']}, {at['week']:%Y-%m-%d}, level {at['star_level']}"
        what = "cap is" if len(falls) == 1 else "caps are"
        notes.append(f"{file}: {len(falls):,} {what} lower than that of the level below (the first: {where})")
    shops = _shops(tables.get("retailers"), stored_retailers)
    for scope in SCOPES:
        lost = rows[(rows[scope] != "") & ~rows[scope].isin(shops[scope])]
        if len(lost):
            what, such = "cap is" if len(lost) == 1 else "caps are", lost[scope].iloc[0]
            notes.append(f"{strategy.sheet.file}: {len(lost):,} {what} for a {scope} that no retailer has, such as {such!r}")
    return notes
