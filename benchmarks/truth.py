"""How near a night's results come to the truth of a simulated city, beside naive estimates on the same rows.

Errors are WAPE = Σ|estimate − true rate| ÷ Σ true rate; a "pair" is the 52-week total of a retailer and brand, a "brand-week" the sum
over retailers. Undefined figures are NaN. Panels are (retailers, brands, weeks); the weeks are those of the truth, the first
`now` of them past.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

Floats = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]
Truths = npt.NDArray[np.bool_]
YEAR, JUDGED = 52, 26
"""Weeks over which what was recovered is scored, and over which flags are."""
OURS = "project"


@dataclass(frozen=True)
class Truth:
    """A simulated city with what nobody could know. `tight` is (brands, weeks); `lines` are those of the last `JUDGED` past weeks."""

    retailers: pd.Index
    brands: pd.Index
    weeks: pd.DatetimeIndex
    now: int
    rate: Floats
    demand: Floats
    requested: Floats
    allocated: Floats
    tight: Truths
    lines: pd.DataFrame
    honest: frozenset[str]

    @property
    def past(self) -> slice:
        """The weeks in which recovered demand is scored."""
        return slice(max(self.now - YEAR, 0), self.now)

    @property
    def future(self) -> slice:
        """The weeks in which the forecast is scored."""
        return slice(self.now, len(self.weeks))

    def cells(self, frame: pd.DataFrame) -> tuple[Whole, Truths]:
        """The place of each row (retailer_id, brand_id, and week or t) in a flattened panel, and which rows have one."""
        at = frame["t"].to_numpy(np.int64) if "t" in frame else self.weeks.get_indexer(_days(frame["week"]))
        retailer, brand = _numbers(frame["retailer_id"], self.retailers), _numbers(frame["brand_id"], self.brands)
        known = (retailer >= 0) & (brand >= 0) & (at >= 0) & (at < len(self.weeks))
        return np.where(known, (retailer * len(self.brands) + brand) * len(self.weeks) + at, 0), known

    def panel(self, frame: pd.DataFrame, column: str) -> Floats:
        """`column` of long rows summed into a panel, 0 where there is no row."""
        shape = len(self.retailers), len(self.brands), len(self.weeks)
        cell, known = self.cells(frame)
        sums = np.bincount(cell[known], frame[column].to_numpy(np.float64)[known], int(np.prod(shape)))
        return np.asarray(sums, np.float64).reshape(shape)


def _days(dates: pd.Series) -> pd.DatetimeIndex:
    """Dates of any kind, in the unit in which the weeks of a truth are kept."""
    return pd.DatetimeIndex(pd.to_datetime(dates)).as_unit("us")


def _numbers(ids: pd.Series, index: pd.Index) -> Whole:
    """The place of each id in `index`, -1 where it has none; categories are looked up once each."""
    if isinstance(ids.dtype, pd.CategoricalDtype):
        return np.asarray(index.get_indexer(ids.cat.categories.astype("str"))[ids.cat.codes.to_numpy()], np.int64)
    return np.asarray(index.get_indexer(ids.astype("str")), np.int64)


def read(folder: Path) -> Truth:
    """The truth of a city whose `folder` holds city/ and truth/."""
    demand = pd.read_parquet(folder / "truth" / "demand.parquet")
    tight = pd.read_parquet(folder / "truth" / "tight.parquet")
    lines = pd.read_parquet(folder / "truth" / "lines.parquet")
    weeks = pd.DatetimeIndex(tight.index).as_unit("us")
    now = int(np.searchsorted(weeks, pd.Timestamp((folder / "truth" / "cutoff.txt").read_text("utf-8").strip())))
    lines = lines[lines["t"] <= now].assign(allocated=_allocated(folder / "city"))
    lines = lines[lines["t"] < now]
    habits = pd.read_csv(folder / "truth" / "habits.csv", dtype=str)
    nothing = np.zeros(0)
    empty = Truth(
        pd.Index(sorted(demand["retailer_id"].unique())), pd.Index(tight.columns), weeks, now, nothing, nothing, nothing, nothing,
        tight.to_numpy(bool).T, lines[lines["t"] >= now - JUDGED], frozenset(habits.loc[habits["habit"] == "honest", "retailer_id"]),
    )  # fmt: skip
    panels = {name: empty.panel(demand, name) for name in ("rate", "demand")}
    panels |= {name: empty.panel(lines, name) for name in ("requested", "allocated")}
    return Truth(**{**vars(empty), **panels})


def _allocated(city: Path) -> Floats:
    """What the city's lines were given, in the order of the file, 0 while they wait."""
    file = city / "order_lines.parquet"
    column = ["allocated"]
    lines = pd.read_parquet(file, columns=column) if file.exists() else pd.read_csv(city / "order_lines.csv", usecols=column)
    return np.asarray(lines["allocated"].fillna(0), np.float64)


