"""What answers to flags change: the need that an explanation raises, and the lines about which something was said.

An explanation is accepted for as much as was asked then: it raises the need of its shop, of the brand or of all, by the same factor
(asked ÷ need) until its last day. It is no licence: who asks for more than that is asked again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

Floats: TypeAlias = npt.NDArray[np.float64]
Truths: TypeAlias = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Answered:
    """By line: `factor` by which its need is raised (1: not), and whether the line itself was answered so."""

    factor: Floats
    explained: Truths
    mistaken: Truths
    confirmed: Truths

    def need(self, need: Floats, asked: Floats) -> Floats:
        """The need with explanations allowed for; a line that was itself explained needed what it asked."""
        return np.where(self.explained, np.maximum(need, asked), need * self.factor)

    def flagged(self, found: Truths) -> Truths:
        """Which lines are flagged, out of those `found` so: an answer to the line itself settles it."""
        return np.asarray(self.confirmed | (found & ~self.explained & ~self.mistaken))


def of_lines(lines: pd.DataFrame, answers: pd.DataFrame) -> Answered:
    """What `answers` (conduct.ANSWERS) say of `lines` (order_id, brand_id, retailer_id, order_date)."""
    factor, own = np.ones(len(lines)), {verdict: np.zeros(len(lines), bool) for verdict in ("explained", "mistaken", "confirmed")}
    at = np.flatnonzero(lines["retailer_id"].isin(answers["retailer_id"]))
    if not len(at):
        return Answered(factor, **own)
    ids = {"order_id": "str", "brand_id": "str", "retailer_id": "str"}
    near = lines.iloc[at][[*ids, "order_date"]].astype(ids).assign(at=at)
    said = near.merge(answers[["order_id", "brand_id", "verdict"]], on=["order_id", "brand_id"], how="inner", validate="1:1")
    for verdict, which in own.items():
        which[said.loc[said["verdict"] == verdict, "at"]] = True
    told = answers[answers["verdict"] == "explained"][["retailer_id", "brand_id", "every_brand", "factor", "from_on", "until_on"]]
    both = near.merge(told.rename(columns={"brand_id": "of_brand"}), on="retailer_id", how="inner", validate="m:m")
    inside = both["order_date"].between(both["from_on"], both["until_on"]) & (both["every_brand"] | (both["brand_id"] == both["of_brand"]))
    np.maximum.at(factor, both.loc[inside, "at"].to_numpy(), both.loc[inside, "factor"].to_numpy())
    return Answered(factor, **own)
