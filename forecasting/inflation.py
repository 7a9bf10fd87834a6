"""Requests above what the shop can have needed: an estimate of need, a score, and reasons in words.

A flag is an accusation. So need is taken at its most generous: an empty shelf filled for two weeks (`COVER_WEEKS`) of the estimated
demand and one carton more for each of them, in festival weeks the demand of the feast ahead. A request that merely equals the cap is an
artefact of the screen, named "cap_echo" and never flagged; a pair of which too little is known is not judged.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from forecasting import answered, probing
from forecasting import panel as panels
from forecasting.states import Estimate, codes, index_array
from ordering import frames, strategy
from ordering.frames import Snapshot
from ordering.settings import InflationSettings

Floats: TypeAlias = npt.NDArray[np.float64]
Truths: TypeAlias = npt.NDArray[np.bool_]

REASONS: Mapping[str, tuple[str, str]] = MappingProxyType({
    "far_above_need": (
        "The request is far above what two weeks of the shop's estimated sales would need.",
        "要货量远高于按估计销量备足两周所需的数量。"),
    "rises_with_shortage": (
        "The shop's requests rise when brands become short, by more than unmet needs explain.",
        "品牌一紧俏，该店要货量就上升，超出未满足需求所能解释的幅度。"),
    "same_ratio_every_brand": (
        "In this order every brand was asked at the same multiple of its cap.",
        "本单各品牌要货量与限量之比完全相同。"),
    "neighbours": (
        "Most shops of the street asked for far more of this brand than they need that week.",
        "同商圈多数零售户当周对该品牌的要货量都远高于所需。"),
    "cap_echo": (
        "The request equals the cap; this is how the order screen is used and no reproach.",
        "要货量恰等于限量，属订货界面使用习惯，不作虚报认定。"),
    "festival": (
        "A festival is near; the need of the feast was allowed for.",
        "临近节日，已按节日需求放宽。"),
    "unknown_pair": (
        "Too little is known of this shop and brand to judge the request.",
        "对该店该品牌了解不足，不作判断。"),
    "probe": (
        "A number typed to find out what the cap is; this is how the order screen is used and no reproach.",
        "为试探限量而录入的数字，属订货界面使用习惯，不作虚报认定。"),
    "explained": (
        "The shop needs more for a while; this was answered to a flag, and the need was raised by as much.",
        "已对标记作出说明：该店一段时间内确有额外需求，已相应放宽。"),
    "mistaken": (
        "A flag of this line was answered: it was mistaken.",
        "该行曾被标记，经答复认定标记有误。"),
    "confirmed": (
        "A flag of this line was answered: the request was inflated.",
        "该行曾被标记，经答复确认为虚报。"),
})  # fmt: skip
"""Every reason code with its words in English and Chinese."""

COVER_WEEKS = 2.0
SPARE = 1.0  # cartons added to a week's demand before cover: the least a shelf holds
HALF_AT, STEEPNESS = 1.43, 5.0  # request ÷ need at which the score is ½, and how steeply it climbs
SUSPECT = 0.8  # a retailer that surely does not ask honestly has need × this forgiven less
FESTIVAL_AT = 1.15  # demand within two weeks above its median over the year: a feast is near
NEIGHBOURS, MAJORITY = 4, 0.6
SAME_RATIO_LINES, SAME_RATIO_SHARE = 5, 0.8
RISE = 2.5  # asked per demand in shortage over asked per demand without
TELLING = 0.5  # score from which reasons are given


@dataclass(frozen=True)
class Judged:
    """The lines to judge as arrays: codes of retailer and brand, number of the week in `weeks`, cartons asked, cap."""

    weeks: pd.DatetimeIndex
    retailer: npt.NDArray[np.int64]
    brand: npt.NDArray[np.int64]
    week: npt.NDArray[np.int64]
    asked: Floats
    cap: npt.NDArray[np.int32]


def flag(snapshot: Snapshot, estimate: Estimate, rules: InflationSettings) -> pd.DataFrame:
    """frames.INFLATED: every line of the last `rules.weeks` weeks before the business date's, of that week so far, and waiting.

    score = (q / n)^s / ((q / n)^s + h^s) with the request q, the need n an honest shop could have had (`expected`), s = 5 and
    h = 1.43 · 0.8^(1 − p) in weeks of shortage, 1.43 in others; p is the probability that the retailer asks honestly at all, judged by
    all its short brands. No line is flagged for the retailer's habit alone.
    """
    lines = _lines(snapshot, rules)
    judged = _judged(snapshot, lines)
    demand, feast, known = _demand(snapshot, estimate, judged)
    need = np.where(known, COVER_WEEKS * (demand + SPARE), judged.asked)
    told = answered.of_lines(lines, snapshot.answers)
    expected = told.need(need, judged.asked)
    ratio = judged.asked / np.maximum(expected, 1e-9)
    doubt = np.where(_tight(estimate, snapshot, judged), 1.0 - estimate.shape.honest[judged.retailer], 0.0)
    half = (HALF_AT * SUSPECT**doubt) ** STEEPNESS
    score = np.where(known, ratio**STEEPNESS / (ratio**STEEPNESS + half), 0.0)
    echo = (judged.cap > 0) & (judged.asked == judged.cap)
    probe = probing.probes(snapshot, lines, judged.cap, np.where(known, need, np.nan))
    telling = score >= TELLING
    reasons = {
        "far_above_need": telling & ~echo & ~probe,
        "rises_with_shortage": telling & ~echo & _rises(estimate, snapshot, judged, demand, known),
        "same_ratio_every_brand": telling & _same_ratio(lines["order_id"], judged),
        "neighbours": telling & ~echo & _neighbours(snapshot.retailers["street"], judged, telling),
        "cap_echo": echo & telling,
        "festival": feast & telling,
        "unknown_pair": ~known & (judged.asked > 0),
        "probe": probe,
        "explained": told.explained | ((told.factor > 1) & (judged.asked > need)),
        "mistaken": told.mistaken,
        "confirmed": told.confirmed,
    }
    return frames.conform(frames.INFLATED, lines.assign(
        expected=expected, score=score, flagged=told.flagged((score >= rules.flag_at) & ~echo & ~probe),
        reason=_joined(reasons, len(lines)),
    )[frames.INFLATED.names], check=False)  # fmt: skip


def _lines(snapshot: Snapshot, rules: InflationSettings) -> pd.DataFrame:
    """The lines to judge; a line may stand in both frames only if it was confirmed, so ids are unique."""
    begin = panels.past_weeks(snapshot.business_date, rules.weeks)[0]
    recent = snapshot.lines[snapshot.lines["week"] >= begin]
    return pd.concat([recent, snapshot.waiting], ignore_index=True)[[*frames.ORDER_LINES.names, "week"]]


def _judged(snapshot: Snapshot, lines: pd.DataFrame) -> Judged:
    weeks = pd.DatetimeIndex(np.sort(lines["week"].unique()))
    retailer, brand = codes(snapshot, lines)
    week = weeks.get_indexer(pd.DatetimeIndex(lines["week"]))
    r, b = retailer.astype(np.int64), brand.astype(np.int64)
    cap = strategy.caps(snapshot, weeks).of(r, b, week) if len(lines) else np.zeros(0, np.int32)
    return Judged(weeks, r, b, week, lines["requested"].to_numpy(np.float64), cap)


def _demand(snapshot: Snapshot, estimate: Estimate, judged: Judged) -> tuple[Floats, Truths, Truths]:
    """Generous mean demand at each line, whether a feast is near, and whether the pair is known."""
    past = pd.DatetimeIndex(np.sort(estimate.index["week"].unique()))
    if not len(past) or not len(judged.asked):
        return np.zeros(len(judged.asked)), np.zeros(len(judged.asked), bool), np.zeros(len(judged.asked), bool)
    lookup, area = index_array(snapshot, estimate.index, past)
    now, ahead = _reached(lookup, past, judged.weeks)
    usual = np.nanmedian(lookup, axis=2, keepdims=True)
    near = ahead > FESTIVAL_AT * usual
    at = (judged.brand, area[judged.retailer], judged.week)
    retailer, brand = codes(snapshot, estimate.pairs)
    rate = np.full((len(snapshot.retailers), len(snapshot.brands)), np.nan, np.float32)
    rate[retailer, brand] = estimate.pairs["rate"].to_numpy(np.float32)
    demand = rate[judged.retailer, judged.brand] * np.where(near, np.maximum(now, ahead), now)[at]
    known = ~np.isnan(demand)
    return np.where(known, demand, 0.0).astype(np.float64), near[at], known


def _reached(lookup: Floats, past: pd.DatetimeIndex, weeks: pd.DatetimeIndex) -> tuple[Floats, Floats]:
    """Index in each of `weeks` and its highest within two weeks ahead; beyond the past, the mean of the last four weeks, or the index
    of a year ago where that is higher."""
    step = panels.week_number(past, pd.Series(weeks))
    last = np.nanmean(lookup[:, :, -4:], axis=2)

    def at(ahead: int) -> Floats:
        t = step + ahead
        year_ago = lookup[:, :, np.clip(t - 52, 0, len(past) - 1)]
        beyond = np.where(t - 52 >= 0, np.fmax(last[:, :, None], year_ago), last[:, :, None])
        return np.where(t < len(past), lookup[:, :, np.clip(t, 0, len(past) - 1)], beyond)

    return at(0), np.fmax(np.fmax(at(0), at(1)), at(2))


def _rises(estimate: Estimate, snapshot: Snapshot, judged: Judged, demand: Floats, known: Truths) -> Truths:
    """Lines in shortage of retailers who ask for `RISE` times more per demand in shortage than without."""
    short = _tight(estimate, snapshot, judged)
    count = len(snapshot.retailers)

    def per_demand(use: Truths) -> Floats:
        asked = np.bincount(judged.retailer[use], judged.asked[use], count)
        return np.asarray((asked + 2.0) / (np.bincount(judged.retailer[use], demand[use], count) + 2.0))

    return np.asarray(short & (per_demand(short & known) > RISE * per_demand(~short & known))[judged.retailer])


def _tight(estimate: Estimate, snapshot: Snapshot, judged: Judged) -> Truths:
    """Whether each line's brand was tight in its week; beyond the past, as in its last week."""
    told = estimate.shape.weeks.pivot(index="brand_id", columns="week", values="tight").reindex(snapshot.brands["brand_id"])
    if not len(told.columns):
        return np.zeros(len(judged.asked), bool)
    column = np.minimum(panels.week_number(pd.DatetimeIndex(told.columns), pd.Series(judged.weeks)), len(told.columns) - 1)
    return np.asarray(told.to_numpy(bool)[judged.brand, column[judged.week]])


