"""The review of suggestions: what a person may decide, what needs a reason or a second person, and what then holds.

A decision recommends: its quantity is put before the retailer, who orders what it likes. It is taken on one retailer, brand and order
day, not on one night's suggestion, so it outlives the night. Three quantities are kept apart: what was suggested, what a person put in
its place (the override), and what holds in the end (final).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType

import numpy as np
import numpy.typing as npt
import pandas as pd

from ordering.columns import OPTIONAL, Column, Kind, Table
from ordering.model import Decision
from ordering.review_refusals import Refusal, refused
from ordering.settings import ReviewSettings

CODES: Mapping[str, tuple[str, str]] = MappingProxyType({
    "stock_differs": ("The stock on the shelf is not what was reckoned.", "店内实际库存与估计不符。"),
    "local_event": ("Something nearby moves demand: a banquet, a fair, a building site.", "附近有宴席、庙会、工地等影响需求的事项。"),
    "shop_changes": ("The shop closes for a while, moves, grows or changes hands.", "店铺暂停、迁址、扩大或转让。"),
    "another_brand": ("Another brand takes its place.", "以其他品规替代。"),
    "new_brand": ("A new brand is being introduced.", "培育新品。"),
    "retailer_declines": ("The retailer does not want it.", "零售户不需要。"),
    "short_of_cash": ("The retailer cannot pay for it now.", "零售户资金不足。"),
    "other": ("Another reason, told in the note.", "其他原因，见备注。"),
})  # fmt: skip
"""Every reason of a decision by its code, with its words in English and Chinese."""

STATES = ("open", "pending", "decided", "accepted", "adjusted", "rejected")
"""What a line can be asked for by: not decided, waiting for a second person, decided, or decided in one of three ways."""

UNBOUND = int(np.iinfo(np.int32).max)
"""Stands for the most of a line that nothing bounds."""

KEY = ("retailer_id", "brand_id", "order_day")
"""What a decision is about."""

DECISIONS = Table(
    "suggestion_decisions",
    (
        Column("retailer_id", Kind.ID),
        Column("brand_id", Kind.ID),
        Column("order_day", Kind.DATE),
        Column("week", Kind.WEEK),
        Column("version", Kind.COUNT),  # counts what was done to the line; moves on with an undo as well
        Column("batch_id", Kind.SIGNED, blank=True),  # the act that made it what it is; missing where nothing is decided any more
        Column("decided_in", Kind.SIGNED, blank=True),  # the act that decided; another one where a second person approved
        Column("run_id", Kind.COUNT),  # the night whose suggestion was before the person
        Column("suggested", Kind.COUNT),  # and what it suggested
        Column("decision", Kind.CHOICE, choices=tuple(Decision)),
        Column("decided_qty", Kind.COUNT, blank=True),  # cartons; none where rejected is 0
        Column("pending", Kind.BOOL),  # waits for a second person, and does not hold
        Column("code", Kind.TEXT),
        Column("note", Kind.TEXT),
    ),
    KEY,
)
"""What people decided, the newest state of each line."""

LINES = Table(
    "review_lines",
    (
        Column("retailer_id", Kind.ID), Column("name", Kind.TEXT), Column("account_manager", Kind.TEXT), Column("district", Kind.TEXT),
        Column("star_level", Kind.COUNT), Column("brand_id", Kind.ID), Column("brand_name", Kind.TEXT), Column("price", Kind.NUMBER),
        Column("pack_multiple", Kind.COUNT), Column("min_lot", Kind.COUNT), Column("week", Kind.WEEK), Column("order_day", Kind.DATE),
        Column("flagged", Kind.BOOL), Column("requested", Kind.COUNT), Column("suggested", Kind.COUNT), Column("p10", Kind.NUMBER),
        Column("p50", Kind.NUMBER), Column("p90", Kind.NUMBER), Column("stock", Kind.NUMBER, blank=True), Column("reason", Kind.TEXT),
        Column("most", Kind.COUNT, blank=True), Column("bound", Kind.TEXT), Column("cap", Kind.COUNT, **OPTIONAL),
        Column("quota_left", Kind.COUNT, **OPTIONAL), Column("version", Kind.COUNT),
        Column("batch_id", Kind.SIGNED, blank=True), Column("basis_qty", Kind.COUNT, blank=True), Column("decision", Kind.TEXT),
        Column("decided_qty", Kind.COUNT, blank=True), Column("pending", Kind.BOOL), Column("code", Kind.TEXT), Column("note", Kind.TEXT),
        Column("decided_by", Kind.TEXT), Column("approved_by", Kind.TEXT),
    ),
    KEY,
)  # fmt: skip
"""A night's suggestions with what was decided on them: what a person reviews."""

SHOWN = (
    "retailer_id", "name", "account_manager", "district", "star_level", "brand_id", "brand_name", "week", "order_day", "flagged",
    "requested", "suggested", "p10", "p50", "p90", "stock", "most", "bound", "cap", "quota_left", "reason", "decision", "override", "final",
    "basis", "pending", "code", "note", "decided_by", "approved_by", "batch_id", "version",
)  # fmt: skip
"""Columns of a list for review."""


@dataclass(frozen=True)
class Filter:
    """Which lines of a night: those that fit everything that is given.

    `change`: suggestion and request lie at least so many cartons apart. `other_basis`: decided on another suggestion than this night's.
    `search`: name or number of the retailer or of the brand holds this.
    Lines without suggestion, request and decision are left out unless `empty`.
    """

    retailer: str | None = None
    brand: str | None = None
    manager: str | None = None
    district: str | None = None
    star: int | None = None
    week: date | None = None
    day: date | None = None
    flagged: bool = False
    state: str | None = None
    change: int | None = None
    other_basis: bool = False
    search: str | None = None
    empty: bool = False

    def check(self) -> Filter:
        """Itself, if it asks for a state that there is; TrueOrderError otherwise."""
        if self.state is not None and self.state not in STATES:
            raise refused(Refusal.STATE, state=self.state, states=", ".join(STATES))
        return self


