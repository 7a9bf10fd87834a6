"""Allocation at the size of a city: the compiled rule beside copying its arrays, with totals that couple brands beside the largest flow
and linear programming on the same claims, then tickets, a whole week, past reasons, and the suggestions of a quarter of the city (all of
them take 8 GB).

    python -m benchmarks.allocation [--retailers 40000] [--brands 200] [--lines 2000000] [--threads 1] [--peers-python P]

`--peers-python` has OR-tools, see peer_flow.py; without it its largest flow is left out. Compilation is not counted: each is run once
beforehand. Times are the best of several runs on whatever else the machine does.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from allocation import bounds, dependence, fill, policies, shortage, substitutes, suggest, what_if
from allocation.week_supply import NAMES
from benchmarks import coupled
from ordering import frames, settings
from ordering.model import Policy

MONDAY = date(2026, 3, 2)


def best(what: Callable[[], Any], runs: int = 5) -> float:
    """Seconds of the fastest of `runs` runs, after one that does not count."""
    what()
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        what()
        times.append(time.perf_counter() - start)
    return min(times)


def claims(retailers: int, brands: int) -> dict[str, Any]:
    """Every retailer asks for every brand; supply is 30 to 95% of what is asked."""
    rng, size = np.random.default_rng(1), retailers * brands
    usable = rng.poisson(np.exp(rng.normal(1, 1, size))).astype(np.int32)
    offsets = np.arange(brands + 1) * retailers
    asked = np.add.reduceat(usable.astype(np.int64), offsets[:-1])
    return {
        "offsets": offsets,
        "usable": usable,
        "weight_milli": np.tile((rng.integers(1, 6, retailers) * 1000).astype(np.int32), brands),
        "ticket": rng.integers(0, 2**32, size, dtype=np.uint32),
        "tiebreak": rng.integers(0, 2**32, size, dtype=np.uint32),
        "supply": (asked * rng.uniform(0.3, 0.95, brands)).astype(np.int64),
    }


def city(retailers: int, brands: int, lines: int) -> frames.Snapshot:
    """A city whose week's lines all wait, with supply, caps and quotas, and the same lines again as last week's history."""
    rng = np.random.default_rng(2)
    week, past = frames.day(MONDAY), frames.day(MONDAY) - pd.Timedelta(weeks=1)
    shops = pd.DataFrame({"retailer_id": [f"R{i:06d}" for i in range(retailers)], "star_level": rng.integers(1, 6, retailers)})
    weekday = rng.integers(1, 6, retailers)
    shops = shops.assign(
        name="店", district="D1", street="S1", area_type="urban", business_format="c", account_manager="M", order_weekday=weekday
    )
    wares = pd.DataFrame({"brand_id": [f"B{i:03d}" for i in range(brands)], "name": "牌", "manufacturer": "F"})
    wares = wares.assign(price_class=rng.integers(1, 6, brands), wholesale_price=100.0)
    pair = np.sort(rng.choice(retailers * brands, min(lines, retailers * brands), replace=False))
    retailer, brand = pair // brands, pair % brands
    asked = rng.poisson(4, len(pair)).astype(np.int32)
    kinds = pd.CategoricalDtype(shops["retailer_id"]), pd.CategoricalDtype(wares["brand_id"])

    def placed(monday: pd.Timestamp, allocated: Any) -> pd.DataFrame:
        on = monday + pd.to_timedelta(weekday[retailer] - 1, unit="D").as_unit("us")
        order = pd.Series([f"O{monday:%m%d}{i:06d}" for i in range(retailers)], dtype="str").to_numpy()[retailer]
        ids = {"order_id": order, "brand_id": pd.Categorical.from_codes(brand, dtype=kinds[1])}
        ids["retailer_id"] = pd.Categorical.from_codes(retailer, dtype=kinds[0])
        return pd.DataFrame(ids | {"order_date": on, "mode": "pre_order", "requested": asked, "allocated": allocated, "week": monday})

    levels, every = np.arange(1, 6), wares["brand_id"]
    supply = pd.DataFrame({"brand_id": every, "week": week, "available": np.bincount(brand, asked, brands) * 6 // 10})
    caps = pd.DataFrame({"brand_id": np.repeat(every, 5), "star_level": np.tile(levels, brands), "cap": np.tile(levels * 2, brands)})
    caps = pd.concat([caps.assign(week=monday) for monday in (past, week)])
    quotas = pd.DataFrame({"month": "2026-03", "star_level": levels, "brand_id": "", "quota": levels * 60})
    known = {"supply": supply, "release_strategy": caps, "monthly_quotas": quotas}
    names = [*frames.CONTRACT][3:]
    small = {n: frames.conform(frames.CONTRACT[n], known[n]) if n in known else frames.empty(frames.CONTRACT[n]) for n in names}
    for name in ("star_levels", "stock_counts", "scanned_sales"):
        small[name] = small[name].astype({c: k for c, k in zip(("retailer_id", "brand_id"), kinds, strict=True) if c in small[name]})
    short = pd.array(asked // 2, dtype="Int32")
    return frames.Snapshot(
        business_date=MONDAY,
        retailers=frames.conform(frames.RETAILERS, shops),
        brands=frames.conform(frames.BRANDS, wares),
        lines=placed(past, short),
        waiting=placed(week, pd.array(np.full(len(pair), None), dtype="Int32")),
        week_levels=frames.empty(frames.WEEK_LEVELS),
        **{name: frame for name, frame in small.items() if name in frames.Snapshot.__dataclass_fields__},
    )


def uncoupled(pairs: dict[str, Any], threads: int) -> float:
    """Prints how long the plain rule takes, and copying its arrays; seconds of the latter."""
    arrays = [pairs[name] for name in ("usable", "weight_milli", "ticket", "tiebreak", "usable")]  # the last for the result
    into = [np.empty_like(array) for array in arrays]
    floor = best(lambda: [np.copyto(there, here) for there, here in zip(into, arrays, strict=True)])
    filled = best(lambda: fill.fill(**pairs, threads=threads))
    print(f"fill, {len(pairs['usable']):,} pairs, {threads} thread(s): {filled:.3f} s")
    print(f"copying the same arrays: {floor:.3f} s; fill takes {filled / floor:.1f} times as long")
    return floor


def with_totals(pairs: dict[str, Any], threads: int, floor: float, python: Path | None) -> None:
    """Prints how long totals that couple brands take, how much they hand out of what could be, and how long others take for that."""
    city = coupled.city(pairs)
    took, found = best(lambda: city.share(threads), 3), city.share(threads)
    given = found.units.reshape(city.brands, -1).sum(axis=0)
    handed, full, short = int(given.sum()), (given == city.total).mean(), (found.levels >= 0).mean()
    print(f"with totals, {len(pairs['usable']):,} pairs, {threads} thread(s): {took:.3f} s, {took / floor:.0f} times copying")
    print(f"  {found.rounds} rounds; totals that are full: {full:.0%}; brands short: {short:.0%}")
    most = city.most()
    print(f"  handed out: {handed:,} cartons, {handed / most:.2%} of our bound, which took {best(city.most, 1):.2f} s")
    other = coupled.city(pairs, alike=True)
    print(f"  where all like the same brands: {other.share(threads).units.sum() / other.most():.2%} of our bound")
    if python:
        flow = coupled.largest_flow(city, python)
        both = flow["build"] + flow["solve"]
        print(f"OR-tools' largest flow: {both:.1f} s ({flow['solve']:.1f} s without building), {both / took:.1f} times as long")
        print(f"  handed out: {handed / flow['cartons']:.2%} of its {flow['cartons']:,} cartons; our bound: {most / flow['cartons']:.4%}")
    part = city.part(city.retailers // 40)
    cartons, highs = coupled.linear_program(part)
    ours, size = best(lambda: part.share(threads), 3), part.retailers * part.brands
    print(f"HiGHS, {size:,} pairs: {highs:.1f} s, {highs / size * 1e6:.1f} us a pair; ours {ours / size * 1e6:.3f} us on these, ", end="")
    print(f"{took / len(pairs['usable']) * 1e6:.3f} us on all; {highs / ours:,.0f} times as long; ", end="")
    print(f"handed out: {part.share(threads).units.sum() / cartons:.2%} of its {cartons:,.0f} cartons")


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("retailers", 40_000), ("brands", 200), ("lines", 2_000_000), ("threads", 1)):
        asked.add_argument(f"--{name}", type=int, default=default)
    asked.add_argument("--peers-python", type=Path, help="has OR-tools: see benchmarks/peer_flow.py")
    size = asked.parse_args()
    pairs = claims(size.retailers, size.brands)
    with_totals(pairs, size.threads, uncoupled(pairs, size.threads), size.peers_python)
    shops, wares = [f"R{i:06d}" for i in range(size.retailers)], [f"B{i:03d}" for i in range(size.brands)]
    retailer, brand = np.divmod(np.arange(len(pairs["usable"]) // 8), size.brands)
    hashed = best(lambda: fill.tickets(shops, wares, retailer, brand, np.ones(len(brand)), "2026"), 2)
    print(f"tickets: {len(brand) / hashed / 1e6:.1f} million pairs a second")
    rules, known = settings.load(), city(size.retailers, size.brands, size.lines)
    whole = best(lambda: policies.allocate(known, suggest.nobody_else(), rules.allocation), 2)
    print(f"allocate(), {len(known.waiting):,} waiting lines: {whole:.1f} s, {len(known.waiting) / whole / 1e6:.2f} million lines a second")
    what_ifs(known, rules.allocation)
    told = best(lambda: bounds.attribute(known, known.lines), 2)
    print(f"attribute(), {len(known.lines):,} past lines: {told:.1f} s, {len(known.lines) / told / 1e6:.1f} million lines a second")
    advise(city(size.retailers // 4, size.brands, size.lines // 4), rules)


def what_ifs(known: frames.Snapshot, rules: settings.AllocationSettings) -> None:
    """Times a prepared week decided again: one brand with another supply, and all of them under another policy."""
    week = policies.prepared(known, suggest.nobody_else(), rules)[0]
    brand = what_if.one_brand(week, week.decided(week.policy), 0)
    alone = best(lambda: brand.given(len(brand.who.owner)))
    print(f"what if, one brand, {len(brand.who.owner):,} claims: {alone * 1000:.2f} ms; ", end="")
    every = best(lambda: week.decided(np.full(len(week.policy), "star_cap", NAMES)), 2)
    print(f"all brands under another policy, {len(week.claims):,} lines: {every:.2f} s; ", end="")
    print(f"with a row and a reason for each: {best(lambda: what_if.lines(week, Policy.STAR_CAP), 1):.2f} s")


def advise(known: frames.Snapshot, rules: settings.Settings) -> None:
    """Times what is suggested for every pair of the city, where one brand in three is short."""
    retailers, brands = len(known.retailers), len(known.brands)
    retailer, brand = np.divmod(np.arange(retailers * brands), brands)
    shops, wares = known.categories()
    rate = np.random.default_rng(3).gamma(0.5, 2.0, len(retailer))
    demand = pd.DataFrame(
        {
            "retailer_id": pd.Categorical.from_codes(retailer, dtype=shops),
            "brand_id": pd.Categorical.from_codes(brand, dtype=wares),
            "week": suggest.order_weeks(known).to_numpy()[retailer],
            **dict.fromkeys(("demand", "p10", "p50", "p90"), rate),
        }
    )
    available = known.supply["available"].where(known.supply["brand_id"] < f"B{brands // 3:03d}", 10**7).astype("int32")
    wide = known.release_strategy.assign(cap=known.release_strategy["cap"] * 20)
    known = replace(
        known, supply=known.supply.assign(available=available), release_strategy=wide, monthly_quotas=known.monthly_quotas.iloc[:0]
    )
    found = policies.allocate(known, suggest.nobody_else(), rules.allocation)
    supply = shortage.of(known, suggest.order_weeks(known), found, suggest.nobody_else(), rules.allocation)
    start = time.perf_counter()
    rows = suggest.suggest(known, demand, rules.suggesting, supply)
    print(f"suggest(), {len(rows):,} pairs: {time.perf_counter() - start:.1f} s")
    short = int((rows["need"] > rows["suggested"]).sum())
    offered = best(lambda: substitutes.offer(known, rows, supply, rules.suggesting), 2)
    count = len(substitutes.offer(known, rows, supply, rules.suggesting))
    print(f"substitutes.offer(), {short:,} pairs that lack something: {offered:.1f} s, {count:,} offers")
    warned = best(lambda: dependence.warnings(known, rows, supply, rules.suggesting), 2)
    print(f"dependence.warnings(): {warned:.1f} s")


if __name__ == "__main__":
    main()
