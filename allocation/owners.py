"""Licences of one owner count as one claimant: who splits a shop into two licences is to gain nothing.

A claimant has the weight and the limits of its best licence, not their sum; what it gets its licences share by the same rule.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

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


@dataclass(frozen=True)
class Owners:
    """The licences of a city by owner: `owner` by row of retailers, and those of owner o in `licence[begin[o] : begin[o + 1]]`.

    `first` and `last` day (since 1970) of each licence, the widest there are where it has none.
    """

    owner: Whole
    licence: Whole
    begin: Whole
    first: Whole
    last: Whole

    def licences(self, rows: Any) -> tuple[Mapping[str, npt.NDArray[Any]], Whole]:
        """`rows` (limits.numbered, a frame or arrays) once for each licence of their owner, as its `retailer`, and at which of these each
        row begins.

        Licences that are not active in the row's week are left out, but for the row's own.
        """
        columns = {name: np.asarray(rows[name]) for name in rows}
        owner, retailer, week = (columns[name] for name in ("owner", "retailer", "week"))
        count = self.begin[owner + 1] - self.begin[owner]
        if (count == 1).all():
            return columns, np.arange(len(owner))
        row = np.repeat(np.arange(len(owner)), count)
        nth = np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count)
        licence = self.licence[self.begin[owner[row]] + nth]
        kept = (licence == retailer[row]) | self.active(licence, week[row])
        row, licence = row[kept], licence[kept]
        each = {name: values[row] for name, values in columns.items()} | {"retailer": licence}
        return each, np.searchsorted(row, np.arange(len(owner)))

    def active(self, licence: Whole, week: Whole) -> npt.NDArray[np.bool_]:
        """Whether each licence (row number) is active on a day of the week given by number."""
        monday = week * 7 - 3
        return (self.first[licence] <= monday + 6) & (self.last[licence] >= monday)


def prepared(retailers: pd.DataFrame) -> Owners:
    """The licences of `retailers`."""
    owner = of(retailers)
    order = np.argsort(owner, kind="stable")
    first, last = (retailers[end].to_numpy("datetime64[D]") for end in ("active_from", "active_to"))
    return Owners(
        owner=owner,
        licence=order,
        begin=np.searchsorted(owner[order], np.arange(len(owner) + 1)),
        first=np.where(np.isnat(first), EARLIEST, first.astype(np.int64)),
        last=np.where(np.isnat(last), LATEST, last.astype(np.int64)),
    )


EARLIEST, LATEST = -(2**62), 2**62


def active(retailers: pd.DataFrame, licence: Whole, week: Whole) -> npt.NDArray[np.bool_]:
    """Whether each licence (row number of `retailers`) is active on a day of the week given by number."""
    return prepared(retailers).active(licence, week)
