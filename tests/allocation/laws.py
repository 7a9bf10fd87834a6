"""The laws of sharing out, each of which a rule either keeps in a market or breaks: true or false, so that breaches can be counted.

A law is put to a rule, a market and a `draw`, which draws whatever else it needs (who lies, how much more there is). A shop is no worse
off if, offered both what it had and what it has, it would take what it has: for one brand, if it has no fewer units.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import hypothesis.strategies as st

from tests.allocation.markets import (
    Market, Rule, Units, choose, cut_offs, markets, plain, proportional, solve, spare, taking, threshold,
)  # fmt: skip

Draw = Callable[[st.SearchStrategy[Any]], Any]


def no_worse(market: Market, s: int, has: tuple[int, ...], had: tuple[int, ...]) -> bool:
    """Whether shop `s` would choose what it has out of both."""
    shop = market.shops[s].asking([max(pair) for pair in zip(has, had, strict=True)])
    return choose(market, shop, shop.needs) == has


def in_order(market: Market, s: int, units: tuple[int, ...]) -> tuple[int, ...]:
    """What serves the needs of shop `s`, the brand it likes best first: to be compared in this order."""
    shop = market.shops[s]
    return tuple(min(units[b], shop.needs[b]) for b in shop.liking)


def drawn_shop(market: Market, draw: Draw) -> int:
    return int(draw(st.integers(0, len(market.shops) - 1)))


def lie_helps(rule: Rule, market: Market, lies: dict[int, list[int]]) -> bool:
    """Whether all who lie serve their needs no worse by it, and one of them better."""
    honest = rule(market)
    false = rule(market.having([shop.asking(lies.get(s, list(shop.needs))) for s, shop in enumerate(market.shops)]))
    gains = [(in_order(market, s, false[s]), in_order(market, s, honest[s])) for s in lies]
    return all(now >= before for now, before in gains) and any(now > before for now, before in gains)


def nobody_gets_more_than_usable_or_than_there_is(rule: Rule, market: Market, draw: Draw) -> bool:
    found = rule(market)
    own = all(0 <= got <= want for row, shop in zip(found, market.shops, strict=True) for got, want in zip(row, shop.needs, strict=True))
    within = all(spare(market, shop, row, b) >= 0 for row, shop in zip(found, market.shops, strict=True) for b in range(len(row)))
    handed = all(brand.supply < 0 or sum(row[b] for row in found) <= brand.supply for b, brand in enumerate(market.brands))
    return own and within and handed


def who_is_unmet_where_a_brand_is_left_over_has_no_room(rule: Rule, market: Market, draw: Draw) -> bool:
    """Without limits: all that is there and wanted is handed out."""
    found = rule(market)
    for b, brand in enumerate(market.brands):
        if brand.supply >= 0 and sum(row[b] for row in found) >= brand.supply:
            continue
        for shop, row in zip(market.shops, found, strict=True):
            if row[b] < shop.needs[b] and spare(market, shop, row, b) >= 1:
                return False
    return True


def who_is_unmet_where_a_brand_is_left_over_has_its_totals_full_of_what_it_likes_better(rule: Rule, market: Market, draw: Draw) -> bool:
    found = rule(market)
    for b, brand in enumerate(market.brands):
        if brand.supply >= 0 and sum(row[b] for row in found) >= brand.supply:
            continue
        if any(row[b] < taking(market, shop, row)[1][b] for shop, row in zip(market.shops, found, strict=True)):
            return False
    return True


def asking_for_more_never_helps(rule: Rule, market: Market, draw: Draw) -> bool:
    who = drawn_shop(market, draw)
    return not lie_helps(rule, market, {who: [need + draw(st.integers(0, 12)) for need in market.shops[who].needs]})


def asking_for_less_never_helps(rule: Rule, market: Market, draw: Draw) -> bool:
    who = drawn_shop(market, draw)
    return not lie_helps(rule, market, {who: [draw(st.integers(0, need)) for need in market.shops[who].needs]})


def no_two_gain_by_lying_together(rule: Rule, market: Market, draw: Draw) -> bool:
    pair = draw(st.lists(st.integers(0, len(market.shops) - 1), min_size=1, max_size=2, unique=True))
    return not lie_helps(rule, market, {who: [draw(st.integers(0, 20)) for _ in market.brands] for who in pair})


def more_supply_hurts_nobody(rule: Rule, market: Market, draw: Draw) -> bool:
    more = market.supplied([brand.supply + draw(st.integers(0, 4)) if brand.supply >= 0 else -1 for brand in market.brands])
    before, after = rule(market), rule(more)
    return all(no_worse(market, s, after[s], before[s]) for s in range(len(before)))


def a_claimant_less_hurts_nobody(rule: Rule, market: Market, draw: Draw) -> bool:
    gone, before = drawn_shop(market, draw), rule(market)
    rest = market.having(market.shops[:gone] + market.shops[gone + 1 :])
    after, before = rule(rest) if rest.shops else (), before[:gone] + before[gone + 1 :]
    return all(no_worse(rest, s, after[s], before[s]) for s in range(len(before)))


def a_part_shares_what_it_got_as_it_did_within_the_whole(rule: Rule, market: Market, draw: Draw) -> bool:
    stay = sorted(draw(st.sets(st.integers(0, len(market.shops) - 1), min_size=1)))
    whole = rule(market)
    part = tuple(whole[s] for s in stay)
    supplies = [sum(row[b] for row in part) if brand.supply >= 0 else -1 for b, brand in enumerate(market.brands)]
    return rule(market.having([market.shops[s] for s in stay]).supplied(supplies)) == part


def the_order_of_claimants_is_irrelevant(rule: Rule, market: Market, draw: Draw) -> bool:
    order = draw(st.permutations(range(len(market.shops))))
    found = rule(market)
    return rule(market.having([market.shops[s] for s in order])) == tuple(found[s] for s in order)


def a_weight_no_smaller_is_never_more_than_one_unit_behind(rule: Rule, market: Market, draw: Draw) -> bool:
    """Behind another, unless own limits, filled by brands liked better, bind; by one unit more where the other's last ties with the level.

    Keys are rounded up to whole 2**-32 steps; two units that differ by less tie, and the hash decides between them.
    """
    found = rule(market)
    rooms = [taking(market, shop, row)[1] for shop, row in zip(market.shops, found, strict=True)]
    for b, brand in enumerate(market.brands):
        last = [threshold(row[b], shop.claims[b].ticket, shop.claims[b].weight) for row, shop in zip(found, market.shops, strict=True)]
        for i, one in enumerate(market.shops):
            for j, other in enumerate(market.shops):
                tied = found[j][b] > 0 and last[j] >= max(last)
                fair = min(rooms[i][b], found[j][b] - 1 - tied)
                if one.claims[b].weight >= other.claims[b].weight and found[i][b] < fair and fair >= brand.lot:
                    return False
    return True


def more_weight_never_gives_less(rule: Rule, market: Market, draw: Draw) -> bool:
    who, more = drawn_shop(market, draw), draw(st.integers(1, 3000))
    shop = market.shops[who]
    heavier = replace(shop, claims=tuple(replace(claim, weight=claim.weight + more) for claim in shop.claims))
    return no_worse(market, who, rule(market.but(who, heavier))[who], rule(market)[who])


def nobody_gains_when_another_asks_for_more(rule: Rule, market: Market, draw: Draw) -> bool:
    who = drawn_shop(market, draw)
    greedier = market.shops[who].asking([need + draw(st.integers(0, 10)) for need in market.shops[who].needs])
    before, after = rule(market), rule(market.but(who, greedier))
    return all(no_worse(market, s, before[s], after[s]) for s in range(len(before)) if s != who)


def two_threads_give_what_one_gives(rule: Rule, market: Market, draw: Draw) -> bool:
    one, two = (solve(market, threads=threads) for threads in (1, 2))
    return all(a == b if isinstance(a, int) else a.tobytes() == b.tobytes() for a, b in zip(vars(one).values(), vars(two).values(), strict=True))


def where_no_total_binds_it_is_the_plain_rule(rule: Rule, market: Market, draw: Draw) -> bool:
    loose = market.having([replace(shop, total=10**6, bands=(10**6, 10**6)) for shop in market.shops])
    return rule(loose) == plain(loose)


Law = Callable[[Rule, Market, Draw], bool]
ALWAYS: tuple[Law, ...] = (
    nobody_gets_more_than_usable_or_than_there_is,
    who_is_unmet_where_a_brand_is_left_over_has_no_room,
    the_order_of_claimants_is_irrelevant,
    where_no_total_binds_it_is_the_plain_rule,
    two_threads_give_what_one_gives,
)
ORDERED: tuple[Law, ...] = (
    who_is_unmet_where_a_brand_is_left_over_has_its_totals_full_of_what_it_likes_better,
    asking_for_more_never_helps,
    more_supply_hurts_nobody,
    a_claimant_less_hurts_nobody,
    a_weight_no_smaller_is_never_more_than_one_unit_behind,
    more_weight_never_gives_less,
    nobody_gains_when_another_asks_for_more,
)
SEPARATE: tuple[Law, ...] = (
    asking_for_less_never_helps,
    no_two_gain_by_lying_together,
    a_part_shares_what_it_got_as_it_did_within_the_whole,
)
LAWS = (*ALWAYS, *ORDERED, *SEPARATE)


@dataclass(frozen=True)
class Mode:
    """A rule, the markets it is put to, and the laws that it keeps there; the others are counted only."""

    rule: Rule
    markets: st.SearchStrategy[Market]
    keeps: tuple[Law, ...]

    def judged(self) -> tuple[Law, ...]:
        """Laws that say something about this rule."""
        return LAWS if self.rule is cut_offs else tuple(law for law in LAWS if law is not two_threads_give_what_one_gives)


MODES = {
    "one brand": Mode(plain, markets(brands=1, limits=False), LAWS),
    "lots": Mode(plain, markets(brands=1, limits=False, lots=True), LAWS),
    "totals": Mode(cut_offs, markets(), (*ALWAYS, *ORDERED)),
    "totals and packs": Mode(cut_offs, markets(packs=True), ALWAYS),
    "proportional": Mode(proportional, markets(brands=1, limits=False), ()),
}


def breaches(rule: Rule, law: Law, cases: st.SearchStrategy[Market], examples: int) -> int:
    """In how many of `examples` random cases the rule breaks the law. Always the same cases."""
    import hypothesis

    found = [0]

    @hypothesis.seed(1)
    @hypothesis.settings(max_examples=examples, deadline=None, database=None, phases=[hypothesis.Phase.generate], suppress_health_check=list(hypothesis.HealthCheck))
    @hypothesis.given(cases, st.data())
    def count(market: Market, data: st.DataObject) -> None:
        found[0] += not law(rule, market, data.draw)

    count()
    return found[0]


__all__ = ["LAWS", "MODES", "Law", "Mode", "Rule", "Units", "breaches"]
