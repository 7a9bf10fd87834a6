"""What would have given a line one pack more: a higher level, that much more supply, or a limit lifted. From stored lines alone."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from allocation import fill
from allocation.bounds import COLUMNS
from ordering.model import Reason

Row: TypeAlias = Mapping[Hashable, Any]
LIMITS = (Reason.HOLD, *COLUMNS)


@dataclass(frozen=True)
class OneMore:
    """For one pack more of a line: the `level` that would have reached it (None: the level was no hindrance), the cartons of `supply`
    that it would have taken (None: none), whether that counts requests that are only expected (`about`), and what the line would have
    got, cartons, without the limit that cut it (`lifted`; None: none did)."""

    level: float | None
    supply: int | None
    about: bool
    lifted: tuple[Reason, int] | None


def one_more(line: Row | pd.Series, fellows: pd.DataFrame, expected: float) -> OneMore:
    """What would have given `line` (frames.ALLOCATION) a pack more.

    `fellows`: all lines of its brand and week, itself among them, with the `owner` whose claim each is part of, as `line` has; `expected`:
    cartons of requests that were expected in that week when its level was solved. Those are not stored line by line, so the supply needed
    is scaled by them.
    """
    if line["allocated"] >= line["requested"]:
        return OneMore(None, None, False, None)
    pack = int(line["pack_multiple"])
    own = int(line["requested"]) // pack * pack
    lifted = _without(line, own)
    if line["allocated"] < line["usable"] and not pd.isna(line["level"]):
        claims = _claims(fellows)
        units = int(claims.at[line["owner"], "taken"] + claims.at[line["owner"], "allocated"]) // pack + 1
        needed = int(fill.threshold(units, int(line["ticket"]), int(line["weight"])))
        more, asked = _beyond(claims, needed)
        scale = 1.0 + expected / asked if asked else 1.0
        return OneMore(float(fill.published([needed])[0]), math.ceil(more * scale), expected > 0, lifted)
    return OneMore(None, None, False, lifted)


def _without(line: Row | pd.Series, own: int) -> tuple[Reason, int] | None:
    """The smallest limit below the line's whole packs, and what the line would get without it by all others and its level."""
    left = {reason: int(line[column]) for reason, column in COLUMNS.items() if not pd.isna(line[column])}
    if line["held"]:
        left[Reason.HOLD] = 0
    binding = min(left, key=lambda reason: left[reason], default=None)
    if binding is None or left[binding] >= own or line["allocated"] < min(line["usable"], left[binding]):
        return None
    pack, rest = int(line["pack_multiple"]), min([own, *(limit for reason, limit in left.items() if reason is not binding)])
    if not pd.isna(line["level"]):
        units = fill.entitled(fill.unpublished([line["level"]]), [line["ticket"]], [line["weight"]], [2**31 - 1])[0]
        rest = min(rest, max(int(units) * pack - int(line["taken"]), 0))
    return binding, max(rest // pack * pack, int(line["allocated"]))


def _claims(fellows: pd.DataFrame) -> pd.DataFrame:
    """Lines of a brand and week summed by owner."""
    return fellows.groupby("owner").agg(
        taken=("taken", "min"), allocated=("allocated", "sum"), usable=("usable", "sum"), weight=("weight", "first"),
        ticket=("ticket", "first"), pack=("pack_multiple", "first"),
    )  # fmt: skip


def _beyond(claims: pd.DataFrame, needed: int) -> tuple[int, int]:
    """Cartons that claims would get beyond what they got if the level rose to `needed`, and all that they could use."""
    pack, taken, got = (claims[name].to_numpy(np.int64) for name in ("pack", "taken", "allocated"))
    most: npt.NDArray[np.int64] = (taken + claims["usable"].to_numpy(np.int64)) // pack
    units = fill.entitled(np.full(len(claims), needed), claims["ticket"], claims["weight"], most)
    return int((np.maximum(units - (taken + got) // pack, 0) * pack).sum()), int(claims["usable"].sum())
