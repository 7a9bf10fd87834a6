"""The week's fit: found once, taken over by the week's other nights, and the same to the last bit as if it were found again."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa

from jobs import fit_files, nightly, weekly
from jobs.runs import Steps
from jobs.weekly import Fit
from ordering import database, frames, record, snapshot, tables, week_start
from ordering.database import runs as runlog
from ordering.settings import Settings
from tests import factories as f
from tests.jobs.conftest import load_city

Watched = tuple[Path, date]
WEEKLY = ("estimate", "brand demand", "forecast")


def notes(outcome: nightly.Outcome) -> set[str]:
    return {step.note for step in outcome.steps if step.name in WEEKLY}


def test_a_later_night_of_the_week_takes_the_fit_over_and_finds_what_it_would_have_found_itself(
    url: str, watched: Watched, rules: Settings, tmp_path: Path
) -> None:
    db, folder, tuesday = load_city(url, watched[0] / "city", rules), tmp_path / "h", watched[1] + timedelta(days=1)
    first = nightly.run(db, watched[1], rules, history=folder)
    taken = nightly.run(db, tuesday, rules, history=folder)
    assert notes(first) == {""}
    assert notes(taken) == {"as in run 1"}
    assert [step["note"] for step in runlog.read_steps(db, taken.run_id) if step["step"] in WEEKLY] == ["as in run 1"] * 3
    for file in (folder / "fits").iterdir():
        file.write_bytes(file.read_bytes()[:-1] + b"?")  # a file that is not what was written is not read
    alone = nightly.run(db, tuesday, rules, history=folder)
    assert notes(alone) == {""}
    assert not alone.stored
    assert alone.result_hash == taken.result_hash


def test_a_night_run_again_computes_again(watched_city: database.Database, watched: Watched, rules: Settings, tmp_path: Path) -> None:
    again = nightly.run(watched_city, watched[1], rules, history=tmp_path / "one-history")
    assert notes(again) == {""}
    assert not again.stored


def corrected(db: database.Database, watched: Watched, rules: Settings, folder: Path, on: date) -> None:
    """Import one line of the week of `on` anew, its request doubled."""
    lines = pd.read_csv(watched[0] / "city" / "order_lines.csv", dtype=str, keep_default_na=False)
    row = lines[(lines["order_date"] >= str(on)) & (lines["requested"].astype(int) > 2)].iloc[[0]]
    folder.mkdir()
    row.assign(requested=str(2 * int(row["requested"].iloc[0]))).to_csv(folder / "order_lines.csv", index=False)
    load_city(str(db.url), folder, rules)


@pytest.mark.parametrize(("back", "expected"), [(0, {"as in run 5"}), (7, {""})], ids=["this week", "the week before"])
def test_a_line_of_the_week_leaves_the_fit_standing_and_one_before_it_does_not(
    back: int, expected: set[str], watched_city: database.Database, watched: Watched, rules: Settings, tmp_path: Path
) -> None:
    corrected(watched_city, watched, rules, tmp_path / "more", watched[1] - timedelta(days=back))
    night = nightly.run(watched_city, watched[1] + timedelta(days=1), rules, history=tmp_path / "one-history")
    assert notes(night) == expected


def test_other_settings_of_the_estimate_are_another_fit(
    watched_city: database.Database, watched: Watched, rules: Settings, tmp_path: Path
) -> None:
    fewer = rules.model_copy(update={"demand": rules.demand.model_copy(update={"weeks": 12})})
    night = nightly.run(watched_city, watched[1] + timedelta(days=1), fewer, history=tmp_path / "one-history")
    assert notes(night) == {""}


def test_a_folder_that_cannot_be_written_is_a_problem_and_no_fault(
    watched_city: database.Database, watched: Watched, rules: Settings, tmp_path: Path
) -> None:
    (tmp_path / "h").mkdir()
    (tmp_path / "h" / "fits").write_text("in the way")
    night = nightly.run(watched_city, watched[1] + timedelta(days=1), rules, history=tmp_path / "h")
    assert night.stored
    assert notes(night) == {""}
    told = [row["message"] for row in runlog.read_problems(watched_city, night.run_id) if row["step"] == "write"]
    assert len(told) == 1
    assert "later nights of the week fit anew" in told[0]


# what the Monday knew

SMALL = {
    "retailers": [
        f.retailer("R1"), f.retailer("R2", active_to=f.week() + timedelta(days=9)), f.retailer("R3", active_from=f.week(1)),
        f.retailer("R4", active_from=f.week(1) + timedelta(days=1)), f.retailer("R5", active_from=f.week() + timedelta(days=3)),
    ],
    "brands": [f.brand("B1"), f.brand("B2", launched_on=f.week(1)), f.brand("B3", withdrawn_on=f.week() + timedelta(days=5))],
    "order_lines": [
        *(f.line("R1", "B1", order_date=f.week(-n)) for n in range(1, 4)), f.line("R1", "B1", order_date=f.week() + timedelta(days=1)),
        f.line("R3", "B1", order_date=f.week() + timedelta(days=2)),
        f.line("R4", "B2", order_date=f.week(1) + timedelta(days=1), allocated=""),
    ],
    "stock_counts": [{"retailer_id": "R1", "brand_id": "B1", "counted_on": f.week() + timedelta(days=n), "stock": 3} for n in (-3, 0, 1)],
    "scanned_sales": [{"retailer_id": "R1", "brand_id": "B1", "week": f.week(-1), "sold": 2}],
    "supply": [{"brand_id": "B1", "week": f.week(n), "available": 9} for n in (-1, 0, 1)],
    "release_strategy": [{"brand_id": "B1", "week": f.week(n), "star_level": 3, "cap": 9} for n in (-1, 0, 1)],
    "star_levels": [{"retailer_id": "R1", "month": month, "star_level": 3} for month in ("2026-02", "2026-03", "2026-04")],
    "festivals": [{"name": "x", "starts_on": f.week(n) + timedelta(days=2), "district": "", "days": 1} for n in (-3, 16, 17)],
    "regressors": [{"district": "", "week": f.week(n), "name": "z", "value": 1.5} for n in (-1, 0, 1)],
}  # fmt: skip


@pytest.mark.parametrize("day", [0, 1, 6])
def test_what_the_monday_knew_is_the_same_on_every_night_of_the_week(day: int, tmp_path: Path, rules: Settings) -> None:
    db = load_city(f"sqlite:///{tmp_path / 'a.db'}", f.write_folder(tmp_path / "city", SMALL), rules)

    def known_on(business_date: date) -> snapshot.Snapshot:
        return snapshot.read_week(db, business_date, weeks=20, horizon=13, history_folder=tmp_path / "h")[0]

    monday = known_on(f.week())
    found = week_start.of(known_on(f.week() + timedelta(days=day)), horizon=13)
    assert found.business_date == f.week()
    for name, value in vars(monday).items():
        if isinstance(value, pd.DataFrame) and name not in ("waiting", "week_levels"):
            pd.testing.assert_frame_equal(getattr(found, name), value, obj=name)
    assert found.waiting.empty
    assert set(monday.retailers["retailer_id"]) == {"R1", "R2", "R3", "R5"}, "R4 is heard of on the next Tuesday"


def test_a_file_of_a_fit_gives_back_what_was_put_in_and_old_ones_go(watched: Watched, tmp_path: Path) -> None:
    db = database.connect(f"sqlite:///{watched[0] / 'one.db'}")
    row = db.rows(sa.select(tables.fits).where(tables.fits.c.week == watched[1]))[0]
    fit = fit_files.read(watched[0] / "one-history", row["week"], row["fit_hash"], row["content_hash"], Fit)
    assert fit is not None
    content = fit_files.write(tmp_path, row["week"], row["fit_hash"], fit)
    assert content == row["content_hash"], "the same fit is the same file"
    later = watched[1] + timedelta(weeks=4)
    fit_files.write(tmp_path, later, "0" * 64, fit)
    assert [file.name[:10] for file in (tmp_path / "fits").iterdir()] == [str(later)]
    assert fit_files.read(tmp_path, row["week"], row["fit_hash"], content, Fit) is None


def test_a_shop_heard_of_since_monday_stands_between_the_others_and_is_blameless(rules: Settings, tmp_path: Path) -> None:
    db = load_city(f"sqlite:///{tmp_path / 'a.db'}", f.write_folder(tmp_path / "city", SMALL), rules)
    tuesday = f.week(1) + timedelta(days=1)
    known = snapshot.read_week(db, tuesday, weeks=20, horizon=13, history_folder=tmp_path / "h")[0]
    monday = week_start.of(snapshot.read_week(db, f.week(), weeks=20, horizon=13, history_folder=tmp_path / "h")[0], horizon=13)
    fit = weekly.make(weekly.Given(monday, "", frames.empty(record.CANDIDATES)), rules, Steps())
    marked = replace(fit.estimate, shape=replace(fit.estimate.shape, honest=np.linspace(0.1, 0.4, len(monday.retailers))))
    estimate = weekly.today(replace(fit, estimate=marked), known)
    told = dict(zip(known.retailers["retailer_id"], estimate.shape.honest, strict=True))
    assert told == pytest.approx({"R1": 0.1, "R2": 0.2, "R3": 0.3, "R4": 1.0, "R5": 0.4})
    assert estimate.pairs["retailer_id"].dtype == known.categories()[0]
