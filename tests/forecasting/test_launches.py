import numpy as np
import pytest

from forecasting import launches

PAST, AHEAD = 80, 13


def climbing(born: int, *, level: float = 200.0, tau: float = 8.0, seed: int = 0, noise: float = 0.08) -> np.ndarray:
    """A brand launched in week `born` that climbs from a fifth of its level, over past and coming weeks; NaN before."""
    age = np.arange(PAST + AHEAD) - born
    rng = np.random.default_rng(seed)
    return np.where(age >= 0, level * (1 - 0.8 * np.exp(-np.maximum(age, 0) / tau)) * np.exp(rng.normal(0, noise, len(age))), np.nan)


def steady(seed: int, level: float = 100.0) -> np.ndarray:
    return level * np.exp(np.random.default_rng(seed).normal(0, 0.08, PAST + AHEAD))


def city(*brands: np.ndarray) -> np.ndarray:
    return np.column_stack([*(steady(seed) for seed in range(6)), *brands])


def carried(demand: np.ndarray, brand: int) -> np.ndarray:
    """What the level of the last weeks says of the coming ones under the ramp."""
    ramp = launches.ramps(demand[:PAST], AHEAD)[:, brand]
    recent = slice(max(PAST - 13, int(np.isfinite(demand[:, brand]).argmax())), PAST)
    return ramp[PAST:] * demand[recent, brand].sum() / ramp[recent].sum()


def test_brands_that_were_there_before_the_history_have_no_ramp() -> None:
    assert (launches.ramps(city()[:PAST], AHEAD) == 1).all()


def test_a_new_brand_climbs_as_those_before_it_did() -> None:
    young = climbing(PAST - 6, seed=9)
    before = [climbing(born, seed=born) for born in (12, 20, 28, 36)]
    wanted = climbing(PAST - 6, noise=0.0)[PAST:]
    found = carried(city(*before, young), 10)
    assert found == pytest.approx(wanted, rel=0.25)
    flat = young[PAST - 6 : PAST].mean()
    assert np.abs(flat - wanted).sum() > 2 * np.abs(found - wanted).sum()  # the control: its own mean is far too low


def test_without_earlier_launches_a_very_young_brand_is_hardly_moved_and_an_older_one_tells_itself() -> None:
    three = carried(city(climbing(PAST - 3, seed=3)), 6)
    assert three.max() < 1.6 * climbing(PAST - 3, seed=3)[PAST - 3 : PAST].mean()
    twenty = carried(city(climbing(PAST - 20, seed=4)), 6)
    assert twenty == pytest.approx(climbing(PAST - 20, noise=0.0)[PAST:], rel=0.15)


def test_a_brand_launched_at_its_level_gets_next_to_no_ramp() -> None:
    new = np.where(np.arange(PAST + AHEAD) >= PAST - 25, steady(11), np.nan)
    ramp = launches.ramps(city(new)[:PAST], AHEAD)[PAST - 25 :, 6]
    assert ramp == pytest.approx(np.ones(len(ramp)), abs=0.15)


def test_shelves_filled_at_a_launch_are_no_level() -> None:
    age = np.arange(PAST + AHEAD) - (PAST - 12)
    filled = np.where(age >= 0, 100 * (1 + 1.0 * np.exp(-np.maximum(age, 0) / 3)), np.nan)
    assert carried(city(filled), 6).mean() == pytest.approx(100, rel=0.12)
    assert filled[PAST - 12 : PAST].mean() > 125  # the control


def test_later_weeks_change_nothing_and_neither_does_the_order_of_brands() -> None:
    demand = city(climbing(30, seed=1), climbing(PAST - 9, seed=2))
    found = launches.ramps(demand[:PAST], AHEAD)
    longer = launches.ramps(demand[: PAST - 5], AHEAD + 5)
    np.testing.assert_array_equal(launches.ramps(demand[: PAST - 5].copy(), AHEAD + 5), longer)
    turned = launches.ramps(demand[:PAST, ::-1], AHEAD)[:, ::-1]
    np.testing.assert_allclose(turned, found)


def test_unknown_and_empty_weeks_of_a_launch_give_figures() -> None:
    odd = [climbing(40, seed=5) for _ in range(4)]
    odd[0][45:70] = np.nan
    odd[1][41:] = np.nan
    odd[2][40:] = 0.0
    odd[3][:PAST] = np.nan
    found = launches.ramps(np.column_stack([*odd])[:PAST], AHEAD)
    assert np.isfinite(found).all()
    assert (found > 0).all()
