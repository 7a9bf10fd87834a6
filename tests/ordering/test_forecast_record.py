"""What is kept of forecasts: every bit of it, and never more of it read than a night may know. On both databases."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta

import numpy as np
import pandas as pd
import sqlalchemy as sa

from ordering import database, frames, record, tables
from ordering.database import forecasts
from ordering.database import runs as runlog
from tests import factories as f

AT = datetime(2026, 3, 2)


def said(planned: int, origin: int, value: float = 1.0, brand: str = "B1") -> dict[str, object]:
    """What a method said of the week of an origin; weeks are numbered from MONDAY's."""
    return {
        "planned_week": f.week(planned), "origin": f.week(origin), "brand_id": brand, "method": "level", "week": f.week(origin),
        "demand": value,
    }  # fmt: skip


def used(planned: int, origins: dict[int, int]) -> list[dict[str, object]]:
    return [{"planned_week": f.week(planned), "origin": f.week(o), "made_in": f.week(m)} for o, m in origins.items()]


def keep(
    db: database.Database,
    business_date: date,
    candidates: Sequence[dict[str, object]] = (),
    origins: Sequence[dict[str, object]] = (),
    **more: object,
) -> int:
    """A run that found nothing and leaves this beside it."""
    run_id = runlog.begin(db, job="nightly", business_date=business_date, version="v", at=AT)
    left = forecasts.Kept(business_date, f.table(record.CANDIDATES, candidates), f.table(record.ORIGINS, origins), **more)  # type: ignore[arg-type]
    hashes = {"input_hash": "i", "settings_hash": "s", "result_hash": "r"}
    steps = [runlog.Step("estimate", 0.5, 3, 0, "as in run 7")]
    runlog.save(db, run_id, {}, hashes=hashes, steps=steps, problems=frames.empty(frames.PROBLEMS), at=AT, keep=8, kept=left)
    return run_id


def read(db: database.Database, week: int, since: int = -100) -> pd.DataFrame:
    with db.reading() as reader:
        return forecasts.read_candidates(reader, f.week(week), since=f.week(since))


def test_what_the_methods_said_comes_back_to_the_last_bit(db: database.Database) -> None:
    values = np.random.default_rng(3).lognormal(5, 3, 200)
    rows = [said(0, -1, value, f"B{n:03}") for n, value in enumerate([*values, 0.1 + 0.2, 1e-300, 2.0**60 + 1])]
    keep(db, f.MONDAY, rows)
    assert read(db, 0)["demand"].tolist() == [row["demand"] for row in rows]


def test_a_night_never_reads_its_own_week_or_what_later_nights_made(db: database.Database) -> None:
    keep(db, f.week(0), [said(0, 0, 1), said(0, -5, 2)])
    keep(db, f.week(3), [said(3, 3, 3), said(3, -4, 4)])
    assert read(db, 0)["demand"].tolist() == [2.0]
    assert read(db, -5).empty
    assert read(db, 3)["demand"].tolist() == [2.0, 4.0, 1.0]
    assert read(db, 3, since=-4)["demand"].tolist() == [4.0, 1.0]


def test_of_two_that_went_back_to_an_origin_the_earlier_counts(db: database.Database) -> None:
    keep(db, f.week(2), [said(2, -4, 2)])
    keep(db, f.week(0), [said(0, -4, 1)])
    assert read(db, 3)["demand"].tolist() == [1.0]


def test_a_night_run_again_reads_what_it_read_though_earlier_weeks_were_planned_since(db: database.Database) -> None:
    keep(db, f.week(2), [said(2, -4, 2), said(2, 2, 9)], used(2, {-4: 2, 2: 2}))
    keep(db, f.week(0), [said(0, -4, 1), said(0, 0, 7)], used(0, {-4: 0, 0: 0}))
    assert read(db, 2)["demand"].tolist() == [2.0]
    assert read(db, 1)["demand"].tolist() == [1.0, 7.0]


def test_a_week_planned_anew_takes_the_place_of_what_it_said(db: database.Database) -> None:
    keep(db, f.week(0), [said(0, 0, 1), said(0, -4, 1, "B1"), said(0, -4, 1, "B2")], used(0, {-4: 0, 0: 0}))
    keep(db, f.week(0), [said(0, 0, 2)], used(0, {-4: 0, 0: 0}))
    assert read(db, 1)["demand"].tolist() == [1.0, 1.0, 2.0]


def test_a_night_that_took_its_fit_over_leaves_the_record_alone(db: database.Database) -> None:
    keep(db, f.week(0), [said(0, 0, 1)], used(0, {0: 0}))
    keep(db, f.week(0) + timedelta(days=1))
    assert read(db, 1)["demand"].tolist() == [1.0]
    assert len(db.rows(sa.select(tables.kept[record.ORIGINS.name]))) == 1


