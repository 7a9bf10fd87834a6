"""Who a shop's peers are and what they sell, beside a plain count."""

from __future__ import annotations

from typing import Any

import hypothesis
import hypothesis.strategies as st
import numpy as np

from allocation import peers
from tests import factories as make
from tests.examples import examples

laws = hypothesis.settings(max_examples=examples(60), deadline=None)


def plainly(shops: list[dict[str, Any]], rate: np.ndarray, around: int, one: int) -> np.ndarray:
    """What the peers of shop number `one` sell."""
    own = shops[one]
    others = [at for at in range(len(shops)) if at != one]
    near = [
        at
        for at in others
        if all(shops[at][name] == own[name] for name in ("area_type", "business_format"))
        and abs(shops[at]["star_level"] - own["star_level"]) <= around
    ]
    return rate[near if len(near) >= peers.LEAST_PEERS else others].sum(axis=0)


@laws
@hypothesis.given(
    st.lists(st.tuples(st.sampled_from(["urban", "rural"]), st.sampled_from(["a", "b"]), st.integers(1, 6)), min_size=1, max_size=24),
    st.integers(0, 7),
    st.integers(0, 2**31),
)
def test_peers_sell_what_a_plain_count_says(kinds: list[tuple[str, str, int]], around: int, seed: int) -> None:
    shops = [
        make.retailer(f"R{n:02}", area_type=area, business_format=kind, star_level=level) for n, (area, kind, level) in enumerate(kinds)
    ]
    city = make.snapshot(retailers=shops, brands=[make.brand("B1"), make.brand("B2")])
    rate = np.random.default_rng(seed).integers(0, 5, (len(shops), 2)).astype(float)
    found = peers.sold(city, rate, np.array([level for *_, level in kinds]), around)
    np.testing.assert_allclose(found, [plainly(shops, rate, around, one) for one in range(len(shops))], atol=1e-9)


def test_shares_add_up_to_one_or_to_none() -> None:
    found = peers.shares(np.array([[1.0, 3.0], [0.0, 0.0]]))
    assert found.tolist() == [[0.25, 0.75], [0.0, 0.0]]
