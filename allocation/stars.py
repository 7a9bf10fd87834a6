"""The star rating of a month: percentiles of configured measures, weighted; levels by forced shares; a reason for each.

score = 50 + Σ points, and points of a measure = 100 × weight ÷ Σ weights of the measures known × (percentile − ½). A percentile cannot
run away as a quantity can, so no measure counts for more than its weight. See docs/adr/0017-stars-are-ranks-within-forced-shares.md.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from allocation import hashing, star_places
from ordering import frames, ratings
from ordering.model import LevelReason, Measure
from ordering.settings import RatingSettings

Floats = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

DIGITS = 4
"""Decimals of points and score: what is published decides, so that anyone can recompute a rank."""
LOT = "stars"
"""Ties are settled by the first 4 bytes of BLAKE2b("retailer|month|stars"), the smaller first; equal ones by id."""
PEERS = ["area_type", "business_format"]
"""A new shop stands in the middle of the shops alike in these, or of the city where there are none."""


@dataclass(frozen=True)
class Rating:
    """A month's rating: ratings.RATINGS, the steps in force (more than configured where they had to be), and the places off."""

    rows: pd.DataFrame
    steps: int
    off: int


def rate(facts: pd.DataFrame, before: pd.DataFrame, month: str, rules: RatingSettings) -> Rating:
    """The rating of a month from ratings.FACTS. `before`: ratings.RATINGS of the month before, or none: what moved a level is told
    against them.
    """
    facts = facts.sort_values("retailer_id", ignore_index=True)
    new = facts["weeks"].to_numpy() < rules.least_weeks
    percentile = {m: _percentile(facts, m, rules, new) for m in Measure}
    points = _points(percentile, rules)
    known = np.any([~np.isnan(p) for m, p in percentile.items() if rules.weights.get(m, 0) > 0], axis=0)
    wanted = star_places.places(rules.shares, len(facts))
    score = _scores(facts, np.round(50 + np.sum(list(points.values()), axis=0), DIGITS), known, month, rules)
    order = _order(facts, score, month)
    anchor = _anchors(facts, new, rules)
    most_off = star_places.most_off(rules.tolerance, len(facts))
    filled = star_places.fill(order, anchor, wanted, most_steps=rules.most_steps, most_off=most_off)
    rank, by_rank = np.empty(len(facts), np.int64), star_places.by_rank(order, wanted)
    rank[order] = np.arange(1, len(facts) + 1)
    rows = facts.assign(month=month, level=filled.level, rank_level=by_rank, rank=rank, score=score)
    for m in Measure:
        rows[f"{m}_percentile"], rows[f"{m}_points"] = percentile[m], points[m]
    rows["reason"] = _reasons(rows, anchor, new, known, filled.steps)
    rows["moved_by"] = _moved_by(rows, before)
    return Rating(frames.conform(ratings.RATINGS, rows), filled.steps, filled.off)


def _percentile(facts: pd.DataFrame, measure: Measure, rules: RatingSettings, new: Bools) -> Floats:
    """The share of the peers that lie below, equals counting half, of those that are known and not new; missing for the others."""
    values = facts[str(measure)].where(~new)
    peers = list(rules.peers.get(measure, ()))
    grouped = values.groupby([facts[name] for name in peers] if peers else np.zeros(len(facts)))
    return np.asarray((grouped.rank() - 0.5) / grouped.transform("count"), np.float64)


def _points(percentile: dict[Measure, Floats], rules: RatingSettings) -> dict[Measure, Floats]:
    """What each measure adds to 50, or takes from it; 0 where it is unknown, and its weight then goes to those that are known."""
    weight = {m: np.where(np.isnan(p), 0.0, rules.weights.get(m, 0.0)) for m, p in percentile.items()}
    whole = np.sum(list(weight.values()), axis=0)
    share = {m: np.divide(w, whole, out=np.zeros(len(w)), where=whole > 0) for m, w in weight.items()}
    return {m: np.round(100 * share[m] * (np.where(np.isnan(p), 0.5, p) - 0.5), DIGITS) for m, p in percentile.items()}


