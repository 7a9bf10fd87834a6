"""The night as a whole, on a made-up city: the same result every time and everywhere, within every bound, coherent."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from forecasting.candidates import MEMBERS
from jobs import exports, nightly
from ordering import database, frames, sample, snapshot
from ordering.database import forecasts
from ordering.database import runs as runlog
from ordering.errors import StateError
from ordering.settings import Settings
from tests.jobs.conftest import load_city

Made = tuple[Path, date]


def results(db: database.Database, run_id: int) -> dict[str, pd.DataFrame]:
    with db.reading() as reader:
        return {name: runlog.read_result(reader, run_id, name) for name in frames.RESULTS}


def test_three_nights_of_one_date_find_the_same_on_both_databases(rules: Settings, tmp_path: Path, postgres_url: str) -> None:
    """With every method of the forecast: they need 26 weeks."""
    found = []
    city = sample.write_city(tmp_path / "city", retailers=10, brands=2, weeks=30, seed=3)
    for url, times in ((f"sqlite:///{tmp_path / 'a.db'}", 3), (postgres_url, 2)):
        db = load_city(url, tmp_path / "city", rules)
        nights = [nightly.run(db, city.cutoff, rules, history=tmp_path / db.engine.dialect.name) for _ in range(times)]
        assert [night.stored for night in nights] == [True, False, False][:times]
        assert len(runlog.find(db)) == 1
        found += [night.result_hash for night in nights]
        found.append(snapshot.fingerprint(sorted(results(db, nights[0].run_id).items())))
        with db.reading() as reader:
            said = forecasts.read_candidates(reader, city.cutoff + timedelta(weeks=1), since=city.cutoff)
        assert set(said["method"]) == set(MEMBERS)
    assert len(set(found)) == 2, "one hash of what was found, one of what both databases give back"
    assert len(set(found[:3] + found[4:6])) == 1


def test_what_a_night_stores_keeps_every_bound_and_adds_up(city: database.Database, made: Made, rules: Settings, tmp_path: Path) -> None:
    night = nightly.run(city, made[1], rules, history=tmp_path / "h")
    stored = results(city, night.run_id)
    for name, frame in stored.items():
        frames.validated(frames.RESULTS[name], frame)
    lines = stored["allocation"]
    known, _ = snapshot.read_week(city, made[1], weeks=rules.demand.weeks, horizon=13, history_folder=tmp_path / "h")
    assert len(lines) == len(known.waiting)
    assert (lines["allocated"] <= lines["requested"]).all()
    assert (lines["allocated"] <= lines["cap"].fillna(10**9)).all()
    assert (lines["allocated"] <= lines["quota_left"].fillna(10**9)).all()
    given = lines.groupby(["brand_id", "week"])["allocated"].sum().rename("given").reset_index()
    against = given.merge(known.supply, on=["brand_id", "week"], how="inner", validate="1:1")
    assert len(against)
    assert (against["given"] <= against["available"]).all()
    history = lines["order_date"] >= frames.day(made[1])
    assert history.all()


def test_pairs_add_up_to_their_brands(planned_city: database.Database, rules: Settings, tmp_path: Path) -> None:
    source = exports.source(planned_city, rules, tmp_path / "h")
    for pairs, brands in (("demand", "brand-demand"), ("forecast", "brand-forecast")):
        for what in (pairs, brands):
            exports.export(source, what, tmp_path / f"{what}.parquet", weeks=20)
        low = pd.read_parquet(tmp_path / f"{pairs}.parquet").groupby(["brand_id", "week"])["demand"].sum()
        top = pd.read_parquet(tmp_path / f"{brands}.parquet").set_index(["brand_id", "week"])["demand"]
        assert top.index.get_level_values("week").nunique() == (20 if brands == "brand-demand" else 13)
        np.testing.assert_allclose(low.reindex(top.index).fillna(0.0).to_numpy(), top.to_numpy(), rtol=1e-6)


def test_importing_later_weeks_does_not_change_an_earlier_night(made: Made, rules: Settings, tmp_path: Path) -> None:
    earlier = made[1] - timedelta(weeks=4)
    first = tmp_path / "first"
    first.mkdir()
    for file in made[0].glob("*.csv"):
        table = pd.read_csv(file, dtype=str, keep_default_na=False)
        for column in {"week", "order_date", "counted_on"} & set(table.columns):
            last = earlier + timedelta(days=6)
            table = table[table[column] <= str(last)]
        table.to_csv(first / file.name, index=False)
    db = load_city(f"sqlite:///{tmp_path / 'a.db'}", first, rules)
    before = nightly.run(db, earlier, rules, history=tmp_path / "h")
    load_city(f"sqlite:///{tmp_path / 'a.db'}", made[0], rules)
    again = nightly.run(db, earlier, rules, history=tmp_path / "h")
    assert not again.stored
    assert again.result_hash == before.result_hash


def test_a_correction_of_the_past_does_change_the_night(
    planned_city: database.Database, made: Made, rules: Settings, tmp_path: Path
) -> None:
    """The control of the law above."""
    before = runlog.find(planned_city)[0]
    table = pd.read_csv(made[0] / "order_lines.csv", dtype=str, keep_default_na=False)
    corrected = tmp_path / "corrected"
    corrected.mkdir()
    row = table[table["allocated"] != ""].iloc[[-1]].assign(requested="500")
    row.to_csv(corrected / "order_lines.csv", index=False)
    load_city(str(planned_city.url), corrected, rules)
    after = nightly.run(planned_city, made[1], rules, history=tmp_path / "h")
    assert after.stored
    assert after.result_hash != before.result_hash


def test_two_runs_that_differ_on_equal_input_are_refused(
    planned_city: database.Database, made: Made, rules: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decide = nightly.decide

    def other(*arguments: object) -> dict[str, pd.DataFrame]:
        found = decide(*arguments)  # type: ignore[arg-type]
        return found | {"brand_demand": found["brand_demand"].assign(demand=1.0)}

    monkeypatch.setattr(nightly, "decide", other)
    with pytest.raises(StateError, match="was given the same input and found"):
        nightly.run(planned_city, made[1], rules, history=tmp_path / "h")
    assert [run.status for run in runlog.find(planned_city)] == [runlog.DONE]


def test_a_night_that_fails_is_recorded_as_failed_and_stores_no_result(
    sqlite_city: database.Database, made: Made, rules: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(nightly, "decide", broken)
    with pytest.raises(MemoryError):
        nightly.run(sqlite_city, made[1], rules, history=tmp_path / "h")
    assert [run.status for run in runlog.find(sqlite_city)] == [runlog.FAILED]
    assert all(frame.empty for frame in results(sqlite_city, 1).values())


def test_a_night_before_any_order_leaves_no_record(sqlite_city: database.Database, rules: Settings, tmp_path: Path) -> None:
    with pytest.raises(StateError, match="no order before 2001-01-01 is stored"):
        nightly.run(sqlite_city, date(2001, 1, 1), rules, history=tmp_path / "h")
    assert runlog.find(sqlite_city) == []


def test_old_runs_lose_their_details_and_keep_their_record_and_levels(
    planned_city: database.Database, made: Made, rules: Settings, tmp_path: Path
) -> None:
    few = rules.model_copy(update={"nightly": rules.nightly.model_copy(update={"keep_runs": 1})})
    nightly.run(planned_city, made[1] - timedelta(weeks=1), few, history=tmp_path / "h")
    old = results(planned_city, 1)
    assert len(old.pop("week_levels"))
    assert all(frame.empty for frame in old.values())
    assert [(run.detailed, run.result_hash is None) for run in runlog.find(planned_city)] == [(True, False), (False, False)]


def test_a_run_that_lost_its_results_is_stored_anew_when_it_is_run_again(
    planned_city: database.Database, made: Made, rules: Settings, tmp_path: Path
) -> None:
    few = rules.model_copy(update={"nightly": rules.nightly.model_copy(update={"keep_runs": 1})})
    nightly.run(planned_city, made[1] - timedelta(weeks=1), few, history=tmp_path / "h")
    again = nightly.run(planned_city, made[1], rules, history=tmp_path / "h")
    first, last = runlog.by_id(planned_city, 1), runlog.by_id(planned_city, again.run_id)
    assert again.stored
    assert first is not None
    assert last is not None
    assert (first.detailed, last.detailed, first.result_hash == last.result_hash) == (False, True, True)
    assert len(results(planned_city, again.run_id)["pair_estimates"])


def test_steps_are_recorded_with_their_time_and_rows(planned_city: database.Database) -> None:
    steps = runlog.read_steps(planned_city, 1)
    assert [step["step"] for step in steps] == [
        "read", "estimate", "brand demand", "forecast", "this week", "flag", "habits", "signals", "reconcile", "allocate", "suggest",
        "rates", "record", "write",
    ]  # fmt: skip
    assert {step["state"] for step in steps} == {"done"}
    assert all(step["seconds"] >= 0 for step in steps)
    assert {step["step"]: step["rows"] for step in steps}["allocate"] == len(results(planned_city, 1)["allocation"])
    assert len(runlog.read_problems(planned_city, 1)) == sum(step["problems"] for step in steps)


def test_settings_that_shape_no_result_do_not_make_a_new_run(rules: Settings) -> None:
    other = rules.model_copy(update={"nightly": rules.nightly.model_copy(update={"workers": 7})})
    salted = rules.model_copy(update={"allocation": rules.allocation.model_copy(update={"salt": "2027"})})
    assert nightly.settings_hash(other) == nightly.settings_hash(rules) != nightly.settings_hash(salted)


def test_a_snapshot_is_hashed_whole(sqlite_city: database.Database, made: Made, tmp_path: Path) -> None:
    known, _ = snapshot.read_week(sqlite_city, made[1], weeks=20, horizon=13, history_folder=tmp_path / "h")
    whole = snapshot.of_snapshot(known)
    for name, value in vars(known).items():
        if isinstance(value, pd.DataFrame) and len(value):
            assert snapshot.of_snapshot(replace(known, **{name: value.iloc[1:]})) != whole, name
