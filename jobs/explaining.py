"""Why a line got what it got, and the sheet by which a retailer recomputes its own lines."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import pandas as pd

from allocation import counterfactual, explain, owners, selfcheck
from allocation.bounds import COLUMNS
from jobs import output
from jobs.exports import Source
from ordering import database, frames
from ordering.database import runs as runlog
from ordering.errors import StateError
from ordering.model import Reason, week_of

SHEET = (
    "order_id", "brand_id", "brand", "retailer_id", "owner", "week", "order_date", "requested", "held", "pack_multiple", "min_lot",
    *COLUMNS.values(), "usable", "taken", "salt", "turns", "ticket", "weight", "level", "line", "allocated", "recomputed", "agrees",
    "reason", "policy", "english", "chinese",
)  # fmt: skip
"""Columns of the self-check sheet."""
NAMES = {
    Reason.STAR_CAP: ("left of the star level's cap", "档位限量剩余"),
    Reason.DEMAND_CAP: ("left of the demand cap", "需求上限剩余"),
    Reason.QUOTA_BRAND: ("left of the brand's monthly quota", "品规月限量剩余"),
    Reason.BAND_CAP: ("left of the price class's cap", "价类限量剩余"),
    Reason.QUOTA_TOTAL: ("left of the month's total quota", "月总量限量剩余"),
    Reason.DAY_LIMIT: ("left of the day limit", "日限量剩余"),
}


@dataclass(frozen=True)
class Explained:
    """A line as it was decided, the sentences on it, and what it was decided from."""

    line: pd.Series
    confirmed: bool
    sentences: dict[str, list[str]]
    facts: list[tuple[str, str, str]]


def explained(source: Source, order_id: str, brand_id: str) -> Explained:
    """All that is known of one line: confirmed if it was, else as the run proposes it. Raises StateError where the run has no such line."""
    with source.db.reading() as reader:
        found = runlog.read_confirmations(reader, order_id=order_id, brand_id=brand_id)
        confirmed = len(found) > 0
        if not confirmed:
            found = runlog.read_lines(reader, source.run.run_id, order_id=order_id, brand_id=brand_id)
        if found.empty:
            raise StateError(
                f"run {source.run.run_id} of {source.run.business_date} allocates no line of brand {brand_id} in order {order_id}, and "
                "none was confirmed; trueorder export allocation lists those there are"
            )
        retailers = database.read_table(reader, "retailers")
        fellows = _with_owner(_fellows(reader, source, found.iloc[0]), retailers)
        line = _with_owner(found, retailers).iloc[0]
        levels = runlog.read_result(reader, int(found["run_id"].iloc[0]) if confirmed else source.run.run_id, "week_levels")
    same = levels[(levels["brand_id"] == brand_id) & (levels["week"] == line["week"])]
    one = counterfactual.one_more(line, fellows, float(same["expected"].sum()))
    sentences = {language: [explain.words(line, language), explain.instead(line, one, language)] for language in explain.LANGUAGES}
    return Explained(line, confirmed, sentences, _facts(source, line, same, found))


def _fellows(reader: database.Reader, source: Source, line: pd.Series) -> pd.DataFrame:
    """All lines of the line's brand and week: the confirmed ones, and those that the run proposes beside them."""
    where = {"brand_id": line["brand_id"], "week": pd.Timestamp(line["week"]).date()}
    done, proposed = runlog.read_confirmations(reader, **where), runlog.read_lines(reader, source.run.run_id, **where)
    rest = proposed[~proposed["order_id"].isin(done["order_id"])]
    return pd.concat([part for part in (done[rest.columns], rest) if len(part)], ignore_index=True)


def _facts(source: Source, line: pd.Series, level: pd.DataFrame, found: pd.DataFrame) -> list[tuple[str, str, str]]:
    """What the line was decided from, each as (English, Chinese, figure)."""
    limits = [(*NAMES[reason], _figure(line[column])) for reason, column in COLUMNS.items() if not pd.isna(line[column])]
    by = int(found["run_id"].iloc[0]) if "run_id" in found else source.run.run_id
    run = runlog.by_id(source.db, by) or source.run
    return [
        ("retailer", "零售户", str(line["retailer_id"])),
        ("order week, order day", "订货周、订货日", f"{line['week']:%Y-%m-%d}, {line['order_date']:%Y-%m-%d}"),
        ("requested", "要货", _figure(line["requested"])),
        ("whole packs of, smallest lot", "整件数、起订量", f"{line['pack_multiple']}, {line['min_lot']}"),
        *limits,
        ("usable after all limits", "限量内可用", _figure(line["usable"])),
        ("given in this week before", "本周此前已供", _figure(line["taken"])),
        ("weight", "权重", f"{line['weight'] / 1000:g}"),
        ("level λ", "分配线 λ", "–" if pd.isna(line["level"]) else f"{line['level']:.9g}"),
        ("ticket U", "轮次签 U", f"{line['ticket'] / 2**32:.6f}"),
        ("turns before", "此前轮次", _figure(level["turns"].iloc[0]) if len(level) else "–"),
        ("allocated", "订购", _figure(line["allocated"])),
        ("reason, policy", "原因、策略", f"{line['reason']}, {line['policy']}"),
        ("run, version", "运行、版本", f"{by}, {run.version}"),
        ("hash of what was read", "输入校验值", str(run.input_hash)),
    ]


