"""A quote is what a night would give that line alone, keeps every bound, and grows with what is asked."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pandas as pd
from hypothesis import HealthCheck, given, settings

from allocation import fill, policies, promise, suggest
from allocation.promise import Book, Quotes, Shop
from ordering import frames
from ordering import settings as rules
from ordering.frames import Snapshot
from ordering.model import Policy
from ordering.settings import AllocationSettings
from tests import factories as make
from tests.allocation.cities import SHOPS, THURSDAY, WARES, cities, rows

RULES = rules.load().allocation
LIVE = [policy for policy in Policy if policy not in (Policy.PROPORTIONAL, Policy.FIRST_COME)]
WEEK = pd.Timestamp(make.week()).as_unit("us")
SAME = ["requested", *(c for c in frames.ALLOCATION.names if c not in ("order_id", "retailer_id", "brand_id", "week", "order_date"))]
EXAMPLES = settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))


@st.composite
def desks(draw: st.DrawFn) -> tuple[Snapshot, AllocationSettings, pd.DataFrame]:
    """A city on its Thursday with confirmed lines alone, levels of some brands, licences of one owner, visits and any policy; and what
    its shops need."""
    city = draw(cities())
    group = draw(st.lists(st.sampled_from(["", "G", "G"]), min_size=3, max_size=3))
    until = draw(st.lists(st.sampled_from([None, None, None, make.MONDAY]), min_size=3, max_size=3))
    visits = draw(st.lists(st.sampled_from([1, 1, 2]), min_size=3, max_size=3))
    shops = city.retailers.assign(
        licence_group=group, visit_every_weeks=visits, active_to=pd.to_datetime(pd.Series(until)).astype("datetime64[us]")
    )
    wares = city.brands.assign(resale_prone=draw(st.lists(st.booleans(), min_size=3, max_size=3)))
    policy = draw(st.sampled_from(LIVE))
    chosen = RULES.model_copy(update={"policy": policy, "demand_by_star": draw(st.booleans())})
    named = draw(st.dictionaries(st.sampled_from(WARES), st.tuples(st.integers(-1, 2**34), st.sampled_from(LIVE)), max_size=3))
    levels = [
        {
            "brand_id": brand, "week": make.week(), "available": 9, "expected": 3.0, "threshold": None if found < 0 else found,
            "level": None if found < 0 else float(fill.published(found)), "turns": found % 5,
            "policy": str(one) if one is not Policy.STAR_CAP or found % 2 else "star_cap_relaxed",
        }
        for brand, (found, one) in named.items()
    ]  # fmt: skip
    confirmed = city.waiting[city.waiting["allocated"].notna()].reset_index(drop=True)
    known = replace(
        city, retailers=shops, brands=wares, waiting=confirmed, week_levels=make.table(frames.WEEK_LEVELS, levels),
        scanned_sales=city.scanned_sales,
    )  # fmt: skip
    found = pd.DataFrame(
        draw(rows({"retailer_id": SHOPS, "brand_id": WARES, "week": (make.week(),)}, "demand")),
        columns=["retailer_id", "brand_id", "week", "demand"],
    )
    need = found.assign(
        week=pd.to_datetime(found["week"]).astype("datetime64[us]"), demand=found["demand"] * 0.7, most=found["demand"] * 1.3
    )
    return known, chosen, need.drop(columns=[] if draw(st.booleans()) else ["most"])


def alone(city: Snapshot, chosen: AllocationSettings, need: pd.DataFrame, shop: str, ware: str, asked: int) -> dict[str, Any] | None:
    """What a night gives one line of the Thursday, nobody else asking; None where the week is not known yet."""
    line = make.snapshot(
        retailers=city.retailers.to_dict("records"), brands=city.brands.to_dict("records"),
        waiting=[make.line(shop, ware, asked, None, order_date=THURSDAY, order_id="NEW", mode="same_day")],
    ).waiting  # fmt: skip
    kinds = {name: city.waiting[name].dtype for name in ("retailer_id", "brand_id")}
    waiting = pd.concat([city.waiting, line.astype(kinds)], ignore_index=True)
    found = policies.allocate(replace(city, waiting=waiting), suggest.nobody_else(), chosen, demand=need).lines
    return None if found.empty else found[SAME].astype(object).where(found[SAME].notna(), None).iloc[0].to_dict()


def at_the_desk(city: Snapshot, chosen: AllocationSettings, need: pd.DataFrame) -> tuple[Book, dict[str, Shop], dict[int, int]]:
    """The book, every shop, and what was given of each brand in the week."""
    book = Book.of(city, WEEK, chosen, demand=need)
    every = pd.concat([city.lines, city.waiting])
    done = [
        (str(line.retailer_id), (str(line.brand_id), line.week.date(), line.order_date.date(), int(line.allocated)))
        for line in every.itertuples() if pd.notna(line.allocated)
    ]  # fmt: skip
    shops = {}
    for name in SHOPS:
        own = {book.retailer_ids[row] for row in book.licences(book.retailers[name])}
        shops[name] = Shop.of(book, book.retailers[name], [line for who, line in done if who in own])
    given: dict[int, int] = {}
    for _, (ware, week, _, cartons) in done:
        if week == make.week():
            given[book.brands[ware]] = given.get(book.brands[ware], 0) + cartons
    return book, shops, given


def quote(book: Book, shop: Shop, given: dict[int, int], ware: str, asked: int, day: date = THURSDAY) -> Quotes:
    brand = book.brands[ware]
    return promise.quotes(book, shop, promise.day_number(day), np.array([brand]), np.array([asked]), np.array([given.get(brand, 0)]))


ASKED = st.tuples(st.sampled_from(SHOPS), st.sampled_from(WARES), st.integers(0, 14))


@EXAMPLES
@given(desks(), st.lists(ASKED, min_size=1, max_size=4))
def test_a_quote_is_what_a_night_gives_that_line_alone(
    desk: tuple[Snapshot, AllocationSettings, pd.DataFrame], lines: list[tuple[str, str, int]]
) -> None:
    book, shops, week = at_the_desk(*desk)
    for shop, ware, asked in lines:
        by_night = alone(*desk, shop, ware, asked)
        if by_night is None:
            assert book.missing
            continue
        assert not book.missing
        assert quote(book, shops[shop], week, ware, asked).records() == [by_night]