def decide(
    lines: pd.DataFrame,
    decision: Decision,
    rules: ReviewSettings,
    *,
    quantity: pd.Series | int | None = None,
    code: pd.Series | str = "",
    note: pd.Series | str = "",
) -> pd.DataFrame:
    """What is to be stored where a person decides on `lines` (LINES): columns of DECISIONS but for those that name acts and runs.

    `version` is the one that the person saw. `quantity`, cartons: of ADJUSTED only. Raises TrueOrderError naming the lines where a
    reason code is missing or unknown, or a quantity is not within what binds the line. What needs a second person is marked pending.
    """
    own = {Decision.ACCEPTED: lines["suggested"], Decision.REJECTED: 0, Decision.ADJUSTED: quantity}
    cartons = pd.Series(own[decision], index=lines.index).astype("int64")
    found = lines[["retailer_id", "brand_id", "order_day", "week", "version", "suggested"]].assign(
        decision=str(decision), decided_qty=cartons.astype("Int32"), code=code, note=note
    )
    found["note"] = found["note"].str.strip()
    _check_codes(found)
    if decision is Decision.ADJUSTED:
        _check_bounds(lines, cartons)
    untold = needs_reason(lines["suggested"], cartons, rules) & (found["code"] == "").to_numpy()
    _refuse(found, untold, Refusal.REASON, share=rules.reason_share, cartons=rules.reason_cartons, codes=", ".join(CODES))
    return found.assign(pending=needs_second(lines["suggested"], cartons, lines["price"], rules))


Bools = npt.NDArray[np.bool_]


def needs_reason(suggested: pd.Series, decided: pd.Series, rules: ReviewSettings) -> Bools:
    """True where a decision changes the suggestion by more than the share, and by more than the cartons, that need no reason."""
    change = (decided - suggested).abs()
    return np.asarray((change > rules.reason_cartons) & (change > rules.reason_share * suggested))


def needs_second(suggested: pd.Series, decided: pd.Series, price: pd.Series, rules: ReviewSettings) -> Bools:
    """True where a decision changes the suggestion by more cartons, or more yuan at wholesale price, than one person may."""
    change = (decided - suggested).abs()
    return np.asarray((change > rules.four_eyes_cartons) | (change * price > rules.four_eyes_yuan))


def same_person(one: str, other: str) -> bool:
    """True where two names are of one person, however they were typed."""
    return one.strip().casefold() == other.strip().casefold()


def shown(lines: pd.DataFrame) -> pd.DataFrame:
    """Lines (LINES) with what holds of their decisions, in columns SHOWN, those first that need a look.

    `override`: the person's quantity where it is another than suggested. `final`: what is put before the retailer: what was decided, but
    no more than the night leaves room for; missing while open or pending. `basis`: "other" where the person decided on another suggestion
    than this night's (what it decided stands: it is the person's number), else "same".
    """
    holds = ((lines["decision"] != Decision.OPEN) & ~lines["pending"]).to_numpy(bool)
    decided = lines["decided_qty"].astype("Int64")
    most = lines["most"].astype("Int64").fillna(UNBOUND)
    final = decided.mask(decided > most, most).where(holds)
    told = (lines["decision"] != Decision.OPEN).to_numpy(bool)
    other = told & (lines["basis_qty"].fillna(-1) != lines["suggested"]).to_numpy(bool)
    override = decided.where((lines["decision"] == Decision.ADJUSTED).to_numpy(bool))
    basis = np.where(other, "other", np.where(told, "same", ""))
    found = lines.assign(override=override, final=final, basis=basis, _cut=lines["reason"].str.contains("+", regex=False))
    order = {"flagged": False, "_cut": False} | dict.fromkeys(KEY, True)
    return found.sort_values(list(order), ascending=list(order.values()), ignore_index=True)[list(SHOWN)]


def _check_codes(found: pd.DataFrame) -> None:
    unknown = ~found["code"].isin(["", *CODES])
    if unknown.any():
        raise refused(Refusal.CODE, code=found.loc[unknown, "code"].iloc[0], codes=", ".join(CODES))
    _refuse(found, ((found["code"] == "other") & (found["note"] == "")).to_numpy(), Refusal.OTHER)


def _check_bounds(lines: pd.DataFrame, cartons: pd.Series) -> None:
    """Whole packs, no less than a lot, no more than the bounds leave."""
    asked = cartons.to_numpy()
    _refuse(lines, asked < 0, Refusal.NEGATIVE)
    above = asked > lines["most"].fillna(UNBOUND).to_numpy(np.int64)
    if above.any():
        first = lines[above].iloc[0]
        raise refused(Refusal.ABOVE, lines[above], asked=asked[above][0], most=first["most"], bound=first["bound"])
    pack, lot = lines["pack_multiple"].to_numpy(np.int64), lines["min_lot"].to_numpy(np.int64)
    for bad, size, what in ((asked % pack != 0, pack, Refusal.PACK), (asked < lot, lot, Refusal.LOT)):
        wrong = bad & (asked > 0)
        if wrong.any():
            raise refused(what, lines[wrong], asked=asked[wrong][0], size=size[wrong][0])


def _refuse(lines: pd.DataFrame, wrong: Bools, what: Refusal, **values: object) -> None:
    if wrong.any():
        raise refused(what, lines[wrong], **values)
