"""What gaming each policy invites: `python -m benchmarks.policy_games [--shops 100 --rounds 4 --supply 0.6 --seed 1] [--every-carton]`.

One brand is short: its supply is `--supply` of what the shops need. In every round each shop (or `--moving` of them) asks anew for what
serves it best, the others asking what they asked last; where no lie serves better, it tells the truth. It may ask for its need times TIMES,
or with --every-carton for each whole number up to the largest of these. Told are, by policy and round, asked ÷ needed and how much of the
need is met; then what honest shops get where a fifth ask fivefold; then what a shop gains that splits into two licences.

Sharing is the night's own (rules.terms, fill.fill, rules.compared). Nothing else of a night is here: no caps but those of star_cap, no
packs, one brand. Everybody knows what the others ask, so a round is a season rather than a week.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from allocation import fill, rules
from allocation.claimants import Claimants
from allocation.limits import NONE
from benchmarks import licence_split, oracle
from ordering import settings
from ordering.model import COMPARISONS, Policy

Whole = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

TIMES = (0.0, 0.25, 0.5, 0.75, 1.0, 2.0, 5.0, 10.0)
"""What a shop may ask, as multiples of its need; the screen takes no more than the last."""
LIARS, LIE, DRAWS = 0.2, 5, 50
"""The share of shops that inflate in the second table, how many times what they need they ask, and how often they are drawn anew."""
UNSURE = 0.2
"""Standard deviation of the logarithm of an estimate of true demand; half of it is that of sell-through."""
STARS = 5
MOST_ROWS = 500_000
"""Claimants shared among at once: only memory hangs on it."""


@dataclass(frozen=True)
class Market:
    """One short brand, an array over shops each: `need` (cartons), `level` (star), `weight` (thousandths) and `cap` (of star_cap) by it;
    `estimate`: true demand as known from sell-through, `earned`: sell-through ratio; neither hangs on requests. `supply` in cartons.
    """

    need: Whole
    level: Whole
    weight: Whole
    cap: Whole
    estimate: Floats
    earned: Floats
    ticket: npt.NDArray[np.uint32]
    hashed: npt.NDArray[np.uint32]
    came: Whole
    supply: int


@dataclass(frozen=True)
class Play:
    """A policy; `naive`: true demand is taken to be what shops have been asking."""

    policy: Policy
    naive: bool = False


PLAYS: Mapping[str, Play] = {
    "uniform": Play(Policy.UNIFORM),
    "true_demand, from sell-through": Play(Policy.TRUE_DEMAND),
    "true_demand, from past requests": Play(Policy.TRUE_DEMAND, naive=True),
    "star_cap": Play(Policy.STAR_CAP),
    "turn_and_earn": Play(Policy.TURN_AND_EARN),
    "proportional": Play(Policy.PROPORTIONAL),
    "first_come": Play(Policy.FIRST_COME),
}


def drawn(shops: int, supply: float, seed: int) -> Market:
    """A market whose supply is the share `supply` of all needs; larger shops tend to have more stars."""
    rng = np.random.default_rng(seed)
    need = np.maximum(np.rint(np.exp(rng.normal(2.0, 0.6, shops))), 1).astype(np.int64)
    size = np.argsort(np.argsort(need * np.exp(rng.normal(0.0, 0.5, shops))))
    level = 1 + STARS * size // shops
    rule, available = settings.load().allocation, round(supply * int(need.sum()))
    weight = np.array([round(1000 * rule.weight(int(star))) for star in level], np.int64)
    return Market(
        need=need,
        level=level,
        weight=weight,
        cap=np.maximum(np.rint(weight * available / weight.sum()), 1).astype(np.int64),
        estimate=need * np.exp(rng.normal(0.0, UNSURE, shops)),
        earned=np.exp(rng.normal(0.0, UNSURE / 2, shops)),
        ticket=rng.integers(0, 2**32, shops, dtype=np.uint32),
        hashed=rng.integers(0, 2**32, shops, dtype=np.uint32),
        came=rng.permutation(shops),
        supply=available,
    )


def share(play: Play, market: Market, asks: Whole) -> Whole:
    """What every shop gets, of shape (cases, shops) as `asks`, each case for itself."""
    cases, shops = asks.shape

    def each(column: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
        return np.tile(column, cases)

    who = Claimants(
        of_line=np.arange(asks.size), brands=np.arange(cases), offsets=np.arange(cases + 1) * shops,
        policy=np.full(cases, str(play.policy), rules.NAMES), by_star=False, owner=each(np.arange(shops)),
        brand=np.repeat(np.arange(cases), shops), usable=asks.ravel(), taken=np.zeros(asks.size, np.int64),
        cap=each(market.cap) if play.policy is Policy.STAR_CAP else np.full(asks.size, NONE), pack=np.ones(asks.size, np.int64),
        weight=each(market.weight), ticket=each(market.ticket), hashed=each(market.hashed), came=each(market.came),
    )  # fmt: skip
    left = np.full(cases, market.supply)
    known = asks.ravel().astype(np.float64) if play.naive else each(market.estimate)
    who = rules.terms(who, left, np.zeros(cases, bool), known, each(market.earned))
    if play.policy in COMPARISONS:
        return rules.compared(who, left)[0].reshape(asks.shape)
    return fill.fill(who.offsets, who.usable, who.weight, who.ticket, who.hashed, left)[0].reshape(asks.shape).astype(np.int64)


def choices(need: int, times: Sequence[float] = TIMES, *, every_carton: bool = False) -> Whole:
    """What a shop may ask, ascending, its need among it."""
    if every_carton:
        return np.arange(int(need * max(times)) + 1)
    return np.unique(np.append(np.rint(need * np.array(times)).astype(np.int64), need))


def answers(play: Play, market: Market, asks: Whole, shops: Whole, among: Sequence[Whole]) -> Whole:
    """What each of `shops` asks when the others ask `asks`, of its `among`: the truth where no lie serves it better, else the smallest of
    those that do best. A shop would rather have too much than too little: it looks at what it lacks first, at what is too much second.
    """
    asked, at = np.concatenate(among), np.repeat(np.arange(len(shops)), [len(each) for each in among])
    tried = np.repeat(asks[np.newaxis], len(asked), axis=0)
    cases, who = np.arange(len(asked)), shops[at]
    tried[cases, who] = asked
    beyond = share(play, market, tried)[cases, who] - market.need[who]
    order = np.lexsort((asked, asked != market.need[who], np.maximum(beyond, 0), np.maximum(-beyond, 0), at))
    return asked[order[np.searchsorted(at[order], np.arange(len(shops)))]]


def answered(play: Play, market: Market, asks: Whole, movers: Whole, *, every_carton: bool = False) -> Whole:
    """The requests after all `movers` have answered to `asks` at once."""
    after, among = asks.copy(), [choices(int(market.need[shop]), every_carton=every_carton) for shop in movers]
    parts = -(-sum(map(len, among)) * len(asks) // MOST_ROWS)
    for at in np.array_split(np.arange(len(movers)), parts) if parts else ():
        after[movers[at]] = answers(play, market, asks, movers[at], [among[number] for number in at])
    return after


def told(market: Market, asks: Whole, got: Whole) -> dict[str, float]:
    """Asked ÷ needed, the share of the need that is met, and that of the shops at the 10th and 90th percentile."""
    met = np.minimum(got, market.need)
    low, high = np.quantile(met / market.need, (0.1, 0.9))
    return {"asked ÷ needed": asks.sum() / market.need.sum(), "fill": met.sum() / market.need.sum(), "P10": low, "P90": high}


def played(play: Play, market: Market, rounds: int, *, moving: float = 1.0, seed: int = 0, **of: bool) -> Iterator[dict[str, float]]:
    """`told` of the truth (round 0) and of each round after it; `moving`: the share of shops, drawn anew, that answer in a round."""
    rng, asks = np.random.default_rng(seed), market.need.copy()
    for number in range(rounds + 1):
        if number:
            asks = answered(play, market, asks, np.flatnonzero(rng.random(len(asks)) < moving), **of)
        yield {"round": number} | told(market, asks, share(play, market, asks[np.newaxis])[0])


def inflated(play: Play, market: Market, *, draws: int = DRAWS) -> dict[str, float]:
    """What honest and inflating shops get of their needs, before and after LIARS of them ask LIE times theirs: sums over random draws."""
    rng, shops = np.random.default_rng(0), len(market.need)
    liar = np.array([rng.permutation(shops) < round(LIARS * shops) for _ in range(draws)])
    need = np.broadcast_to(market.need, liar.shape)
    before, after = (np.minimum(share(play, market, asks), need) for asks in (need, np.where(liar, LIE * need, need)))
    return {
        f"{name}, {when}": met[who].sum() / need[who].sum()
        for name, who in (("honest", ~liar), ("inflating", liar))
        for when, met in (("before", before), ("after", after))
    }


def main(arguments: Sequence[str] | None = None) -> None:
    given = _parsed(arguments)
    market = drawn(given.shops, given.supply, given.seed)
    rows: dict[str, dict[str, float]] = {}
    for name, play in PLAYS.items():
        for row in played(play, market, given.rounds, moving=given.moving, seed=given.seed, every_carton=given.every_carton):
            rows[f"{name}, round {row.pop('round')}"] = row
    print(oracle.text("every shop answers the others", rows, markdown=given.markdown))
    lies = {name: inflated(play, market) for name, play in PLAYS.items()}
    print(oracle.text("a fifth ask fivefold", lies, markdown=given.markdown))
    split = licence_split.gains(market.need, market.level, market.supply)
    print(oracle.text("one shop becomes two licences", split, markdown=given.markdown))


def _parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.policy_games", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--shops", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--supply", type=float, default=0.6, help="supply ÷ need (default: 0.6)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--moving", type=float, default=1.0, help="share of shops that answer in a round (default: all)")
    parser.add_argument("--every-carton", action="store_true", help="let a shop ask any whole number, not multiples of its need alone")
    parser.add_argument("--markdown", action="store_true", help="print tables for a document")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main()