@dataclass(frozen=True)
class Results:
    """What is scored, in the columns of the exports of the same names; None where it was not made.

    Where `demand` and `forecast` have a column `dispersion` as well, the spread of pair-weeks is scored.
    """

    demand: pd.DataFrame | None = None
    brand_demand: pd.DataFrame | None = None
    inflated: pd.DataFrame | None = None
    forecast: pd.DataFrame | None = None
    brand_forecast: pd.DataFrame | None = None


def figures(truth: Truth, results: Results) -> dict[str, float]:
    """Every figure by name: recover.WHO.*, future.WHO.*, flags.*; WHO is "project" or a naive estimate."""
    past: dict[str, Floats] = {"requests": truth.requested, "allocated": truth.allocated}
    past |= {f"allocated{n}": trailing_mean(truth.allocated, n) for n in (13, 52)}
    future = {f"allocated{n}": held(truth, n) for n in (13, 52)}
    if results.demand is not None:
        past[OURS] = truth.panel(results.demand, "demand")
    if results.forecast is not None:
        future[OURS] = truth.panel(results.forecast, "demand")
    found: dict[str, float] = {}
    for when, span, estimates in (("recover", truth.past, past), ("future", truth.future, future)):
        for who, panel in estimates.items():
            found |= {f"{when}.{who}.{name}": value for name, value in errors(truth, panel, span).items()}
    told = (
        ("recover", truth.past, results.demand, results.brand_demand),
        ("future", truth.future, results.forecast, results.brand_forecast),
    )
    for when, span, pairs, brands in told:
        found |= {f"{when}.{OURS}.cover80_brand_week": coverage(truth, brands, span)} if brands is not None else {}
        found |= {f"{when}.{OURS}.pit80_pair_week": spread(truth, pairs, span)} if pairs is not None and "dispersion" in pairs else {}
    return found | flag_figures(truth, results.inflated)


def errors(truth: Truth, estimate: Floats, span: slice) -> dict[str, float]:
    """The errors of a panel of estimates in the weeks of `span`, and how far its sums stand off."""
    guess, rate, tight = estimate[:, :, span], truth.rate[:, :, span], truth.tight[:, span]
    by_brand, true_by_brand = guess.sum(axis=0), rate.sum(axis=0)
    return {
        "tight_brand_week": wape(by_brand[tight], true_by_brand[tight]),
        "brand_week": wape(by_brand, true_by_brand),
        "pair": wape(guess.sum(axis=2), rate.sum(axis=2)),
        "pair_week": wape(guess, rate),
        "tight_bias": _ratio(by_brand[tight].sum(), true_by_brand[tight].sum()) - 1,
        "bias": _ratio(guess.sum(), rate.sum()) - 1,
    }


def wape(estimate: Floats, truth: Floats) -> float:
    """Weighted absolute percentage error: Σ|estimate − truth| ÷ Σ truth."""
    return _ratio(np.abs(estimate - truth).sum(), truth.sum())


def _ratio(over: float, under: float) -> float:
    return float(over / under) if under > 0 else float("nan")


def trailing_mean(panel: Floats, weeks: int) -> Floats:
    """The mean of each week and the `weeks` − 1 before it, over those that there are."""
    total = np.cumsum(np.pad(panel, ((0, 0), (0, 0), (1, 0))), axis=2)
    end = np.arange(1, panel.shape[2] + 1)
    begin = np.maximum(end - weeks, 0)
    return np.asarray((total[:, :, end] - total[:, :, begin]) / (end - begin), np.float64)


def held(truth: Truth, weeks: int) -> Floats:
    """A forecast that holds the mean of the last `weeks` weeks' allocations, as a panel."""
    last = truth.allocated[:, :, max(truth.now - weeks, 0) : truth.now].mean(axis=2)
    return np.repeat(last[:, :, None], len(truth.weeks), axis=2)


