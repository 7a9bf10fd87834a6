"""The record of forecasts: judged once, by what the night that can judge them knows, and told in ratios of sums."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa

from jobs import exports, nightly, publish, scoreboard, weekly
from jobs.runs import Steps
from ordering import database, frames, record, sample, snapshot, tables
from ordering.database import forecasts
from ordering.errors import TrueOrderError
from ordering.settings import Settings
from tests.jobs.conftest import load_city

Watched = tuple[Path, date]


def kept(db: database.Database, name: str) -> pd.DataFrame:
    with db.reading() as reader:
        return forecasts.read_forecasts(reader, name)


def of_run(db: database.Database, rules: Settings, folder: Path, run_id: int | None = None) -> exports.Source:
    return exports.source(db, rules, folder, run_id)


def test_forecasts_are_judged_by_what_the_first_night_after_the_week_knows(
    watched_city: database.Database, watched: Watched, rules: Settings, tmp_path: Path
) -> None:
    known, _ = snapshot.read_week(watched_city, watched[1], weeks=rules.demand.weeks, horizon=13, history_folder=tmp_path / "h")
    with watched_city.reading() as reader:
        came = weekly.make(weekly.given(reader, known, rules), rules, Steps()).past
    last = frames.day(watched[1] - timedelta(weeks=1))
    judged = kept(watched_city, record.BRANDS.name)
    judged = judged[judged["week"] == last]
    assert judged["origin"].nunique() == 4
    both = judged.merge(came, on=["brand_id", "week"], how="left", validate="m:1")
    assert both["actual"].notna().any()
    pd.testing.assert_series_equal(both["actual"], both["demand"], check_names=False)


def test_districts_and_retailers_add_up_to_brands(watched_city: database.Database, watched: Watched) -> None:
    brands, districts, retailers = (kept(watched_city, name) for name in record.FORECASTS)
    for column in ("forecast", "actual"):
        of_brands = brands.set_index(["week", "origin", "brand_id"])[column].dropna()
        below = districts.dropna(subset=[column]).groupby(["week", "origin", "brand_id"])[column].sum()
        np.testing.assert_allclose(below.reindex(of_brands.index).to_numpy(), of_brands.to_numpy(), rtol=1e-9)
        horizons = (retailers["week"] - retailers["origin"]).dt.days // 7 + 1
        assert set(horizons) == {1, 4, 13}
        whole = brands.dropna(subset=[column]).groupby(["week", "origin"])[column].agg(["sum", "count"])
        whole = whole.loc[whole["count"] == brands["brand_id"].nunique(), "sum"]  # weeks in which no brand was unknown
        shops = retailers.dropna(subset=[column]).groupby(["week", "origin"])[column].sum()
        shared = shops.index.intersection(whole.index)
        assert len(shared)
        np.testing.assert_allclose(shops[shared].to_numpy(), whole[shared].to_numpy(), rtol=1e-9)


def test_what_has_not_come_is_not_judged_and_a_second_night_of_the_week_changes_nothing(
    watched_city: database.Database, watched: Watched, rules: Settings
) -> None:
    before = {name: kept(watched_city, name) for name in record.FORECASTS}
    for frame in before.values():
        assert frame.loc[frame["week"] >= frames.day(watched[1]), "actual"].isna().all()
        assert frame.loc[frame["week"] < frames.day(watched[1]), "actual"].notna().any()
    nightly.run(watched_city, watched[1] + timedelta(days=1), rules, history=watched[0] / "one-history")
    for name, frame in before.items():
        pd.testing.assert_frame_equal(kept(watched_city, name), frame, check_exact=True)


def test_a_week_is_judged_once_its_lines_have_been_allocated(
    watched_city: database.Database, watched: Watched, rules: Settings, tmp_path: Path
) -> None:
    """Lines that were never published are no deliveries of nothing."""
    monday, week = watched[1] + timedelta(weeks=1), frames.day(watched[1])

    def judged() -> dict[str, int]:
        found = {name: kept(watched_city, name) for name in record.FORECASTS}
        return {name: int(rows.loc[rows["week"] == week, "actual"].notna().sum()) for name, rows in found.items()}

    nightly.run(watched_city, monday, rules, history=tmp_path / "one-history")
    early = judged()
    assert (early[record.BRANDS.name], early[record.DISTRICTS.name]) == (0, 0), "every brand has lines that wait"
    clock = datetime.combine(monday, datetime.min.time())
    publish.publish(watched_city, rules, history=tmp_path / "one-history", clock=clock, by="tester")
    nightly.run(watched_city, monday + timedelta(days=1), rules, history=tmp_path / "one-history")
    late = judged()
    assert all(late[name] > early[name] for name in record.FORECASTS)


@pytest.mark.parametrize(
    "by",
    [["brand", "horizon"], ["district"], ["retailer", "horizon"], ["manufacturer", "price_class"], ["manager"], ["period"], []],
    ids=str,
)
def test_accuracy_is_a_ratio_of_sums_by_any_dimension_that_is_kept(
    by: list[str], watched_city: database.Database, watched: Watched, rules: Settings, tmp_path: Path
) -> None:
    source = of_run(watched_city, rules, tmp_path / "h")
    found = scoreboard.accuracy(source, by, "week", None)
    assert list(found.columns) == [*by, *exports.COLUMNS["accuracy"]]
    assert len(found) == (found.groupby(by).ngroups if by else 1)
    expected = 1 - found["absolute_error"] / found["actual"].where(found["actual"] > 0)
    pd.testing.assert_series_equal(found["forecast_accuracy"], expected, check_names=False)
    shops = {"retailer", "manager"} & set(by)
    rows = kept(watched_city, record.RETAILERS.name if shops else record.DISTRICTS.name if "district" in by else record.BRANDS.name)
    rows = rows[rows["actual"].notna()]
    assert found["absolute_error"].sum() == pytest.approx((rows["forecast"] - rows["actual"]).abs().sum())
    assert found["actual"].sum() == pytest.approx(rows["actual"].sum())
    if "horizon" in by:
        assert set(found["horizon"]) == ({1, 4} if shops else {1, 2, 3, 4})


def test_an_older_run_tells_what_was_known_on_its_day(
    watched_city: database.Database, watched: Watched, rules: Settings, tmp_path: Path
) -> None:
    weeks = [
        set(scoreboard.accuracy(of_run(watched_city, rules, tmp_path / "h", run), ["period"], "week", None)["period"]) for run in (3, 5)
    ]
    mondays = [f"{watched[1] - timedelta(weeks=back)}" for back in (4, 3, 2, 1)]
    assert weeks == [set(mondays[:2]), set(mondays)]
    last = scoreboard.accuracy(of_run(watched_city, rules, tmp_path / "h"), ["period"], "week", 2)
    assert last["period"].tolist() == mondays[2:]


@pytest.mark.parametrize(
    ("by", "said"),
    [(["retailer", "brand"], "not by retailer and brand at once"), (["star"], 'there is no dimension "star"; there are brand, district')],
)
def test_what_is_not_kept_is_refused_in_words(
    by: list[str], said: str, watched_city: database.Database, rules: Settings, tmp_path: Path
) -> None:
    with pytest.raises(TrueOrderError, match=said):
        scoreboard.accuracy(of_run(watched_city, rules, tmp_path / "h"), by, "week", None)


def test_brands_that_leave_their_interval_week_after_week_are_a_problem_of_the_night(
    watched_city: database.Database, watched: Watched, rules: Settings, tmp_path: Path
) -> None:
    strict = rules.model_copy(update={"forecast": rules.forecast.model_copy(update={"drift_weeks": 4, "drift_outside": 4})})
    t = tables.kept[record.BRANDS.name]
    with watched_city.writing() as tx:
        tx.execute(t.update().values(p10=0.0, p90=1e9))
        tx.execute(t.update().where(t.c.brand_id == sa.select(sa.func.min(t.c.brand_id)).scalar_subquery()).values(p10=1e8, p90=2e8))
    night = nightly.run(watched_city, watched[1] + timedelta(days=1), strict, history=tmp_path / "h")
    told = night.problems[night.problems["step"] == "record"]
    assert told["subject"].tolist() == [kept(watched_city, record.BRANDS.name)["brand_id"].min()]
    assert (
        told["message"].str.contains("left the 80% interval of its forecast in 4 of the last 4 weeks (0 above, 4 below", regex=False).all()
    )
    assert told["message"].str.contains("近4周有4周超出预测的80%区间").all()


def test_retailers_are_scored_by_their_requests(watched_city: database.Database, rules: Settings, tmp_path: Path) -> None:
    source = of_run(watched_city, rules, tmp_path / "h")
    found = scoreboard.retailer_knowledge(source, 12)
    assert len(found) == 10
    exports.export(source, "demand", tmp_path / "demand.parquet", weeks=12)
    rows = pd.read_parquet(tmp_path / "demand.parquet")
    weeks = sorted(rows["week"].unique())
    rows["window"] = rows["week"].map({week: number // 4 for number, week in enumerate(weeks)})
    sums = rows.groupby(["retailer_id", "brand_id", "window"])[["requested", "demand"]].sum()
    error = (sums["requested"] - sums["demand"]).abs().groupby("retailer_id").sum()
    np.testing.assert_allclose(found["request_error"].to_numpy(), error.to_numpy(), rtol=1e-6)
    assert (found["request_accuracy"].dropna() <= 1).all()
    assert (found["plenty_demand"] <= found["demand"] + 1e-9).all()


def test_overrides_are_set_against_the_demand_recovered_since(
    watched_city: database.Database, watched: Watched, rules: Settings, tmp_path: Path
) -> None:
    source = of_run(watched_city, rules, tmp_path / "h")
    assert scoreboard.overrides(source, ["manager"], "month").empty
    t, told = tables.results["suggestions"], tables.suggestion_decisions
    own = {name: t.c[name] for name in ("retailer_id", "brand_id", "order_day", "week", "run_id", "suggested")}
    own |= {
        name: sa.literal(value) for name, value in {"version": 1, "decision": "adjusted", "pending": False, "code": "", "note": ""}.items()
    }
    own["decided_qty"] = t.c.suggested + 1000
    with watched_city.writing() as tx:
        tx.execute(told.insert().from_select(list(own), sa.select(*own.values()).where(t.c.run_id == 3)))
    found = scoreboard.overrides(source, [], "month").iloc[0]
    assert found["decisions"] == found["overrides"] > 0
    assert found["decided"] == found["suggested"] + 1000 * found["overrides"]
    assert found["gain"] < -900 * found["overrides"]
    by = scoreboard.overrides(source, ["manager", "period"], "month")
    assert by["gain"].sum() == pytest.approx(found["gain"])


# weights from stored past errors


def test_a_later_week_reads_what_was_said_and_every_night_run_again_finds_the_same(rules: Settings, tmp_path: Path) -> None:
    """The later week is planned first; going back to the earlier one changes neither."""
    city = sample.write_city(tmp_path / "city", retailers=8, brands=2, weeks=36, seed=3)
    db = load_city(f"sqlite:///{tmp_path / 'a.db'}", tmp_path / "city", rules)
    earlier, later, after = (city.cutoff - timedelta(weeks=back) for back in (2, 1, 0))
    nights = [nightly.run(db, day, rules, history=tmp_path / "h") for day in (later, earlier, later)]
    assert [night.stored for night in nights] == [True, True, False]
    assert nights[0].result_hash == nights[2].result_hash
    t = tables.kept[record.CANDIDATES.name]

    def said_in(week: date) -> set[date]:
        return {row["origin"] for row in db.rows(sa.select(t.c.origin).distinct().where(t.c.planned_week == week))}

    assert all(week in said_in(week) and len(said_in(week)) > 1 for week in (earlier, later)), "neither found anything to read"
    nightly.run(db, after, rules, history=tmp_path / "h")
    assert said_in(after) == {after}, "what was said at earlier origins was read"