def _scores(facts: pd.DataFrame, own: Floats, known: Bools, month: str, rules: RatingSettings) -> Floats:
    """The scores, with those of whom nothing is known in the middle of their peers, or of the level set for them."""
    if known.all():
        return own
    if rules.entry_level and known.any():
        middle = np.full(len(facts), _middle_of_level(facts[known], own[known], month, rules))
    else:
        middle = _medians(facts, pd.Series(own).where(known), 50.0)
    return np.asarray(np.round(np.where(known, own, middle), DIGITS), np.float64)


def _middle_of_level(facts: pd.DataFrame, score: Floats, month: str, rules: RatingSettings) -> float:
    """The median score of those whom rank alone puts into the entry level, or the level nearest to it that anybody is in."""
    order = _order(facts, score, month)
    level = star_places.by_rank(order, star_places.places(rules.shares, len(facts)))
    away = np.abs(level - rules.entry_level)
    return float(np.median(score[away == away.min()]))


def _medians(facts: pd.DataFrame, values: pd.Series, otherwise: float) -> Floats:
    """The median of each row's peers; of the city where they have none, and `otherwise` where nobody has."""
    middle = values.groupby([facts[name] for name in PEERS]).transform("median")
    whole = values.median() if values.notna().any() else otherwise
    return middle.fillna(whole).to_numpy(np.float64)


def _order(facts: pd.DataFrame, score: Floats, month: str) -> Whole:
    """Rows from the best score on; ties by the published hash of retailer and month."""
    ids = facts["retailer_id"].astype("str").tolist()
    lot = hashing.first_words(ids, [month], np.arange(len(ids)), np.zeros(len(ids), np.int64), LOT)
    return np.lexsort((np.array(ids, np.str_), lot, -score))


def _anchors(facts: pd.DataFrame, new: Bools, rules: RatingSettings) -> Whole:
    """The level from which a retailer's steps are counted: that of the month before; of a new shop its entry level.

    They do not follow from this month's scores, else somebody's better score could move the steps of another.
    """
    previous = facts["previous"].clip(1, rules.levels)
    if rules.entry_level:
        entry = np.full(len(facts), float(rules.entry_level))
    else:
        entry = np.floor(_medians(facts, previous.where(~new), (rules.levels + 1) / 2))
    return np.where(new, entry, previous).astype(np.int64)


def _reasons(rows: pd.DataFrame, anchor: Whole, new: Bools, known: Bools, steps: int) -> npt.NDArray[np.object_]:
    level, by_rank = rows["level"].to_numpy(), rows["rank_level"].to_numpy()
    return np.select(
        [new, ~known, level == by_rank, (level < by_rank) & (level == anchor + steps), (level > by_rank) & (level == anchor - steps)],
        [
            LevelReason.NEW_SHOP.value, LevelReason.NO_MEASURE.value, LevelReason.RANK.value, LevelReason.STEPS_UP.value,
            LevelReason.STEPS_DOWN.value,
        ],
        LevelReason.PLACES.value,
    ).astype(object)  # fmt: skip


def _moved_by(rows: pd.DataFrame, before: pd.DataFrame) -> npt.NDArray[np.object_]:
    """The measure whose points changed most in the direction of the move, of the level or, where that stayed, of the score.

    Against the rating before; where there is none, against the middle. Empty where no measure changed that way.
    """
    columns = ratings.names("_points")
    old = before.set_index("retailer_id")[columns].reindex(rows["retailer_id"]).fillna(0.0).to_numpy(np.float64)
    change = np.round(rows[columns].to_numpy(np.float64) - old, DIGITS)
    move = np.sign(rows["level"].to_numpy(np.int64) - rows["previous"].to_numpy(np.int64))
    way = np.where(move == 0, np.sign(change.sum(axis=1)), move)
    along = change * way[:, None]
    found = np.array([str(m) for m in Measure], object)[along.argmax(axis=1)]
    return np.where(along.max(axis=1) > 0, found, "")
