"""What a line may get at most, before supply is shared: hold, pack, lot, star cap, quota; and why past lines were cut."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from allocation import greedy, holds, limits, owners
from allocation.limits import NONE, Rows, Whole
from ordering.errors import SettingsError
from ordering.frames import Snapshot, day
from ordering.model import Reason, week_of
from ordering.settings import AllocationSettings

REASONS = tuple(Reason)
CODE = {reason: np.int8(number) for number, reason in enumerate(REASONS)}
"""A small number for each reason: arrays of reasons hold these."""

COLUMNS = {
    Reason.STAR_CAP: "cap_left",
    Reason.DEMAND_CAP: "demand_left",
    Reason.QUOTA_BRAND: "quota_left",
    Reason.BAND_CAP: "band_left",
    Reason.QUOTA_TOTAL: "total_left",
    Reason.DAY_LIMIT: "day_left",
}


@dataclass(frozen=True)
class Bounds:
    """Bounds of lines, as arrays in the order of the lines. `left` and `cap` hold NONE where there is no limit.

    `own` is what hold, pack and lot leave of `requested`, whole packs, `usable` what all bounds do; `bound` is the code of the one that cut
    last, so the smallest.
    `order` lists the lines by owner, brand, order day and order: of lines that share a limit, who comes first takes first.
    """

    rows: Rows
    order: Whole
    requested: Whole
    star_level: Whole
    pack: Whole
    lot: Whole
    hold: npt.NDArray[np.bool_]
    cap: Whole
    left: dict[Reason, Whole]
    own: Whole
    usable: Whole
    bound: npt.NDArray[np.int8]

    def narrowed(self, usable: Whole, reason: Reason) -> Bounds:
        """These bounds after one more."""
        return replace(self, usable=usable, bound=np.where(usable < self.usable, CODE[reason], self.bound))

    def cut(self, reasons: Sequence[Reason], order: Whole) -> Bounds:
        """These bounds after the limits `reasons`, handed out together, line after line in `order`.

        Together, because a line that one limit cuts leaves what it had of the others to the lines after it.
        """
        there = self.there(reasons)
        if not there:
            return self
        left = np.stack([self.left[reason].astype(np.int32) for reason in there])
        return self.cut_to(*greedy.cut(order, self.groups(there), self.usable, left, self.pack, self.lot), there)

    def without(self, reason: Reason, rows: npt.NDArray[np.bool_]) -> Bounds:
        """These bounds with the limit `reason` taken off `rows`."""
        return replace(self, left={**self.left, reason: np.where(rows, NONE, self.left[reason])}) if rows.any() else self

    def there(self, reasons: Sequence[Reason]) -> list[Reason]:
        """Those of the limits `reasons` that any line is under."""
        return [reason for reason in reasons if (self.left[reason] != NONE).any()]

    def groups(self, reasons: Sequence[Reason]) -> npt.NDArray[np.int32]:
        """The number of what each line (column) counts towards under each limit (row), of no other limit."""
        return limits.apart([limits.scope(self.rows, reason) for reason in reasons]).reshape(len(reasons), len(self.rows))

    def cut_to(self, usable: Whole, by: npt.NDArray[np.int8], reasons: Sequence[Reason]) -> Bounds:
        """These bounds, cut to `usable` by the limits whose numbers in `reasons` are `by`, -1 where none cut."""
        codes = np.array([CODE[reason] for reason in reasons] or [np.int8(0)])
        return replace(self, usable=usable, bound=np.where(by >= 0, codes[by], self.bound))


def given(snapshot: Snapshot) -> pd.DataFrame:
    """All that counts against limits already: lines of the months concerned and confirmed waiting lines, numbered, with `allocated`."""
    first = week_of(snapshot.business_date).replace(day=1)
    past = snapshot.lines[snapshot.lines["week"] >= day(first)]
    rows = pd.concat([past, snapshot.waiting[snapshot.waiting["allocated"].notna()]])
    return limits.numbered(snapshot, rows).assign(allocated=rows["allocated"].to_numpy(np.int64, na_value=0))


def bounded(
    snapshot: Snapshot,
    lines: pd.DataFrame,
    against: pd.DataFrame,
    *,
    most: Callable[[pd.DataFrame], Whole] | None = None,
) -> Bounds:
    """The bounds of lines (order_id, retailer_id, brand_id, week, order_date, requested), what `against` lists being given already.

    In this order: hold, whole packs, lot. What several lines share is handed out by `Bounds.cut`. `most`: the demand cap of numbered
    rows.
    """
    rows = limits.numbered(snapshot, lines)
    brand = rows["brand"].to_numpy()
    limit = limits.in_force(snapshot, rows)
    limit[Reason.DEMAND_CAP] = np.full(len(rows), NONE) if most is None else most(rows)
    asked = lines["requested"].to_numpy(np.int64)
    found = Bounds(
        rows=rows,
        order=first_come(lines, rows),
        requested=asked,
        star_level=limits.star_levels(snapshot, rows),
        pack=snapshot.brands["pack_multiple"].to_numpy(np.int64)[brand],
        lot=snapshot.brands["min_lot"].to_numpy(np.int64)[brand],
        hold=holds.prepared(snapshot).on(rows),
        cap=limit[Reason.STAR_CAP],
        left={reason: limits.left(rows, reason, limit[reason], against) for reason in COLUMNS},
        own=asked,
        usable=asked,
        bound=np.full(len(rows), CODE[Reason.FULL]),
    )
    return by_itself(found)


def by_itself(found: Bounds) -> Bounds:
    """The bounds after those of each line alone: hold, whole packs, lot."""
    found = found.narrowed(np.where(found.hold, 0, found.usable), Reason.HOLD)
    found = found.narrowed(found.usable // found.pack * found.pack, Reason.PACK)
    found = found.narrowed(np.where(found.usable < found.lot, 0, found.usable), Reason.MIN_LOT)
    return replace(found, own=found.usable)


def first_come(lines: pd.DataFrame, rows: pd.DataFrame) -> Whole:
    """Row numbers by owner, brand, order day and order id. Ids are compared only where the rest is equal: text sorts slowly."""
    key = rows[["owner", "brand", "day"]]
    shared = key.duplicated(keep=False).to_numpy()
    rank = np.zeros(len(rows), np.int64)
    rank[shared] = pd.factorize(lines["order_id"].astype("str").to_numpy()[shared], sort=True)[0]
    return np.lexsort((rank, key["day"], key["brand"], key["owner"]))


def bind(snapshot: Snapshot, lines: pd.DataFrame, *, settings: AllocationSettings, against: pd.DataFrame | None = None) -> pd.DataFrame:
    """The bounds of waiting lines, one row for each, under the index of `lines`.

    Columns: order_id, retailer_id, brand_id, week, order_date, requested; star_level and weight (thousandths); cap in force; cap_left,
    quota_left (of the brand), band_left, total_left, day_left: what each limit leaves after all that was given already (`against`,
    by default the history and what is confirmed), missing where there is no limit; pack_multiple, min_lot, hold; usable: what hold,
    pack, lot, star cap and the brand's quota leave of the request; bound: the Reason of the smallest of them, FULL where none cut.
    """
    found = bounded(snapshot, lines, given(snapshot) if against is None else against)
    found = found.cut((Reason.STAR_CAP, Reason.QUOTA_BRAND), found.order)
    kept = lines[["order_id", "retailer_id", "brand_id", "week", "order_date", "requested"]]
    return kept.assign(
        star_level=found.star_level,
        weight=weights(snapshot, found.rows, settings),
        cap=known(found.cap),
        **{COLUMNS[reason]: known(left) for reason, left in found.left.items()},
        pack_multiple=found.pack,
        min_lot=found.lot,
        hold=found.hold,
        usable=found.usable,
        bound=named(found.bound),
    )


def known(limit: Whole) -> pd.arrays.IntegerArray:
    """Limits as a nullable column: missing where there is none."""
    return pd.arrays.IntegerArray(np.minimum(limit, NONE).astype(np.int32), limit == NONE)


def named(codes: npt.NDArray[np.int8]) -> pd.Categorical:
    """Reasons from their small numbers."""
    return pd.Categorical.from_codes(codes, pd.Index([str(reason) for reason in REASONS], dtype="str"))


def weights(snapshot: Snapshot, rows: pd.DataFrame, settings: AllocationSettings) -> Whole:
    """The weight of each row's owner in whole thousandths: that of its best licence."""
    each, begin = owners.prepared(snapshot.retailers).licences(rows)
    found = own_weights(snapshot, each, settings)
    return np.maximum.reduceat(found, begin) if len(begin) else found


