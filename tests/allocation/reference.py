"""The uniform rule a second time, as slowly and plainly as it can be said, and the rule that companies use today, as a control."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from allocation import fill


@dataclass(frozen=True)
class Claim:
    """One retailer's claim on one brand: usable units, weight in thousandths, ticket, hash, and units it has of this week already."""

    usable: int
    weight: int = 1000
    ticket: int = 0
    hashed: int = 0
    taken: int = 0

    def asking(self, units: int) -> Claim:
        return replace(self, usable=units)


Rule = Callable[[Sequence[Claim], int], list[int]]


def ticket(retailer_id: str, brand_id: str, salt: str, turns: int) -> tuple[int, int]:
    """The ticket and the hash of a pair, by the standard library."""
    digest = hashlib.blake2b(f"{retailer_id}|{brand_id}|{salt}".encode()).digest()
    hashed = int.from_bytes(digest[:4], "big")
    return (hashed + turns * 0x9E3779B9) % 2**32, hashed


def threshold(k: int, ticket: int, weight: int) -> int:
    return -((ticket - k * 2**32) // weight)


def share(claims: Sequence[Claim], supply: int, lot: int = 1) -> tuple[list[int], int]:
    """Units of each claim and the threshold of the last unit handed out (-1: supply sufficed): a sorted list, read from the front."""
    units = []
    for number, claim in enumerate(claims):
        if claim.usable >= lot:
            sizes = {claim.taken + lot: lot} | {claim.taken + k: 1 for k in range(lot + 1, claim.usable + 1)}
            units += [(threshold(k, claim.ticket, claim.weight), claim.hashed, number, size) for k, size in sizes.items() if size]
    given, left, last = [0] * len(claims), supply, 0
    if sum(size for *_, size in units) <= supply:
        last, left = -1, sum(size for *_, size in units)
    for level, _, number, size in sorted(units):
        if size > left:
            break
        given[number] += size
        left -= size
        last = max(level, last) if last >= 0 else -1
    return given, last


def uniform(claims: Sequence[Claim], supply: int) -> list[int]:
    """The compiled rule of the package, as a `Rule`."""
    return compiled(claims, supply)[0]


def compiled(claims: Sequence[Claim], supply: int, lot: int = 1) -> tuple[list[int], int]:
    columns = [np.array([getattr(claim, name) for claim in claims], np.int64) for name in ("usable", "weight", "ticket", "hashed")]
    taken = [claim.taken for claim in claims]
    given, level = fill.fill([0, len(claims)], *columns, [supply], taken=taken, lot=[lot])
    return given.tolist(), int(level[0])


def proportional(claims: Sequence[Claim], supply: int) -> list[int]:
    """Everyone the same share of its request, the left-over cartons by the largest remainder: what rationing often is, and a control."""
    total = sum(claim.usable for claim in claims)
    if total <= supply:
        return [claim.usable for claim in claims]
    given = [claim.usable * supply // total for claim in claims]
    by_remainder = sorted(range(len(claims)), key=lambda i: (-(claims[i].usable * supply % total), claims[i].hashed, i))
    for i in by_remainder[: supply - sum(given)]:
        given[i] += 1
    return given
