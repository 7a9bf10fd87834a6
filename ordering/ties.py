"""Release strategy: two caps that could both apply to one retailer, and caps that are allowed but seldom meant."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations

import numpy as np
import numpy.typing as npt
import pandas as pd

from ordering.keys import Parsed, key_numbers
from ordering.reading import Rows
from ordering.refusing import FaultList
from ordering.strategy import SCOPES

EVENT = ["brand_id", "week", "star_level"]
KEY = [*EVENT, *SCOPES]
Masks = npt.NDArray[np.int64]


def no_ties(tables: Mapping[str, Parsed], stored: pd.DataFrame, stored_retailers: pd.DataFrame, faults: FaultList) -> None:
    """Refuse two rows of one brand, week and level with equally many, but other scopes, both of which fit a retailer that exists.

    Rows with the same scope columns either repeat the key or fit nobody in common, so only different sets of columns can tie.
    """
    strategy = tables.get("release_strategy")
    if strategy is None or not strategy.sheet.rows or not strategy.has(*EVENT):
        return
    sound = np.flatnonzero(strategy.sound(KEY))
    filled = _filled(strategy)[sound]
    held = stored[KEY].astype(dict.fromkeys(("brand_id", *SCOPES), "str"))
    held_filled = sum(
        ((held[scope] != "").to_numpy(np.int64) << place for place, scope in enumerate(SCOPES)), np.zeros(len(held), np.int64)
    )
    rivals = _rival_sets(np.union1d(filled, held_filled))
    if not rivals:
        return
    rows = pd.DataFrame(_plain(strategy, KEY, sound), index=sound).assign(filled=filled)
    rows = pd.concat([rows, _not_replaced(held.assign(filled=held_filled), rows)])
    shops = _shops(tables.get("retailers"), stored_retailers)
    found = [_tied(rows[rows["filled"] == one], _names(one), rows[rows["filled"] == other], _names(other), shops) for one, other in rivals]
    _tell(strategy, rows, pd.concat(found), faults)


def _filled(strategy: Parsed) -> Masks:
    """Which scope columns each row fills, one bit for each."""
    out = np.zeros(strategy.sheet.rows, np.int64)
    for place, scope in enumerate(SCOPES):
        if scope in strategy.columns:
            out |= (~strategy.columns[scope].blank[strategy.columns[scope].codes]).astype(np.int64) << place
    return out


def _rival_sets(filled: Masks) -> list[tuple[int, int]]:
    """Pairs of different sets of scope columns, of those in use, that are equally large."""
    return [(one, other) for one, other in combinations(filled.tolist(), 2) if one.bit_count() == other.bit_count()]


def _names(filled: int) -> list[str]:
    return [scope for place, scope in enumerate(SCOPES) if filled >> place & 1]


def _not_replaced(held: pd.DataFrame, given: pd.DataFrame) -> pd.DataFrame:
    """The stored rows that the file does not replace, numbered from -1 down."""
    if held.empty:
        return held
    marked = held.merge(given[KEY].drop_duplicates(), on=KEY, how="left", indicator=True, validate="m:1")
    left = marked[marked["_merge"] == "left_only"].drop(columns="_merge")
    return left.set_index(-1 - np.arange(len(left)))


def _plain(parsed: Parsed, names: list[str], rows: Rows) -> dict[str, object]:
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
    names = ["retailer_id", *SCOPES]
    held = stored[names].astype("str")
    if parsed is not None:
        given = pd.DataFrame(_plain(parsed, names, np.flatnonzero(parsed.sound(names))))
        held = pd.concat([given, held[~held["retailer_id"].isin(given["retailer_id"])]])
    return held[list(SCOPES)].drop_duplicates()


def _tied(one: pd.DataFrame, ones: list[str], other: pd.DataFrame, others: list[str], shops: pd.DataFrame) -> pd.DataFrame:
    """Pairs of row numbers (row, rival) of the same brand, week and level that fit a shop in common."""
    one = one.reset_index(names="row").merge(other[EVENT].drop_duplicates(), on=EVENT, validate="m:1")
    other = other.reset_index(names="rival").merge(one[EVENT].drop_duplicates(), on=EVENT, validate="m:1")
    both = list(dict.fromkeys([*ones, *others]))
    fits = one[["row", *EVENT, *ones]].merge(shops[both].drop_duplicates(), on=ones, validate="m:m")
    return fits.merge(other[["rival", *EVENT, *others]], on=[*EVENT, *others], validate="m:m")[["row", "rival"]].drop_duplicates()


def _tell(strategy: Parsed, rows: pd.DataFrame, pairs: pd.DataFrame, faults: FaultList) -> None:
    """A fault at the later row of each pair; a stored row (negative) has no line, so its rival in the file tells it."""
    told = pd.DataFrame({"late": pairs.max(axis=1), "early": pairs.min(axis=1)}).astype("int64")
    told = told[told["late"] >= 0].sort_values(["late", "early"]).drop_duplicates("late")
    rival = dict(zip(told["late"].tolist(), told["early"].tolist(), strict=True))

    def message(row: int) -> str:
        other = rival[row]
        where = f"line {strategy.sheet.line_of(np.array([other]))[0]}" if other >= 0 else "the database"
        scope = _scope(rows.loc[other])
        return f"and the row for {scope} in {where} name equally many scopes and both fit some retailers; narrow or remove one of them"

    faults.add_rows(strategy.sheet, "scope", told["late"].to_numpy(np.int64), message, lambda row: _scope(rows.loc[row]))


def _scope(row: pd.Series) -> str:
    scopes = ", ".join(f"{scope}={row[scope]}" for scope in SCOPES if row[scope] != "")
    return f"{row['brand_id']}, {row['week']:%Y-%m-%d}, level {row['star_level']}, {scopes}"


def odd_caps(tables: Mapping[str, Parsed], stored_retailers: pd.DataFrame) -> list[str]:
    """Notes on a lower level with a higher cap, and on scopes that no retailer has."""
    strategy = tables.get("release_strategy")
    if strategy is None or not strategy.sheet.rows or not strategy.has(*EVENT, "cap"):
        return []
    return [f"{strategy.sheet.file}: {note}" for note in (*_falling(strategy), *_lost(strategy, tables.get("retailers"), stored_retailers))]


def _falling(strategy: Parsed) -> list[str]:
    rows = np.flatnonzero(strategy.sound([*KEY, "cap"]))
    same, level, cap = (
        key_numbers(strategy, ["brand_id", "week", *SCOPES])[rows],
        *(strategy.columns[c].column()[rows] for c in ("star_level", "cap")),
    )
    order = np.lexsort((level, same))
    falls = (same[order][1:] == same[order][:-1]) & (cap[order][1:] < cap[order][:-1])
    if not falls.any():
        return []
    first = int(rows[order[1:][falls][0]])
    brand, week, at = (strategy.columns[name].of(first) for name in EVENT)
    what = "cap is" if falls.sum() == 1 else "caps are"
    return [f"{falls.sum():,} {what} lower than that of the level below (the first: {brand}, {week}, level {at})"]


def _lost(strategy: Parsed, retailers: Parsed | None, stored_retailers: pd.DataFrame) -> list[str]:
    notes = []
    for scope in [scope for scope in SCOPES if scope in strategy.columns]:
        column = strategy.columns[scope]
        known = set(stored_retailers[scope].astype("str")) | (set(retailers.columns[scope].words()) if retailers else set())
        lost = column.rows(np.array([word not in known for word in column.words()], bool) & ~column.blank)
        if len(lost):
            what = "cap is" if len(lost) == 1 else "caps are"
            notes.append(f"{len(lost):,} {what} for a {scope} that no retailer has, such as {column.of(int(lost[0]))!r}")
    return notes
