"""Where the evidence of demand is too thin: what the night cannot tell, what it fell back to, and what rests on belief, in words.

A city may be weighed in parts: each gives a `Tally`, they are added, and what they say together is said once. Sums over a city, never a
row per pair, and nothing at all where all is well.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
import numpy.typing as npt

from forecasting.panel import Panel, Rows, spans
from forecasting.scarcity import Scarcity

Counts = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Truths = npt.NDArray[np.bool_]
Ids = Sequence[str]
Doubt = tuple[str, str, str] | None

STEP = "demand"
FEW_WEEKS = 8  # of history, below which seasons, shortage and habits are hardly seen
LOST_SHARE = 0.25  # share of retailers not understood from which the night says so
THIN_SHARE = 0.25  # share of pairs that rest on their peers from which it says so
LEAST_TILLS = 10  # pairs of a brand with a till from which tills show its level
SHORT_SHARE = 0.5  # share of brands never in plenty from which tills alone do not settle the level
PLENTY_WEEKS = 4  # weeks without shortage in which a brand was asked for: so many are plenty
BEYOND = 40.0  # multiple of what a pair usually has in a week above which a figure is not believed
USUAL_WEEKS = 4.0  # the brand's share in what is usual for a pair, in weeks of its own
NAMED = 5  # brands named in a message
ENGLISH = {"requests": "requests", "allocations": "deliveries", "scans": "tills", "counts": "stock counts", "peers": "peers"}
CHINESE = {"requests": "要货", "allocations": "到货", "scans": "扫码销量", "counts": "库存盘点", "peers": "同类店"}


@dataclass(frozen=True)
class Tally:
    """What the estimate of a city, or of a part of it, rests on; parts are added.

    `judged`, `lost`: retailers whose requests in shortage were weighed, and those not understood. By brand: `pairs` estimated, with
    evidence of their `own`, and read beside a `till`. `rests`: pairs by the number of their main evidence.
    """

    judged: np.int64
    lost: np.int64
    pairs: Counts
    own: Counts
    till: Counts
    rests: Counts

    def __add__(self, other: Tally) -> Tally:
        return Tally(**{f.name: getattr(self, f.name) + getattr(other, f.name) for f in fields(Tally)})


def tally(panel: Panel, touched: Truths, main: npt.NDArray[np.int8], lost: Truths, kinds: Sequence[str]) -> Tally:
    """The tally of a panel. By pair: `touched` (its shelf was read), `main` (number of its evidence in `kinds`); by retailer: `lost`."""
    first, last = spans(panel)
    lived, own = first <= last, main != kinds.index("peers")
    judged = np.bincount(panel.retailer[touched], minlength=panel.retailers) > 0
    till = touched & np.asarray(panel.reports.any(axis=1))[panel.retailer]

    def by_brand(which: Truths) -> Counts:
        return np.bincount(panel.brand[which], minlength=panel.brands)

    rests = np.bincount(main[lived], minlength=len(kinds))
    sums = judged.sum(), (lost & judged).sum()
    return Tally(*sums, by_brand(lived), by_brand(lived & own), by_brand(till), rests)


def found(known: Tally, short: Scarcity, brands: Ids, kinds: Sequence[str], cut: int = 0, surging: int = 0) -> list[tuple[str, str, str]]:
    """Rows of frames.PROBLEMS (step, subject, message in English and Chinese), at most one of each kind of doubt.

    `brands`: ids by code; `cut`: weekly figures that were not believed; `surging`: retailers with a surge.
    """
    said = [
        _young(short, known),
        _beyond(cut),
        _surging(surging),
        _not_understood(known),
        _no_own_evidence(known, brands),
        _thin(known, kinds),
        _never_in_plenty(known, short, brands),
    ]
    return [(STEP, subject, f"{english} | {chinese}") for subject, english, chinese in filter(None, said)]


def _young(short: Scarcity, known: Tally) -> Doubt:
    weeks = short.share.shape[1]
    if weeks >= FEW_WEEKS or not known.pairs.sum():
        return None
    english = (
        f"only {weeks} week{'s' if weeks > 1 else ''} of orders known: demand lies near what was asked for and delivered, no season and no "
    )
    return "history", english + "habit can be told yet", f"仅有{weeks}周订单：需求接近要货与到货，季节与要货习惯尚无法判断"


def _beyond(cut: int) -> Doubt:
    if not cut:
        return None
    english = f"{cut:,} weekly figures of pairs are more than {BEYOND:.0f} times what is usual there and count as so much only"
    return "figures", english, f"{cut:,}个店牌周数据超过该组合通常水平的{BEYOND:.0f}倍，只按该倍数计入"


def _surging(shops: int) -> Doubt:
    if not shops:
        return None
    many = f"{shops:,} retailer{'s' if shops > 1 else ''} for some weeks asked for several times the usual of everything short"
    return (
        "surges",
        many + ": their requests of these weeks are divided by that",
        f"{shops:,}户在一段时间内对所有紧俏品牌的要货达到平时数倍：这些周的要货按倍数折回",
    )


def _not_understood(known: Tally) -> Doubt:
    if known.lost <= LOST_SHARE * known.judged:
        return None
    english = (
        f"the requests of {known.lost:,} of {known.judged:,} retailers follow no need that is understood; where brands are short their "
    )
    chinese = f"{known.judged:,}户中有{known.lost:,}户的要货看不出与真实需要的关系；紧俏品牌的需求只依据到货、销售、盘点与同类店"
    return "requests", english + "demand rests on deliveries, sales, counts and peers", chinese


def _no_own_evidence(known: Tally, brands: Ids) -> Doubt:
    blind = (known.pairs > 0) & (known.own == 0)
    if not blind.any():
        return None
    english = f"cannot tell the demand of {_named(brands, blind)}: no shop's own evidence is enough, it is guessed from peers"
    return "brands", english, f"无法判断{blind.sum()}个品牌（{_named(brands, blind)}）的需求：没有一家店自身的证据足够，只能按同类店推测"


def _thin(known: Tally, kinds: Sequence[str]) -> Doubt:
    thin, of = known.rests[kinds.index("peers")], known.rests.sum()
    if thin <= THIN_SHARE * of:
        return None
    told = [(name, count) for name, count in zip(kinds, known.rests, strict=True) if count]
    english = f"{thin:,} of {of:,} pairs have too little evidence of their own and fall back to their peers; demand rests on "
    english += ", ".join(f"{ENGLISH[name]} ({count:,})" for name, count in told)
    chinese = "、".join(f"{CHINESE[name]}{count:,}" for name, count in told)
    return "pairs", english, f"{of:,}个店牌组合中{thin:,}个自身证据不足，改用同类店；主要依据：{chinese}"


def _never_in_plenty(known: Tally, short: Scarcity, brands: Ids) -> Doubt:
    """Brands whose level only the belief in requests tells: short whenever asked for, and too few tills, or most of the city like them."""
    asked = ~np.isnan(short.share)
    never = ((asked & ~short.tight).sum(axis=1) < PLENTY_WEEKS) & ((asked & short.tight).sum(axis=1) > PLENTY_WEEKS)
    of = int(asked.any(axis=1).sum())
    doubtful = never if never.sum() > SHORT_SHARE * of else never & (known.till < LEAST_TILLS)
    if not doubtful.any():
        return None
    names, count = _named(brands, doubtful), int(doubtful.sum())
    english = (
        f"{count} of {of} brands were never in plenty ({names}): how high their demand is rests on the belief that shops ask for what "
    )
    english += "they lack" + (", and on the tills of some" if known.till[doubtful].any() else "; no till tells")
    return "level", english, f"{of}个品牌中{count}个从未充足供应（{names}）：其需求水平主要依据对要货的信任"


def _named(brands: Ids, which: Truths) -> str:
    """The first few ids in words, and how many more there are."""
    ids = sorted(str(brands[int(code)]) for code in np.flatnonzero(which))
    return ", ".join(ids[:NAMED]) + (f" +{len(ids) - NAMED}" if len(ids) > NAMED else "")


def believable(panel: Panel) -> tuple[Panel, int]:
    """The panel in which no week of a pair's lines or sales is above `BEYOND` times what is usual for it, and how many weeks were cut: a
    slip of the keyboard in one line must not move a city.

    Usual is the geometric mean of the pair's weeks, drawn to that of its brand's pairs.
    """
    lines, scans = panel.lines, panel.scans
    asked, given, sold = _held(panel, lines, lines.value), _held(panel, lines, lines.other), _held(panel, scans, scans.value)
    cut = int(((asked < lines.value) | (given < lines.other)).sum() + (sold < scans.value).sum())
    return replace(panel, lines=replace(lines, value=asked, other=given), scans=replace(scans, value=sold)), cut


def _held(panel: Panel, rows: Rows, values: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
    pair, some = rows.pair, values > 0
    log = np.where(some, np.log(np.maximum(values, 1)), 0.0)
    total, count = (np.bincount(pair, what, panel.pairs) for what in (log, some))
    brand = np.bincount(panel.brand, total, panel.brands) / np.maximum(np.bincount(panel.brand, count, panel.brands), 1.0)
    most = BEYOND * np.exp((total + USUAL_WEEKS * brand[panel.brand]) / (count + USUAL_WEEKS))
    return np.minimum(values, np.minimum(np.ceil(most), 2.0**31 - 1)[pair]).astype(np.int32)
