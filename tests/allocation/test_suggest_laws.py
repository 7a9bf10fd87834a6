"""What must hold of any night's suggestions and substitutes: within every bound together, and each row follows from itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest

from allocation import dependence, policies, shortage, substitutes, suggest
from ordering import frames, settings
from ordering.frames import Snapshot
from ordering.settings import SuggestSettings
from tests import factories as make
from tests.allocation.cities import SHOPS, THURSDAY, WARES, breaches, cities
from tests.allocation.recomputing import wrong
from tests.examples import examples

RULES = settings.load()
EXAMPLES = examples(12)
"""Random cities per law: a night and its suggestions take a fifth of a second, so many only on demand."""
laws = hypothesis.settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])


@dataclass(frozen=True)
class Night:
    """A city, what each pair is estimated to want, and what its night suggests and offers instead."""

    city: Snapshot
    demand: pd.DataFrame
    rules: SuggestSettings
    supply: shortage.Shortage
    suggestions: pd.DataFrame
    offered: pd.DataFrame


def planned(city: Snapshot, rates: dict[tuple[str, str], float]) -> pd.DataFrame:
    """Demand of pairs in the week of their retailer's next order day."""
    weeks = dict(zip(city.retailers["retailer_id"], suggest.order_weeks(city), strict=True))
    rows = [(shop, ware, weeks[shop], rate) for (shop, ware), rate in sorted(rates.items())]
    frame = pd.DataFrame(rows, columns=["retailer_id", "brand_id", "week", "demand"]).astype(
        {"week": "datetime64[us]", "demand": "float64"}
    )
    return frame.assign(p10=frame["demand"] / 2, p50=frame["demand"], p90=frame["demand"] * 2)


def night(city: Snapshot, demand: pd.DataFrame, rules: SuggestSettings = RULES.suggesting) -> Night:
    claims = suggest.expected_requests(city, demand)
    allocated = policies.allocate(city, claims, RULES.allocation, demand=demand)
    supply = shortage.of(city, suggest.order_weeks(city), allocated, claims, RULES.allocation)
    suggestions = suggest.suggest(city, demand, rules, supply)
    return Night(city, demand, rules, supply, suggestions, substitutes.offer(city, suggestions, supply, rules))


@st.composite
def nights(draw: st.DrawFn) -> Night:
    """Nights of random cities with every kind of limit, of whose brands some are tight, gone or of the province."""
    city = draw(cities())
    tight, ended, origin = (draw(st.lists(of, min_size=3, max_size=3)) for of in (
        st.sampled_from(["balanced", "balanced", "tight"]), st.sampled_from([None, None, THURSDAY]), st.sampled_from(["other", "province"]),
    ))  # fmt: skip
    brands = city.brands.assign(
        supply_attribute=tight, withdrawn_on=pd.to_datetime(pd.Series(ended)).astype("datetime64[us]"), origin=origin,
        price_class=draw(st.lists(st.sampled_from([1, 1, 2]), min_size=3, max_size=3)),
    ).astype({"price_class": "int32"})  # fmt: skip
    pair = st.tuples(st.sampled_from(SHOPS), st.sampled_from(WARES))
    counts = draw(st.dictionaries(pair, st.tuples(st.integers(0, 9), st.integers(1, 70)), max_size=4))
    rows = [
        {"retailer_id": shop, "brand_id": ware, "counted_on": THURSDAY - timedelta(days=ago), "stock": stock}
        for (shop, ware), (stock, ago) in counts.items()
    ]
    seen = make.table(frames.STOCK_COUNTS, rows)
    kinds = dict(zip(("retailer_id", "brand_id"), city.categories(), strict=True))
    shops = city.retailers.assign(order_weekday=np.array(draw(st.lists(st.sampled_from([1, 4, 6]), min_size=3, max_size=3)), np.int32))
    city = replace(city, brands=brands, stock_counts=seen.astype(kinds), retailers=shops)
    rates = draw(st.dictionaries(pair, st.floats(0, 20), min_size=1, max_size=9))
    rules = RULES.suggesting.model_copy(update={"province_first": draw(st.booleans()), "substitutes": draw(st.integers(0, 2))})
    return night(city, planned(city, rates), rules)


