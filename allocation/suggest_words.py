"""A suggestion, its substitutes and a dependence in words, in English and Chinese, from the numbers stored with them."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from typing import Any, TypeAlias

import pandas as pd

from allocation.explain import LANGUAGES

Row: TypeAlias = "Mapping[Hashable, Any] | pd.Series"

NEEDS: Mapping[str, tuple[str, str]] = {
    "COVER": (
        "Counted on {since}: {counted}; received since: {received}; so about {shelf} will be left on {order_day}, and {cover} weeks of "
        "{demand} a week need {need} more",
        "{since}盘点{counted}条，此后到货{received}条，预计{order_day}剩约{shelf}条；按每周{demand}条备货{cover}周，还需{need}条",
    ),
    "NO_COUNT": (
        "Nobody counted lately; received since {since}: {received}; so about {shelf} should be left on {order_day}, and {cover} weeks of "
        "{demand} a week need {need} more",
        "近期无盘点；{since}以来到货{received}条，预计{order_day}剩约{shelf}条；按每周{demand}条备货{cover}周，还需{need}条",
    ),
    "ENOUGH": (
        "About {shelf} will be left on {order_day}, which covers {cover} weeks of {demand} a week: nothing is needed",
        "预计{order_day}剩约{shelf}条，已够每周{demand}条备货{cover}周，无需订货",
    ),
}
"""How the need was found, by its code."""

CUTS: Mapping[str, tuple[str, str]] = {
    "": ("Suggested: {suggested}", "建议订{suggested}条"),
    "NOT_OFFERED": (
        "Suggested: {suggested}, since it is not offered to this shop in this order week",
        "本周未向该店投放，建议订{suggested}条",
    ),
    "STAR_CAP": (
        "Suggested: {suggested}, since the cap of the star level is {cap} in this order week{already}",
        "该档位本周限量{cap}条{already}，建议订{suggested}条",
    ),
    "BAND_CAP": (
        "Suggested: {suggested}, since the cap over this price class leaves {shared_left} after brands that sell more",
        "价类限量在畅销品规之后只余{shared_left}条，建议订{suggested}条",
    ),
    "QUOTA_BRAND": (
        "Suggested: {suggested}, since {quota_left} are left of this month's quota for the brand",
        "该品规本月限量还余{quota_left}条，建议订{suggested}条",
    ),
    "QUOTA_TOTAL": (
        "Suggested: {suggested}, since this month's quota over all brands leaves {shared_left} after brands that sell more",
        "本月总量限量在畅销品规之后只余{shared_left}条，建议订{suggested}条",
    ),
    "DAY_LIMIT": (
        "Suggested: {suggested}, since the limit of one order day leaves {shared_left} after brands that sell more",
        "单日限量在畅销品规之后只余{shared_left}条，建议订{suggested}条",
    ),
    "MIN_LOT": (
        "Suggested: {suggested}, since the smallest lot is {min_lot}",
        "起订量为{min_lot}条，建议订{suggested}条",
    ),
    "HOLD": ("Suggested: {suggested}, since orders of this brand are on hold", "该品规暂停供货，建议订{suggested}条"),
    "LEVEL": (
        "Suggested: {suggested}, since the brand is short and this shop's line in this order week is {level_line}{already}",
        "货源紧俏，该店本周分配线为{level_line}条{already}，建议订{suggested}条",
    ),
}  # fmt: skip
"""What became of the need, by the code of the bound that cut it; "": none."""

ALREADY = (", of which {given} were given already", "，其中已订{given}条")
PACKS = ("; it comes in packs of {pack_multiple}", "（按{pack_multiple}条整件订货）")
NOT_KNOWN = ("; supply or strategy of the week is not published yet, so it may change", "；本周货源或投放策略尚未公布，可能变动")
ENDS = (". ", "。")

SUBSTITUTE = (
    "{quantity} of {substitute_id} ({peer:.0%} of the price class at shops like this, {own:.0%} here)",
    "{substitute_id} {quantity}条（同类店占该价类{peer:.0%}，本店{own:.0%}）",
)
INSTEAD = ("Instead it can be offered {listed}.", "可改荐{listed}。")
JOINTS = ("; ", "；")

DEPENDS = (
    "{brand_id} is {share:.0%} of what this shop sells by estimate{bought}, and it is short: {suggested} of the {needed} needed can be "
    "suggested. Concentration (HHI) {hhi:.2f}. Offer it other brands.",
    "按估计{brand_id}占该店销量的{share:.0%}{bought}，而该品规紧俏：需{needed}条，可建议{suggested}条。集中度（HHI）{hhi:.2f}，请推荐其他品规。",
)
BOUGHT = (" and {purchased:.0%} of what it received in the last eight weeks", "、近八周到货的{purchased:.0%}")


def words(row: Row, language: str) -> str:
    """One or two sentences for a SUGGESTIONS row: how the need was found, and what became of it.

    A number that was not stored is a dash. Raises ValueError for a language other than en and zh.
    """
    at = _language(language)
    codes = str(row["reason"]).split("+")
    cut = next((code for code in codes[1:] if code in CUTS), "")
    told, numbers = [NEEDS[codes[0]][at]], _shown(row)
    if cut or codes[0] != "ENOUGH":
        whole = not cut and numbers["pack_multiple"] not in ("–", "1")
        told.append(CUTS[cut][at] + (PACKS[at] if whole else ""))
    text = ENDS[at].join(told) + (NOT_KNOWN[at] if "NOT_YET_KNOWN" in codes else "") + ENDS[at].strip()
    return text.format(already=ALREADY[at].format(**numbers) if numbers["given"] not in ("0", "–") else "", **numbers)


def substitutes(rows: Iterable[Row], language: str) -> str:
    """One sentence for the SUBSTITUTES of one suggestion, in their order; empty where there are none."""
    at = _language(language)
    listed = [
        SUBSTITUTE[at].format(quantity=row["quantity"], substitute_id=row["substitute_id"], peer=row["peer_share"], own=row["own_share"])
        for row in rows
    ]
    return INSTEAD[at].format(listed=JOINTS[at].join(listed)) if listed else ""


def dependence(row: Row, language: str) -> str:
    """What a DEPENDENCE row says and asks for."""
    at = _language(language)
    bought = "" if pd.isna(row["purchased"]) else BOUGHT[at].format(purchased=row["purchased"])
    return DEPENDS[at].format(bought=bought, **{name: row[name] for name in ("brand_id", "share", "hhi", "suggested", "needed")})


def _language(language: str) -> int:
    if language not in LANGUAGES:
        raise ValueError(f"no texts in {language!r}; there are {', '.join(LANGUAGES)}")
    return LANGUAGES.index(language)


WHOLE = ("suggested", "need", "counted", "received", "cap", "given", "quota_left", "shared_left", "level_line", "min_lot", "pack_multiple")
TENTHS = {"demand": "demand", "cover": "cover_weeks", "shelf": "on_hand"}


def _shown(row: Row) -> dict[str, str]:
    """The row's numbers as text: whole ones, dates, and others to a tenth (demand below one a week: to a hundredth)."""
    found = dict(row) | {"on_hand": _on_hand(row)}
    days = {name: "–" if pd.isna(found[name]) else f"{found[name]:%Y-%m-%d}" for name in ("since", "order_day")}
    whole = {name: "–" if pd.isna(found[name]) else str(int(found[name])) for name in WHOLE}
    return days | whole | {name: _number(found[column]) for name, column in TENTHS.items()}


def _number(value: Any) -> str:
    if pd.isna(value):
        return "–"
    return f"{value:.2f}" if 0 < value < 1 else f"{value:.1f}"


def _on_hand(row: Row) -> float:
    """The shelf on the order day: what was counted, or the target, and what was received, less the demand since; at least 0."""
    if pd.isna(row["demand"]):
        return float("nan")
    start = row["demand"] * row["cover_weeks"] if pd.isna(row["counted"]) else row["counted"]
    weeks = (row["order_day"] - row["since"]) / pd.Timedelta(weeks=1)
    return max(float(start + row["received"] - row["demand"] * weeks), 0.0)
