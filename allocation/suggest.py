"""What a retailer should order on its next order day, and what those who have not ordered yet are expected to ask for."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from allocation import bounds, greedy, hashing, limits, needs, policies, room, stock
from allocation.bounds import Bounds
from allocation.limits import NONE, Whole
from allocation.shortage import Shortage
from allocation.suggest_words import words as words
from ordering import frames
from ordering.errors import SettingsError
from ordering.frames import Snapshot, day
from ordering.model import Reason, week_of
from ordering.settings import SuggestSettings

Floats = npt.NDArray[np.float64]

COVER = "COVER"
"""Target cover less the stock: the latest count, carried forward by receipts and estimated demand."""
NO_COUNT = "NO_COUNT"
"""No recent count: the shelf is taken to have stood at its target eight weeks ago, and moved by receipts and estimated demand since."""
ENOUGH = "ENOUGH"
"""The stock covers the target: nothing is suggested."""
NOT_OFFERED = "NOT_OFFERED"
"""The cap in force is 0."""
NOT_YET_KNOWN = "NOT_YET_KNOWN"
"""Supply or strategy of the week is not published yet, so the suggestion may not be within it."""
OVER_BRANDS = (Reason.DEMAND_CAP, Reason.BAND_CAP, Reason.QUOTA_TOTAL, Reason.DAY_LIMIT)
"""The limits that a retailer's brands share."""
CODES = (COVER, NO_COUNT, ENOUGH, NOT_OFFERED, NOT_YET_KNOWN)
"""The suggestion's own codes; beside them stand the Reasons of the bounds that cut it."""


def planned_weeks(snapshot: Snapshot) -> list[pd.Timestamp]:
    """The order weeks that the business date and the six days after it touch: one on a Monday, else two."""
    first = day(week_of(snapshot.business_date))
    last = first + pd.Timedelta(weeks=1)
    return [first] if snapshot.business_date.weekday() == 0 else [first, last]


def order_weeks(snapshot: Snapshot) -> pd.Series:
    """The week of each retailer's next order day, in the order of `snapshot.retailers`."""
    on = order_days(snapshot)
    return pd.Series(on - pd.to_timedelta(on.day_of_week, unit="D")).astype("datetime64[us]")


def order_days(snapshot: Snapshot) -> pd.DatetimeIndex:
    """Each retailer's next order day on or after the business date, in the order of `snapshot.retailers`."""
    weekday = snapshot.retailers["order_weekday"].to_numpy(np.int64) - 1
    ahead = (weekday - snapshot.business_date.weekday()) % 7
    return pd.DatetimeIndex(day(snapshot.business_date) + pd.to_timedelta(ahead, unit="D")).as_unit("us")


def expected_requests(snapshot: Snapshot, demand: pd.DataFrame) -> pd.DataFrame:
    """What retailers without a waiting order in a planned week, whose order day in it is not past, are expected to ask.

    `demand`: retailer_id, brand_id, week, demand (cartons a week), of every live pair. A pair that has no row of a planned week takes
    the nearest row it has: the week's level must be solved over all who will claim in it, not only over those planned tonight.
    Returns retailer_id, brand_id, week, requested: the demand in whole packs, rounded up or down by a fixed draw of pair and week, so
    that sums over retailers are not biased (0.3 cartons a week of 1,000 shops is 300 cartons, not none and not 1,000).
    """
    parts = [_expected_in(snapshot, demand, week) for week in planned_weeks(snapshot)]
    return pd.concat(parts, ignore_index=True).astype({"week": "datetime64[us]"})


def nobody_else() -> pd.DataFrame:
    """Expected requests where none are: only the lines that wait share the supply, or their level is stored already."""
    empty = {"retailer_id": "str", "brand_id": "str", "week": "datetime64[us]", "requested": "int64"}
    return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in empty.items()})


def _expected_in(snapshot: Snapshot, demand: pd.DataFrame, week: pd.Timestamp) -> pd.DataFrame:
    away = (pd.to_datetime(demand["week"]) - week).abs().to_numpy()
    pair = limits.pairs(snapshot, demand)
    order = np.lexsort((away, pair))
    order = order[np.append(True, np.diff(pair[order]) != 0)] if len(order) else order
    retailer, brand = pair[order] // limits.WIDTH, pair[order] % limits.WIDTH
    asked = snapshot.waiting.loc[snapshot.waiting["week"] == week, "retailer_id"].cat.codes.unique()
    on = week + pd.to_timedelta(snapshot.retailers["order_weekday"].to_numpy(np.int64)[retailer] - 1, unit="D")
    comes = np.asarray(on >= day(snapshot.business_date)) & ~np.isin(retailer, asked)
    retailer, brand, rate = retailer[comes], brand[comes], demand["demand"].to_numpy(np.float64)[order[comes]]
    ids = list(snapshot.retailers["retailer_id"]), list(snapshot.brands["brand_id"])
    draw = hashing.first_words(*ids, retailer, brand, f"expected {week:%Y-%m-%d}") / 2.0**32
    pack = snapshot.brands["pack_multiple"].to_numpy(np.int64)[brand]
    requested = np.floor(rate / pack + draw).astype(np.int64) * pack
    shops, wares = snapshot.categories()
    found = pd.DataFrame(
        {
            "retailer_id": pd.Categorical.from_codes(retailer, dtype=shops),
            "brand_id": pd.Categorical.from_codes(brand, dtype=wares),
            "week": week,
            "requested": requested,
        }
    )
    return found[requested > 0]


