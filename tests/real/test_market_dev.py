"""The simulated city whose truth is known: imported, planned, exported and scored, beside allocations and requests taken as demand."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks import truth
from jobs import exports, loading, nightly
from jobs.clock import now
from jobs.runs import quiet
from ordering import database, settings
from tests.factories import SHARED

CITY = SHARED / "market_dev"
pytestmark = [pytest.mark.shared, pytest.mark.skipif(not CITY.is_dir(), reason="the real data are not beside the project")]


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every export of the night of the city's cut-off week."""
    folder = tmp_path_factory.mktemp("market")
    rules = settings.load()
    one = {"nightly": rules.nightly.model_copy(update={"workers": 1}), "forecast": rules.forecast.model_copy(update={"origins": 1})}
    rules = rules.model_copy(update=one)
    db = database.connect(f"sqlite:///{folder / 'city.db'}")
    database.migrate(db)
    loading.load(db, CITY / "city", rules, mapping=None, by="tester", at=now(), progress=quiet)
    cutoff = pd.Timestamp((CITY / "truth" / "cutoff.txt").read_text().strip()).date()
    nightly.run(db, cutoff, rules, history=folder / "history")
    source = exports.source(db, rules, folder / "history")
    for what in exports.COLUMNS:
        exports.export(source, what, folder / f"{what}.parquet", by=["retailer", "brand"] if what == "fulfilment" else ())
    return folder


def read(folder: Path, what: str) -> pd.DataFrame:
    return pd.read_parquet(folder / f"{what}.parquet")


def test_no_line_is_above_its_bounds_and_no_brand_above_its_supply(exported: Path) -> None:
    lines = read(exported, "allocation")
    assert len(lines) == 2826
    for bound in ("requested", "cap", "quota_left"):
        assert (lines["allocated"] <= lines[bound].fillna(10**9)).all()
    supply = pd.read_csv(CITY / "city" / "supply.csv", parse_dates=["week"])
    given = lines.assign(week=pd.to_datetime(lines["week"])).groupby(["brand_id", "week"])["allocated"].sum().reset_index()
    both = given.merge(supply, on=["brand_id", "week"], how="left", validate="1:1")
    assert both["available"].notna().all()
    assert (both["allocated"] <= both["available"]).all()


def test_pairs_add_up_to_their_brands(exported: Path) -> None:
    for pairs, brands in (("demand", "brand-demand"), ("forecast", "brand-forecast")):
        top = read(exported, brands).set_index(["brand_id", "week"])["demand"]
        low = read(exported, pairs).groupby(["brand_id", "week"])["demand"].sum()
        assert low.index.isin(top.index).all()
        np.testing.assert_allclose(low.reindex(top.index).fillna(0).to_numpy(), top.to_numpy(), rtol=1e-6, atol=1e-9)


@pytest.fixture(scope="module")
def score(exported: Path) -> dict[str, float]:
    """The figures of the city's own scorer."""
    ran = subprocess.run([sys.executable, CITY / "score.py", CITY, exported], capture_output=True, text=True, check=True)
    return {name: float(value) for name, value in (line.split() for line in ran.stdout.splitlines())}


@pytest.fixture(scope="module")
def found(exported: Path) -> dict[str, float]:
    """The figures of our scoreboard."""
    names = {field.name: field.name.replace("_", "-") for field in dataclasses.fields(truth.Results)}
    results = truth.Results(**{name: read(exported, what) for name, what in names.items()})
    return truth.figures(truth.read(CITY), results)


def test_the_scoreboard_counts_as_the_citys_own_scorer_does(found: dict[str, float], score: dict[str, float]) -> None:
    only_there = {name for name in score if name.startswith(("coherence", "future.requests52", "future.truth52"))}
    assert set(score) - only_there <= set(found)
    for name in set(score) - only_there:
        assert found[name] == pytest.approx(score[name], abs=5.01e-5), name


def test_demand_is_recovered_much_better_than_by_requests_or_allocations(found: dict[str, float]) -> None:
    for figure in ("tight_brand_week", "brand_week", "pair"):
        naive = min(truth.best_naive(found, "recover", figure), found[f"recover.requests.{figure}"])
        assert found[f"recover.project.{figure}"] < 0.75 * naive, figure


def test_forecasts_lie_nearer_the_truth_than_past_allocations_and_flags_than_what_was_cut(score: dict[str, float]) -> None:
    for figure in ("brand_week", "pair_week"):
        naive = min(score[f"future.allocated13.{figure}"], score[f"future.allocated52.{figure}"])
        assert score[f"future.project.{figure}"] < naive, figure
    assert score["flags.project.ap"] > score["flags.request_over_allocated.ap"]
    assert score["flags.project.false_on_honest"] <= 0.01


def test_rates_by_retailer_and_brand_are_ratios_within_their_bounds(exported: Path) -> None:
    rates = read(exported, "fulfilment")
    assert {"retailer", "brand"} < set(rates.columns)
    asked = rates[rates["requested"] > 0]
    np.testing.assert_allclose(asked["fulfilment_rate"], asked["allocated"] / asked["requested"])
    assert rates.loc[rates["requested"] == 0, "fulfilment_rate"].isna().all()
    assert rates["demand_fulfilment_rate"].dropna().between(0, 1).all()


def test_nobody_of_a_city_without_resellers_is_said_to_sell_on_and_no_honest_shop_gets_a_signal(exported: Path) -> None:
    signals = read(exported, "signals")
    habit = pd.read_csv(CITY / "truth" / "habits.csv", dtype=str).set_index("retailer_id")["habit"]
    assert set(signals["signal"]) <= {"piles_up", "unaccounted"}
    assert set(signals["retailer_id"].map(habit)) <= {"cap_hitter", "copycat", "hoarder", "careless", "proportional"}
    assert len(signals) > 5, "hoarders pile up, and are seen to"


def test_the_habits_of_honest_shops_are_told_as_seldom(exported: Path) -> None:
    habits = read(exported, "habits").set_index("retailer_id")
    habit = pd.read_csv(CITY / "truth" / "habits.csv", dtype=str).set_index("retailer_id")["habit"]
    honest = habits[habits.index.map(habit) == "honest"]
    assert (honest["habit"] == "often").sum() == 0
    assert (honest["habit"] == "seldom").mean() > 0.95
    assert (honest["shortage"] == "asks_more").mean() < 0.05