def made(week: int, origin: int, actual: float | None = None, forecast: float = 10.0, **ids: str) -> dict[str, object]:
    return {"week": f.week(week), "origin": f.week(origin), "forecast": forecast, "actual": actual, **(ids or {"brand_id": "B1"})}


def rows_of(table: frames.Table, rows: Sequence[dict[str, object]]) -> pd.DataFrame:
    """A frame of `table`; a missing actual stays missing."""
    frame = pd.DataFrame(rows).assign(actual=lambda t: t["actual"].astype("float64"))
    bounds = {name: 0.0 for name in ("p10", "p90") if name in table.names}
    weeks = {name: pd.to_datetime(frame[name]).dt.as_unit("us") for name in ("week", "origin")}
    return frames.conform(table, frame.assign(**weeks, **bounds))


def test_forecasts_are_judged_once_and_replaced_by_those_of_the_same_origin(db: database.Database) -> None:
    name = record.BRANDS.name
    keep(db, f.week(0), forecasts={name: rows_of(record.BRANDS, [made(0, 0), made(1, 0), made(2, 0)])})
    with db.reading() as reader:
        assert forecasts.not_judged(reader, f.week(0), since=f.week(-13)) == []
        assert forecasts.not_judged(reader, f.week(2), since=f.week(-13)) == [(f.week(0), f.week(0)), (f.week(1), f.week(0))]
        assert forecasts.not_judged(reader, f.week(2), since=f.week(1)) == [(f.week(1), f.week(0))]
    keep(db, f.week(1), forecasts={name: rows_of(record.BRANDS, [made(0, 0, 12.5), made(1, 1), made(2, 1)])})
    with db.reading() as reader:
        assert forecasts.not_judged(reader, f.week(2), since=f.week(-13)) == [(f.week(1), f.week(0)), (f.week(1), f.week(1))]
        judged = forecasts.came_true(reader, name, before=f.week(2))
        assert forecasts.came_true(reader, name, before=f.week(0)).empty
        assert len(forecasts.of_weeks(reader, name, [f.week(1), f.week(2)], before=f.week(1))) == 2
    assert judged[["forecast", "actual"]].to_numpy().tolist() == [[10.0, 12.5]]
    keep(db, f.week(0), forecasts={name: rows_of(record.BRANDS, [made(2, 0, None, 11.0)])})
    with db.reading() as reader:
        found = forecasts.of_weeks(reader, name, [f.week(2)], before=f.week(3))
    assert sorted(found["forecast"]) == [10.0, 11.0]


def test_retailers_forecasts_are_forgotten_after_a_year_and_brands_are_not(db: database.Database) -> None:
    old, new = -60, -1
    shops = rows_of(record.RETAILERS, [made(week, week, retailer_id="R1") for week in (old, new)])
    wares = rows_of(record.BRANDS, [made(week, week) for week in (old, new)])
    keep(db, f.week(-60), forecasts={record.RETAILERS.name: shops, record.BRANDS.name: wares})
    keep(db, f.week(0))
    with db.reading() as reader:
        left = [forecasts.read_forecasts(reader, name)["week"].dt.date.tolist() for name in (record.RETAILERS.name, record.BRANDS.name)]
    assert left == [[f.week(new)], [f.week(old), f.week(new)]]


def test_a_fit_is_found_by_what_it_was_made_of_and_only_by_later_nights(db: database.Database) -> None:
    run_id = keep(db, f.week(0), fit=("of this", "content"))
    found = forecasts.find_fit(db, "of this", before=f.week(0) + timedelta(days=1))
    assert found == forecasts.Fit("of this", f.week(0), run_id, f.week(0), "content")
    assert forecasts.find_fit(db, "of this", before=f.week(0)) is None
    assert forecasts.find_fit(db, "of that", before=f.week(1)) is None
    assert runlog.read_steps(db, run_id)[0]["note"] == "as in run 7"


def test_the_evidence_of_a_run_is_summed_by_brand(db: database.Database) -> None:
    rows = [
        {"retailer_id": r, "brand_id": "B1", "rate": rate, "dispersion": 0.1, "evidence": of, "from_week": f.week(), "to_week": f.week()}
        for r, rate, of in (("R1", 1.5, "scans"), ("R2", 2.0, "peers"), ("R3", 0.25, "scans"))
    ]
    run_id = runlog.begin(db, job="nightly", business_date=f.MONDAY, version="v", at=AT)
    steps, problems = [runlog.Step("s", 0, 0, 0)], frames.empty(frames.PROBLEMS)
    pairs = f.table(frames.PAIR_ESTIMATES, rows)
    runlog.save(db, run_id, {"pair_estimates": pairs}, hashes={}, steps=steps, problems=problems, at=AT, keep=1)
    with db.reading() as reader:
        found = runlog.read_evidence(reader, run_id)
        assert runlog.read_evidence(reader, run_id + 1).empty
    assert found.to_numpy().tolist() == [["B1", "peers", 2.0], ["B1", "scans", 1.75]]
