"""The scoreboard of demand: what it reads is what a night reads, what it counts is what its definitions say, and ours beats naive."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import stats

from benchmarks import city_folder, recovery, scoreboard
from benchmarks import truth as scores
from jobs import loading
from jobs.clock import now
from jobs.runs import quiet
from ordering import database, settings, snapshot

SIZE = recovery.Size(retailers=60, brands=10, weeks=64, seed=3)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("kept")


@pytest.fixture(scope="module")
def city(kept: Path) -> Path:
    return recovery.made("churn", SIZE, kept)


@pytest.fixture(scope="module")
def truth(city: Path) -> scores.Truth:
    return scores.read(city)


@pytest.fixture(scope="module")
def told(city: Path) -> dict[str, float]:
    return recovery.scored(city, settings.load(), forecast=False)


def exports(truth: scores.Truth, past: np.ndarray, dispersion: float = 0.0) -> scores.Results:
    """Results that tell the panel `past` of every pair and week."""
    frame = pd.MultiIndex.from_product([truth.retailers, truth.brands, truth.weeks], names=["retailer_id", "brand_id", "week"])
    rows = frame.to_frame(index=False).assign(demand=past.ravel(), dispersion=dispersion)
    return scores.Results(demand=rows, forecast=rows)


def test_a_folder_read_straight_is_what_a_night_reads_after_its_import(city: Path, tmp_path: Path) -> None:
    rules = settings.load()
    db = database.connect(f"sqlite:///{tmp_path / 'city.db'}")
    database.migrate(db)
    loading.load(db, city / "city", rules, mapping=None, by="tester", at=now(), progress=quiet)
    night, troubles = snapshot.read_week(
        db, city_folder.cutoff(city), weeks=rules.demand.weeks, horizon=rules.forecast.weeks, history_folder=tmp_path / "history"
    )
    straight = city_folder.read(city, horizon=rules.forecast.weeks)
    assert not troubles
    assert all(map(len, (night.lines, night.waiting, night.scanned_sales, night.stock_counts, night.release_strategy, night.regressors)))
    for field in dataclasses.fields(night):
        left, right = getattr(straight, field.name), getattr(night, field.name)
        if isinstance(left, pd.DataFrame):
            pd.testing.assert_frame_equal(_sorted(left), _sorted(right), check_dtype=False, obj=field.name)
        else:
            assert left == right


def _sorted(frame: pd.DataFrame) -> pd.DataFrame:
    plain = frame.astype({name: "str" for name in frame if isinstance(frame[name].dtype, pd.CategoricalDtype)})
    return plain.sort_values(list(plain.columns), ignore_index=True)


def test_the_truth_itself_has_no_error_and_no_bias(truth: scores.Truth) -> None:
    found = scores.figures(truth, exports(truth, truth.rate))
    for when in ("recover", "future"):
        for name, value in found.items():
            if name.startswith(f"{when}.{scores.OURS}.") and "pit" not in name:
                assert value == pytest.approx(0, abs=1e-9), name


def test_an_error_of_a_tenth_everywhere_is_an_error_of_a_tenth_in_every_figure(truth: scores.Truth) -> None:
    found = scores.figures(truth, exports(truth, 1.1 * truth.rate))
    for name, value in found.items():
        if f".{scores.OURS}." in name and "pit" not in name:
            assert value == pytest.approx(0.1), name


@examples(deadline=None, max_examples=30)
@given(arrays.arrays(float, (2, 3, 9), elements=st.floats(0, 50)), st.integers(1, 12))
def test_a_trailing_mean_is_the_mean_of_the_weeks_up_to_its_own(panel: np.ndarray, weeks: int) -> None:
    found = scores.trailing_mean(panel, weeks)
    for t in range(panel.shape[2]):
        np.testing.assert_allclose(found[:, :, t], panel[:, :, max(t - weeks + 1, 0) : t + 1].mean(axis=2), atol=1e-9)


@examples(deadline=None, max_examples=100)
@given(st.integers(-1, 60), st.floats(0.01, 40), st.floats(0, 2))
def test_the_distribution_function_is_that_of_the_negative_binomial(count: int, mean: float, dispersion: float) -> None:
    found = scores.negative_binomial(np.array([float(count)]), np.array([mean]), np.array([dispersion]))[0]
    exact = stats.nbinom.cdf(count, 1 / dispersion, 1 / (1 + dispersion * mean)) if dispersion > 1e-6 else stats.poisson.cdf(count, mean)
    assert found == pytest.approx(exact, abs=1e-4)


def test_the_true_distribution_covers_eight_pair_weeks_in_ten_and_a_narrower_or_wider_one_does_not(truth: scores.Truth) -> None:
    def share(factor: float, dispersion: float) -> float:
        pairs = exports(truth, factor * truth.rate, dispersion).demand
        assert pairs is not None
        return scores.spread(truth, pairs, truth.past)

    assert share(1.0, 0.12) == pytest.approx(0.8, abs=0.01)
    assert share(3.0, 0.12) < 0.77
    assert share(1.0, 3.0) > 0.81


def test_brand_weeks_are_covered_by_intervals_that_hold_them_and_by_no_others(truth: scores.Truth) -> None:
    total = (
        pd.DataFrame(truth.demand.sum(axis=0), index=truth.brands, columns=truth.weeks).rename_axis("brand_id").rename_axis("week", axis=1)
    )
    rows = total.stack().rename("total").reset_index()
    assert scores.coverage(truth, rows.assign(p10=rows["total"] - 1, p90=rows["total"]), truth.past) == 1
    assert scores.coverage(truth, rows.assign(p10=rows["total"] + 1, p90=rows["total"] + 2), truth.past) == 0
    half = rows[rows["brand_id"].isin(truth.brands[::2])]
    share = scores.coverage(truth, half.assign(p10=half["total"], p90=half["total"]), truth.past)
    assert 0 < share < 1, "a brand-week of which nothing is told is not covered"


def test_flags_that_know_the_labels_are_perfect_and_flags_on_everybody_accuse_the_honest(truth: scores.Truth) -> None:
    lines = truth.lines
    right = lines[["order_id", "brand_id"]].assign(score=lines["inflated"].astype(float), flagged=lines["inflated"])
    perfect = scores.flag_figures(truth, right)
    assert [perfect[f"flags.project.{name}"] for name in ("ap", "precision", "recall", "false_on_honest")] == [1, 1, 1, 0]
    harsh = scores.flag_figures(truth, right.assign(score=0.5, flagged=True))
    assert harsh["flags.project.false_on_honest"] == harsh["flags.project.flagged_share"] == 1
    assert harsh["flags.project.ap"] == harsh["flags.project.precision"] == pytest.approx(harsh["flags.prevalence"])


def test_a_night_beats_allocations_and_requests_in_a_city_of_many_launches(told: dict[str, float]) -> None:
    for figure in ("brand_week", "pair"):
        ours = told[f"recover.project.{figure}"]
        assert ours < min(scores.best_naive(told, "recover", figure), told[f"recover.requests.{figure}"]), figure
    assert told["flags.project.ap"] > told["flags.prevalence"]
    assert 0.6 < told["recover.project.pit80_pair_week"] < 0.95
    assert told["seconds.project.night"] > 0


def test_what_misses_its_bound_has_a_star_and_is_counted_and_what_meets_it_has_none() -> None:
    naive = {f"recover.{who}.brand_week": 0.2 for who in ("allocated", "allocated13", "allocated52")}
    base = {**naive, "recover.allocated.tight_brand_week": 0.3, "flags.prevalence": 0.1, "flags.request_over_allocated.ap": 0.6}
    cities = {"near": {**base, "recover.project.brand_week": 0.19}, "far": {**base, "recover.project.brand_week": 0.21}}
    kinds: dict[str, str | None] = dict.fromkeys(cities, "churn")
    text = "\n".join(scoreboard.table(title, columns, cities, kinds) for title, columns in scoreboard.TABLES.items())
    rows = {line.split()[0]: line for line in text.splitlines() if line.startswith(("near", "far"))}
    assert "0.210*" in rows["far"]
    assert "*" not in rows["near"]
    assert scoreboard.summary(cities, kinds).startswith("1 of 2 demands are missed")
    assert scoreboard.misses(cities["far"], None) == {"recover.project.brand_week": (0, 0.10)}


def test_where_all_are_honest_and_supply_is_ample_a_hundredth_is_allowed_and_few_flags() -> None:
    naive = {f"recover.{who}.brand_week": 0.05 for who in ("allocated", "allocated13", "allocated52")}
    ample = {
        **naive,
        "recover.allocated.tight_brand_week": float("nan"),
        "flags.prevalence": 0.0,
        "flags.request_over_allocated.ap": float("nan"),
    }
    near = ample | {"recover.project.brand_week": 0.059, "flags.project.flagged_share": 0.003, "flags.project.ap": float("nan")}
    assert not scoreboard.misses(near, "honest_ample")
    far = near | {"recover.project.brand_week": 0.061, "flags.project.flagged_share": 0.004}
    assert set(scoreboard.misses(far, "honest_ample")) == {"recover.project.brand_week", "flags.project.flagged_share"}
    short = near | {"recover.allocated.tight_brand_week": 0.2}
    assert set(scoreboard.misses(short, "honest_short")) == {"recover.project.brand_week"}
    assert set(scoreboard.misses(near | {"recover.project.brand_week": float("nan")}, "honest_ample")) == {"recover.project.brand_week"}


def test_a_kept_city_is_used_again_and_made_anew_only_for_other_arguments(kept: Path, city: Path) -> None:
    lines = city / "city" / "order_lines.csv"
    before = lines.stat().st_mtime_ns
    assert recovery.made("churn", SIZE, kept) == city
    assert lines.stat().st_mtime_ns == before
    other = recovery.made("honest_ample", dataclasses.replace(SIZE, weeks=9), kept)
    first = (other / "truth" / "lines.parquet").read_bytes()
    recovery.made("honest_ample", dataclasses.replace(SIZE, weeks=9, seed=4), kept)
    assert (other / "truth" / "lines.parquet").read_bytes() != first
    assert recovery.kind_of(other) == "honest_ample"
    assert recovery.kind_of(kept) is None


def test_the_command_prints_its_tables_and_writes_the_same_figures(
    kept: Path, city: Path, told: dict[str, float], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    size = [part for name, value in dataclasses.asdict(SIZE).items() for part in (f"--{name}", str(value))]
    recovery.main(["--kinds", "churn", *size, "--keep", str(kept), "--no-forecast", "--json", str(tmp_path / "figures.json")])
    said = capsys.readouterr().out
    assert "Recovered demand" in said
    assert "Forecast" not in said
    assert "demands are missed" in said
    figures = json.loads((tmp_path / "figures.json").read_text("utf-8"))["churn"]["figures"]
    for name, value in told.items():
        assert name.startswith("seconds") or figures[name] == pytest.approx(value, nan_ok=True), name
    assert f"{told['recover.project.pair']:.3f}" in said


def test_a_kind_that_there_is_not_and_a_folder_without_truth_are_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="there is no such kind of city"):
        recovery.main(["--kinds", "nice", "--keep", str(tmp_path)])
    with pytest.raises(SystemExit, match=r"cutoff\.txt is missing"):
        recovery.main([str(tmp_path)])