def _figure(value: object) -> str:
    return "–" if pd.isna(value) else f"{int(value):,}"  # type: ignore[call-overload]


def sheet(source: Source, retailer_id: str | None) -> pd.DataFrame:
    """The self-check sheet of one retailer's lines of the run (of all retailers where None), with the lines of its owner's other licences.

    Raises StateError where there is no such retailer.
    """
    with source.db.reading() as reader:
        retailers, brands = (database.read_table(reader, name) for name in ("retailers", "brands"))
        lines = runlog.read_result(reader, source.run.run_id, "allocation")
        levels = runlog.read_result(reader, source.run.run_id, "week_levels")
        done = [runlog.read_confirmations(reader, week=week) for week in _planned_weeks(source)]
    if retailer_id is not None and retailer_id not in set(retailers["retailer_id"]):
        raise StateError(f"there is no retailer {retailer_id}; trueorder export allocation lists those with lines")
    lines = _with_owner(_as_confirmed(lines, done, since=source.run.business_date), retailers)
    if retailer_id is not None:
        own = pd.DataFrame({"retailer_id": [retailer_id]})
        lines = lines[lines["owner"] == _with_owner(own, retailers)["owner"].iloc[0]]
    turns = levels[["brand_id", "week", "turns"]]
    lines = lines.sort_values(["owner", "brand_id", "order_date", "order_id"]).astype({"brand_id": "str"})
    lines = lines.merge(turns, on=["brand_id", "week"], how="left", validate="m:1").fillna({"turns": 0})
    lines = lines.merge(brands[["brand_id", "name"]].rename(columns={"name": "brand"}), on="brand_id", how="left", validate="m:1")
    return checked(lines.assign(salt=source.settings.allocation.salt))


def _with_owner(lines: pd.DataFrame, retailers: pd.DataFrame) -> pd.DataFrame:
    """Lines with the `owner` whose claim each is part of: the first licence of its group."""
    ids = pd.Index(retailers["retailer_id"])
    owner = retailers["retailer_id"].to_numpy()[owners.of(retailers)]
    return lines.assign(owner=owner[ids.get_indexer(lines["retailer_id"].astype("str"))])


def _planned_weeks(source: Source) -> list[date]:
    """The weeks that the run's business date and the six days after it touch."""
    first, last = week_of(source.run.business_date), week_of(source.run.business_date + timedelta(days=6))
    return sorted({first, last})


def _as_confirmed(lines: pd.DataFrame, done: list[pd.DataFrame], *, since: date) -> pd.DataFrame:
    """Proposed lines, those that were confirmed since as they were confirmed; and same-day lines, which were never proposed."""
    known = [part for part in done if len(part)]
    if not known:
        return lines
    confirmed = pd.concat(known)[list(lines.columns)]
    key = ["order_id", "brand_id"]
    gone = lines[key].astype("str").merge(confirmed[key].assign(done=1), on=key, how="left", validate="1:1")["done"].notna().to_numpy()
    mine = confirmed[(confirmed["order_date"] >= frames.day(since)) & (confirmed["order_date"] <= frames.day(since + timedelta(days=6)))]
    return pd.concat([lines[~gone].astype({"brand_id": "str"}), mine], ignore_index=True)


def checked(lines: pd.DataFrame) -> pd.DataFrame:
    """Lines with what they are by the published numbers alone, and in words."""
    lines = lines.assign(recomputed=selfcheck.recomputed(lines, lines["salt"].iloc[0] if len(lines) else ""))
    claim = lines.groupby(["owner", "brand_id", "week", "taken"], observed=True)
    several = claim["retailer_id"].transform("nunique") > 1  # licences of one owner: their sum is what can be told
    together = claim["recomputed"].transform("sum") == claim["allocated"].transform("sum")
    agrees = (lines["recomputed"] == lines["allocated"]).where(~several, together)
    rows = lines.to_dict("records")
    return lines.assign(
        agrees=agrees,
        line=lines["weight"] * lines["level"] / 1000,
        english=[explain.words(row, "en") for row in rows],
        chinese=[explain.words(row, "zh") for row in rows],
    )[list(SHEET)]


def write(found: pd.DataFrame, file: Path) -> int:
    """Write a sheet into a file; gives the number of rows."""
    return output.write([found], list(SHEET), file)
