"""What would have given a line one carton more is what gives it: raise the supply by as much, and it has it; by one less, and not."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import hypothesis
import hypothesis.strategies as st
import pandas as pd
import pytest

from allocation import counterfactual, explain, policies, suggest
from ordering import settings
from ordering.frames import Snapshot
from ordering.model import Reason
from tests import factories as make

RULES = settings.load().allocation
SHOPS = tuple(f"R{number}" for number in range(6))
few = hypothesis.settings(max_examples=20, deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])


def town(levels: list[int], asks: list[int], supply: int, *, pack: int = 1, **tables: Any) -> Snapshot:
    return make.snapshot(
        retailers=[make.retailer(name, star_level=level) for name, level in zip(SHOPS, levels, strict=True)],
        brands=[make.brand("B1", pack_multiple=pack)],
        waiting=[
            make.line(name, requested=want, allocated=None, order_date=make.MONDAY + timedelta(days=1))
            for name, want in zip(SHOPS, asks, strict=True)
        ],
        supply=[{"brand_id": "B1", "week": make.week(), "available": supply}],
        **tables,
    )


def allocated(city: Snapshot) -> pd.DataFrame:
    lines = policies.allocate(city, suggest.nobody_else(), RULES).lines
    return lines.assign(owner=lines["retailer_id"].astype("str"))


def with_supply(city: Snapshot, supply: int) -> Snapshot:
    return replace(city, supply=city.supply.assign(available=supply))


@few
@hypothesis.given(
    levels=st.lists(st.integers(1, 5), min_size=6, max_size=6),
    asks=st.lists(st.integers(0, 12), min_size=6, max_size=6),
    supply=st.integers(0, 40),
    pack=st.sampled_from([1, 1, 3]),
)
def test_as_much_supply_more_gives_the_line_a_pack_more_and_less_does_not(
    levels: list[int], asks: list[int], supply: int, pack: int
) -> None:
    city = town(levels, asks, supply - supply % pack, pack=pack)
    lines = allocated(city)
    cut = lines[lines["allocated"] < lines["usable"]]
    for at in cut.index[:2]:
        one = counterfactual.one_more(lines.loc[at], lines, 0.0)
        assert one.supply is not None
        assert not one.about
        now, base = lines.loc[at, "allocated"], int(city.supply["available"].iloc[0])
        assert allocated(with_supply(city, base + one.supply)).loc[at, "allocated"] == now + pack
        assert allocated(with_supply(city, base + one.supply - pack)).loc[at, "allocated"] == now


def caps(cap: int) -> list[dict[str, Any]]:
    return [{"brand_id": "B1", "week": make.week(), "star_level": level, "cap": cap} for level in range(1, 6)]


@pytest.mark.parametrize(("supply", "got"), [(99, 9), (24, 5)])
def test_a_limit_lifted_gives_what_the_next_limit_or_the_level_leaves(supply: int, got: int) -> None:
    """Caps of 4 leave supply over; without them the level is not known, or the day limit cuts next."""
    city = town([3] * 6, [9] * 6, supply, release_strategy=caps(4), daily_limits=[{"star_level": 3, "limit": 5}] if supply < 99 else [])
    line = allocated(city).iloc[0]
    assert line["reason"] == Reason.STAR_CAP
    one = counterfactual.one_more(line, allocated(city), 0.0)
    assert one.lifted == (Reason.STAR_CAP, got)
    assert one.supply is None
    assert explain.instead(line, one, "en") == f"Without that limit it would have been {got}."
    assert explain.instead(line, one, "zh") == f"若无此项限制，可得{got}条。"


def test_a_line_that_got_all_it_asked_for_has_nothing_to_change() -> None:
    line = allocated(town([3] * 6, [2] * 6, 99)).iloc[0]
    one = counterfactual.one_more(line, allocated(town([3] * 6, [2] * 6, 99)), 0.0)
    assert (one.level, one.supply, one.lifted) == (None, None, None)
    assert "stood between" in explain.instead(line, one, "en")


def test_requests_that_were_only_expected_are_scaled_for_and_it_is_said() -> None:
    lines = allocated(town([3] * 6, [9] * 6, 20))
    line = lines[lines["allocated"] == lines["allocated"].min()].iloc[0]
    alone, more = (counterfactual.one_more(line, lines, expected) for expected in (0.0, 54.0))
    assert alone.supply is not None
    assert more.supply == 2 * alone.supply
    assert "about" in explain.instead(line, more, "en")
    assert "about" not in explain.instead(line, alone, "en")
