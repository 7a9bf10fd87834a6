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
    @hypothesis.given(st.data())
    def kept(data: st.DataObject) -> None:
        chance = markets.Drawn(data)
        assert law(mode.rule, mode.kind.market(chance), chance)

    kept()


CONTROLS = [
    (markets.plain, "totals", laws.nobody_gets_more_than_usable_or_than_there_is),
    (markets.totals_first, "totals", laws.who_is_unmet_where_a_brand_is_left_over_has_no_room),
    (markets.totals_first, "totals", laws.who_is_unmet_where_a_brand_is_left_over_has_its_totals_full_of_what_it_likes_better),
    (markets.proportional, "one brand", laws.asking_for_more_never_helps),
    (markets.proportional, "one brand", laws.more_supply_hurts_nobody),
    (markets.proportional, "one brand", laws.a_part_shares_what_it_got_as_it_did_within_the_whole),
    *((markets.lottery, name, law) for name in ("one brand", "totals") for law in (*laws.ALWAYS[2:4], *laws.ORDERED[1:], *laws.SEPARATE)),
]
"""Rules that break a law: each law but that of threads has one."""


@pytest.mark.parametrize(("rule", "name", "law"), CONTROLS, ids=[f"{law.__name__}-{rule.__name__}-{name}" for rule, name, law in CONTROLS])
def test_a_rule_that_breaks_the_law_is_found_out(rule: laws.Rule, name: str, law: Law) -> None:
    assert laws.breaches(rule, law, MODES[name].kind, 1000) > 0
