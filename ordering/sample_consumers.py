"""The consumers of the made-up city: who walks in, who finds the brand, who comes back, searches the street, or takes another brand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ordering.sample_town import Town

Whole = npt.NDArray[np.int32]
Reals = npt.NDArray[np.float32]

DISPERSION = 0.12
"""Variance of a week's visits = mean + DISPERSION × mean²."""
PATIENT, SEARCHING, SEARCHING_ON, SWITCHING = 0.35, 0.35, 0.3, 0.35
"""Of those who do not find their brand: come back after the delivery; of the rest, try a neighbour; and one more; take another brand."""


@dataclass(frozen=True)
class Streets:
    """Shops by street: `starts` are the first shops of each street that has any, `of` the street's number by shop."""

    starts: npt.NDArray[np.int64]
    of: npt.NDArray[np.int64]

    @classmethod
    def of_town(cls, town: Town) -> Streets:
        """The streets that have shops (shops stand in order of street)."""
        _, starts, of = np.unique(town.shops.street, return_index=True, return_inverse=True)
        return cls(starts, of)

    def total(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Sum over each shop's street, by shop."""
        return np.asarray(np.add.reduceat(values, self.starts, axis=0))[self.of]

    def most(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Largest value of each shop's street, by shop."""
        return np.asarray(np.maximum.reduceat(values, self.starts, axis=0))[self.of]


@dataclass(frozen=True)
class Sales:
    """A week at the counter, each (R, B): `sold` cartons, `seen` people who asked (one who asks in three shops is seen in three)."""

    sold: Whole
    seen: Whole
    stock: Whole


def visits(rate: Reals, rng: np.random.Generator) -> Whole:
    """Unique consumers by pair: negative binomial with mean `rate`."""
    luck = rng.standard_gamma(1 / DISPERSION, rate.shape, dtype=np.float32) * np.float32(DISPERSION)
    return rng.poisson(rate * luck).astype(np.int32)


def week_at_the_counter(
    town: Town, streets: Streets, rate: Reals, came: Whole, stock: Whole, delivery: Whole, rng: np.random.Generator
) -> Sales:
    """One week of sales, with the delivery two days after the order day in the middle of it."""
    before = _part(came, ((town.shops.weekday + 1) / 7)[:, None], rng)
    sold = np.minimum(stock, before)
    missed = before - sold
    back = _part(missed, PATIENT, rng)
    stock = stock - sold + delivery
    late = came - before + back
    sold_late = np.minimum(stock, late)
    stock = stock - sold_late
    sold, seen = sold + sold_late, came
    missed = missed - back + late - sold_late
    for part in (SEARCHING, SEARCHING_ON):
        looking = _part(missed, part, rng)
        found, asked = _neighbours(town, streets, rate, looking, stock, rng)
        stock, sold, seen = stock - found, sold + found, seen + asked
        missed = missed - looking + asked - found
    found, asked = _other_brand(town, rate, _part(missed, SWITCHING, rng), stock, rng)
    return Sales(sold + found, seen + asked, stock - found)


def _part(count: Whole, share: float | npt.NDArray[np.float64], rng: np.random.Generator) -> Whole:
    """Binomial share of a count, drawn only where there is one."""
    out = np.zeros_like(count)
    at = np.flatnonzero(count)
    chance = np.broadcast_to(share, count.shape).reshape(-1)[at] if isinstance(share, np.ndarray) else share
    out.reshape(-1)[at] = rng.binomial(count.reshape(-1)[at], chance)
    return out


def _neighbours(town: Town, streets: Streets, rate: Reals, looking: Whole, stock: Whole, rng: np.random.Generator) -> tuple[Whole, Whole]:
    """Who looks for a brand asks at another shop of the street, rather a big one: cartons found, and people asking, by shop."""
    size = town.shops.size * (rate.sum(axis=1) > 0)
    others = streets.total(size) - size
    pool = streets.total(looking) - looking
    part = np.divide(size, others, out=np.zeros_like(size), where=others > 0)
    asked = _arrivals(pool * np.minimum(part, 1.0)[:, None], rng)
    return np.minimum(stock, asked), asked


def _other_brand(town: Town, rate: Reals, switching: Whole, stock: Whole, rng: np.random.Generator) -> tuple[Whole, Whole]:
    """Who takes another brand of the class picks among those on the shelf, by what usually sells there."""
    in_class = np.eye(5, dtype=np.float32)[town.brands.price_class - 1]
    weight = np.where(stock > 0, rate, 0).astype(np.float32)
    pool, total = switching.astype(np.float32) @ in_class, weight @ in_class
    per_unit = np.divide(pool, total, out=np.zeros_like(pool), where=total > 0)
    asked = _arrivals(weight * per_unit[:, town.brands.price_class - 1], rng)
    return np.minimum(stock, asked), asked


def _arrivals(expected: npt.NDArray[np.floating], rng: np.random.Generator) -> Whole:
    """Poisson counts, drawn only where any are expected."""
    out = np.zeros(expected.shape, np.int32)
    at = np.flatnonzero(expected)
    out.reshape(-1)[at] = rng.poisson(expected.reshape(-1)[at])
    return out
