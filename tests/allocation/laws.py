"""The laws of sharing out, each of which a rule either keeps in a market or breaks: true or false, so that breaches can be counted.

A law is put to a rule, a market and a `chance`, which says whatever else it needs (who lies, how much more there is). A shop is no worse
off if, offered both what it had and what it has, it would take what it has: for one brand, if it has no fewer units.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from tests.allocation import markets
from tests.allocation.markets import Brand, Chance, Kind, Market, Rule, Thrown, choose, cut_offs, plain, spare, taking, threshold


def no_worse(market: Market, s: int, has: tuple[int, ...], had: tuple[int, ...]) -> bool:
    """Whether shop `s` would choose what it has out of both."""
    shop = market.shops[s].asking([max(pair) for pair in zip(has, had, strict=True)])
    return choose(market, shop, shop.needs) == has


def in_order(market: Market, s: int, units: tuple[int, ...]) -> tuple[int, ...]:
    """What serves the needs of shop `s`, the brand it likes best first: to be compared in this order."""
    shop = market.shops[s]
    return tuple(min(units[b], shop.needs[b]) for b in shop.liking)


def one(market: Market, chance: Chance) -> int:
    """The number of one of its shops."""
    return chance.number(0, len(market.shops) - 1)


def lie_helps(rule: Rule, market: Market, lies: dict[int, list[int]]) -> bool:
    """Whether all who lie serve their needs no worse by it, and one of them better."""
    honest = rule(market)
    false = rule(market.having([shop.asking(lies.get(s, list(shop.needs))) for s, shop in enumerate(market.shops)]))
    gains = [(in_order(market, s, false[s]), in_order(market, s, honest[s])) for s in lies]
    return all(now >= before for now, before in gains) and any(now > before for now, before in gains)


def left_over(brand: Brand, handed: int) -> bool:
    """Whether there is a lot left of a brand; less than a lot may be, for the hand-out ends at the first misfit."""
    return brand.supply < 0 or brand.supply - handed >= brand.lot


def nobody_gets_more_than_usable_or_than_there_is(rule: Rule, market: Market, chance: Chance) -> bool:
    found = rule(market)
    own = all(0 <= got <= want for row, shop in zip(found, market.shops, strict=True) for got, want in zip(row, shop.needs, strict=True))
    within = all(spare(market, shop, row, b) >= 0 for row, shop in zip(found, market.shops, strict=True) for b in range(len(row)))
    handed = all(brand.supply < 0 or sum(row[b] for row in found) <= brand.supply for b, brand in enumerate(market.brands))
    return own and within and handed


def who_is_unmet_where_a_brand_is_left_over_has_no_room(rule: Rule, market: Market, chance: Chance) -> bool:
    """Without limits: all that is there and wanted is handed out."""
    found = rule(market)
    for b, brand in enumerate(market.brands):
        if not left_over(brand, sum(row[b] for row in found)):
            continue
        for shop, row in zip(market.shops, found, strict=True):
            if row[b] < shop.needs[b] and spare(market, shop, row, b) >= 1:
                return False
    return True


def who_is_unmet_where_a_brand_is_left_over_has_its_totals_full_of_what_it_likes_better(rule: Rule, market: Market, chance: Chance) -> bool:
    found = rule(market)
    for b, brand in enumerate(market.brands):
        if not left_over(brand, sum(row[b] for row in found)):
            continue
        if any(row[b] < taking(market, shop, row)[1][b] for shop, row in zip(market.shops, found, strict=True)):
            return False
    return True


def asking_for_more_never_helps(rule: Rule, market: Market, chance: Chance) -> bool:
    who = one(market, chance)
    return not lie_helps(rule, market, {who: [need + chance.number(0, 12) for need in market.shops[who].needs]})


def asking_for_less_never_helps(rule: Rule, market: Market, chance: Chance) -> bool:
    who = one(market, chance)
    return not lie_helps(rule, market, {who: [chance.number(0, need) for need in market.shops[who].needs]})


def no_two_gain_by_lying_together(rule: Rule, market: Market, chance: Chance) -> bool:
    pair = chance.order(len(market.shops))[:2]
    return not lie_helps(rule, market, {who: [chance.number(0, 20) for _ in market.brands] for who in pair})


def more_supply_hurts_nobody(rule: Rule, market: Market, chance: Chance) -> bool:
    more = market.supplied([brand.supply + chance.number(0, 4) if brand.supply >= 0 else -1 for brand in market.brands])
    before, after = rule(market), rule(more)
    return all(no_worse(market, s, after[s], before[s]) for s in range(len(before)))


def a_claimant_less_hurts_nobody(rule: Rule, market: Market, chance: Chance) -> bool:
    gone, before = one(market, chance), rule(market)
    rest = market.having(market.shops[:gone] + market.shops[gone + 1 :])
    after, before = rule(rest) if rest.shops else (), before[:gone] + before[gone + 1 :]
    return all(no_worse(rest, s, after[s], before[s]) for s in range(len(before)))


def a_part_shares_what_it_got_as_it_did_within_the_whole(rule: Rule, market: Market, chance: Chance) -> bool:
    stay = sorted(chance.order(len(market.shops))[: chance.number(1, len(market.shops))])
    whole = rule(market)
    part = tuple(whole[s] for s in stay)
    supplies = [sum(row[b] for row in part) if brand.supply >= 0 else -1 for b, brand in enumerate(market.brands)]
    return rule(market.having([market.shops[s] for s in stay]).supplied(supplies)) == part


def the_order_of_claimants_is_irrelevant(rule: Rule, market: Market, chance: Chance) -> bool:
    order = chance.order(len(market.shops))
    found = rule(market)
    return rule(market.having([market.shops[s] for s in order])) == tuple(found[s] for s in order)


def a_weight_no_smaller_is_never_more_than_one_unit_behind(rule: Rule, market: Market, chance: Chance) -> bool:
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


def more_weight_never_gives_less(rule: Rule, market: Market, chance: Chance) -> bool:
    who, more = one(market, chance), chance.number(1, 3000)
    shop = market.shops[who]
    heavier = replace(shop, claims=tuple(replace(claim, weight=claim.weight + more) for claim in shop.claims))
    return no_worse(market, who, rule(market.but(who, heavier))[who], rule(market)[who])


def nobody_gains_when_another_asks_for_more(rule: Rule, market: Market, chance: Chance) -> bool:
    who = one(market, chance)
    greedier = market.shops[who].asking([need + chance.number(0, 10) for need in market.shops[who].needs])
    before, after = rule(market), rule(market.but(who, greedier))
    return all(no_worse(market, s, before[s], after[s]) for s in range(len(before)) if s != who)


def nobody_gains_when_another_may_take_more(rule: Rule, market: Market, chance: Chance) -> bool:
    """When its limits grow, not its requests: who asks for more of one brand under a total asks for less of others."""
    who, before = one(market, chance), rule(market)
    shop = market.shops[who]
    freer = replace(shop, total=shop.total + chance.number(0, 9), bands=tuple(cap + chance.number(0, 9) for cap in shop.bands))
    after = rule(market.but(who, freer))
    return all(no_worse(market, s, before[s], after[s]) for s in range(len(before)) if s != who)


def two_threads_give_what_one_gives(rule: Rule, market: Market, chance: Chance) -> bool:
    one, two = (vars(markets.solve(market, threads=threads)) for threads in (1, 2))
    return all(one[name].tobytes() == two[name].tobytes() for name in one if name != "rounds") and one["rounds"] == two["rounds"]


def where_no_total_binds_it_is_the_plain_rule(rule: Rule, market: Market, chance: Chance) -> bool:
    loose = market.having([replace(shop, total=10**6, bands=(10**6, 10**6)) for shop in market.shops])
    return rule(loose) == plain(loose)


Law = Callable[[Rule, Market, Chance], bool]
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
    nobody_gains_when_another_may_take_more,
)
SEPARATE: tuple[Law, ...] = (
    more_weight_never_gives_less,
    nobody_gains_when_another_asks_for_more,
    asking_for_less_never_helps,
    no_two_gain_by_lying_together,
    a_part_shares_what_it_got_as_it_did_within_the_whole,
)
"""Laws of brands that share by themselves. Where totals couple them, a weight or a request moves what is left for other brands."""
LAWS = (*ALWAYS, *ORDERED, *SEPARATE)


@dataclass(frozen=True)
class Mode:
    """A rule, the markets it is put to, and the laws that it keeps there; the others are counted only."""

    rule: Rule
    kind: Kind
    keeps: tuple[Law, ...]

    def judged(self) -> tuple[Law, ...]:
        """Laws that say something about this rule."""
        return LAWS if self.rule is cut_offs else BY_ITSELF


ONE_BRAND = Kind(brands=1, limits=False, supply=40)
BY_ITSELF = tuple(law for law in LAWS if law is not two_threads_give_what_one_gives)
NOT_WITH_LOTS = (no_two_gain_by_lying_together, a_part_shares_what_it_got_as_it_did_within_the_whole)
MODES = {
    "one brand": Mode(plain, ONE_BRAND, BY_ITSELF),
    "lots": Mode(plain, replace(ONE_BRAND, lots=True), tuple(law for law in BY_ITSELF if law not in NOT_WITH_LOTS)),
    "totals": Mode(cut_offs, Kind(), (*ALWAYS, *ORDERED)),
    "totals and packs": Mode(cut_offs, Kind(packs=True), ALWAYS),
    "proportional": Mode(markets.proportional, ONE_BRAND, ()),
}


def breaches(rule: Rule, law: Law, kind: Kind, examples: int) -> int:
    """In how many of `examples` markets, all equally likely, the rule breaks the law. Always the same markets."""
    chances = (Thrown(seed) for seed in range(examples))
    return sum(not law(rule, kind.market(chance), chance) for chance in chances)
