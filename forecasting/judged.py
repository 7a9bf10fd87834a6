"""Judged lines as evidence of a habit: how each stands, counted by retailer, week and shortage, and what it is worth."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from ordering.frames import Snapshot

Floats: TypeAlias = npt.NDArray[np.float64]
Truths: TypeAlias = npt.NDArray[np.bool_]
Whole: TypeAlias = npt.NDArray[np.int64]


class Standing(IntEnum):
    """How a line stands as evidence; where several hold, the last."""

    NOTHING = 0  # nothing was asked
    HONEST = 1
    FLAGGED = 2
    UNKNOWN = 3
    ECHO = 4
    PROBE = 5
    EXPLAINED = 6
    MISTAKEN = 7
    CONFIRMED = 8


OF_REASON = {
    "unknown_pair": Standing.UNKNOWN, "cap_echo": Standing.ECHO, "probe": Standing.PROBE, "explained": Standing.EXPLAINED,
    "mistaken": Standing.MISTAKEN, "confirmed": Standing.CONFIRMED,
}  # fmt: skip
"""The reasons of a line that settle its standing."""
USED = [Standing.HONEST, Standing.FLAGGED, Standing.MISTAKEN, Standing.CONFIRMED]
"""The standings that say something of a habit."""
HITS = [Standing.FLAGGED, Standing.CONFIRMED]
"""Those of them that say "inflated"."""


@dataclass(frozen=True)
class Lines:
    """Judged lines. `retailer`: row number in the snapshot; `short`: whether the brand was short; `reason`: number in `reasons`;
    `count[retailer, age, short, standing]` with the age in weeks, 0 the business week and later.
    """

    retailer: Whole
    short: Truths
    asked: Floats
    need: Floats
    score: Floats
    standing: npt.NDArray[np.int8]
    reason: Whole
    reasons: tuple[frozenset[str], ...]
    count: Whole

    @property
    def retailers(self) -> int:
        """How many retailers there are."""
        return len(self.count)

    def sums(self, which: Truths, values: Floats) -> Floats:
        """Sums of `values` by retailer."""
        return np.bincount(self.retailer[which], values[which], self.retailers).astype(np.float64)


def of_frame(snapshot: Snapshot, inflated: pd.DataFrame, tight: pd.DataFrame) -> Lines:
    """The lines of a frames.INFLATED. `tight`: brand_id, week, tight; beyond its weeks, as in the last of them."""
    kinds = snapshot.categories()
    retailer = pd.Categorical(inflated["retailer_id"], dtype=kinds[0]).codes.astype(np.int64)
    brand = pd.Categorical(inflated["brand_id"], dtype=kinds[1]).codes.astype(np.int64)
    week = _week(inflated["order_date"].to_numpy())
    reason, words = pd.factorize(inflated["reason"])
    reasons = tuple(frozenset(word.split(";")) for word in words)
    standing = _standing(inflated["requested"].to_numpy() > 0, inflated["flagged"].to_numpy(bool), reason, reasons)
    short = _short(snapshot, brand, week, tight)
    age = np.maximum(int(_week(np.array(snapshot.business_date, "datetime64[D]"))) - week, 0)
    ages = int(age.max(initial=0)) + 1
    cell = ((retailer * ages + age) * 2 + short) * len(Standing) + standing
    shape = (len(snapshot.retailers), ages, 2, len(Standing))
    count = np.bincount(cell, minlength=int(np.prod(shape))).reshape(shape)
    asked, need, score = (inflated[name].to_numpy(np.float64) for name in ("requested", "expected", "score"))
    return Lines(retailer, short, asked, need, score, standing, reason, reasons, count)


def _week(day: npt.NDArray[np.datetime64]) -> Whole:
    """The number of the week of each day, counted from 1970; its day 0 was a Thursday."""
    return np.asarray((day.astype("datetime64[D]").astype(np.int64) + 3) // 7)


def _standing(asked: Truths, flagged: Truths, reason: Whole, reasons: tuple[frozenset[str], ...]) -> npt.NDArray[np.int8]:
    """How each line stands."""
    settled = np.array([max((s for code, s in OF_REASON.items() if code in codes), default=0) for codes in reasons], np.int8)
    plain = np.where(flagged, Standing.FLAGGED, Standing.HONEST)
    told = settled[reason] if len(reasons) else np.zeros(len(reason), np.int8)
    return np.where(asked, np.where(told > 0, told, plain), Standing.NOTHING).astype(np.int8)


def _short(snapshot: Snapshot, brand: Whole, week: Whole, tight: pd.DataFrame) -> Truths:
    """Whether each line's brand was short in its week."""
    if tight.empty:
        return np.zeros(len(week), bool)
    table = tight.pivot(index="brand_id", columns="week", values="tight").reindex(snapshot.brands["brand_id"])
    known = table.eq(True).to_numpy(bool)  # a brand that was not measured is missing, and not short
    column = np.searchsorted(_week(pd.DatetimeIndex(table.columns).to_numpy()), week, side="right") - 1
    return np.asarray(known[brand, np.clip(column, 0, known.shape[1] - 1)])


def evidence(lines: Lines, weeks: int = 1) -> tuple[Floats, Floats]:
    """By standing, how much a line says "inflated", and what it is worth as evidence.

    Lines of one retailer and period of `weeks` weeks are flagged together: a line is worth 1/φ, with φ the variance of a period's flags
    over that of as many independent lines, over the city. A line about which something was said is worth one whole.
    """
    worth = np.zeros(len(Standing))
    worth[[Standing.HONEST, Standing.FLAGGED]] = 1 / _clustering(*(_periods(lines, standings, weeks) for standings in (USED, HITS)))
    worth[[Standing.MISTAKEN, Standing.CONFIRMED]] = 1.0
    hits = np.zeros(len(Standing))
    hits[HITS] = worth[HITS]
    return hits, worth


def _periods(lines: Lines, standings: list[Standing], weeks: int) -> Floats:
    """Lines of those standings by retailer and period of so many weeks, counted back from the newest."""
    by_week = lines.count[..., standings].sum(axis=(2, 3))
    padded = np.pad(by_week, ((0, 0), (0, -by_week.shape[1] % weeks)))
    return padded.reshape(len(padded), -1, weeks).sum(axis=2).astype(np.float64)


def _clustering(n: Floats, k: Floats) -> float:
    """φ = Σ (k − n p)² ÷ Σ n p (1 − p)(1 − n ÷ N) over retailers' periods of n lines, k of them hits; N is the retailer's lines. ≥ 1.

    p is the retailer's rate times that of the period over the city, so that what moves all retailers at once is no clustering.
    """
    total = np.maximum(n.sum(axis=1, keepdims=True), 1.0)
    usual = n * k.sum(axis=1, keepdims=True) / total
    common = np.divide(k.sum(axis=0), usual.sum(axis=0), out=np.ones(n.shape[1]), where=usual.sum(axis=0) > 0)
    mean = np.minimum(usual * common, n)
    independent = float((mean * (1 - np.divide(mean, n, out=np.zeros_like(n), where=n > 0)) * (1 - n / total)).sum())
    return max(1.0, float(((k - mean) ** 2).sum()) / independent) if independent > 0 else 1.0