@st.composite
def markets(draw: st.DrawFn) -> Night:
    """Nights of a city of seven shops and eight brands of two classes, some short by supply, others by cap, quota, day limit or hold."""

    def pick(*of: Any) -> list[Any]:
        return draw(st.lists(st.sampled_from(of), min_size=8, max_size=8))

    names = [f"B{n}" for n in range(8)]
    supplied, classes, made = pick("balanced", "balanced", "ample", "tight"), pick(1, 1, 2), pick("other", "province")
    kinds = zip(names, supplied, classes, made, pick(1, 1, 3), pick(1, 1, 4), strict=True)
    wares = [
        make.brand(name, supply_attribute=of, price_class=price, origin=origin, pack_multiple=pack, min_lot=lot)
        for name, of, price, origin, pack, lot in kinds
    ]
    shops = [make.retailer(f"R{n}", star_level=level) for n, level in enumerate(pick(1, 2, 3)[:7])]
    numbers = st.integers(0, 30)
    supply = draw(st.dictionaries(st.sampled_from(names), numbers, max_size=5))
    caps = draw(st.dictionaries(st.tuples(st.sampled_from(names), st.integers(1, 3)), st.integers(0, 6), max_size=5))
    quotas = draw(st.dictionaries(st.tuples(st.sampled_from(["", *names]), st.integers(1, 3)), numbers, max_size=3))
    limits = draw(st.dictionaries(st.integers(1, 3), numbers, max_size=2))
    held = draw(st.lists(st.tuples(st.sampled_from(range(7)), st.sampled_from(["", *names])), max_size=2, unique=True))
    city = make.snapshot(
        retailers=shops,
        brands=wares,
        supply=[{"brand_id": name, "week": make.week(), "available": left} for name, left in supply.items()],
        release_strategy=[{"brand_id": name, "week": make.week(), "star_level": at, "cap": cap} for (name, at), cap in caps.items()],
        monthly_quotas=[{"month": "2026-03", "star_level": at, "brand_id": name, "quota": q} for (name, at), q in quotas.items()],
        daily_limits=[{"star_level": at, "limit": limit} for at, limit in limits.items()],
        holds=[{"retailer_id": f"R{n}", "brand_id": name, "from": make.MONDAY, "to": make.week(1)} for n, name in held],
        stock_counts=[
            {"retailer_id": f"R{n}", "brand_id": name, "counted_on": make.MONDAY - timedelta(days=1), "stock": 0}
            for n in range(7) for name in names
        ],
    )  # fmt: skip
    rates = np.random.default_rng(draw(st.integers(0, 2**31))).gamma(0.8, 4.0, (7, 8)).round(2)
    carried = {(f"R{n}", name): rates[n, at] for n in range(7) for at, name in enumerate(names) if rates[n, at] > 0.3}
    rules = RULES.suggesting.model_copy(update={"province_first": draw(st.booleans()), "substitutes": draw(st.integers(1, 4))})
    return night(city, planned(city, carried), rules)


def as_lines(found: Night, brand: str, quantity: str, rows: pd.DataFrame) -> pd.DataFrame:
    """Suggestions or substitutes as lines that were given just what they asked."""
    on = dict(zip(found.suggestions["retailer_id"].astype("str"), found.suggestions["order_day"], strict=True))
    return pd.DataFrame(
        {
            "order_id": quantity,
            "retailer_id": rows["retailer_id"].astype("str"),
            "brand_id": rows[brand].astype("str"),
            "order_date": rows["retailer_id"].astype("str").map(on),
            **dict.fromkeys(("requested", "usable", "allocated"), rows[quantity].astype("int64")),
            "reason": "FULL",
        }
    )


def together(found: Night) -> pd.DataFrame:
    """All that the night advises, of one pair as one line."""
    parts = [
        as_lines(found, "brand_id", "suggested", found.suggestions), as_lines(found, "substitute_id", "quantity", found.offered),
    ]  # fmt: skip
    key = ["retailer_id", "brand_id", "order_date"]
    sums = pd.concat(parts).groupby(key, as_index=False)[["requested", "usable", "allocated"]].sum()
    return sums.assign(order_id="", reason="FULL")