def coverage(truth: Truth, brands: pd.DataFrame, span: slice) -> float:
    """Share of the brand-weeks with demand whose realised total lies within p10–p90 of `brands` (brand_id, week, p10, p90)."""
    told = brands.assign(week=_days(brands["week"]), brand_id=brands["brand_id"].astype("str"))
    wide = told.pivot(index="brand_id", columns="week", values=["p10", "p90"])
    low, high = (wide[name].reindex(index=truth.brands, columns=truth.weeks[span]).to_numpy() for name in ("p10", "p90"))
    total = truth.demand[:, :, span].sum(axis=0)
    return float(((total >= low) & (total <= high))[total > 0].mean()) if (total > 0).any() else float("nan")


def spread(truth: Truth, pairs: pd.DataFrame, span: slice, seed: int = 0) -> float:
    """Share of the pair-weeks told of (retailer_id, brand_id, week, demand, dispersion) whose randomised PIT lies within .1–.9.

    Realised demand y of a live pair has u = F(y − 1) + V·(F(y) − F(y − 1)) with V uniform by `seed`, F the negative binomial with
    the told mean and variance mean + dispersion × mean²; if F is right, u is uniform and the share .8 (Czado, Gneiting & Held 2009,
    doi 10.1111/j.1541-0420.2009.01191.x).
    """
    cell, known = truth.cells(pairs)
    week = cell % len(truth.weeks)
    use = known & (truth.rate.ravel()[cell] > 0) & (week >= span.start) & (week < span.stop)
    realised = truth.demand.ravel()[cell[use]]
    mean, dispersion = (pairs[name].to_numpy(np.float64)[use] for name in ("demand", "dispersion"))
    below, upto = (negative_binomial(realised - less, mean, dispersion) for less in (1, 0))
    pit = below + np.random.default_rng(seed).random(len(upto)) * (upto - below)
    return float(((pit >= 0.1) & (pit <= 0.9)).mean()) if len(pit) else float("nan")


def negative_binomial(count: Floats, mean: Floats, dispersion: Floats) -> Floats:
    """P(Y ≤ count) of a negative binomial with variance mean + dispersion × mean²; Poisson where the dispersion is all but 0."""
    from scipy import special

    size = 1 / np.maximum(dispersion, 1e-9)
    whole = np.maximum(count, 0)
    found = np.where(dispersion > 1e-9, special.betainc(size, whole + 1, size / (size + mean)), special.pdtr(whole, mean))
    return np.where(count < 0, 0.0, found)


def flag_figures(truth: Truth, inflated: pd.DataFrame | None) -> dict[str, float]:
    """Flags against the labels of the last 26 weeks' lines; without `inflated` only those of the naive score request ÷ allocated."""
    lines = truth.lines
    label = lines["inflated"].to_numpy(bool)
    found = {
        "flags.prevalence": float(label.mean()),
        "flags.request_over_allocated.ap": average_precision(label, (lines["requested"] / (lines["allocated"] + 0.5)).to_numpy()),
    }
    if inflated is None:
        return found
    key = ["order_id", "brand_id"]
    told = inflated[[*key, "score", "flagged"]].astype({"order_id": "str", "brand_id": "str"})
    both = lines.astype({"order_id": "str", "brand_id": "str"}).merge(told, on=key, how="left", validate="1:1")
    flagged = both["flagged"].fillna(False).to_numpy(bool)
    blameless = both["retailer_id"].isin(truth.honest).to_numpy() & ~label
    return found | {
        f"flags.{OURS}.ap": average_precision(label, both["score"].fillna(0).to_numpy(np.float64)),
        f"flags.{OURS}.flagged_share": float(flagged.mean()),
        f"flags.{OURS}.precision": _ratio((label & flagged).sum(), flagged.sum()),
        f"flags.{OURS}.recall": _ratio((label & flagged).sum(), label.sum()),
        f"flags.{OURS}.false_on_honest": _ratio((blameless & flagged).sum(), blameless.sum()),
    }


def average_precision(label: Truths, score: Floats) -> float:
    """Σ over thresholds of (step in recall) × precision; equal scores are one threshold. NaN where no label is true."""
    order = np.argsort(-score, kind="stable")
    score, label = score[order], label[order]
    last = np.r_[score[1:] != score[:-1], True]
    hits, seen = np.cumsum(label)[last], np.arange(1, len(label) + 1)[last]
    return _ratio(float((np.diff(np.r_[0, hits]) * hits / seen).sum()), float(label.sum()))


def best_naive(found: Mapping[str, float], when: str, figure: str) -> float:
    """The lowest error of allocations taken as demand: as they are, or smoothed over 13 or 52 weeks."""
    return min(found.get(f"{when}.{who}.{figure}", np.inf) for who in ("allocated", "allocated13", "allocated52"))
