import numpy as np
import pandas as pd
import pytest

from forecasting import timing

WEEKS = pd.date_range("2025-06-02", periods=60, freq="7D", unit="us")
FEAST = np.where(np.arange(60) == 30, 1.6, 1.0)


def rows(values: np.ndarray, name: str = "demand") -> pd.DataFrame:
    """Brands A, B and C of 300, 200 and 100 cartons, each times `values` (one a week)."""
    parts = [pd.DataFrame({"brand_id": brand, "week": WEEKS, name: size * values}) for brand, size in (("A", 300), ("B", 200), ("C", 100))]
    return pd.concat(parts, ignore_index=True)


def city(*, noise: float = 0.02) -> tuple[pd.DataFrame, pd.DataFrame]:
    """History whose deliveries follow a feast by one week, and the recovered demand that knows the week."""
    rng = np.random.default_rng(2)
    delivered = rows(np.roll(FEAST, 1)).assign(tight=False)
    delivered["demand"] *= rng.normal(1, noise, len(delivered))
    return delivered, rows(FEAST)


def by_week(history: pd.DataFrame) -> np.ndarray:
    return history.groupby("week")["demand"].sum().to_numpy() / 600


def test_a_feast_that_is_delivered_late_is_moved_to_its_week() -> None:
    history, recovered = city()
    found = timing.in_consumption(history, recovered)
    assert by_week(found)[[29, 30, 31, 32]] == pytest.approx([1, 1.6, 1, 1], abs=0.08)
    assert by_week(history)[[30, 31]] == pytest.approx([1, 1.6], abs=0.08)  # the control: as it came
    assert list(found.columns) == list(history.columns)
    assert found["demand"].sum() == pytest.approx(history["demand"].sum(), rel=0.02)


def test_a_brands_own_peak_stays_in_its_week() -> None:
    history, recovered = city()
    own = (history["brand_id"] == "C") & (history["week"] == WEEKS[10])
    history.loc[own, "demand"] *= 3
    found = timing.in_consumption(history, recovered)
    assert found.loc[own, "demand"].item() == pytest.approx(300, rel=0.2)


def test_tight_weeks_are_recovered_already_and_stay() -> None:
    history, recovered = city()
    history["tight"] = history["brand_id"] == "A"
    found = timing.in_consumption(history, recovered)
    pd.testing.assert_series_equal(found.loc[found["tight"], "demand"], history.loc[history["tight"], "demand"])


def test_where_nothing_but_deliveries_is_known_nothing_moves() -> None:
    history, _ = city()
    pd.testing.assert_frame_equal(timing.in_consumption(history, history[["brand_id", "week", "demand"]]), history)


def test_brands_in_shortage_only_and_no_rows_give_what_was_given() -> None:
    history, recovered = city()
    short = history.assign(tight=True)
    pd.testing.assert_frame_equal(timing.in_consumption(short, recovered), short)
    assert timing.in_consumption(history.iloc[:0], recovered).empty
