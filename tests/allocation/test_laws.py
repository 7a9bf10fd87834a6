"""Every law of tests/allocation/laws.py put to every rule that keeps it, and rules that must be found to break them."""

from __future__ import annotations

import hypothesis
import hypothesis.strategies as st
import pytest

from tests.allocation import laws, markets
from tests.allocation.laws import MODES, Law

KEPT = [(name, law) for name, mode in MODES.items() for law in mode.keeps]


@pytest.mark.parametrize(("name", "law"), KEPT, ids=[f"{law.__name__}-{name}" for name, law in KEPT])
def test_the_law_is_kept(name: str, law: Law) -> None:
    mode = MODES[name]

    @hypothesis.settings(max_examples=200, deadline=None)
    @hypothesis.given(mode.markets, st.data())
    def kept(market: markets.Market, data: st.DataObject) -> None:
        assert law(mode.rule, market, data.draw)

    kept()


CONTROLS = [
    (markets.proportional, "one brand", laws.asking_for_more_never_helps),
    (markets.proportional, "one brand", laws.no_two_gain_by_lying_together),
    (markets.proportional, "one brand", laws.nobody_gains_when_another_asks_for_more),
    (markets.first_come, "one brand", laws.the_order_of_claimants_is_irrelevant),
    (markets.first_come, "one brand", laws.a_weight_no_smaller_is_never_more_than_one_unit_behind),
    (markets.first_come, "one brand", laws.where_no_total_binds_it_is_the_plain_rule),
    (markets.plain, "totals", laws.nobody_gets_more_than_usable_or_than_there_is),
    (markets.totals_first, "totals", laws.who_is_unmet_where_a_brand_is_left_over_has_no_room),
    (markets.cut_offs, "totals", laws.asking_for_less_never_helps),
    (markets.cut_offs, "totals", laws.a_part_shares_what_it_got_as_it_did_within_the_whole),
]
"""Rules that break a law."""


@pytest.mark.parametrize(("rule", "name", "law"), CONTROLS, ids=[f"{rule.__name__}-{law.__name__}" for rule, _, law in CONTROLS])
def test_a_rule_that_breaks_the_law_is_found_out(rule: laws.Rule, name: str, law: Law) -> None:
    assert laws.breaches(rule, law, MODES[name].markets, 200) > 0