def unfit(found: Night) -> Iterator[str]:
    """Substitutes that should not have been offered, and wants to which too much was."""
    ware = found.city.brands.set_index("brand_id")
    wants = found.suggestions.set_index(["retailer_id", "brand_id", "week"])
    for (*key, week), rows in found.offered.groupby(["retailer_id", "brand_id", "week"], observed=True):
        want, own = wants.loc[(*key, week)], ware.loc[key[1]]
        if rows["quantity"].sum() > want["need"] - want["suggested"]:
            yield f"{key}: {rows['quantity'].sum()} for {want['need'] - want['suggested']}"
        rows = rows.sort_values("rank")
        if rows["rank"].tolist() != list(range(1, len(rows) + 1)) or len(rows) > found.rules.substitutes:
            yield f"{key}: ranks {rows['rank'].tolist()}"
        made = (ware.loc[rows["substitute_id"], "origin"] == "province").to_numpy(np.int64)
        first = -made * found.rules.province_first
        gain = (rows["own_share"] - rows["peer_share"]).round(12)
        if sorted(zip(first, gain, strict=True)) != list(zip(first, gain, strict=True)):
            yield f"{key}: {gain.tolist()} out of order"
        for row in rows.to_dict("records"):
            other = ware.loc[row["substitute_id"]]
            if row["substitute_id"] == key[1] or other["price_class"] != own["price_class"]:
                yield f"{key}: {row['substitute_id']} is no other brand of its class"
            if other["supply_attribute"] == "tight" or other["withdrawn_on"] < want["order_day"] or row["peer_share"] <= 0:
                yield f"{key}: {row['substitute_id']} is tight, gone, or sold by nobody"
            if (
                week in set(found.supply.weeks)
                and found.supply.threshold[ware.index.get_loc(row["substitute_id"])][found.supply.weeks.get_loc(week)] >= 0
            ):
                yield f"{key}: {row['substitute_id']} is short"


@laws
@hypothesis.given(nights() | markets())
def test_suggestions_and_substitutes_follow_from_what_is_stored_and_keep_every_bound_together(found: Night) -> None:
    assert list(wrong(found.suggestions)) == []
    assert list(breaches(found.city, together(found))) == []
    assert list(unfit(found)) == []
    told = suggest.derived(found.suggestions)
    assert (told["unmet"] == (found.suggestions["need"] - found.suggestions["suggested"]).clip(lower=0)).all()
    assert (told["wanted"] >= found.suggestions["suggested"]).all()


@laws
@hypothesis.given(nights(), st.randoms(use_true_random=False))
def test_the_order_of_the_estimates_does_not_matter(found: Night, chance: Any) -> None:
    order = list(range(len(found.demand)))
    chance.shuffle(order)
    again = night(found.city, found.demand.iloc[order].reset_index(drop=True), found.rules)
    pd.testing.assert_frame_equal(again.suggestions, found.suggestions)
    pd.testing.assert_frame_equal(again.offered, found.offered)


@laws
@hypothesis.given(nights())
def test_what_is_suggested_comes_back_into_no_level(found: Night) -> None:
    """Twice the cover suggests more, and what waiting lines get, and the level, stay to the last bit."""
    doubled = found.rules.model_copy(update={"cover_weeks": {area: 2 * weeks for area, weeks in found.rules.cover_weeks.items()}})
    again = night(found.city, found.demand, doubled)
    np.testing.assert_array_equal(again.supply.threshold, found.supply.threshold)
    np.testing.assert_array_equal(again.supply.spare, found.supply.spare)


SHORT = {"brand_id": "B1", "week": make.week(), "available": 4}


def short_city(**brands: dict[str, Any]) -> Night:
    """Eight shops of one kind that want 3 of B1, of which there are 4 in all, and sell B2 and B3 beside it; nothing is on any shelf."""
    shops = [make.retailer(f"R{n}") for n in range(8)]
    wares = [make.brand(name, **brands.get(name, {})) for name in ("B1", "B2", "B3")]
    rates = {(f"R{n}", ware): rate for n in range(8) for ware, rate in (("B1", 2.0), ("B2", 2.0 - n / 8), ("B3", 1.0))}
    empty = [
        {"retailer_id": shop, "brand_id": ware, "counted_on": make.MONDAY - timedelta(days=1), "stock": 0} for shop, ware in rates
    ]  # fmt: skip
    city = make.snapshot(retailers=shops, brands=wares, supply=[SHORT], stock_counts=empty)
    return night(city, planned(city, rates))


