"""Recomputing one's own lines from published numbers: the salt, the level and the turns of each brand, and what stands on the line."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import pandas as pd


def cartons(
    retailer_id: str, brand_id: str, *, salt: str, turns: int, weight: int, level: float | None, usable: int, taken: int, pack: int
) -> int:
    """What a line gets, in whole cartons: its weight times the level, the fraction decided by its ticket, no more than it can use.

    >>> cartons("R1", "B1", salt="2026", turns=3, weight=2000, level=1.7, usable=10, taken=0, pack=1)
    3
    """
    if level is None:
        return usable  # there was enough for all
    hashed = int.from_bytes(hashlib.blake2b(f"{retailer_id}|{brand_id}|{salt}".encode()).digest()[:4], "big")
    ticket = (hashed + turns * 0x9E3779B9) % 2**32
    packs = (weight * round(level * 2**32 / 1000) + ticket) // 2**32
    return min(usable, max(packs - -(-taken // pack), 0) * pack)


def recomputed(lines: pd.DataFrame, salt: str) -> Sequence[int]:
    """What each of the lines gets by `cartons`; lines of one claim share it, the first line first, none below its smallest lot.

    `lines`: frames.ALLOCATION and `turns`, and the `owner` that the ticket is of; lines of a claim stand in the order in which they are
    served. Where licences of one owner share, only their sum is told by this.
    """
    given: dict[tuple[str, str, pd.Timestamp, int], int] = {}
    told = []
    usable = lines.groupby(["owner", "brand_id", "week", "taken"], observed=True)["usable"].transform("sum")  # decided together
    for line, whole in zip(lines.to_dict("records"), usable, strict=True):
        claim = (line["owner"], line["brand_id"], line["week"], line["taken"])
        level = None if pd.isna(line["level"]) else float(line["level"])
        most = cartons(
            *claim[:2], salt=salt, turns=int(line["turns"]), weight=int(line["weight"]), level=level, usable=int(whole),
            taken=int(line["taken"]), pack=int(line["pack_multiple"]),
        )  # fmt: skip
        mine = min(int(line["usable"]), most - given.get(claim, 0))
        mine = mine if mine >= line["min_lot"] else 0
        given[claim] = given.get(claim, 0) + mine
        told.append(mine)
    return told
