"""In whatever order a week's lines arrive, over days and modes, each gets what its level promises; only what is left beyond it differs."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from allocation import fill, policies, suggest
from ordering import settings
from ordering.frames import Snapshot
from tests import factories as make
from tests.examples import examples

RULES = settings.load().allocation
ORDERS = examples(15)
"""Orders of arrival, a second and a half each: TRUEORDER_EXAMPLES=100 tries a hundred."""
SHOPS, WARES = 14, ("B1", "B2", "B3")


def city(rng: random.Random, days: list[int], asks: np.ndarray, supply: dict[str, int], *, given: dict[tuple[int, int], int]) -> Snapshot:
    """Shops order on their day; lines in `given` are confirmed (None: they arrive now and wait), the others have not arrived."""
    lines = [
        make.line(
            f"R{shop:02}", WARES[ware], int(asks[shop, ware]), got, order_date=make.MONDAY + timedelta(days=days[shop] - 1),
            mode="same_day" if shop % 2 else "pre_order",
        )
        for (shop, ware), got in given.items()
    ]  # fmt: skip
    rng.shuffle(lines)
    return make.snapshot(
        retailers=[make.retailer(f"R{i:02}", star_level=1 + i % 4, order_weekday=days[i]) for i in range(SHOPS)],
        brands=[make.brand(name) for name in WARES],
        waiting=lines,
        supply=[{"brand_id": name, "week": make.week(), "available": count} for name, count in supply.items()],
    )


@pytest.fixture(scope="module")
def week() -> tuple[list[int], np.ndarray, dict[str, int], pd.DataFrame]:
    """Order days, requests, supplies, and the levels of the first night, which expects a few more: feasible for those that come."""
    rng = random.Random(4)
    days = [1 + i % 5 for i in range(SHOPS)]
    asks = np.array([[rng.randint(0, 9) for _ in WARES] for _ in range(SHOPS)])
    supply = {name: int(asks[:, i].sum() * share) for i, (name, share) in enumerate(zip(WARES, (0.4, 0.7, 1.2), strict=True))}
    shop, ware = np.nonzero(asks)
    expected = pd.DataFrame(
        {
            "retailer_id": [f"R{i:02}" for i in shop],
            "brand_id": [WARES[i] for i in ware],
            "week": pd.Timestamp(make.week()),
            "requested": asks[shop, ware] + 4 * (shop % 6 == 0),
        }
    )
    found = policies.allocate(city(rng, days, asks, supply, given={}), expected, RULES)
    return days, asks, supply, found.levels


def promised(days: list[int], asks: np.ndarray, levels: pd.DataFrame) -> np.ndarray:
    """min(u, ⌊w·λ̂ + U⌋) of every shop and ware, from the published level."""
    known = levels.set_index("brand_id")["threshold"]
    threshold = np.array([int(known[name]) if pd.notna(known.get(name)) else fill.UNLIMITED for name in WARES])
    shop, ware = np.divmod(np.arange(asks.size), len(WARES))
    ids = [f"R{i:02}" for i in range(SHOPS)]
    ticket, _ = fill.tickets(ids, list(WARES), shop, ware, np.zeros(len(shop)), RULES.salt)
    weight = 1000 * (1 + shop % 4)
    return fill.entitled(threshold[ware], ticket, weight, asks.ravel()).reshape(asks.shape)


def arrive(rng: random.Random, week: tuple[list[int], np.ndarray, dict[str, int], pd.DataFrame], *, stored: bool) -> np.ndarray:
    """What everybody gets when the days' shops come in an order of their own, some one by one, some together at the cut-off."""
    days, asks, supply, levels = week
    given: dict[tuple[int, int], int] = {}
    for day in range(1, 6):
        shops = [i for i in range(SHOPS) if days[i] == day]
        rng.shuffle(shops)
        cut = rng.randint(0, len(shops))
        waiting = shops[cut:]
        for batch in [*([shop] for shop in shops[:cut]), waiting]:  # same-day orders as they come, then those that wait for the cut-off
            now = {(shop, ware): None for shop in batch for ware in range(len(WARES)) if asks[shop, ware]}
            if not now:
                continue
            known = city(rng, days, asks, supply, given={**given, **now})  # type: ignore[dict-item]
            known = replace(known, week_levels=levels) if stored else known
            closing = batch is waiting
            lines = policies.allocate(known, suggest.nobody_else(), RULES, closing=closing).lines
            for row in lines.itertuples():
                given[int(row.retailer_id[1:]), WARES.index(row.brand_id)] = int(row.allocated)
    out = np.zeros(asks.shape, int)
    for (shop, ware), got in given.items():
        out[shop, ware] = got
    return out


def test_every_line_gets_at_least_what_its_level_promises_in_every_order(
    week: tuple[list[int], np.ndarray, dict[str, int], pd.DataFrame],
) -> None:
    days, asks, supply, levels = week
    least = promised(days, asks, levels)
    assert (least.sum(0)[:2] <= list(supply.values())[:2]).all()  # feasible, but for ties none
    different = set()
    for seed in range(ORDERS):
        got = arrive(random.Random(seed), week, stored=True)
        assert (got >= least).all()
        assert (got <= asks).all()
        assert (got.sum(0) <= list(supply.values())).all()
        early = np.array(days) < 5
        assert (got[early] == least[early]).all()  # beyond the level only the last day gets anything
        different.add(got.tobytes())
    assert len(different) > 1  # what is left beyond it differs


def test_without_a_stored_level_early_orders_empty_the_shelf_of_later_ones(
    week: tuple[list[int], np.ndarray, dict[str, int], pd.DataFrame],
) -> None:
    """The control."""
    days, asks, _, levels = week
    least = promised(days, asks, levels)
    assert any((arrive(random.Random(seed), week, stored=False) < least).any() for seed in range(3))