def test_a_row_or_a_bound_that_is_off_by_one_is_noticed() -> None:
    """The control of the laws above."""
    found = short_city()
    rows = found.suggestions
    assert list(wrong(rows)) == []
    at = rows.index[rows["brand_id"] == "B1"][0]
    assert len(list(wrong(rows.assign(suggested=rows["suggested"] + (rows.index == at))))) == 1
    more = replace(found, suggestions=rows.assign(suggested=rows["suggested"] + (rows.index == at)))
    assert any("supply" in said for said in breaches(found.city, together(more)))
    assert any("for" in said for said in unfit(replace(found, offered=found.offered.assign(quantity=found.offered["quantity"] + 9))))


def test_a_short_brand_is_suggested_up_to_its_level_and_no_further() -> None:
    found = short_city()
    of_short = found.suggestions[found.suggestions["brand_id"] == "B1"]
    assert of_short["suggested"].sum() == 4
    assert set(of_short["suggested"]) <= {0, 1}, "equal shops differ by a carton at most"
    assert set(of_short["reason"]) == {"COVER+LEVEL"}
    assert of_short["level_line"].tolist() == of_short["suggested"].tolist()
    assert (of_short["need"] == 3).all()


def test_a_level_that_an_earlier_night_stored_holds_less_what_the_week_gave_already() -> None:
    """Weight 3 at a level just below 1: a line of 3 by the ticket, of which 2 were given on Monday."""
    level = {"brand_id": "B1", "week": make.week(), "available": 100, "expected": 9.0, "threshold": 2**32 // 1000, "level": 1.0}
    city = make.snapshot(
        business_date=THURSDAY,
        retailers=[make.retailer("R1", order_weekday=5)],
        lines=[make.line(requested=2, allocated=2, order_date=make.MONDAY)],
        supply=[SHORT | {"available": 100}],
        week_levels=[level],
    )
    row = night(city, planned(city, {("R1", "B1"): 20.0})).suggestions.iloc[0]
    assert (row["level_line"], row["given"], row["suggested"], row["reason"]) == (3, 2, 1, "NO_COUNT+LEVEL")
    spent = replace(city, supply=make.table(frames.SUPPLY, [SHORT | {"available": 2}]))
    row = night(spent, planned(spent, {("R1", "B1"): 20.0})).suggestions.iloc[0]
    assert (row["suggested"], row["reason"]) == (0, "NO_COUNT+LEVEL"), "a level promises nothing of a supply that is gone"


def test_what_lacks_of_a_short_brand_is_spread_over_what_peers_sell_of_its_class() -> None:
    found = short_city()
    offered = found.offered[found.offered["retailer_id"] == "R7"].sort_values("rank")
    lacking = 3 - int(found.suggestions.set_index(["retailer_id", "brand_id"])["suggested"]["R7"]["B1"])
    assert offered["substitute_id"].tolist()[0] == "B2", "R7 sells least of B2 among its peers"
    assert offered["quantity"].sum() == lacking
    assert (offered["peer_share"] - offered["own_share"]).is_monotonic_decreasing


@pytest.mark.parametrize(
    ("brands", "left"),
    [
        ({"B2": {"supply_attribute": "tight"}}, {"B3"}),
        ({"B2": {"price_class": 3}}, {"B3"}),
        ({"B2": {"withdrawn_on": make.MONDAY}}, {"B3"}),
        ({"B2": {"launched_on": make.week(1)}}, {"B3"}),
        ({"B2": {"min_lot": 9}}, {"B3"}),
        ({"B2": {"pack_multiple": 5}}, {"B3"}),
        ({}, {"B2", "B3"}),
    ],
)
def test_a_brand_that_cannot_help_is_not_offered(brands: dict[str, Any], left: set[str]) -> None:
    assert set(short_city(**brands).offered["substitute_id"]) == left


def test_brands_of_the_province_come_first_where_told_so() -> None:
    found = short_city(B3={"origin": "province"})
    told = found.rules.model_copy(update={"province_first": True})
    offered = substitutes.offer(found.city, found.suggestions, found.supply, told)
    assert set(offered.loc[offered["rank"] == 1, "substitute_id"]) == {"B3"}
    assert set(found.offered.loc[found.offered["retailer_id"] == "R7"].query("rank == 1")["substitute_id"]) == {"B2"}


def test_no_substitutes_are_offered_where_none_are_wanted_or_the_week_is_not_known() -> None:
    found = short_city()
    none = found.rules.model_copy(update={"substitutes": 0})
    assert substitutes.offer(found.city, found.suggestions, found.supply, none).empty
    unknown = replace(found.supply, known=np.zeros_like(found.supply.known))
    assert substitutes.offer(found.city, found.suggestions, unknown, found.rules).empty


def test_a_brand_not_yet_carried_may_stand_in() -> None:
    found = short_city()
    city = found.city
    fewer = found.demand[~((found.demand["retailer_id"] == "R7") & (found.demand["brand_id"] == "B2"))]
    again = night(city, fewer)
    offered = again.offered.query("retailer_id == 'R7' and substitute_id == 'B2'")
    assert offered["own_share"].tolist() == [0.0]
    assert len(again.suggestions.query("retailer_id == 'R7' and brand_id == 'B2'")) == 0


def test_spare_cartons_of_a_substitute_are_not_promised_twice() -> None:
    found = short_city()
    week = {"brand_id": "B2", "week": make.week()}
    needed = int(found.suggestions.loc[found.suggestions["brand_id"] == "B2", "suggested"].sum())
    for spare in (0, 1, 3):
        supply = make.table(frames.SUPPLY, [SHORT, week | {"available": needed + spare}])
        again = night(replace(found.city, supply=supply), found.demand)
        assert again.offered.loc[again.offered["substitute_id"] == "B2", "quantity"].sum() == spare


# dependence


def test_a_shop_that_hangs_on_a_short_brand_is_a_warning() -> None:
    found = short_city()
    received = [
        make.line(f"R{n}", ware, 9, 9, order_date=make.MONDAY - timedelta(days=20)) for n in range(2) for ware in ("B1", "B3", "B3")
    ]
    lines = make.snapshot(retailers=found.city.retailers.to_dict("records"), brands=found.city.brands.to_dict("records"), lines=[
        line | {"order_id": f"{line['order_id']}-{n}"} for n, line in enumerate(received)
    ]).lines  # fmt: skip
    warned = dependence.warnings(replace(found.city, lines=lines), found.suggestions, found.supply, found.rules).set_index("retailer_id")
    assert set(warned["brand_id"]) == {"B1"}
    assert "R0" in warned.index, "of brands of equal demand the first counts"
    shares = np.array([2.0, 2.0 - 4 / 8, 1.0]) / (5.0 - 4 / 8)
    assert warned.loc["R4", "share"] == pytest.approx(shares[0])
    assert warned.loc["R4", "hhi"] == pytest.approx((shares**2).sum())
    assert warned.loc["R0", "purchased"] == pytest.approx(1 / 3)
    assert np.isnan(warned.loc["R4", "purchased"])
    assert (warned["needed"] == 3).all()


@pytest.mark.parametrize("at", [0.3, 0.45, 0.6])
def test_a_share_below_the_setting_or_a_brand_in_plenty_is_no_warning(at: float) -> None:
    found = short_city()
    rules = found.rules.model_copy(update={"dependence_share": at})
    shares = {f"R{n}": 2.0 / (5.0 - n / 8) for n in range(8)}
    warned = dependence.warnings(found.city, found.suggestions, found.supply, rules)
    assert set(warned["retailer_id"]) == {shop for shop, share in shares.items() if share >= at}
    ample = night(replace(found.city, supply=found.city.supply.iloc[:0]), found.demand)
    assert dependence.warnings(ample.city, ample.suggestions, ample.supply, rules).empty
