"""A quote is what a night would give that line alone, keeps every bound, and grows with what is asked."""

from __future__ import annotations

import random
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
from ordering.model import Policy, Reason
from ordering.settings import AllocationSettings
from tests import factories as make
from tests.allocation import test_arrivals as arrivals
from tests.allocation.cities import SHOPS, THURSDAY, WARES, cities, limit, rows, sums
from tests.examples import examples

RULES = rules.load().allocation
LIVE = [policy for policy in Policy if policy not in (Policy.PROPORTIONAL, Policy.FIRST_COME)]
WEEK = pd.Timestamp(make.week()).as_unit("us")
SAME = ["requested", *(c for c in frames.ALLOCATION.names if c not in ("order_id", "retailer_id", "brand_id", "week", "order_date"))]
EXAMPLES = settings(max_examples=examples(60), deadline=None, suppress_health_check=list(HealthCheck))


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


@EXAMPLES
@given(desks(), ASKED, st.integers(1, 9))
def test_asking_for_more_never_lowers_what_can_be_ordered_on_the_grid_of_packs(
    desk: tuple[Snapshot, AllocationSettings, pd.DataFrame], line: tuple[str, str, int], more: int
) -> None:
    book, shops, week = at_the_desk(*desk)
    shop, ware, asked = line
    pack = int(book.pack[book.brands[ware]])
    little, much = (quote(book, shops[shop], week, ware, n // pack * pack).allocated[0] for n in (asked, asked + more))
    assert little <= much


def one_by_one(book: Book, shop: Shop, given: dict[int, int], lines: list[tuple[str, int]]) -> list[dict[str, Any]]:
    """The quotes of lines, what each is given counting as given to the shop for the next."""
    found = []
    for ware, asked in lines:
        one = quote(book, shop, given, ware, asked)
        rows = book.rows(shop.retailer, np.array([book.brands[ware]]), promise.day_number(THURSDAY)) | {"allocated": one.allocated}
        shop = replace(shop, given={name: np.append(values, rows[name]) for name, values in shop.given.items()})
        found += one.records()
    return found


@EXAMPLES
@given(desks(), st.sampled_from(SHOPS), st.lists(st.tuples(st.sampled_from(WARES), st.integers(0, 14)), unique_by=lambda line: line[0]))
def test_a_cart_is_its_lines_one_after_the_other_and_keeps_every_bound(
    desk: tuple[Snapshot, AllocationSettings, pd.DataFrame], name: str, lines: list[tuple[str, int]]
) -> None:
    city, chosen, need = desk
    city = replace(city, retailers=city.retailers.assign(licence_group="", visit_every_weeks=1))
    book, shops, week = at_the_desk(city, chosen, need)
    cart = [(book.brands[ware], asked) for ware, asked in lines]
    found = promise.cart(book, shops[name], promise.day_number(THURSDAY), cart, week)
    assert found == one_by_one(book, shops[name], week, lines)
    level = dict(zip(city.retailers["retailer_id"], city.retailers["star_level"], strict=True))
    wares = {row["brand_id"]: row for row in city.brands.to_dict("records")}
    got = [
        {"retailer_id": name, "brand_id": ware, "order_date": pd.Timestamp(THURSDAY), "allocated": one["allocated"]}
        for (ware, _), one in zip(lines, found, strict=True)
    ]
    every = pd.concat([city.lines, city.waiting])
    before = sums(every[every["allocated"].notna()].to_dict("records"), wares)
    relaxed = {ware for (ware, _), one in zip(lines, found, strict=True) if one["policy"] == "star_cap_relaxed"}
    for (what, *scope), given_now in sums(got, wares).items():
        most = None if what == "cap" and scope[1] in relaxed else limit(city, what, scope, level)
        assert most is None or given_now <= max(most - before[(what, *scope)], 0), f"{what} {scope}"


def test_the_desk_and_the_night_meet_every_reason() -> None:
    """That the law above speaks of all cases: its cities give every reason but those of coupled lines."""
    seen: set[str] = set()

    @settings(max_examples=600, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(desks(), ASKED)
    def note(desk: tuple[Snapshot, AllocationSettings, pd.DataFrame], line: tuple[str, str, int]) -> None:
        if len(seen) == len(Reason):
            return
        book, shops, week = at_the_desk(*desk)
        if not book.missing:
            seen.add(quote(book, shops[line[0]], week, *line[1:]).records()[0]["reason"])

    note()
    assert seen == {str(reason) for reason in Reason}


# arrivals


def at_once(city: Snapshot, levels: pd.DataFrame) -> Snapshot:
    """The waiting same-day lines of a city, each quoted at once, one after the other, the others still waiting."""
    known = replace(city, week_levels=levels)
    book = Book.of(known, WEEK, RULES)
    waiting = known.waiting
    for at in waiting.index[waiting["allocated"].isna() & (waiting["mode"] == "same_day")]:
        line, done = waiting.loc[at], waiting[waiting["allocated"].notna()]
        own = done[done["retailer_id"] == line["retailer_id"]]
        lines = [(str(o.brand_id), o.week.date(), o.order_date.date(), int(o.allocated)) for o in own.itertuples()]
        shop = Shop.of(book, book.retailers[str(line["retailer_id"])], lines)
        given = done.groupby("brand_id", observed=True)["allocated"].sum()
        gone = {book.brands[str(ware)]: int(cartons) for ware, cartons in given.items()}
        waiting.loc[at, "allocated"] = int(
            quote(book, shop, gone, str(line["brand_id"]), int(line["requested"]), line["order_date"].date()).allocated[0]
        )
    return known


def test_days_and_modes_mixed_every_line_gets_its_share_in_any_order_of_arrival() -> None:
    """Odd shops order at once, even ones leave pre-orders, which are allocated at each day's cut-off."""
    rng = random.Random(7)
    days = [1 + n % 5 for n in range(arrivals.SHOPS)]
    asks = np.array([[rng.randint(0, 9) for _ in arrivals.WARES] for _ in range(arrivals.SHOPS)])
    supply = {ware: int(asks[:, n].sum() * part) for n, (ware, part) in enumerate(zip(arrivals.WARES, (0.4, 0.7, 1.2), strict=True))}
    shop, ware = np.nonzero(asks)
    expected = pd.DataFrame(
        {
            "retailer_id": [f"R{n:02}" for n in shop], "brand_id": [arrivals.WARES[n] for n in ware],
            "week": WEEK, "requested": asks[shop, ware] + 3 * (shop % 5 == 0),
        }
    )  # fmt: skip
    levels = policies.allocate(arrivals.city(rng, days, asks, supply, given={}), expected, RULES).levels
    least, different = arrivals.promised(days, asks, levels), set()
    for seed in range(examples(15)):
        order, given_now = random.Random(seed), {}
        for day in range(1, 6):
            shops = [n for n in range(arrivals.SHOPS) if days[n] == day]
            order.shuffle(shops)
            for batch in [*([n] for n in shops if n % 2), [n for n in shops if not n % 2]]:
                now = {(n, w): None for n in batch for w in range(len(arrivals.WARES)) if asks[n, w]}
                known = arrivals.city(order, days, asks, supply, given={**given_now, **now})
                if len(batch) == 1 and batch[0] % 2:
                    lines = at_once(known, levels).waiting
                else:
                    lines = policies.allocate(replace(known, week_levels=levels), suggest.nobody_else(), RULES, closing=True).lines
                for line in lines.itertuples():
                    key = int(line.retailer_id[1:]), arrivals.WARES.index(line.brand_id)
                    if key in now:
                        given_now[key] = int(line.allocated)
        got = np.zeros(asks.shape, int)
        for (n, w), cartons in given_now.items():
            got[n, w] = cartons
        assert (got >= least).all()
        assert (got.sum(0) <= list(supply.values())).all()
        different.add(got.tobytes())
    assert different
