"""What the night sums over pairs and weeks: live rates, the planned demand of each order day, and the cells of the rates.

Pair-weeks are made a chunk at a time and summed at once; they never stand in memory together, nor in the database.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from statistics import NormalDist

import numpy as np
import numpy.typing as npt
import pandas as pd

from allocation import bounds, suggest
from forecasting import demand
from ordering import frames, gaps, kept_cells, rate_cells
from ordering.frames import Snapshot

KEY = ["brand_id", "district", "week"]


def live_rate(known: Snapshot, pairs: pd.DataFrame, weeks: pd.DatetimeIndex) -> pd.DataFrame:
    """Σ rate of the pairs alive, by brand, district and week: columns brand_id, district, week, rate."""
    districts = known.retailers["district"].unique()
    flat = (
        pd.MultiIndex.from_product([known.brands["brand_id"], sorted(districts), weeks], names=KEY).to_frame(index=False).assign(index=1.0)
    )
    sums = [_district_sums(known, chunk, "demand") for chunk in demand.expand(known, pairs, flat, weeks)]
    found = pd.concat(sums).groupby(KEY, sort=True)["demand"].sum() if sums else pd.Series(dtype="float64")
    return found.rename("rate").reset_index()


def _district_sums(known: Snapshot, chunk: pd.DataFrame, column: str) -> pd.DataFrame:
    district = known.retailers["district"].to_numpy()[chunk["retailer_id"].cat.codes]
    keys = [chunk["brand_id"].astype("str"), pd.Series(district, chunk.index, name="district"), chunk["week"]]
    return chunk[column].groupby(keys, sort=True).sum().reset_index()


EIGHTY = 2 * NormalDist().inv_cdf(0.9)
"""Standard deviations between the first and the last decile of a normal distribution."""
RECENT = pd.Timedelta(weeks=14)
"""How long before the forecast weeks a shortage still tells how sure a brand's level is."""


def coherent(forecast: pd.DataFrame, future: pd.DataFrame, live: pd.DataFrame, tight: pd.DataFrame) -> pd.DataFrame:
    """The brand forecast whose mean is the sum of its pairs' (frames.BRAND_FORECAST), with quantiles of the realised total.

    Mean = Σ over districts of live rate × index; a brand without a live pair forecasts nothing. The variance is that of the forecast,
    and beside it, for a brand that was short of late, that of what was recovered (`tight`: frames.BRAND_DEMAND of weeks in shortage):
    a recovered series is smoother than what comes through the door. Quantiles are a negative binomial's.
    """
    sums = live.merge(future, on=KEY, how="left", validate="1:1")
    total = (sums["rate"] * sums["index"].fillna(0.0)).groupby([sums["brand_id"], sums["week"]]).sum().rename("total").reset_index()
    both = forecast.merge(total, on=["brand_id", "week"], how="left", validate="1:1")
    recent = tight[tight["week"] > forecast["week"].min() - RECENT]
    both = both.merge(_uncertainty(recent).reset_index(), on="brand_id", how="left", validate="m:1")
    mean = both["total"].fillna(0.0)
    error = ((both["p90"] - both["p10"]) / (EIGHTY * both["demand"])).where(both["demand"] > 0, 0.0)
    spread = error**2 + both["uncertainty"].fillna(0.0) ** 2
    dispersion = (spread - 1.0 / mean.where(mean > 0)).clip(lower=0.0).fillna(0.0)
    at = {f"p{round(q * 100)}": demand.interval(mean.to_numpy(), dispersion.to_numpy(), q) for q in (0.1, 0.5, 0.9)}
    return frames.conform(frames.BRAND_FORECAST, both.assign(demand=mean, **at)[frames.BRAND_FORECAST.names])


def _uncertainty(past: pd.DataFrame) -> pd.Series:
    """Relative standard deviation of what was recovered of each brand, beyond the counting noise that every forecast holds already."""
    rows = past[past["demand"] > 0]
    relative = (rows["p90"] - rows["p10"]) / (EIGHTY * rows["demand"])
    beyond = (relative**2 - 1.0 / rows["demand"]).clip(lower=0.0)
    return (beyond.groupby(rows["brand_id"]).mean() ** 0.5).rename("uncertainty")


def planned_demand(known: Snapshot, pairs: pd.DataFrame, future: pd.DataFrame, *, cap_at: float = 0.0) -> pd.DataFrame:
    """Demand of every live pair in the week of its retailer's next order day: retailer_id, brand_id, week, demand, p10, p50, p90.

    With `cap_at` also `most`: that quantile of what is wanted until the retailer's next visit.
    """
    monday = suggest.order_weeks(known).to_numpy("datetime64[us]")
    weeks = pd.DatetimeIndex(np.unique(monday))
    parts = []
    for chunk in demand.expand(known, pairs, future, weeks):
        own = chunk[chunk["week"].to_numpy() == monday[chunk["retailer_id"].cat.codes]]
        own = with_quantiles(own, pairs, (0.1, 0.5, 0.9))
        parts.append(own.assign(most=_until_next_visit(known, own, pairs, cap_at)) if cap_at else own)
    columns = ["retailer_id", "brand_id", "week", "demand", "p10", "p50", "p90", *(["most"] if cap_at else [])]
    return pd.concat(parts, ignore_index=True)[columns]


