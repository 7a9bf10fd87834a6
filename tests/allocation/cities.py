"""Random small cities with every kind of limit, and what must hold of any allocation in them, checked line by line in plain Python."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import hypothesis.strategies as st
import pandas as pd

from ordering.frames import Snapshot
from ordering.model import month_of, week_of
from tests import factories as make

THURSDAY = make.MONDAY + timedelta(days=3)
"""The business date: its six days after reach into the next week, of the same month."""
SHOPS, WARES = ("R1", "R2", "R3"), ("B1", "B2", "B3")
WEEKS = (make.week(), make.week(1))
SMALL = st.integers(0, 12)


def rows(keys: dict[str, Any], value: str) -> st.SearchStrategy[list[dict[str, Any]]]:
    """Rows of a table for some of all combinations of `keys`, each with a small number as `value`."""
    key = st.tuples(*(st.sampled_from(values) for values in keys.values()))
    return st.dictionaries(key, SMALL, max_size=8).map(lambda d: [dict(zip(keys, k, strict=True)) | {value: v} for k, v in d.items()])


@st.composite
def cities(draw: st.DrawFn, *, limits: bool = True, lots: bool = True) -> Snapshot:
    """A city on a Thursday: lines of two weeks wait, some are confirmed; `limits` beside the supply, `lots` and packs."""
    levels = {name: draw(st.integers(1, 3)) for name in SHOPS}
    packs = st.sampled_from([1, 1, 3]) if lots else st.just(1)
    wares = [make.brand(b, price_class=draw(st.integers(1, 2)), pack_multiple=draw(packs), min_lot=draw(packs)) for b in WARES]
    past = draw(
        st.lists(st.tuples(st.sampled_from(SHOPS), st.sampled_from(WARES), st.integers(0, 4)), max_size=4, unique_by=lambda t: t[:2])
    )
    lines = [make.line(shop, ware, 5, got, order_date=make.MONDAY) for shop, ware, got in past]
    key = st.tuples(st.sampled_from(SHOPS), st.sampled_from(WARES), st.integers(0, 6))
    asked = draw(st.dictionaries(key, st.tuples(SMALL, st.sampled_from([None, None, None, 0, 1])), max_size=9))
    waiting = [
        make.line(shop, ware, want, None if got is None else min(got, want), order_date=THURSDAY + timedelta(days=day))
        for (shop, ware, day), (want, got) in asked.items()
    ]
    tables: dict[str, Any] = {"supply": draw(rows({"brand_id": WARES, "week": WEEKS}, "available"))}
    if limits:
        tables["release_strategy"] = draw(rows({"brand_id": WARES, "week": WEEKS, "star_level": (1, 2, 3)}, "cap"))
        tables["monthly_quotas"] = draw(rows({"month": ("2026-03",), "star_level": (1, 2, 3), "brand_id": ("", *WARES)}, "quota"))
        tables["daily_limits"] = draw(rows({"star_level": (1, 2, 3)}, "limit"))
        tables["band_caps"] = draw(rows({"week": WEEKS, "star_level": (1, 2, 3), "price_class": (1, 2)}, "cap"))
        on = {"from": THURSDAY, "to": THURSDAY}
        held = draw(st.dictionaries(st.sampled_from(SHOPS), st.sampled_from(["", *WARES]), max_size=1))
        tables["holds"] = [{"retailer_id": shop, "brand_id": ware} | on for shop, ware in held.items()]
    return make.snapshot(
        retailers=[make.retailer(name, star_level=level) for name, level in levels.items()],
        brands=wares,
        lines=lines,
        waiting=waiting,
        business_date=THURSDAY,
        **tables,
    )


@st.composite
def expectations(draw: st.DrawFn) -> pd.DataFrame:
    """Some expected requests."""
    found = draw(rows({"retailer_id": SHOPS, "brand_id": WARES, "week": WEEKS}, "requested"))
    frame = pd.DataFrame(found, columns=["retailer_id", "brand_id", "week", "requested"])
    return frame.assign(week=pd.to_datetime(frame["week"]).astype("datetime64[us]"), requested=frame["requested"].astype("int64"))


def breaches(city: Snapshot, allocated: pd.DataFrame) -> Iterator[str]:
    """What is wrong with an allocation of a city's waiting lines: nothing, if it keeps every limit there is."""
    level = dict(zip(city.retailers["retailer_id"], city.retailers["star_level"], strict=True))
    ware = {row["brand_id"]: row for row in city.brands.to_dict("records")}
    lines, confirmed = allocated.to_dict("records"), city.waiting[city.waiting["allocated"].notna()]
    before = sums([*city.lines.to_dict("records"), *confirmed.to_dict("records")], ware)
    for line in lines:
        yield from (f"{line['order_id']}, {line['brand_id']}: {wrong}" for wrong in wrongs(line, ware[line["brand_id"]], city))
    for (name, *scope), given in sums(lines, ware).items():
        most = limit(city, name, scope, level)
        if most is not None and given > max(most - before[(name, *scope)], 0):
            yield f"{name} {scope}: {given} more, of {most} with {before[(name, *scope)]} given"


