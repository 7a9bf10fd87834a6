"""The game that the bench plays: truth is every shop's best answer where requests move no unit, and lies pay where they do."""

from __future__ import annotations

from pathlib import Path

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest

from benchmarks import figures, licence_split, policy_games
from benchmarks.policy_games import PLAYS, Market

many = hypothesis.settings(max_examples=200, deadline=None)
SAFE = ("uniform", "true_demand, from sell-through", "star_cap", "turn_and_earn")
LURING = ("true_demand, from past requests", "proportional")


@st.composite
def markets(draw: st.DrawFn) -> Market:
    """A few shops whose needs the supply does not cover, each of which could have its own."""
    shops = draw(st.integers(3, 6))
    market = policy_games.drawn(shops, draw(st.floats(0.3, 0.8)), draw(st.integers(0, 2**16)))
    hypothesis.assume(market.need.max() <= market.supply < market.need.sum())
    return market


def after_a_round(name: str, market: Market) -> np.ndarray:
    return policy_games.answered(PLAYS[name], market, market.need, np.arange(len(market.need)), every_carton=True)


@pytest.mark.parametrize("name", SAFE)
@many
@hypothesis.given(market=markets(), seed=st.integers(0, 99))
def test_the_truth_is_every_shops_best_answer_to_whatever_the_others_ask(name: str, market: Market, seed: int) -> None:
    others = np.random.default_rng(seed).integers(0, 5 * market.need)
    assert (after_a_round(name, market) == market.need).all()
    movers = np.arange(len(market.need))
    assert (policy_games.answered(PLAYS[name], market, others, movers, every_carton=True) == market.need).all()


@pytest.mark.parametrize("name", LURING)
@many
@hypothesis.given(market=markets())
def test_where_requests_move_the_shares_a_lie_pays_for_someone(name: str, market: Market) -> None:
    """The control of the law above."""
    asks = after_a_round(name, market)
    assert (asks > market.need).any()


def test_requests_climb_under_proportional_sharing_and_under_estimates_that_follow_requests_alone() -> None:
    market = policy_games.drawn(60, 0.6, 2)
    last = {name: [row["asked ÷ needed"] for row in policy_games.played(play, market, 3)] for name, play in PLAYS.items()}
    for name in LURING:
        assert last[name] == pytest.approx([1, 2, 5, 10], rel=0.05)
    for name in SAFE:
        assert last[name] == [1, 1, 1, 1]


def test_inflation_by_a_fifth_takes_from_the_honest_where_it_pays_and_next_to_nothing_where_not() -> None:
    market = policy_games.drawn(60, 0.6, 2)
    for name, play in PLAYS.items():
        found = policy_games.inflated(play, market, draws=10)
        lost = found["honest, before"] - found["honest, after"]
        assert (lost > 0.2) if name in (*LURING, "first_come") else (0 <= lost < 0.02), name


def test_a_seed_names_the_game_and_another_draws_another() -> None:
    def rows(seed: int) -> list[dict[str, float]]:
        market = policy_games.drawn(20, 0.6, seed)
        return list(policy_games.played(PLAYS["proportional"], market, 2, moving=0.5, seed=seed))

    assert rows(3) == rows(3)
    assert rows(3) != rows(4)


def test_what_is_shared_out_is_the_supply() -> None:
    market = policy_games.drawn(30, 0.6, 5)
    asks = np.array([market.need, 2 * market.need, np.zeros(30, np.int64)])
    for play in PLAYS.values():
        assert policy_games.share(play, market, asks).sum(1).tolist() == [market.supply, market.supply, 0]


def test_two_licences_get_more_than_one_unless_they_are_known_to_be_of_one_owner() -> None:
    market = policy_games.drawn(16, 0.5, 1)
    one, two, known = (row["got"] for row in licence_split.gains(market.need, market.level, market.supply).values())
    assert two > one == known


def test_the_command_prints_every_play(capsys: pytest.CaptureFixture[str]) -> None:
    policy_games.main(["--shops", "16", "--rounds", "1", "--markdown"])
    printed = capsys.readouterr().out
    assert all(f"| {name}, round 1 |" in printed and f"| {name} |" in printed for name in PLAYS)
    assert "| two licences of one group |" in printed


def test_the_figures_of_the_documents_are_those_that_the_command_draws(tmp_path: Path) -> None:
    figures.main(["--to", str(tmp_path)])
    for name in figures.FIGURES:
        assert (tmp_path / name).read_bytes() == (figures.PLACE / name).read_bytes(), f"{name} is out of date: make docs"
    assert {path.name for path in figures.PLACE.iterdir()} == set(figures.FIGURES)
