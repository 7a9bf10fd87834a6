"""Licences of one owner count as one claimant: who splits a shop into two licences is to gain nothing.

A claimant has the weight and the limits of its best licence, not their sum; what it gets its licences share by the same rule.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

Whole = npt.NDArray[np.int64]


def of(retailers: pd.DataFrame) -> Whole:
    """By row of `retailers` the row number that stands for its owner: of the first of its `licence_group`; its own without a group."""
    own, group = np.arange(len(retailers)), retailers["licence_group"].to_numpy()
    grouped = group != ""
    if grouped.any():
        found, _ = pd.factorize(group[grouped])
        first = np.full(found.max() + 1, len(own))
        np.minimum.at(first, found, own[grouped])
        own[grouped] = first[found]
    return own


def licences(retailers: pd.DataFrame, rows: pd.DataFrame) -> tuple[pd.DataFrame, Whole]:
    """`rows` (limits.numbered) once for each licence of their owner, as its `retailer`, and at which of these each row begins.

    Licences that are not active in the row's week are left out, but for the row's own.
    """
    owner = of(retailers)
    order = np.argsort(owner, kind="stable")
    begin = np.searchsorted(owner[order], np.arange(len(owner) + 1))
    count = np.diff(begin)[rows["owner"]]
    if (count == 1).all():
        return rows, np.arange(len(rows))
    row = np.repeat(np.arange(len(rows)), count)
    nth = np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count)
    licence = order[begin[rows["owner"].to_numpy()[row]] + nth]
    kept = (licence == rows["retailer"].to_numpy()[row]) | active(retailers, licence, rows["week"].to_numpy()[row])
    row, licence = row[kept], licence[kept]
    return rows.iloc[row].assign(retailer=licence), np.searchsorted(row, np.arange(len(rows)))


def active(retailers: pd.DataFrame, licence: Whole, week: Whole) -> npt.NDArray[np.bool_]:
    """Whether each licence (row number) is active on a day of the week given by number."""
    monday = week * 7 - 3
    first, last = (retailers[end].to_numpy("datetime64[D]")[licence] for end in ("active_from", "active_to"))
    begun = np.isnat(first) | (first.astype(np.int64) <= monday + 6)
    return begun & (np.isnat(last) | (last.astype(np.int64) >= monday))