def wrongs(line: dict[str, Any], ware: dict[str, Any], city: Snapshot) -> Iterator[str]:
    """What is wrong with one line by itself."""
    if not 0 <= line["allocated"] <= line["usable"] <= line["requested"]:
        yield f"{line['allocated']} of {line['usable']} of {line['requested']}"
    if line["allocated"] % ware["pack_multiple"]:
        yield "no whole packs"
    if 0 < line["allocated"] < ware["min_lot"]:
        yield "below the lot"
    if (line["reason"] == "FULL") != (line["allocated"] == line["requested"]):
        yield f"{line['reason']} with {line['allocated']} of {line['requested']}"
    if line["allocated"] and any(held(line, hold) for hold in city.holds.to_dict("records")):
        yield "on hold"


def sums(lines: list[dict[str, Any]], ware: dict[str, Any]) -> dict[Any, int]:
    """Cartons given in every scope."""
    found: dict[Any, int] = defaultdict(int)
    for line in lines:
        for scope in scopes(line, ware):
            found[scope] += line["allocated"]
    return found


def scopes(line: dict[str, Any], ware: dict[str, Any]) -> list[tuple[Any, ...]]:
    """All that a line counts towards."""
    day = pd.Timestamp(line["order_date"]).date()
    shop, brand, week = line["retailer_id"], line["brand_id"], week_of(day)
    return [
        ("supply", brand, week),
        ("cap", shop, brand, week),
        ("quota", shop, brand, month_of(week)),
        ("quota", shop, "", month_of(week)),
        ("day", shop, day),
        ("band", shop, int(ware[brand]["price_class"]), week),
    ]


def limit(city: Snapshot, name: str, scope: list[Any], level: dict[str, int]) -> int | None:
    """The limit of a scope, None where there is none."""
    if name == "supply":
        return _row(city.supply, "available", brand_id=scope[0], week=_day(scope[1]))
    star = level[scope[0]]
    if name == "cap":
        return _row(city.release_strategy, "cap", brand_id=scope[1], week=_day(scope[2]), star_level=star)
    if name == "quota":
        return _row(city.monthly_quotas, "quota", brand_id=scope[1], month=scope[2], star_level=star)
    if name == "band":
        return _row(city.band_caps, "cap", price_class=scope[1], week=_day(scope[2]), star_level=star)
    return _row(city.daily_limits, "limit", star_level=star)


def _row(table: pd.DataFrame, value: str, **key: Any) -> int | None:
    found = [row[value] for row in table.to_dict("records") if all(row[name] == wanted for name, wanted in key.items())]
    return int(found[0]) if found else None


def _day(day: date) -> pd.Timestamp:
    return pd.Timestamp(day)


def held(line: dict[str, Any], hold: dict[str, Any]) -> bool:
    same = hold["retailer_id"] == line["retailer_id"] and hold["brand_id"] in ("", line["brand_id"])
    return same and hold["from"] <= line["order_date"] <= hold["to"]