def _same_ratio(order: pd.Series, judged: Judged) -> Truths:
    """Lines of orders in which at least five brands, and four fifths of all, were asked at one and the same multiple (≥ 1) of the cap."""
    use = (judged.cap > 0) & (judged.cap != strategy.NO_CAP) & (judged.asked > 0)
    ratio = np.round(100 * judged.asked / np.maximum(judged.cap, 1)).astype(np.int64)
    frame = pd.DataFrame({"order": pd.factorize(order)[0], "ratio": ratio})
    sizes = frame[use].groupby("order", sort=True).size()
    same = frame[use].groupby(["order", "ratio"], sort=True).size().rename("same").reset_index()
    enough = np.maximum(SAME_RATIO_LINES, SAME_RATIO_SHARE * sizes.reindex(same["order"]).to_numpy())
    same = same[(same["same"] >= enough) & (same["ratio"] >= 100)]
    found = frame.merge(same, on=["order", "ratio"], how="left", validate="m:1")["same"].notna().to_numpy()
    return np.asarray(found & use)


def _neighbours(street: pd.Series, judged: Judged, telling: Truths) -> Truths:
    """Lines of street, brand and week where at least four shops asked and most of them far above need."""
    place = pd.factorize(street, sort=True)[0][judged.retailer]
    cell = pd.factorize((place * (judged.brand.max(initial=0) + 1) + judged.brand) * (judged.week.max(initial=0) + 1) + judged.week)[0]
    asking = np.bincount(cell)
    return np.asarray(((asking >= NEIGHBOURS) & (np.bincount(cell, telling) >= MAJORITY * asking))[cell])


def _joined(reasons: Mapping[str, Truths], count: int) -> npt.NDArray[np.object_]:
    """The codes that hold for each line, joined by ";" in the order of `reasons`."""
    pattern = np.zeros(count, np.int64)
    for bit, holds in enumerate(reasons.values()):
        pattern |= holds.astype(np.int64) << bit
    patterns, which = np.unique(pattern, return_inverse=True)
    words = [";".join(code for bit, code in enumerate(reasons) if n >> bit & 1) for n in patterns]
    return np.array([*words, ""], object)[which]