def _until_next_visit(known: Snapshot, own: pd.DataFrame, pairs: pd.DataFrame, at: float) -> npt.NDArray[np.float64]:
    """The quantile `at` of what consumers want of each pair in the weeks between two visits, cartons."""
    weeks = known.retailers["visit_every_weeks"].to_numpy(np.float64)[own["retailer_id"].cat.codes]
    return demand.interval(own["demand"].to_numpy() * weeks, pairs["dispersion"].to_numpy()[pair_rows(own, pairs)], at)


def with_quantiles(chunk: pd.DataFrame, pairs: pd.DataFrame, at: tuple[float, ...]) -> pd.DataFrame:
    """Pair-weeks with the quantiles of the realised whole number beside the mean: columns p10, p50 and so on."""
    dispersion = pairs["dispersion"].to_numpy()[pair_rows(chunk, pairs)]
    found = {f"p{round(q * 100)}": demand.interval(chunk["demand"].to_numpy(), dispersion, q) for q in at}
    return chunk.assign(**found)


def pair_rows(chunk: pd.DataFrame, pairs: pd.DataFrame) -> npt.NDArray[np.int64]:
    """The row in `pairs` of each pair-week. Both hold the ids as categories of the same snapshot."""
    brands = len(pairs["brand_id"].cat.categories)

    def number(frame: pd.DataFrame) -> npt.NDArray[np.int64]:
        return frame["retailer_id"].cat.codes.to_numpy(np.int64) * brands + frame["brand_id"].cat.codes.to_numpy(np.int64)

    own = number(pairs)
    return np.searchsorted(own, number(chunk))


BLOCK_PAIRS = 25_000
"""Pairs whose weeks are held at once: about three million pair-weeks."""


def measured(
    known: Snapshot, pairs: pd.DataFrame, index: pd.DataFrame, inflated: pd.DataFrame, weeks: pd.DatetimeIndex
) -> Iterator[pd.DataFrame]:
    """Pair-weeks of `weeks` with what was asked, given, lacking and wanted (see ordering.rate_cells), a block of retailers at a time."""
    lines = known.lines[known.lines["week"].between(weeks[0], weeks[-1]) & known.lines["allocated"].notna()]
    lines = lines.assign(reason=bounds.attribute(known, lines))
    flagged = inflated.loc[inflated["flagged"], ["order_id", "retailer_id", "brand_id", "expected"]]
    of_flag = pd.Index(known.retailers["retailer_id"]).get_indexer(flagged["retailer_id"].astype("str"))
    of_line = lines["retailer_id"].cat.codes.to_numpy()
    for low, high, lived in _by_retailers(known, demand.expand(known, pairs, index, weeks, chunk_pairs=BLOCK_PAIRS)):
        block = lines[(of_line >= low) & (of_line < high)].reset_index(drop=True)
        beyond = _expected(block, flagged[(of_flag >= low) & (of_flag < high)])
        split = gaps.split_gap(block.assign(expected=beyond), known.brands)
        yield rate_cells.beside_demand(rate_cells.pair_weeks(pd.concat([block, split], axis=1)), lived)


def _by_retailers(known: Snapshot, chunks: Iterable[pd.DataFrame]) -> Iterator[tuple[int, int, pd.DataFrame]]:
    """The same pair-weeks cut between retailers: from which retailer, up to which, and theirs; together they are all retailers."""
    held, low = _nothing(known), 0
    for chunk in chunks:
        held = pd.concat([held, chunk], ignore_index=True)
        retailer = held["retailer_id"].cat.codes.to_numpy()
        high = int(retailer[-1]) if len(retailer) else low  # the last one may go on in the next chunk
        if high > low:
            cut = int(np.searchsorted(retailer, high))
            yield low, high, held.iloc[:cut]
            held, low = held.iloc[cut:], high
    yield low, len(known.retailers), held


def _nothing(known: Snapshot) -> pd.DataFrame:
    """Demand of no pair-week."""
    retailer, brand = known.categories()
    empty = {"retailer_id": pd.Categorical([], dtype=retailer), "brand_id": pd.Categorical([], dtype=brand)}
    return pd.DataFrame({**empty, "week": pd.Series(dtype="datetime64[us]"), "demand": pd.Series(dtype="float64")})


def _expected(lines: pd.DataFrame, flagged: pd.DataFrame) -> npt.NDArray[np.float64]:
    """The honest need behind each flagged line, missing for the others: what was asked beyond it is no want of supply."""
    rows = flagged[["order_id", "brand_id", "expected"]].astype({"brand_id": lines["brand_id"].dtype})
    found = lines[["order_id", "brand_id"]].merge(rows, on=["order_id", "brand_id"], how="left", validate="1:1")["expected"]
    return np.asarray(found, np.float64)


def stored_cells(
    known: Snapshot, pairs: pd.DataFrame, index: pd.DataFrame, inflated: pd.DataFrame, weeks: pd.DatetimeIndex
) -> dict[str, pd.DataFrame]:
    """The cells that a run stores, by name: weekly ones (kept_cells.GRAINS), and those by month."""
    of = rate_cells.attributes(known, weeks)
    parts: dict[str, list[pd.DataFrame]] = {name: [] for name in kept_cells.GRAINS}
    for chunk in measured(known, pairs, index, inflated, weeks):
        for name, (_, by) in kept_cells.GRAINS.items():
            parts[name] = [rate_cells.gather([*parts[name], rate_cells.additive(chunk, of, by, window=4)])]
    weekly = {name: kept_cells.stored(name, found[0]) for name, found in parts.items()}
    return weekly | {monthly: kept_cells.by_month(weekly[name]) for name, monthly in kept_cells.MONTHLY.items()}
