"""Whether retailers are content: a short survey and its index.

The five aspects, and 100 points shared out over them as 32, 22, 19, 16, 11, are those of SERVQUAL: A. Parasuraman, V. Zeithaml and
L. Berry, "SERVQUAL: a multiple-item scale for measuring consumer perceptions of service quality", Journal of Retailing 64 (1988); the
points as customers gave them: Zeithaml, Parasuraman and Berry, "Delivering Quality Service" (1990). One question stands for each aspect,
scored from 1 to 5: each step then has a word that everybody uses (very dissatisfied to very satisfied) and a row of five fits a telephone;
of the seven steps of the original those between have none.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

import numpy as np
import pandas as pd

from ordering import metrics
from ordering.accounts import said
from ordering.errors import TrueOrderError

LOWEST, HIGHEST = 1, 5
"""Scores."""
WHOLE = 100.0
"""What the weights add up to, and the index of a retailer that is wholly content."""
LONGEST = 1000
"""Characters of what is said beside the scores."""
SQUARES = ("points_squared", "points_crossed", "most_squared")


class Aspect(StrEnum):
    """What a survey asks about."""

    RELIABILITY = "reliability"
    RESPONSIVENESS = "responsiveness"
    ASSURANCE = "assurance"
    EMPATHY = "empathy"
    TANGIBLES = "tangibles"


@dataclass(frozen=True)
class Question:
    """An aspect as people read it: name and question in English and Chinese."""

    name: tuple[str, str]
    text: tuple[str, str]


QUESTIONS: Mapping[Aspect, Question] = MappingProxyType({
    Aspect.RELIABILITY: Question(
        ("Reliability", "可靠"),
        ("Do you get what was promised, in the right quantity and on the right day?", "说好的货，数量对、按时到吗？"),
    ),
    Aspect.RESPONSIVENESS: Question(
        ("Responsiveness", "响应"),
        ("When you ask or need help, does somebody help soon?", "有事找我们，回应和处理快吗？"),
    ),
    Aspect.ASSURANCE: Question(
        ("Assurance", "保证"),
        ("Do our people know their work, and can you rely on what they say?", "我们的人懂业务、说话算数吗？"),
    ),
    Aspect.EMPATHY: Question(
        ("Empathy", "关怀"),
        ("Do we know your shop and care about what it needs?", "我们了解您的店、为您着想吗？"),
    ),
    Aspect.TANGIBLES: Question(
        ("Tangibles", "有形展示"),
        ("Are the ordering pages, the goods and the papers in good order?", "订货页面、货品包装、单据清楚整齐吗？"),
    ),
})  # fmt: skip
"""Every aspect with its words."""
STEPS: Mapping[int, tuple[str, str]] = MappingProxyType({
    1: ("very dissatisfied", "很不满意"), 2: ("dissatisfied", "不满意"), 3: ("neither", "一般"), 4: ("satisfied", "满意"),
    5: ("very satisfied", "非常满意"),
})  # fmt: skip
"""Every score with its words."""
POINTS = ("points", "points_most")
"""The additive columns of the index: what the scores came to, and the most that they could have."""


@dataclass(frozen=True)
class Survey:
    """What a retailer answered: a score for each aspect it spoke to, and words of its own."""

    scores: Mapping[Aspect, int]
    words: str = ""


def checked(survey: Survey) -> Survey:
    """A survey as it is kept. Raises TrueOrderError where it says nothing, or something that is no score."""
    if not survey.scores:
        raise TrueOrderError("scores: answer one question at least", "请至少回答一个问题")
    wrong = [f"{aspect} {score}" for aspect, score in survey.scores.items() if score not in STEPS]
    if wrong:
        raise TrueOrderError(
            f"scores: {wrong[0]}; a score is a whole number from {LOWEST} to {HIGHEST}",
            f"评分{wrong[0]}无效；请填写{LOWEST}至{HIGHEST}的整数",
        )
    return Survey(survey.scores, said("words", survey.words, LONGEST) if survey.words.strip() else "")


def check_weights(weights: Mapping[Aspect, float]) -> None:
    """Raise TrueOrderError where the weights are not one for each aspect, none below 0, that add up to 100."""
    missing = [str(aspect) for aspect in Aspect if aspect not in weights]
    if missing:
        raise TrueOrderError(f"weights: none for {', '.join(missing)}; give each aspect one, 0 leaves it out")
    if min(weights.values()) < 0:
        raise TrueOrderError("weights: one is below 0")
    if not math.isclose(sum(weights.values()), WHOLE, abs_tol=1e-6):
        raise TrueOrderError(f"weights: they add up to {sum(weights.values()):g}, not to {WHOLE:g}")


def index(scores: Mapping[Aspect, int], weights: Mapping[Aspect, float]) -> float | None:
    """The index of one survey: 100 × Σ weight × (score − 1) ÷ Σ weight × 4, over the aspects that were answered; None: nothing was.

    The answered aspects take over the weight of those left blank. 0: the lowest score everywhere, 100: the highest.

    >>> ours = dict(zip(Aspect, (32, 22, 19, 16, 11)))
    >>> index(dict.fromkeys(Aspect, 5), ours), index({Aspect.RELIABILITY: 3}, ours)
    (100.0, 50.0)
    """
    check_weights(weights)
    above, below = points(pd.DataFrame([{str(aspect): scores.get(aspect) for aspect in Aspect}]), weights).to_numpy()[0]
    return float(WHOLE * above / below) if below > 0 else None


def points(surveys: pd.DataFrame, weights: Mapping[Aspect, float]) -> pd.DataFrame:
    """POINTS of each survey, a row with a column for each aspect (missing: not answered): of 100 where all was answered."""
    scores = surveys[[str(aspect) for aspect in Aspect]].astype("float64").to_numpy()
    weight = np.array([weights[aspect] for aspect in Aspect])
    answered = ~np.isnan(scores)
    above = (np.where(answered, (scores - LOWEST) / (HIGHEST - LOWEST), 0.0) * weight).sum(axis=1)
    return pd.DataFrame(dict(zip(POINTS, (above, (answered * weight).sum(axis=1)), strict=True)), index=surveys.index)


def newest(surveys: pd.DataFrame) -> pd.DataFrame:
    """Of surveys (retailer_id, survey_id, …) the newest of each retailer: one voice each."""
    return surveys.sort_values("survey_id").drop_duplicates("retailer_id", keep="last").sort_values("retailer_id", ignore_index=True)


def aggregate(surveys: pd.DataFrame, weights: Mapping[Aspect, float], by: Sequence[str] = ()) -> pd.DataFrame:
    """The index over retailers by the columns `by` (none: one row): the ratio of the sums of points, never a mean of indices.

    `surveys`: a row for each retailer, with the aspects. Result: `by`, answers (how many retailers), index (0 to 100), index_low and
    index_high (`interval`), and each aspect's mean score as `score_…`, of those who answered it; NaN where nobody did.
    """
    check_weights(weights)
    aspects = [str(aspect) for aspect in Aspect]
    scores = surveys[aspects].astype("float64")
    told = points(surveys, weights)
    rows = pd.concat([surveys[list(by)], told, scores, scores.notna().add_prefix("n_")], axis=1)
    own, most = (told[name] for name in POINTS)
    rows = rows.assign(answers=(most > 0).astype("int64"), **dict(zip(SQUARES, (own**2, own * most, most**2), strict=True)))
    sums = metrics.totals(rows, by, [c for c in rows.columns if c not in by])
    found = sums[list(by)].assign(
        answers=sums["answers"].fillna(0).astype("int64"), index=WHOLE * metrics.value(sums, "satisfaction_index")
    )
    low, high = interval(sums)
    means = {f"score_{name}": sums[name] / sums[f"n_{name}"].where(sums[f"n_{name}"] > 0) for name in aspects}
    return found.assign(index_low=low, index_high=high, **means)


def interval(sums: pd.DataFrame) -> tuple[pd.Series, pd.Series]:
    """Between what lies the index of all, had all answered: 95%, by Student's t over the answers and two voices more, one wholly content
    and one wholly not, as Agresti and Coull (The American Statistician 52, 1998) add them to a share. So three who agree give a wide one.

    `sums`: answers, POINTS and the sums of their SQUARES. It takes those who answered as drawn by chance, which they are not.
    """
    from scipy.special import stdtrit

    n = sums["answers"].astype("float64")
    above, below = (sums[name] for name in POINTS)
    one = below / n.where(n > 0)  # what a voice more weighs
    middle = (above + one) / (below + 2 * one)
    squared, crossed, weighed = (sums[name] for name in SQUARES)
    rest = (squared + one**2) - 2 * middle * (crossed + one**2) + middle**2 * (weighed + 2 * one**2)
    half = stdtrit(n + 1, 0.975) * np.sqrt(rest.clip(lower=0) * (n + 2) / (n + 1)) / (below + 2 * one)
    return WHOLE * (middle - half).clip(lower=0), WHOLE * (middle + half).clip(upper=1)
