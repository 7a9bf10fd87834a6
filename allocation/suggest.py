"""What a retailer should order on its next order day, and what those who have not ordered yet are expected to ask for."""

from __future__ import annotations

from itertools import product

import numpy as np
import numpy.typing as npt
import pandas as pd

from allocation import bounds, hashing, limits, policies, room, totals
from allocation.bounds import Bounds
from allocation.limits import NONE, Whole
from ordering import frames
from ordering.errors import SettingsError
from ordering.frames import Snapshot, day
from ordering.model import Reason, week_of
from ordering.settings import SuggestSettings

Floats = npt.NDArray[np.float64]

RECENT_WEEKS = 8
"""How long a stock count is carried forward, and how far back receipts are weighed where there is none."""

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
CODES = (COVER, NO_COUNT, ENOUGH, NOT_OFFERED, NOT_YET_KNOWN)
"""The suggestion's own codes; beside them stand the Reasons of the bounds that cut it."""


def planned_weeks(snapshot: Snapshot) -> list[pd.Timestamp]:
    """The order weeks that the business date and the six days after it touch: one on a Monday, else two."""
    first = day(week_of(snapshot.business_date))
    last = first + pd.Timedelta(weeks=1)
    return [first] if snapshot.business_date.weekday() == 0 else [first, last]


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


def suggest(snapshot: Snapshot, demand: pd.DataFrame, cover: SuggestSettings) -> pd.DataFrame:
    """SUGGESTIONS for every pair in `demand`, for its retailer's next order day.

    suggested = ceil(target cover − stock), at least 0, in whole packs, within the star cap, quotas, band cap, day limit, lot and hold.
    Target cover = demand × the cover weeks of the area type × the weeks between visits; stock is that of the order day. `demand`:
    retailer_id, brand_id, week (of the next order day), demand (cartons a week), p10, p50, p90. `reason`: stable codes joined by "+",
    first how the need was found (see CODES), then the bound that cut it. Raises SettingsError where an area type has no cover.
    """
    pair = limits.pairs(snapshot, demand)
    retailer, brand = pair // limits.WIDTH, pair % limits.WIDTH
    on = order_days(snapshot)[retailer]
    rate = demand["demand"].to_numpy(np.float64)
    target = rate * _cover(snapshot, cover)[retailer]
    counted, stock = _stock(snapshot, pair, rate, target, on)
    need = np.maximum(np.ceil(np.round(target - stock, 9)), 0).astype(np.int64)
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
    bound = totals.cut(bounds.bounded(snapshot, lines, bounds.given(snapshot)), rate)
    asked = snapshot.waiting
    of_week = limits.numbered(snapshot, asked)
    requested = limits.sums(
        limits.scope(bound.rows, Reason.STAR_CAP), limits.scope(of_week, Reason.STAR_CAP), asked["requested"].to_numpy(np.int64)
    )
    found = lines.assign(
        order_day=on,
        suggested=bound.usable,
        requested=requested,
        **{name: demand[name].to_numpy(np.float64) for name in ("p10", "p50", "p90")},
        stock=np.where(counted, stock, np.nan),
        reason=_reasons(snapshot, bound, need, counted, lines["week"]),
        **room.columns(bound),
    )
    return frames.conform(frames.SUGGESTIONS, found)


def _cover(snapshot: Snapshot, cover: SuggestSettings) -> Floats:
    """Target stock of every retailer, in weeks of demand."""
    areas = snapshot.retailers["area_type"]
    for area in areas.unique():
        if area not in cover.cover_weeks:
            raise SettingsError(f"suggesting.cover_weeks: there is none for area type {area!r}; give one")
    weeks = areas.map(dict(cover.cover_weeks)).to_numpy(np.float64)
    return weeks * snapshot.retailers["visit_every_weeks"].to_numpy(np.float64)


def _stock(snapshot: Snapshot, pair: Whole, rate: Floats, target: Floats, on: pd.DatetimeIndex) -> tuple[npt.NDArray[np.bool_], Floats]:
    """Whether each pair was counted lately, and its stock on the order day: start + received since − demand since, never below 0.

    Start is the latest count of the last RECENT_WEEKS weeks. An order dated on the day of the count was delivered after it. Without a
    count the start is the target, RECENT_WEEKS weeks ago.
    """
    today = day(snapshot.business_date)
    since = today - pd.Timedelta(weeks=RECENT_WEEKS)
    counts = snapshot.stock_counts[(snapshot.stock_counts["counted_on"] >= since) & (snapshot.stock_counts["counted_on"] < today)]
    counts = counts.sort_values("counted_on", kind="stable").drop_duplicates(["retailer_id", "brand_id"], keep="last")
    latest = pd.DataFrame(
        {"on": counts["counted_on"].to_numpy(), "stock": counts["stock"].to_numpy(np.float64)}, index=limits.pairs(snapshot, counts)
    ).reindex(pair)
    counted = latest["on"].notna().to_numpy()
    start = latest["on"].fillna(since)
    received = snapshot.lines[snapshot.lines["order_date"] >= since]
    key = limits.pairs(snapshot, received)
    late = received["order_date"].to_numpy() >= pd.Series(start.to_numpy(), index=pair).reindex(key).fillna(since).to_numpy()
    cartons = np.where(late, received["allocated"].to_numpy(np.int64, na_value=0), 0)
    weeks = (on.to_numpy() - start.to_numpy()) / np.timedelta64(7, "D")
    first = np.where(counted, latest["stock"].to_numpy(), target)
    return counted, np.maximum(first + limits.sums(pair, key, cartons) - rate * weeks, 0.0)


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
