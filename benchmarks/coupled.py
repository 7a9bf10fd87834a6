"""Totals that couple brands, at the size of a city, beside OR-tools' largest flow and HiGHS: the parts of `benchmarks.allocation`.

Three fifths of the retailers have a total of 50 to 100% of what the plain rule would give them, so that it binds; the others have none.
Each likes best what it is estimated to need most, which is what it asks for, give or take two fifths. Beside that, likings that all
share: then many want the same brands first, and more of the others is left over.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse
from scipy.optimize import linprog

from allocation import bound, coupled, fill

SCRIPT = Path(__file__).with_name("peer_flow.py")
BINDING = 0.6
ENDLESS = 10**9


@dataclass(frozen=True)
class City:
    """Claims as for `fill.fill`, every retailer's on every brand, the total of each retailer, and the lines in order of liking."""

    claims: dict[str, Any]
    total: Any
    lines: coupled.Lines

    @property
    def retailers(self) -> int:
        return len(self.total)

    @property
    def brands(self) -> int:
        return len(self.claims["supply"])

    def share(self, threads: int) -> coupled.Coupled:
        return coupled.share(**self.claims, lines=self.lines, threads=threads)

    def pairs(self) -> dict[str, Any]:
        """Retailer, brand and cartons wanted of every pair, totals, supplies: a problem of flows."""
        brand, retailer = np.divmod(np.arange(self.retailers * self.brands, dtype=np.int32), np.int32(self.retailers))
        shape = {"retailer": retailer, "brand": brand, "wanted": self.claims["usable"]}
        return shape | {"total": np.minimum(self.total, ENDLESS), "supply": self.claims["supply"]}

    def most(self) -> int:
        """Our bound on what could be handed out."""
        pairs = self.pairs()
        return bound.most(self.claims["offsets"], pairs["wanted"], pairs["retailer"], pairs["total"], pairs["supply"])

    def part(self, retailers: int) -> City:
        """The first retailers, with their share of each supply."""
        names = ("usable", "weight_milli", "ticket", "tiebreak")
        wide = {name: self.claims[name].reshape(self.brands, -1)[:, :retailers].ravel() for name in names}
        supply = self.claims["supply"] * retailers // self.retailers
        claims = wide | {"offsets": np.arange(self.brands + 1) * retailers, "supply": supply}
        claim = np.asarray(self.lines.claim)[: retailers * self.brands]
        brand, retailer = np.divmod(claim, self.retailers)
        return City(claims, self.total[:retailers], lines(brand * retailers + retailer, claims["usable"], self.total[:retailers]))


def city(claims: dict[str, Any], *, alike: bool = False, seed: int = 3) -> City:
    """Totals and likings for claims of every retailer on every brand; `alike`: likings are half the brand's, half the retailer's own."""
    rng, brands = np.random.default_rng(seed), len(claims["supply"])
    retailers = len(claims["usable"]) // brands
    plain = fill.fill(**claims)[0].reshape(brands, retailers).sum(axis=0)
    total = np.where(rng.random(retailers) < BINDING, plain * rng.uniform(0.5, 1, retailers), ENDLESS).astype(np.int64)
    own = rng.standard_normal((retailers, brands), np.float32)
    wanted = np.log(claims["usable"].reshape(brands, retailers).T + np.float32(0.5))
    liking = own + rng.standard_normal(brands, np.float32) if alike else wanted + np.float32(0.4) * own
    order = np.argsort(-liking, axis=1).astype(np.int32)
    claim = order * np.int32(retailers) + np.arange(retailers, dtype=np.int32)[:, np.newaxis]
    return City(claims, total, lines(claim.ravel(), claims["usable"], total))


def lines(claim: Any, usable: Any, total: Any) -> coupled.Lines:
    """One line for each claim, one total for each retailer."""
    brands = len(claim) // len(total)
    groups = np.repeat(np.arange(len(total), dtype=np.int32), brands)[np.newaxis]
    return coupled.Lines(np.arange(len(total) + 1) * brands, claim.astype(np.int32), usable[claim], groups, total)


def largest_flow(found: City, python: Path) -> dict[str, Any]:
    """OR-tools' largest flow in its own environment: cartons, and the seconds it took to build and to solve."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "pairs.npz"
        np.savez(place, **found.pairs())
        done = subprocess.run([python, SCRIPT, place], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"OR-tools could not be run by {python}: {(done.stderr.strip().splitlines() or ['no reason given'])[-1]}")
    said: dict[str, Any] = json.loads(done.stdout)
    return said


def linear_program(found: City) -> tuple[float, float]:
    """HiGHS's most cartons, and the seconds it took."""
    pairs, size = found.pairs(), found.retailers * found.brands
    row = np.concatenate([pairs["brand"], found.brands + pairs["retailer"]])
    ones, column = np.ones(2 * size), np.tile(np.arange(size), 2)
    limits = scipy.sparse.csr_array((ones, (row, column)), shape=(found.brands + found.retailers, size))
    start = time.perf_counter()
    solved = linprog(
        -np.ones(size),
        A_ub=limits,
        b_ub=np.concatenate([pairs["supply"], pairs["total"]]),
        bounds=np.column_stack([np.zeros(size), pairs["wanted"]]),
        method="highs",
    )
    return -solved.fun, time.perf_counter() - start