def suggest(snapshot: Snapshot, demand: pd.DataFrame, cover: SuggestSettings, supply: Shortage | None = None) -> pd.DataFrame:
    """SUGGESTIONS for every pair in `demand`, for its retailer's next order day.

    need = ceil(demand × cover weeks − shelf), at least 0; suggested = need in whole packs, within hold, lot, star cap, brand quota, what
    the level of a short brand gives (`supply`; without it no brand is short) and the limits over brands, which the retailer's brands of
    larger demand use first. Cover weeks = those of the area type × the factor of the business format × the weeks between visits.
    `demand`: retailer_id, brand_id, week (of the next order day), demand (cartons a week), p10, p50, p90. `reason`: stable codes joined
    by "+", first how the need was found (see CODES), then the bound that cut it. Raises SettingsError where an area type has no cover.
    """
    pair = limits.pairs(snapshot, demand)
    retailer, brand = pair // limits.WIDTH, pair % limits.WIDTH
    on, weeks = order_days(snapshot)[retailer], _cover(snapshot, cover)[retailer]
    rate = demand["demand"].to_numpy(np.float64)
    shelf = stock.reckoned(snapshot, pair, rate, rate * weeks, on)
    need = np.maximum(np.ceil(np.round(rate * weeks - shelf.on_hand, 9)), 0).astype(np.int64)
    pack = snapshot.brands["pack_multiple"].to_numpy(np.int64)[brand]
    shops, wares = snapshot.categories()
    lines = pd.DataFrame(
        {
            "order_id": "",
            "retailer_id": pd.Categorical.from_codes(retailer, dtype=shops),
            "brand_id": pd.Categorical.from_codes(brand, dtype=wares),
            "week": demand["week"].astype("datetime64[us]").to_numpy(),
            "order_date": on,
            "requested": -(-need // pack) * pack,
        }
    )
    most = needs.demand_cap(snapshot, demand, demand["week"].min())
    bound, had = _had(snapshot, lines, rate, supply, most)
    counted = ~np.isnan(shelf.counted)
    found = lines.assign(
        order_day=on,
        suggested=bound.usable,
        requested=_waiting(snapshot, bound),
        **{name: demand[name].to_numpy(np.float64) for name in ("p10", "p50", "p90")},
        stock=np.where(counted, shelf.on_hand, np.nan),
        reason=_reasons(snapshot, bound, need, counted, lines["week"]),
        **room.columns(bound),
        demand=rate,
        cover_weeks=weeks,
        since=shelf.since,
        counted=pd.arrays.IntegerArray(np.where(counted, shelf.counted, 0).astype(np.int32), ~counted),
        received=shelf.received,
        need=need,
        pack_multiple=pack,
        min_lot=bound.lot,
        **had,
    )
    return frames.conform(frames.SUGGESTIONS, found)


def derived(rows: pd.DataFrame) -> pd.DataFrame:
    """What follows from stored SUGGESTIONS and is not stored: target (demand × cover weeks) and on_hand (the shelf on the order day), in
    cartons; wanted, the need in whole packs; unmet, what of the need is not suggested.
    """
    target = rows["demand"] * rows["cover_weeks"]
    start = rows["counted"].astype("Float64").fillna(target.astype("Float64"))
    weeks = (rows["order_day"] - rows["since"]) / pd.Timedelta(weeks=1)
    on_hand = (start + rows["received"] - rows["demand"] * weeks).clip(lower=0)
    wanted = -(-rows["need"] // rows["pack_multiple"]) * rows["pack_multiple"]
    unmet = (rows["need"] - rows["suggested"]).clip(lower=0)
    return pd.DataFrame({"target": target, "on_hand": on_hand.astype("float64"), "wanted": wanted, "unmet": unmet})


def unheard(snapshot: Snapshot, cover: SuggestSettings) -> list[str]:
    """Business formats that the settings name and no retailer has: perhaps a slip of the pen."""
    return sorted(set(cover.format_factors) - set(snapshot.retailers["business_format"].astype("str")))


def _cover(snapshot: Snapshot, cover: SuggestSettings) -> Floats:
    """Target stock of every retailer, in weeks of demand."""
    areas, formats = snapshot.retailers["area_type"], snapshot.retailers["business_format"]
    for area in areas.unique():
        if area not in cover.cover_weeks:
            raise SettingsError(f"suggesting.cover_weeks: there is none for area type {area!r}; give one")
    weeks = areas.map(dict(cover.cover_weeks)).to_numpy(np.float64)
    factor = formats.map(dict(cover.format_factors)).astype("float64").fillna(1.0).to_numpy(np.float64)
    return weeks * factor * snapshot.retailers["visit_every_weeks"].to_numpy(np.float64)


def _waiting(snapshot: Snapshot, bound: Bounds) -> Whole:
    """What waits already of each pair in its week."""
    asked = snapshot.waiting
    return limits.sums(_pair_weeks(bound.rows), _pair_weeks(limits.numbered(snapshot, asked)), asked["requested"].to_numpy(np.int64))


def _pair_weeks(rows: pd.DataFrame) -> Whole:
    """A number for each numbered row's retailer, brand and week."""
    return (rows["retailer"].to_numpy() * limits.WIDTH + rows["brand"].to_numpy()) * limits.WIDTH + rows["week"].to_numpy()


def _had(
    snapshot: Snapshot,
    lines: pd.DataFrame,
    rate: Floats,
    supply: Shortage | None,
    most: Callable[[pd.DataFrame], Whole] | None,
) -> tuple[Bounds, dict[str, Any]]:
    """The bounds of the lines after all that can cut them, and each that did as SUGGESTIONS columns. The level comes before the limits
    over brands: what a short brand does not give is left to the retailer's others.
    """
    against = bounds.given(snapshot)
    bound = bounds.bounded(snapshot, lines, against, most=most)
    given = limits.sums(
        limits.scope(bound.rows, Reason.STAR_CAP), limits.scope(against, Reason.STAR_CAP), against["allocated"].to_numpy(np.int64)
    )
    line = np.full(len(lines), NONE) if supply is None else supply.line(snapshot, bound.rows, bound.pack)
    left = np.where(line == NONE, NONE, np.maximum(line + given // -bound.pack * bound.pack, 0))  # what was given took whole packs of it
    order = np.lexsort((bound.rows["brand"], -rate, bound.rows["owner"]))
    bound = bound.cut((Reason.STAR_CAP, Reason.QUOTA_BRAND), order)
    group = bound.groups([Reason.STAR_CAP])  # licences of one owner have one line together
    usable, _ = greedy.cut(order, group, bound.usable, np.minimum(left, NONE)[np.newaxis].astype(np.int32), bound.pack, bound.lot)
    bound = bound.narrowed(usable, Reason.LEVEL)
    if supply is not None:
        usable = supply.within(snapshot, bound, given)
        line = np.where(usable < bound.usable, usable - given // -bound.pack * bound.pack, line)
        bound = bound.narrowed(usable, Reason.LEVEL)
    bound = bound.cut(OVER_BRANDS, order)
    known = {"cap": bound.cap, "level_line": line, "quota_left": bound.left[Reason.QUOTA_BRAND]}
    known["shared_left"] = _left_in_turn(bound, order)
    return bound, {"given": given, **{name: bounds.known(limit) for name, limit in known.items()}}


def _left_in_turn(bound: Bounds, order: Whole) -> Whole:
    """What the limits over brands leave each line after the lines before it in `order`: the smallest of them, NONE where there is none."""
    out = np.full(len(order), NONE)
    for reason in OVER_BRANDS:
        if (bound.left[reason] == NONE).all():
            continue
        key = limits.scope(bound.rows, reason)[order]
        by = np.argsort(key, kind="stable")
        at, starts = order[by], np.flatnonzero(np.append(True, np.diff(key[by]) != 0))
        before = np.cumsum(bound.usable[at]) - bound.usable[at]
        before -= np.repeat(before[starts], np.diff(np.append(starts, len(at))))
        left = bound.left[reason][at]
        out[at] = np.minimum(out[at], np.where(left == NONE, NONE, np.maximum(left - before, 0)))
    return out


def _reasons(snapshot: Snapshot, bound: Bounds, need: Whole, counted: npt.NDArray[np.bool_], week: pd.Series) -> pd.Categorical:
    """The suggestion's codes, joined by "+": how the need was found, what cut it, and whether its week is known."""
    how = np.where(need == 0, 2, np.where(counted, 0, 1))
    offered = (bound.cap > 0) | (bound.cap == NONE)
    cut = np.where(offered, np.where(bound.usable < bound.requested, bound.bound + 2, 0), 1)
    open_weeks = {of: policies.not_known(snapshot, of) != "" for of in week.unique()}
    unknown = week.map(open_weeks).to_numpy(bool)
    firsts, seconds, thirds = (COVER, NO_COUNT, ENOUGH), ("", NOT_OFFERED, *bounds.REASONS), ("", NOT_YET_KNOWN)
    names = ["+".join(filter(None, codes)) for codes in product(firsts, seconds, thirds)]
    code = (how * len(seconds) + cut) * len(thirds) + unknown
    return pd.Categorical.from_codes(code, pd.Index(names, dtype="str")).remove_unused_categories()
