"""What a line could have at most: what each of its bounds leaves for itself, before lines that share a limit divide it."""

from __future__ import annotations

import numpy as np
import pandas as pd

from allocation import bounds
from allocation.bounds import CODE, REASONS, Bounds
from allocation.limits import NONE
from ordering.model import Reason

NAMES = pd.Index(["" if reason is Reason.FULL else str(reason) for reason in REASONS], dtype="str")


def columns(bound: Bounds) -> dict[str, pd.arrays.IntegerArray | pd.Categorical]:
    """`most`: cartons, in whole packs and at least a lot, missing where nothing bounds the line; `bound`: the Reason that leaves least.

    A quantity within `most` may still be cut where other lines of the retailer share a quota, a band cap or a day limit with it.
    """
    most, by = np.full(len(bound.rows), NONE, np.int64), np.full(len(bound.rows), CODE[Reason.FULL], np.int8)
    for reason, left in bound.left.items():
        most, by = np.minimum(most, left), np.where(left < most, CODE[reason], by)
    whole = np.where(most == NONE, NONE, most // bound.pack * bound.pack)
    whole = np.where(bound.hold | (whole < bound.lot), 0, whole)
    by = np.where(bound.hold, CODE[Reason.HOLD], by)
    return {"most": bounds.known(whole), "bound": pd.Categorical.from_codes(by, NAMES).remove_unused_categories()}
