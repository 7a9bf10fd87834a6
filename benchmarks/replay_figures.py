"""What a replay shows of each policy: rates, who is served, droughts, envy, and how far fairness is from the most that could be met.

Demand fulfilment is Σ min(A, D) ÷ Σ D with A and D summed over the WINDOW weeks ending in each replayed week; in a window that reaches
before the replay, the recorded weeks count for all. A brand is short in a week where all that is asked exceeds what is available.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmarks.oracle import Table
from benchmarks.truth import Truths

if TYPE_CHECKING:
    from benchmarks.policy_replay import Replay

Floats = npt.NDArray[np.float64]
WINDOW = 4
DROUGHT = 4
"""From so many weeks in a row in which it asked and got nothing, a pair counts as in drought."""
UNIFORM = "uniform"
"""Its bounds and its weights, those of the star levels, are the yardstick of droughts and envy for all."""


def tables(found: Replay) -> dict[str, Table]:
    """All that is told, by title."""
    short, most = shortage(found), best(found)
    panels = {name: given(found, lines) for name, lines in found.lines.items()}
    honest = found.true.retailers.isin(found.true.honest)
    served = {name: _served(found, panel, short, most, honest) for name, panel in panels.items()}
    fair = {name: _fair(found.lines[UNIFORM], lines) for name, lines in found.lines.items()}
    return {
        "share of demand met": served,
        "short brands: fairness": {name: _supply(found, panel, short) | fair[name] for name, panel in panels.items()},
        "short brands: demand fulfilment by habit": {name: by_habit(found, panel, short) for name, panel in panels.items()},
        "what was asked": {name: asked(found, rows, short) for name, rows in _groups(honest).items()},
    }


def given(found: Replay, lines: pd.DataFrame) -> Floats:
    """What each pair got by week of the truth: recorded before the replay, then as `lines` say."""
    out, at = found.true.allocated.copy(), found.true.weeks.get_indexer(found.weeks)
    out[:, :, at] = found.true.panel(lines, "allocated")[:, :, at]
    return out


def available(found: Replay) -> Floats:
    """Supply by brand and week of the truth, infinite where a brand has no row."""
    out = np.full((len(found.true.brands), len(found.true.weeks)), np.inf)
    brand, week = found.true.brands.get_indexer(found.supply["brand_id"].astype("str")), found.true.weeks.get_indexer(found.supply["week"])
    known = (brand >= 0) & (week >= 0)
    out[brand[known], week[known]] = found.supply["available"].to_numpy(np.float64)[known]
    return out


def shortage(found: Replay) -> Truths:
    """Short brands by week of the replay."""
    at = found.true.weeks.get_indexer(found.weeks)
    return (found.true.requested.sum(0) > available(found))[:, at]


def windowed(panel: Floats, found: Replay) -> Floats:
    """Sums over the WINDOW weeks ending in each week of the replay."""
    at, total = found.true.weeks.get_indexer(found.weeks), np.cumsum(panel, -1)
    total = np.concatenate([np.zeros((*panel.shape[:-1], WINDOW)), total], -1)  # a window may begin before the first week
    return total[..., at + WINDOW] - total[..., at]


def met(found: Replay, panel: Floats, demand: Floats) -> tuple[Floats, Floats]:
    """min(A, D) and D in windows, by retailer, brand and week of the replay."""
    wanted = windowed(demand, found)
    return np.minimum(windowed(panel, found), wanted), wanted


def best(found: Replay) -> Floats:
    """The most demand that could be met within requests, star caps and supply, by brand and window: no policy that keeps caps meets more.

    min(Σ over weeks of min(supply, Σ most), Σ over pairs of min(D, most)), most = min(request, cap); before the replay, the request.
    """
    lines, at = found.lines[UNIFORM], found.true.weeks.get_indexer(found.weeks)
    asked, cap = lines["requested"].to_numpy(np.float64), lines["cap"].to_numpy(np.float64, na_value=np.inf)
    most = found.true.requested.copy()
    most[:, :, at] = found.true.panel(lines.assign(most=np.minimum(asked, cap)), "most")[:, :, at]
    handed_out = windowed(np.minimum(available(found), most.sum(0)), found)
    return np.minimum(handed_out, np.minimum(windowed(found.true.rate, found), windowed(most, found)).sum(0))


def _served(found: Replay, panel: Floats, short: Truths, most: Floats, honest: Truths) -> dict[str, float]:
    """Rates of one policy. Price of fairness: the share that is lost of the most that could be met, which need not be possible."""
    at = found.true.weeks.get_indexer(found.weeks)
    true, wanted = met(found, panel, found.true.rate)
    guessed, reported = met(found, panel, found.estimated)
    rates = {
        "fulfilment": panel[:, :, at].sum() / found.true.requested[:, :, at].sum(),
        "of estimated demand": guessed.sum() / reported.sum(),
        "of true demand": true.sum() / wanted.sum(),
        "short: of true demand": true[:, short].sum() / wanted[:, short].sum(),
    }
    for name, rows in _groups(honest).items():
        rates[f"short: {name}"] = true[rows][:, short].sum() / wanted[rows][:, short].sum()
    return rates | {"short: price of fairness": 1 - true[:, short].sum() / most[short].sum()}


def _groups(honest: Truths) -> Mapping[str, Truths]:
    return {"honest shops": honest, "other shops": ~honest}


def by_habit(found: Replay, panel: Floats, short: Truths) -> dict[str, float]:
    """Demand fulfilment of short brands by true habit, the most common first."""
    true, wanted = met(found, panel, found.true.rate)
    habit = found.shops["habit"].reindex(found.true.retailers).to_numpy()
    names = found.shops["habit"].value_counts().index
    return {name: true[habit == name][:, short].sum() / wanted[habit == name][:, short].sum() for name in names}


def asked(found: Replay, rows: Truths, short: Truths) -> dict[str, float]:
    """The inflation index of a group of shops: what they asked ÷ what their consumers wanted."""
    at = found.true.weeks.get_indexer(found.weeks)
    requested, rate = found.true.requested[rows][:, :, at], found.true.rate[rows][:, :, at]
    return {
        "shops": float(rows.sum()),
        "asked ÷ true demand": requested.sum() / rate.sum(),
        "of short brands": requested[:, short].sum() / rate[:, short].sum(),
        "of others": requested[:, ~short].sum() / rate[:, ~short].sum(),
    }


def _supply(found: Replay, panel: Floats, short: Truths) -> dict[str, float]:
    at = found.true.weeks.get_indexer(found.weeks)
    return {"supply used": panel.sum(0)[:, at][short].sum() / available(found)[:, at][short].sum()}


def _fair(uniform: pd.DataFrame, lines: pd.DataFrame) -> dict[str, float]:
    """Droughts in weeks, and envy in cartons: the widest gap between two shops of equal weight in one brand and week, both cut."""
    pairs = claims(uniform).join(claims(lines)[["allocated", "usable", "weight"]].add_prefix("own_"))
    pairs["most"] = np.minimum(pairs["usable"], pairs["own_usable"])
    asking = pairs[pairs["most"] > 0]
    longest = droughts(asking["own_allocated"] == 0)
    cut = asking[asking["own_allocated"] < asking["most"]]
    return {
        "longest drought": float(longest.max()) if len(longest) else 0.0,
        "pairs in drought": float((longest >= DROUGHT).sum()),
        "envy, one star level": envy(cut, "weight"),
        "envy, one weight": envy(cut, "own_weight"),
    }


def claims(lines: pd.DataFrame) -> pd.DataFrame:
    """Lines summed by retailer, brand and week: allocated, usable; and the weight."""
    ids = [lines[name].astype("str") for name in ("retailer_id", "brand_id")]
    return lines.groupby([*ids, "week"]).agg(allocated=("allocated", "sum"), usable=("usable", "sum"), weight=("weight", "first"))


def droughts(nothing: pd.Series) -> pd.Series:
    """The longest run of True of each pair (the index: retailer, brand, week; sorted), in weeks in which it asked."""
    pair = nothing.groupby(level=[0, 1]).ngroup()
    run = (~nothing).groupby(pair.to_numpy()).cumsum()
    return nothing.groupby([pair, run]).sum().groupby(level=0).max()


def envy(cut: pd.DataFrame, weight: str) -> float:
    """The widest gap in cartons within a brand, week and weight; 0 where no two are cut."""
    got = cut["own_allocated"].groupby([cut.index.get_level_values(1), cut.index.get_level_values(2), cut[weight]])
    gaps = got.max() - got.min()
    return float(gaps.max()) if len(gaps) else 0.0