def own_weights(snapshot: Snapshot, rows: Rows, settings: AllocationSettings) -> Whole:
    """The weight of the star level of each row's retailer. Raises SettingsError where a level has one below a thousandth."""
    levels, at = limits.distinct(limits.star_levels(snapshot, rows))
    found = np.array([round(1000 * settings.weight(int(level))) for level in levels], np.int64)
    if (found < 1).any():
        raise SettingsError(f"allocation.weights: star level {levels[found < 1][0]} has no weight; give it at least 0.001")
    return found[at]


def attribute(snapshot: Snapshot, lines: pd.DataFrame) -> pd.Series:
    """Why past lines got less than they asked: the likeliest Reason of each, as a category under the index of `lines`.

    A limit is named where what was given in its scope leaves no room for another pack, the narrowest first: HOLD, STAR_CAP,
    QUOTA_BRAND, BAND_CAP, QUOTA_TOTAL, DAY_LIMIT; then MIN_LOT and PACK where the request itself did not fit; else LEVEL: supply was
    short. FULL where nothing was cut; missing where it is not known what was given. All of the history counts, not only `lines`.
    """
    asked, got = lines["requested"].to_numpy(np.int64), lines["allocated"].to_numpy(np.int64, na_value=-1)
    out = np.where(got < 0, np.int8(-1), CODE[Reason.FULL])
    short, of_lines, of_history = (got >= 0) & (got < asked), _months(lines), _months(snapshot.lines)
    for month in np.unique(of_lines[short]):  # no limit reaches beyond a month, and a month fits into the cache
        at = np.flatnonzero(short & (of_lines == month))
        past = snapshot.lines[["retailer_id", "brand_id", "week", "order_date", "allocated"]].iloc[np.flatnonzero(of_history == month)]
        against = limits.numbered(snapshot, past).assign(allocated=past["allocated"].to_numpy(np.int64, na_value=0))
        cut = lines[["retailer_id", "brand_id", "week", "order_date"]].iloc[at]
        out[at] = _likeliest(snapshot, limits.numbered(snapshot, cut), asked[at], got[at], against)
    return pd.Series(named(out), index=lines.index, name="reason")


def _months(lines: pd.DataFrame) -> npt.NDArray[np.int16]:
    return lines["week"].to_numpy("datetime64[us]").astype("datetime64[M]").astype(np.int16)


def _likeliest(snapshot: Snapshot, rows: pd.DataFrame, asked: Whole, got: Whole, against: pd.DataFrame) -> npt.NDArray[np.int8]:
    """The reasons of lines of one month that were cut, the narrowest limit first."""
    pack = snapshot.brands["pack_multiple"].to_numpy(np.int64)[rows["brand"]]
    lot = snapshot.brands["min_lot"].to_numpy(np.int64)[rows["brand"]]
    fits = [(holds.prepared(snapshot).on(rows), Reason.HOLD)]
    for reason, limit in limits.in_force(snapshot, rows).items():
        fits.append((limits.left(rows, reason, limit, against) < pack, reason))
    fits += [(asked < lot, Reason.MIN_LOT), (asked - got < pack, Reason.PACK)]
    return np.select([found for found, _ in fits], [CODE[reason] for _, reason in fits], CODE[Reason.LEVEL])
