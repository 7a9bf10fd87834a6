"""Series of a shop or a brand that cannot be what they say: what a night leaves out or holds down, and what it says of that.

One bad series must not stop the night nor move the others. What is left out is unknown, as if it had never been imported; the rows in
the database stay as they are.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from ordering.frames import Snapshot

MOST = 1_000_000
"""Cartons of a line, a scanned week or a count above which a figure is not believed: 4,000 cases in one shop."""
MOST_OF_BRAND = 1_000_000_000
"""Cartons that all lines of a brand and week may come to: each is believed up to its equal part of that."""
LEAST_LINES = 8
"""Lines of a retailer or brand from which its series can be told to be odd."""
NAMED = 5
SERIES = {"scanned_sales": "sold", "stock_counts": "stock"}


def believed(known: Snapshot) -> Snapshot:
    """The snapshot without history that cannot be, waiting requests held to what can be, and what is to be said of it in `doubts`."""
    asked, limit = known.lines["requested"].to_numpy(np.int64), _most(known.lines)
    beyond = np.maximum(asked, known.lines["allocated"].to_numpy(np.int64, na_value=0)) > limit
    wanted, most = known.waiting["requested"].to_numpy(np.int64), _most(known.waiting)
    over = wanted > most
    others = {name: (getattr(known, name)[column] > MOST).to_numpy() for name, column in SERIES.items()}
    clean = {
        name: getattr(known, name)[~wrong].reset_index(drop=True) for name, wrong in {**others, "lines": beyond}.items() if wrong.any()
    }
    if over.any():
        clean["waiting"] = known.waiting.assign(requested=np.minimum(wanted, most).astype(known.waiting["requested"].dtype))
    lines = clean.get("lines", known.lines)
    said = [*_beyond(known.lines[beyond], known.waiting[over], sum(int(rows.sum()) for rows in others.values()))]
    said += [*_odd(lines, known.retailers, "retailer_id"), *_odd(lines, known.brands, "brand_id")]
    return replace(known, **clean, doubts=tuple(said))


def _most(lines: pd.DataFrame) -> npt.NDArray[np.int64]:
    """What each line is believed up to."""
    if lines.empty:
        return np.empty(0, np.int64)
    day = lines["week"].to_numpy("datetime64[D]").astype(np.int64)
    week = (day - day.min()) // 7
    cell = lines["brand_id"].cat.codes.to_numpy(np.int64) * (week.max() + 1) + week
    return np.asarray(np.minimum(MOST, MOST_OF_BRAND // np.bincount(cell)[cell]), np.int64)


def _beyond(lines: pd.DataFrame, waiting: pd.DataFrame, others: int) -> list[tuple[str, str]]:
    if lines.empty and waiting.empty and not others:
        return []
    both = pd.concat([part[["retailer_id", "brand_id"]].astype("str") for part in (lines, waiting)])
    fewest = min(("retailer_id", "brand_id"), key=lambda column: both[column].nunique())
    english = (
        f"{len(lines):,} order lines, and {others:,} scanned weeks and counts, are beyond any belief and count as unknown, "
        f"{len(waiting):,} waiting requests as what could be; of {_named(both[fewest])}"
    )
    chinese = f"{len(lines):,}条订单行、{others:,}个扫码周与盘点数据大得不可信，按未知处理；{len(waiting):,}条待分配要货按可信上限计"
    return [("figures", f"{english} | {chinese}（{_named(both[fewest])}）")]


def _odd(lines: pd.DataFrame, of: pd.DataFrame, column: str) -> list[tuple[str, str]]:
    """Retailers or brands that never ask for anything, and those that ask for one and the same in every line."""
    code, asked = lines[column].cat.codes.to_numpy(np.int64), lines["requested"].to_numpy(np.int64)
    first = np.zeros(len(of), np.int64)
    first[code[::-1]] = asked[::-1]
    count, other = np.bincount(code, minlength=len(of)), np.bincount(code, asked != first[code], len(of))
    odd = (count >= LEAST_LINES) & (other == 0)
    ids, (whose, chinese) = of[column], ("retailers", "零售户") if column == "retailer_id" else ("brands", "品牌")
    out = []
    if (nothing := odd & (first == 0)).any():
        english = f"{_named(ids[nothing])}: every line asks for nothing; their demand falls back to what their peers show, or to 0"
        out.append((whose, f"{english} | {nothing.sum()}个{chinese}每一行要货均为0（{_named(ids[nothing])}）：需求按同类或0处理"))
    if (same := odd & (first > 0)).any():
        english = f"{_named(ids[same])}: every line asks for one and the same quantity, which says little of demand"
        out.append((whose, f"{english} | {same.sum()}个{chinese}每一行要货数量完全相同（{_named(ids[same])}）：难以反映需求"))
    return out


def _named(ids: pd.Series) -> str:
    """The first few ids in words, and how many more there are."""
    found = sorted({str(one) for one in ids})
    return ", ".join(found[:NAMED]) + (f" +{len(found) - NAMED}" if len(found) > NAMED else "")
