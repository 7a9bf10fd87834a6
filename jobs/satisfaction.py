"""Satisfaction for people: the index beside fulfilment and complaints, and what one retailer expected against what it received."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd

from jobs.exports import COLUMNS
from ordering import complaints, expected, fulfilment, rate_cells, satisfaction
from ordering.accounts import Territory
from ordering.database import Database, Reader, cells, ratings, reads, runs, surveys, territories
from ordering.database import complaints as kept
from ordering.database import expected as asked_and_given
from ordering.errors import TrueOrderError
from ordering.model import month_of, week_of
from ordering.ratings import first_monday, month_after
from ordering.service_settings import SatisfactionSettings
from ordering.settings import Settings

BY: Mapping[str, str] = MappingProxyType({
    "district": "district", "manager": "account_manager", "star": "star_level", "retailer": "retailer_id",
})  # fmt: skip
"""What satisfaction is broken down by, and the columns that hold it."""
MONTHS = {"month": 1, "quarter": 3, "year": 12}
"""The kinds of period, and how many months each has."""
RATES = fulfilment.RATES[:2]


@dataclass(frozen=True)
class Asked:
    """By which dimension, over which kind of period, of which one (the newest with answers unless given), within which values of others."""

    by: str = "district"
    period: str = "quarter"
    at: str | None = None
    within: Mapping[str, str | int] = field(default_factory=dict)


@dataclass(frozen=True)
class Figures:
    """What was found for the period `at`, of `known`.

    `rows`: the dimension under its name, retailers, the columns of satisfaction.aggregate, few (true where the index rests on few answers),
    requested and allocated in cartons, RATES, and the columns of complaints.standing. `whole`: the same over all.
    """

    at: str
    known: Sequence[str]
    rows: pd.DataFrame
    whole: pd.Series


def figures(db: Database, rules: Settings, asked: Asked, *, territory: Territory | None, today: date) -> Figures:
    """The satisfaction index by a dimension, with its answers, beside the fulfilment rates and how complaints stand.

    A retailer has one voice in a period: its newest survey. `territory`: whose retailers count; None: all. Complaints that are open
    are those of now; those closed, and the median of their days, of the period. Raises TrueOrderError where there is no such dimension or
    period.
    """
    known, at = _periods(db, asked, today)
    first, after = span(asked.period, at)
    run, among = runs.newest(db), territories.within(territory)
    with db.reading() as reader:
        shops = _within(_levelled(reader, surveys.shops(reader, among), min(after - timedelta(days=7), today)), asked.within)
        said = surveys.of_months(reader, month_of(first), month_of(after - timedelta(days=7)), among)
        rates = pd.DataFrame() if run is None else _rates(reader, run.run_id, asked, first, after, territory)
        whole = pd.DataFrame() if run is None else _rates(reader, run.run_id, asked, first, after, territory, whole=True)
    since, until = (_utc(day, rules.city.time_zone) for day in (first, after))
    voices, times = _joined(shops, satisfaction.newest(said)), _joined(shops, kept.times(db, since, until, among))
    rows = _table(shops, voices, times, rates, [asked.by], rules.satisfaction)
    return Figures(at, known, rows, _table(shops, voices, times, whole, [], rules.satisfaction).iloc[0])


def span(period: str, at: str) -> tuple[date, date]:
    """The first Monday of a period, and that of the next: a week belongs to the period of its Monday. TrueOrderError: no such period."""
    try:
        first = f"{at}-01" if period == "year" else f"{at[:4]}-{int(at[6:]) * 3 - 2:02d}" if period == "quarter" else at
        return first_monday(first), first_monday(month_after(first, MONTHS[period]))
    except ValueError as error:
        raise TrueOrderError(f'at: there is no {period} "{at[:20]}"', f"没有“{at[:20]}”这一期间") from error


def _utc(day: date, zone: str) -> datetime:
    """When a local day begins, UTC."""
    return datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC).replace(tzinfo=None)


def _periods(db: Database, asked: Asked, today: date) -> tuple[list[str], str]:
    """The periods that are known, in order, and the one asked for."""
    if asked.by not in BY or any(name not in BY for name in asked.within):
        raise TrueOrderError(f"by: there are {', '.join(BY)}", f"可选的维度有{'、'.join(BY)}")
    if asked.period not in MONTHS:
        raise TrueOrderError(f"period: there are {', '.join(MONTHS)}", f"可选的期间有{'、'.join(MONTHS)}")
    answered = surveys.months(db)
    months = {*answered, *(month_of(week) for week in reads.weeks_with_orders(db) if week <= today), month_of(week_of(today))}
    known = sorted(set(_named(months, asked.period)))
    if asked.at is None:
        return known, _named(answered[-1:], asked.period)[0] if answered else known[-1]
    if asked.at not in known:
        raise TrueOrderError(
            f'at: nothing is known of "{asked.at[:20]}"; there are {known[0]} to {known[-1]}',
            f"没有“{asked.at[:20]}”的数据；可查{known[0]}至{known[-1]}",
        )
    return known, asked.at


def _named(months: Any, period: str) -> list[str]:
    """The periods to which months belong."""
    return rate_cells.periods(pd.Series(pd.to_datetime(sorted(months), format="%Y-%m")), period).tolist()


def _levelled(reader: Reader, shops: pd.DataFrame, on: date) -> pd.DataFrame:
    """Shops with the level in force in the month of a day."""
    month = month_of(week_of(on))
    levels = ratings.read_levels(reader, month, month).set_index("retailer_id")["star_level"]
    found = shops["retailer_id"].map(dict(zip(levels.index.astype("str"), levels.astype("int64"), strict=True)))
    return shops.assign(star_level=found.fillna(shops["star_level"]).astype("int64"))


def _within(shops: pd.DataFrame, within: Mapping[str, str | int]) -> pd.DataFrame:
    for name, value in within.items():
        shops = shops[shops[BY[name]] == value]
    return shops.reset_index(drop=True)


def _joined(shops: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """Rows of the shops, with what they are grouped by."""
    return rows.merge(shops, on="retailer_id", how="inner", validate="m:1")


def _rates(
    reader: Reader, run_id: int, asked: Asked, first: date, after: date, territory: Territory | None, *, whole: bool = False
) -> pd.DataFrame:
    """Requested, allocated and RATES of the period by the dimension; without any: over all."""
    by = [] if whole else [asked.by]
    end = after - timedelta(days=7)
    found = cells.summed(reader, run_id, "retailer_cells", by, within=asked.within, first=first, last=end, territory=territory, weekly=True)
    return fulfilment.rates(found, by, asked.period, names=RATES) if len(found) else pd.DataFrame()


def _table(
    shops: pd.DataFrame, said: pd.DataFrame, times: pd.DataFrame, rates: pd.DataFrame, by: list[str], rules: SatisfactionSettings
) -> pd.DataFrame:
    columns = [BY[name] for name in by]
    base = shops.groupby(columns, sort=True).size().rename("retailers").reset_index() if by else pd.DataFrame({"retailers": [len(shops)]})
    index, standing = satisfaction.aggregate(said, rules.weights, columns), complaints.standing(times, columns)
    for found in (index, standing, rates.rename(columns=dict(zip(by, columns, strict=True)))):
        base = _beside(base, found, columns)
    wanted = ["requested", "allocated", *RATES, "open_complaints", "closed_complaints", "days_to_close"]
    base = base.reindex(columns=[*dict.fromkeys([*base.columns, *wanted])])
    counts = ["answers", "open_complaints", "closed_complaints"]
    base[counts] = base[counts].fillna(0).astype("int64")
    names = [] if by != ["retailer"] else ["name", "district", "account_manager", "star_level"]
    base = base.assign(few=base["answers"] < rules.least_answers).rename(columns=dict(zip(columns, by, strict=True)))
    if names:
        base = base.merge(shops.rename(columns={"retailer_id": "retailer"})[["retailer", *names]], on="retailer", validate="1:1")
    return base


def _beside(base: pd.DataFrame, found: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    if not columns:
        return pd.concat([base, found.reset_index(drop=True)], axis=1)
    if not len(found.columns):
        return base
    kinds = {name: base[name].dtype for name in columns}
    return base.merge(found.astype(kinds), on=columns, how="left", validate="1:1")


@dataclass(frozen=True)
class Shop:
    """One retailer: what it expected against what it received by month, the newest first, and its surveys with their indices."""

    months: pd.DataFrame
    surveys: Sequence[Mapping[str, Any]]
    index: float | None


def of_retailer(db: Database, rules: SatisfactionSettings, retailer_id: str, *, today: date) -> Shop:
    """What a retailer expected and received in the last months, with the survey of each; `index`: of the newest."""
    first = week_of(today.replace(day=1) - timedelta(days=30 * (rules.months - 1)))
    with db.reading() as reader:
        lines = asked_and_given.lines(reader, retailer_id, first)
        suggested = asked_and_given.suggested(reader, retailer_id, first, today)
    said = [_indexed(row, rules) for row in surveys.of_retailer(db, retailer_id, months=rules.months)]
    months = expected.against(lines, suggested, "month").tail(rules.months).iloc[::-1].reset_index(drop=True)
    rate = months["received"] / months["requested"].where(months["requested"] > 0)
    return Shop(months.assign(fulfilment_rate=rate), said, said[0]["index"] if said else None)


def _indexed(row: Mapping[str, Any], rules: SatisfactionSettings) -> dict[str, Any]:
    scores = {aspect: row[aspect] for aspect in satisfaction.Aspect if row[aspect] is not None}
    return {**row, "scores": scores, "index": satisfaction.index(scores, rules.weights)}


def rows(db: Database, rules: SatisfactionSettings, *, period: str, today: date) -> pd.DataFrame:
    """The export: each retailer and period in which it was given something or answered; the index of its newest survey in it."""
    rate_cells.check_period(period)
    if period not in MONTHS:
        raise TrueOrderError(f"period: a survey is of a month; there are {', '.join(MONTHS)}")
    with db.reading() as reader:
        told = expected.totals(asked_and_given.weekly(reader), asked_and_given.weekly_suggested(reader, today), period)
        said = surveys.of_months(reader, "", "9999-12")
    said = said.assign(period=rate_cells.periods(pd.to_datetime(said["month"], format="%Y-%m"), period).astype("str"))
    newest = said.sort_values("survey_id").drop_duplicates(["retailer_id", "period"], keep="last")
    index = satisfaction.aggregate(newest, rules.weights, ["retailer_id", "period"])
    both = told.merge(index, on=["retailer_id", "period"], how="outer", validate="1:1")
    both["answers"] = both["answers"].fillna(0).astype("int64")
    both[["requested", "received"]] = both[["requested", "received"]].fillna(0).astype("int64")
    return both.sort_values(["retailer_id", "period"], ignore_index=True)[list(COLUMNS["satisfaction"])]
