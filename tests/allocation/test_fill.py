"""The laws of the uniform rule, each put to many small cases, and to a rule that must break the one that matters most."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest

from allocation import fill
from tests.allocation.reference import Claim, Rule, compiled, proportional, share, threshold, ticket, uniform

VECTORS = json.loads(Path(__file__).with_name("vectors.json").read_text("utf-8"))
EDGES = [0, 1, 2**31, 2**32 - 1]
WORDS = st.one_of(st.sampled_from(EDGES), st.integers(0, 2**32 - 1))
WEIGHTS = st.sampled_from([1, 500, 1000, 1000, 2000, 3000, 5000])
CLAIM = st.builds(Claim, usable=st.integers(0, 12), weight=WEIGHTS, ticket=WORDS, hashed=WORDS)
CLAIM_IN_MIDWEEK = st.builds(Claim, usable=st.integers(0, 12), weight=WEIGHTS, ticket=WORDS, hashed=WORDS, taken=st.integers(0, 3))
CLAIMS = st.lists(CLAIM, min_size=1, max_size=6)
SUPPLY = st.integers(0, 40)
many = hypothesis.settings(max_examples=200, deadline=None)


@many
@hypothesis.given(CLAIMS, SUPPLY)
def test_nobody_gets_less_than_nothing_or_more_than_usable(claims: list[Claim], supply: int) -> None:
    assert all(0 <= got <= claim.usable for got, claim in zip(uniform(claims, supply), claims, strict=True))


@many
@hypothesis.given(CLAIMS, SUPPLY)
def test_all_that_is_there_and_wanted_is_handed_out(claims: list[Claim], supply: int) -> None:
    assert sum(uniform(claims, supply)) == min(supply, sum(claim.usable for claim in claims))


def lie_pays(rule: Rule, claims: Sequence[Claim], supply: int, liars: dict[int, int]) -> bool:
    """Whether the liars (number: false request) come no further from what they need, each of them, and one of them nearer."""
    honest = rule(claims, supply)
    false = rule([claim.asking(liars.get(i, claim.usable)) for i, claim in enumerate(claims)], supply)
    gains = [abs(honest[i] - claims[i].usable) - abs(false[i] - claims[i].usable) for i in liars]
    return min(gains) >= 0 and max(gains) > 0


@many
@hypothesis.given(CLAIMS, SUPPLY, st.data())
def test_asking_for_more_or_less_than_the_need_never_helps(claims: list[Claim], supply: int, data: st.DataObject) -> None:
    who = data.draw(st.integers(0, len(claims) - 1))
    assert not lie_pays(uniform, claims, supply, {who: data.draw(st.integers(0, 30))})


@many
@hypothesis.given(CLAIMS, SUPPLY, st.data())
def test_no_two_retailers_gain_by_lying_together(claims: list[Claim], supply: int, data: st.DataObject) -> None:
    pair = data.draw(st.lists(st.integers(0, len(claims) - 1), min_size=1, max_size=2, unique=True))
    assert not lie_pays(uniform, claims, supply, {who: data.draw(st.integers(0, 30)) for who in pair})


def test_the_lie_that_must_not_pay_does_pay_under_proportional_rationing() -> None:
    """The control: the test above would find a lie if there were one."""
    rng, paid = random.Random(1), 0
    for _ in range(50):
        claims = [Claim(rng.randint(1, 12), ticket=rng.randrange(2**32), hashed=rng.randrange(2**32)) for _ in range(4)]
        supply = sum(claim.usable for claim in claims) * 6 // 10
        paid += any(lie_pays(proportional, claims, supply, {who: lie}) for who in range(4) for lie in range(1, 31))
        assert not any(lie_pays(uniform, claims, supply, {who: lie}) for who in range(4) for lie in range(1, 31))
    assert paid > 25


@many
@hypothesis.given(CLAIMS, SUPPLY, st.integers(1, 5))
def test_more_supply_hurts_nobody(claims: list[Claim], supply: int, more: int) -> None:
    assert all(a <= b for a, b in zip(uniform(claims, supply), uniform(claims, supply + more), strict=True))


@many
@hypothesis.given(CLAIMS, SUPPLY, st.data())
def test_a_claimant_less_hurts_nobody(claims: list[Claim], supply: int, data: st.DataObject) -> None:
    gone = data.draw(st.integers(0, len(claims) - 1))
    before = uniform(claims, supply)
    after = uniform(claims[:gone] + claims[gone + 1 :], supply)
    assert all(a <= b for a, b in zip(before[:gone] + before[gone + 1 :], after, strict=True))


@many
@hypothesis.given(CLAIMS, SUPPLY, st.data())
def test_a_part_shares_what_it_got_as_it_did_within_the_whole(claims: list[Claim], supply: int, data: st.DataObject) -> None:
    stay = data.draw(st.sets(st.integers(0, len(claims) - 1), min_size=1))
    whole = uniform(claims, supply)
    part = [whole[i] for i in sorted(stay)]
    assert uniform([claims[i] for i in sorted(stay)], sum(part)) == part


@many
@hypothesis.given(st.lists(CLAIM, min_size=1, max_size=6, unique_by=lambda claim: claim.hashed), SUPPLY, st.randoms(use_true_random=False))
def test_the_order_of_claimants_is_irrelevant(claims: list[Claim], supply: int, rng: random.Random) -> None:
    order = list(range(len(claims)))
    rng.shuffle(order)
    found = uniform(claims, supply)
    assert uniform([claims[i] for i in order], supply) == [found[i] for i in order]


@many
@hypothesis.given(CLAIMS, SUPPLY)
def test_a_weight_no_smaller_is_never_more_than_one_carton_behind(claims: list[Claim], supply: int) -> None:
    """At equal weight: nobody envies another by more than a carton; by one more where the other's last unit ties with the level.

    Keys are rounded up to whole 2**-32 steps; two units that differ by less tie, and the hash decides between them.
    """
    got, level = compiled(claims, supply)
    for i, one in enumerate(claims):
        for j, other in enumerate(claims):
            if one.weight >= other.weight:
                tied = got[j] > 0 and threshold(got[j], other.ticket, other.weight) == level
                assert got[i] >= min(one.usable, got[j] - 1 - tied)


@many
@hypothesis.given(CLAIMS, SUPPLY, st.integers(1, 3000), st.data())
def test_more_weight_never_gives_less(claims: list[Claim], supply: int, more: int, data: st.DataObject) -> None:
    who = data.draw(st.integers(0, len(claims) - 1))
    heavier = Claim(claims[who].usable, claims[who].weight + more, claims[who].ticket, claims[who].hashed)
    assert uniform([*claims[:who], heavier, *claims[who + 1 :]], supply)[who] >= uniform(claims, supply)[who]


@many
@hypothesis.given(CLAIMS, SUPPLY, st.integers(1, 10), st.data())
def test_nobody_gains_when_another_asks_for_more(claims: list[Claim], supply: int, more: int, data: st.DataObject) -> None:
    who = data.draw(st.integers(0, len(claims) - 1))
    before = uniform(claims, supply)
    after = uniform([*claims[:who], claims[who].asking(claims[who].usable + more), *claims[who + 1 :]], supply)
    assert all(after[i] <= before[i] for i in range(len(claims)) if i != who)


@many
@hypothesis.given(CLAIMS, SUPPLY, st.data())
def test_what_was_taken_early_counts_as_the_first_units(claims: list[Claim], supply: int, data: st.DataObject) -> None:
    """Handed out in two goes, everybody ends where one go would have brought it."""
    whole = uniform(claims, supply)
    early = [data.draw(st.integers(0, got)) for got in whole]
    rest = [Claim(c.usable - took, c.weight, c.ticket, c.hashed, taken=took) for c, took in zip(claims, early, strict=True)]
    assert [took + more for took, more in zip(early, uniform(rest, supply - sum(early)), strict=True)] == whole


@many
@hypothesis.given(st.lists(CLAIM_IN_MIDWEEK, max_size=6), SUPPLY, st.integers(1, 4))
def test_two_implementations_agree(claims: list[Claim], supply: int, lot: int) -> None:
    assert compiled(claims, supply, lot) == share(claims, supply, lot)


@pytest.mark.parametrize("seed", range(20))
def test_two_implementations_agree_on_long_lists_with_many_ties(seed: int) -> None:
    """Long enough that the search, not only the sorting at its end, decides."""
    rng = random.Random(seed)
    few, words = rng.choice([1, 4, 10**9]), [rng.randrange(2**32) for _ in range(5)]
    claims = [
        Claim(rng.choice([0, 3, 40, 2000]), rng.choice([1, 1000, 1000, 30000]), rng.choice(words) // few, rng.choice(words))
        for _ in range(60)
    ]
    supply = int(sum(claim.usable for claim in claims) * rng.uniform(0.05, 0.99))
    assert compiled(claims, supply) == share(claims, supply)


def test_quantities_near_the_limit_do_not_overflow() -> None:
    claims = [Claim(2_000_000_000, 1, 5, 1), Claim(2_000_000_000, 2**31 - 1, 7, 2), Claim(3, 1000, 9, 3)]
    given, level = compiled(claims, 3_999_999_999)
    assert sum(given) == 3_999_999_999
    assert given[1:] == [2_000_000_000, 3]
    assert level == threshold(1_999_999_996, 5, 1)


def test_the_same_bytes_on_one_thread_and_on_two() -> None:
    rng = np.random.default_rng(3)
    brands, shops = 7, 400
    size = brands * shops
    offsets = np.arange(brands + 1) * shops
    usable, weight = rng.poisson(4, size), rng.integers(1, 6, size) * 1000
    words = rng.integers(0, 2**32, (2, size))
    supply = np.append(rng.integers(0, shops * 3, brands - 1), fill.UNLIMITED)
    one, two = (fill.fill(offsets, usable, weight, *words, supply, threads=threads) for threads in (1, 2))
    assert one[0].tobytes() == two[0].tobytes()
    assert one[1].tobytes() == two[1].tobytes()
    assert one[1][-1] == fill.UNLIMITED


@many
@hypothesis.given(CLAIMS, SUPPLY)
def test_the_published_threshold_gives_back_every_share_but_for_ties(claims: list[Claim], supply: int) -> None:
    given, level = compiled(claims, supply)
    most, weight, tickets = ([getattr(c, name) for c in claims] for name in ("usable", "weight", "ticket"))
    again = fill.entitled(level, tickets, weight, most)
    tied = [any(threshold(k, c.ticket, c.weight) == level for k in range(1, c.usable + 1)) for c in claims]
    assert all(a == b or (tie and a == b + 1) for a, b, tie in zip(again, given, tied, strict=True))


@many
@hypothesis.given(st.text(max_size=150), st.text(max_size=12), st.text(max_size=8), st.integers(0, 10_000))
def test_tickets_are_those_of_the_standard_librarys_blake2b(retailer_id: str, brand_id: str, salt: str, turns: int) -> None:
    hypothesis.assume(all(c < "\ud800" or c > "\udfff" for c in retailer_id + brand_id + salt))
    found, hashed = fill.tickets([retailer_id], [brand_id], [0], [0], [turns], salt)
    assert (int(found[0]), int(hashed[0])) == ticket(retailer_id, brand_id, salt, turns)


def wins_of_a_year(fresh: bool) -> list[int]:
    """How often each of 2,000 equal shops wins one of 600 single cartons a week; `fresh` draws new tickets every week."""
    shops, wins = [f"R{i:04d}" for i in range(2000)], np.zeros(2000, int)
    for week in range(52):
        turns, salt = (0, f"2026 {week}") if fresh else (week, "2026")
        drawn = fill.tickets(shops, ["B"], np.arange(2000), np.zeros(2000), np.full(2000, turns), salt)
        wins += fill.fill([0, 2000], np.ones(2000), np.full(2000, 3000), *drawn, [600])[0]
    assert wins.sum() == 52 * 600
    return [int(wins.min()), int(wins.max())]


def test_turns_come_round_evenly() -> None:
    """Fair are 15.6 wins; a fresh draw every week leaves some shops with a third of that."""
    lowest, highest = wins_of_a_year(fresh=False)
    assert lowest >= 13
    assert highest <= 18
    lowest, highest = wins_of_a_year(fresh=True)
    assert lowest < 8
    assert highest > 24


def test_where_supply_suffices_there_is_no_level() -> None:
    assert compiled([Claim(3), Claim(2)], 5) == ([3, 2], fill.UNLIMITED)
    assert np.isnan(fill.published([fill.UNLIMITED])).all()


def test_without_supply_the_level_is_nothing() -> None:
    assert compiled([Claim(3), Claim(2)], 0) == ([0, 0], 0)
    assert fill.published([0]).tolist() == [0.0]


def test_the_first_lot_that_does_not_fit_ends_the_hand_out() -> None:
    """Skipping it would give the next one what a little more supply would then take from it again."""
    first, second = Claim(5, ticket=2**32 - 1), Claim(3, ticket=0)
    assert share([first, second], 4, 3)[0] == compiled([first, second], 4, 3)[0] == [4, 0]


def test_a_weight_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="at least a thousandth"):
        compiled([Claim(1, weight=0)], 1)


@pytest.mark.parametrize("vector", VECTORS["tickets"])
def test_tickets_are_those_that_were_published(vector: dict[str, int | str]) -> None:
    found, hashed = fill.tickets([vector["retailer_id"]], [vector["brand_id"]], [0], [0], [vector["turns"]], vector["salt"])
    assert (int(hashed[0]), int(found[0])) == (vector["hash"], vector["ticket"])


@pytest.mark.parametrize("vector", VECTORS["thresholds"])
def test_thresholds_are_those_that_were_published(vector: dict[str, int]) -> None:
    assert int(fill.threshold(vector["k"], vector["ticket"], vector["weight"])) == vector["threshold"]


@pytest.mark.parametrize("vector", VECTORS["fills"])
def test_shares_and_levels_are_those_that_were_published(vector: dict[str, Any]) -> None:
    claims = [Claim(*row) for row in zip(vector["usable"], vector["weight"], vector["ticket"], vector["hash"], strict=True)]
    assert compiled(claims, vector["supply"], vector["lot"]) == (vector["units"], vector["threshold"])
    level = fill.published([vector["threshold"]])[0]
    assert np.isnan(level) if vector["level"] is None else level == vector["level"]
