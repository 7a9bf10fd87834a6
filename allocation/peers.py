"""What shops like a shop sell: those of its area type, business format and star levels close to its own, itself left out."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse

from allocation import limits
from allocation.limits import Whole
from ordering.frames import Snapshot

Floats = npt.NDArray[np.float64]

LEAST_PEERS = 5
"""A shop with fewer peers is held against the whole city."""
NOTHING = 1e-9
"""Demand below this, cartons a week, is what sums and differences leave of none."""


def matrix(snapshot: Snapshot, rows: pd.DataFrame, values: npt.ArrayLike) -> Floats:
    """Sums of `values` by retailer and brand of `rows`, shape (retailers, brands)."""
    pair = limits.pairs(snapshot, rows)
    cell = pair // limits.WIDTH * len(snapshot.brands) + pair % limits.WIDTH
    shape = (len(snapshot.retailers), len(snapshot.brands))
    return np.bincount(cell, np.asarray(values, np.float64), shape[0] * shape[1]).reshape(shape).astype(np.float64)


def sold(snapshot: Snapshot, rate: Floats, level: Whole, around: int) -> Floats:
    """What each retailer's peers sell together, cartons a week by brand, in the shape of `rate`: (retailers, brands).

    `level`: star level of every retailer; peers are at most `around` levels apart. Retailers with fewer than LEAST_PEERS peers have the
    whole city for peers.
    """
    kind = snapshot.retailers.groupby(["area_type", "business_format"], sort=True).ngroup().to_numpy(np.int64)
    levels, kinds = int(level.max(initial=0)) + 1, int(kind.max(initial=-1)) + 1
    cell = kind * levels + level
    member = sparse.csr_array((np.ones(len(cell)), (cell, np.arange(len(cell)))), shape=(kinds * levels, len(cell)))
    with_count = np.column_stack([rate, np.ones(len(rate))])
    sums = (member @ with_count).reshape(kinds, levels, -1)
    reach = min(around, levels - 1)
    near = np.sum([_shifted(sums, by) for by in range(-reach, reach + 1)], axis=0)
    own = near[kind, level] - with_count
    few = own[:, -1] < LEAST_PEERS
    own[few] = (with_count.sum(axis=0) - with_count)[few]
    return np.where(own[:, :-1] < NOTHING, 0.0, own[:, :-1])


def _shifted(sums: Floats, by: int) -> Floats:
    """The sums of the levels `by` above each level; nothing beyond the ends."""
    out, levels = np.zeros_like(sums), sums.shape[1]
    out[:, max(-by, 0) : levels - max(by, 0)] = sums[:, max(by, 0) : levels - max(-by, 0)]
    return out


def shares(part: Floats) -> Floats:
    """Each row's shares; 0 throughout where its sum is 0."""
    whole = part.sum(axis=1, keepdims=True)
    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)
