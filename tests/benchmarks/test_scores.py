import numpy as np
import pandas as pd
import pytest

from benchmarks import scores


def rows() -> pd.DataFrame:
    """Two methods, two series, one horizon: `exact` says what comes, `off` is two too high."""
    came = pd.DataFrame({"series": ["A", "B"], "actual": [10.0, 0.0], "scale": [4.0, 1.0], "horizon": 1, "origin": 0})
    exact = came.assign(method="exact", mean=came["actual"], p10=came["actual"], p50=came["actual"], p90=came["actual"], inside=1.0)
    off = came.assign(
        method="off", mean=came["actual"] + 2, p10=came["actual"] + 1, p50=came["actual"] + 2, p90=came["actual"] + 4, inside=0.0
    )
    return pd.concat([exact, off], ignore_index=True)


def test_a_perfect_forecast_has_no_error_and_covers_all() -> None:
    for name, measure in scores.MEASURES.items():
        assert measure(rows()).loc["exact", "average"] == (1.0 if name == "COVERAGE" else 0.0), name


def test_errors_are_what_their_formulas_say() -> None:
    assert scores.wape(rows()).loc["off", 1] == pytest.approx(4 / 10)
    assert scores.bias(rows()).loc["off", 1] == pytest.approx(4 / 10)
    assert scores.rmsse(rows()).loc["off", 1] == pytest.approx((2 / 2 + 2 / 1) / 2)
    each = (0.9 * 1 + 0.5 * 2 + 0.1 * 4) / 3  # all three quantiles are too high
    assert scores.pinball(rows()).loc["off", 1] == pytest.approx((each / 2 + each / 1) / 2)
    assert scores.coverage(rows()).loc["off", 1] == 0


def test_the_best_quantile_has_the_least_pinball_loss() -> None:
    draws = np.random.default_rng(1).poisson(5, 4000).astype(float)
    base = pd.DataFrame({"series": np.arange(4000), "actual": draws, "scale": 1.0, "horizon": 1, "mean": 5.0, "inside": 1.0})
    made = [base.assign(method=str(shift), p10=2.0 + shift, p50=5.0 + shift, p90=8.0 + shift) for shift in (-1, 0, 1)]
    found = scores.pinball(pd.concat(made, ignore_index=True))["average"]
    assert found.idxmin() == "0"


def test_a_series_that_never_moved_is_no_scale() -> None:
    flat = rows().assign(scale=[4.0, 0.0, 4.0, 0.0])
    assert scores.rmsse(flat).loc["off", 1] == pytest.approx(1.0)


def test_ours_is_held_against_the_best_of_the_others() -> None:
    both = pd.concat(
        [rows(), rows()[lambda r: r["method"] == "off"].assign(method="ours", mean=lambda r: r["mean"] - 1)], ignore_index=True
    )
    said = scores.beside_best(both[both["method"] != "exact"], "ours", "WAPE")
    assert "average: 0.500" in said
    assert "exact" in scores.tables(both, ("WAPE", "COVERAGE"))
