"""Planning from end to end on both databases: a month's weeks, a week's caps, its quotas, publishing them and taking them back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from allocation import plan
from jobs import cli, exports, nightly, planning, strategies
from ordering import database, frames, strategy
from ordering.errors import StateError, TrueOrderError
from ordering.settings import Settings
from tests import factories as f
from tests.jobs.conftest import load_city

Made = tuple[Path, date]
AT = datetime(2026, 9, 1, 4, 0)
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def source(planned_city: database.Database, rules: Settings, tmp_path: Path) -> exports.Source:
    """The city and its night in SQLite."""
    return exports.source(planned_city, rules, tmp_path / "h")


@pytest.fixture
def ahead(made: Made) -> date:
    """The week after the waiting one: it has no release strategy yet."""
    return made[1] + timedelta(weeks=1)


@pytest.fixture
def on_server(postgres_url: str, made: Made, rules: Settings, tmp_path: Path) -> exports.Source:
    """The same city and night on PostgreSQL."""
    db = load_city(postgres_url, made[0], rules)
    nightly.run(db, made[1], rules, history=tmp_path / "h")
    return exports.source(db, rules, tmp_path / "h")


def volumes(source: exports.Source, month: str, share: float = 0.7, **more: int) -> None:
    """Give every brand a volume of a share of its forecast in a month, or what `more` says."""
    forecast = source.result("brand_forecast")
    sums = forecast[forecast["week"].isin(plan.weeks_of(month))].groupby("brand_id")["demand"].sum()
    rows = [{"brand_id": b, "month": month, "volume": more.get(b, round(share * demand))} for b, demand in sums.items()]
    database.store(source.db, {"monthly_plan": f.table(frames.MONTHLY_PLAN, rows)}, folder="plan", by="tester", at=AT)


def next_month(source: exports.Source) -> str:
    """The month after that of the night, which nothing was given of yet and no arrivals are known for in full."""
    return f"{(source.run.business_date.replace(day=1) + timedelta(days=32)):%Y-%m}"


def test_a_month_is_planned_within_volume_and_arrivals(source: exports.Source) -> None:
    found = planning.month_weeks(planning.ground(source))
    assert len(found.rows)
    by_brand = found.rows.groupby("brand_id")
    left = by_brand["volume"].first() - by_brand["plan"].sum()
    pd.testing.assert_series_equal(left, by_brand["unplanned"].first(), check_names=False)
    for _, rows in by_brand:
        ahead = rows[rows["week"] >= frames.day(source.run.business_date)]
        known = ahead["arrived"].notna()
        assert (ahead["plan"].cumsum()[known] <= ahead["arrived"][known]).all()
        assert (rows.loc[rows["week"] < frames.day(source.run.business_date), "plan"] == rows["given"][: len(rows) - len(ahead)]).all()


def test_what_was_given_in_the_month_is_what_order_lines_say(watched_city: database.Database, rules: Settings, tmp_path: Path) -> None:
    """The night of the month's last Monday: four weeks of it are past."""
    source = exports.source(watched_city, rules, tmp_path / "h", run_id=4)
    on = planning.ground(source)
    found = planning.month_weeks(on).rows
    past = found[found["week"] < on.first]
    assert past["week"].nunique() == len(on.weeks) - 1 == 4
    with source.db.reading() as reader:
        lines = database.read_lines(reader, on.weeks[0].date(), on.first.date() - timedelta(days=1)).to_pandas(date_as_object=False)
    week = lines["order_date"] - pd.to_timedelta(lines["order_date"].dt.day_of_week, unit="D")
    sums = lines.groupby([lines["brand_id"], week])["allocated"].sum()
    given = past.set_index(["brand_id", "week"])["given"]
    assert given.to_dict() == {key: sums.get(key, 0) for key in given.index}
    assert given.sum() > 50
    assert past["plan"].tolist() == past["given"].tolist()
    assert strategies.quotas(source).problems["code"].isin(["no_volume", "no_cap", "volume_given", "not_arrived"]).all()


def test_caps_are_monotone_and_what_they_let_be_taken_up_is_the_plan(source: exports.Source, ahead: date) -> None:
    volumes(source, f"{ahead:%Y-%m}")
    found = strategies.strategy(source, ahead)
    planned = planning.month_weeks(planning.ground(source, f"{ahead:%Y-%m}")).of(frames.day(ahead))
    assert dict(zip(found.brands["brand_id"], found.brands["plan"], strict=True)) == planned
    for brand, rows in found.levels.groupby("brand_id"):
        assert (np.diff(rows.sort_values("star_level")["cap"]) >= 0).all()
        sums = found.brands.set_index("brand_id").loc[brand]
        assert rows["expected"].sum() == pytest.approx(sums["expected"])
        assert sums["residual"] == pytest.approx(sums["expected"] - sums["plan"])
        assert sums["take_up"] == pytest.approx(rows["expected"].sum() / rows["released"].sum())
    assert found.brands["residual"].abs().sum() < 0.25 * found.brands["plan"].sum(), "16 shops, so a carton for one level is much"


def test_one_brand_alone_is_planned_as_among_all(source: exports.Source, ahead: date) -> None:
    volumes(source, f"{ahead:%Y-%m}")
    every = strategies.strategy(source, ahead)
    for brand in every.brands["brand_id"]:
        alone = strategies.strategy(source, ahead, str(brand))
        pd.testing.assert_frame_equal(alone.levels, every.levels[every.levels["brand_id"] == brand].reset_index(drop=True))


def test_released_is_what_the_caps_in_force_come_to(source: exports.Source, ahead: date) -> None:
    """Written to the strategy and read back the way every night reads it."""
    volumes(source, f"{ahead:%Y-%m}")
    _, found = strategies.publish(source, ahead, by="Wang", why="plan", over=False, at=AT)
    known = source.known()
    with source.db.reading() as reader:
        rows = database.read_table(reader, "release_strategy")
    now = frames.Snapshot(**(vars(known) | {"release_strategy": rows}))
    week = pd.DatetimeIndex([ahead]).as_unit("us")
    brands, shops = len(known.brands), len(known.retailers)
    at = np.indices((shops, brands)).reshape(2, -1)
    caps = strategy.caps(now, week).of(at[0], at[1], np.zeros(at.shape[1], np.int64)).reshape(shops, brands)
    for row in found.brands.itertuples():
        column = caps[:, list(known.brands["brand_id"]).index(row.brand_id)]
        assert column.max() < strategy.NO_CAP
        assert column.sum() == row.released


def test_by_district_every_district_has_its_caps_and_its_part_of_the_plan(source: exports.Source, ahead: date) -> None:
    volumes(source, f"{ahead:%Y-%m}")
    whole, parts = strategies.strategy(source, ahead), strategies.strategy(source, ahead, by="district")
    assert parts.brands.groupby("brand_id")["plan"].sum().to_dict() == whole.brands.set_index("brand_id")["plan"].to_dict()
    assert set(parts.levels["district"]) == set(source.known().retailers["district"])
    assert parts.rows()["cap"].sum() == parts.levels["cap"].sum()
    with pytest.raises(TrueOrderError, match='scope "town": there is no such; there are district, area_type, business_format'):
        strategies.strategy(source, ahead, by="town")


def test_quotas_are_the_caps_of_the_month_together(source: exports.Source) -> None:
    month = next_month(source)
    volumes(source, month)
    found = strategies.quotas(source, month)
    caps = [strategies.strategy(source, week.date()).levels for week in plan.weeks_of(month)]
    sums = pd.concat(caps).groupby(["brand_id", "star_level"])["cap"].sum()
    assert found.rows.set_index(["brand_id", "star_level"])["quota"].to_dict() == sums.to_dict()
    assert all((np.diff(rows["quota"]) >= 0).all() for _, rows in found.rows.groupby("brand_id"))


def test_a_brand_without_a_cap_in_some_week_gets_no_quota_and_that_is_said(source: exports.Source) -> None:
    month = next_month(source)
    assert strategies.quotas(source, month).rows.empty, "no volume, no quota"
    volumes(source, month)
    first = plan.weeks_of(month)[0]
    rows = strategies.strategy(source, first.date()).rows()
    left_out = rows["brand_id"].iloc[0]
    kept = rows[(rows["brand_id"] != left_out) & ~((rows["brand_id"] == rows["brand_id"].iloc[-1]) & (rows["star_level"] == 1))]
    database.store(source.db, {"release_strategy": kept.assign(cap=9 - kept["star_level"])}, folder="plan", by="tester", at=AT)
    found = strategies.quotas(source, month)
    assert set(found.rows["brand_id"]) == set(rows["brand_id"]) - {left_out}
    said = found.problems[found.problems["code"] == "no_cap"]
    assert said["brand_id"].tolist() == [left_out]
    assert f"{first:%Y-%m-%d}" in said["chinese"].iloc[0]
    of_last = found.rows[found.rows["brand_id"] == rows["brand_id"].iloc[-1]]
    assert of_last["star_level"].min() == 2, "level 1 has no cap in the first week"
    assert all((np.diff(rows["quota"]) >= 0).all() for _, rows in found.rows.groupby("brand_id")), "although the caps imported fall"


def test_what_cannot_be_planned_is_said_in_words_in_both_languages(source: exports.Source, ahead: date) -> None:
    brands = sorted(source.result("brand_forecast")["brand_id"].unique())
    month = next_month(source)
    week = plan.weeks_of(month)[0].date()
    volumes(source, month, **{brands[0]: 10**6, brands[1]: 0})
    found = strategies.strategy(source, week)
    unknown = [{"brand_id": "B999", "month": month, "volume": 40}]
    database.store(source.db, {"monthly_plan": f.table(frames.MONTHLY_PLAN, unknown)}, folder="plan", by="tester", at=AT)
    found = strategies.strategy(source, week)
    said = found.problems.set_index("brand_id")["code"].to_dict()
    assert said["B999"] == "no_demand"
    assert set(found.brands["brand_id"]) == set(brands)
    assert said[brands[0]] in ("above_need", "not_arrived")
    assert not found.levels.loc[found.levels["brand_id"] == brands[1], "cap"].any(), (
        "nothing planned is not offered, for no row were no cap"
    )
    assert found.problems["chinese"].str.contains("[\u4e00-\u9fff]").all()
    assert found.problems["english"].str.len().min() > 30
    none = planning.month_weeks(planning.ground(source, f"{ahead + timedelta(weeks=8):%Y-%m}"))
    assert set(none.problems["code"]) == {"no_volume"}


def test_a_week_or_month_that_cannot_be_planned_is_refused_in_words(source: exports.Source, made: Made) -> None:
    with pytest.raises(TrueOrderError, match=f"week {made[1] + timedelta(days=1)}: a week is named by its Monday; is it {made[1]}"):
        strategies.strategy(source, made[1] + timedelta(days=1))
    with pytest.raises(StateError, match="was over on"):
        strategies.strategy(source, made[1] - timedelta(weeks=1))
    with pytest.raises(StateError, match="was over on"):
        planning.ground(source, "2020-01")
    with pytest.raises(StateError, match="the last week that is forecast"):
        planning.ground(source, "2030-01")


def test_a_past_week_of_this_month_is_refused(watched_city: database.Database, rules: Settings, tmp_path: Path) -> None:
    source = exports.source(watched_city, rules, tmp_path / "h", run_id=4)
    with pytest.raises(StateError, match=f"week {source.run.business_date - timedelta(weeks=1)} is past on {source.run.business_date}"):
        strategies.strategy(source, source.run.business_date - timedelta(weeks=1))


# the command line


@pytest.fixture(params=["sqlite", "postgresql"])
def command(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Run, exports.Source]]:
    """Runs `trueorder plan …` on the planned city on either engine: exit status, what it said, what it complained of."""
    chosen: exports.Source = request.getfixturevalue("source" if request.param == "sqlite" else "on_server")
    capture = request.getfixturevalue("capsys")
    request.getfixturevalue("monkeypatch").chdir(tmp_path)

    def run(*words: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as end:
            cli.main(["plan", *map(str, words), "--database", chosen.db.url.render_as_string(hide_password=False)])
        said = capture.readouterr()
        return int(end.value.code or 0), said.out, said.err

    yield run, chosen
    chosen.db.engine.dispose()


def strategy_rows(source: exports.Source) -> pd.DataFrame:
    with source.db.reading() as reader:
        return database.read_table(reader, "release_strategy")


def test_a_week_is_planned_published_and_taken_back_at_the_command_line(command: tuple[Run, exports.Source], ahead: date) -> None:
    run, source = command
    volumes(source, f"{ahead:%Y-%m}")
    before = strategy_rows(source)
    status, out, error = run("weeks", "--month", f"{ahead:%Y-%m}", "--to", "weeks.csv")
    assert (status, error) == (0, ""), error
    assert "rows in weeks.csv" in out
    assert list(pd.read_csv("weeks.csv").columns) == list(planning.WEEK_COLUMNS)
    status, out, error = run("strategy", "--week", ahead, "--to", "caps.xlsx")
    assert (status, error) == (0, ""), error
    assert "residual" in out
    assert list(pd.read_excel("caps.xlsx", engine="calamine").columns) == list(strategies.LEVEL_COLUMNS)
    brand = out.split()[0]
    assert f"level {source.known().retailers['star_level'].max()}: cap" in run("strategy", "--week", ahead, "--brand", brand)[1]
    pd.testing.assert_frame_equal(strategy_rows(source), before)
    who = ("--by", "Wang", "--why", "八月计划")
    status, out, error = run("publish", "--week", ahead, *who)
    assert (status, "plan 1: " in out, "trueorder plan withdraw 1" in out) == (0, True, True), error
    written = strategy_rows(source)
    assert (written["week"] == frames.day(ahead)).sum() > (before["week"] == frames.day(ahead)).sum() == 0
    status, _, error = run("publish", "--week", ahead, *who)
    assert (status, "--replace takes its place" in error) == (1, True)
    assert run("publish", "--week", ahead, *who, "--replace")[0] == 0
    pd.testing.assert_frame_equal(strategy_rows(source), written)
    assert run("withdraw", 2, "--by", "Li", "--why", "wrong")[0] == 0
    assert run("withdraw", 1, "--by", "Li", "--why", "wrong")[0] == 0
    pd.testing.assert_frame_equal(strategy_rows(source), before)
    status, _, error = run("withdraw", 1, "--by", "Li", "--why", "wrong")
    assert (status, "plan 1 was taken back already" in error) == (1, True)


def test_a_published_plan_equals_the_import_of_its_rows(source: exports.Source, ahead: date, tmp_path: Path, rules: Settings) -> None:
    """The caps written to a file and imported give the same table."""
    from jobs import loading
    from jobs.runs import quiet

    volumes(source, f"{ahead:%Y-%m}")
    plan_id, found = strategies.publish(source, ahead, by="Wang", why="plan", over=False, at=AT)
    published = strategy_rows(source)
    from ordering.database import planning as stored

    stored.withdraw(source.db, plan_id, by="Wang", why="to compare", at=AT)
    planning.write(found.rows(), tmp_path / "folder" / "release_strategy.csv")
    loading.load(source.db, tmp_path / "folder", rules, mapping=None, by="tester", at=AT, progress=quiet)
    pd.testing.assert_frame_equal(strategy_rows(source), published)


def test_a_file_of_quotas_can_be_imported(source: exports.Source, tmp_path: Path, rules: Settings) -> None:
    from jobs import loading
    from jobs.runs import quiet

    month = next_month(source)
    volumes(source, month)
    found = strategies.quotas(source, month)
    assert planning.write(found.rows, tmp_path / "folder" / "monthly_quotas.csv") == len(found.rows) > 0
    loaded = loading.load(source.db, tmp_path / "folder", rules, mapping=None, by="tester", at=AT, progress=quiet)
    count = loaded.tables["monthly_quotas"]
    assert count.new + count.changed + count.same == len(found.rows)


def test_wrong_words_are_told_apart_from_wrong_state(command: tuple[Run, exports.Source], made: Made) -> None:
    run, _ = command
    assert run("weeks", "--month", "2026-13")[0] == 2
    assert run("publish", "--week", made[1])[0] == 2
    status, _, error = run("strategy", "--week", made[1], "--brand", "nobody")
    assert (status, 'brand "nobody": it has no volume' in error) == (1, True)
    status, _, error = run("publish", "--week", made[1], "--by", " ", "--why", "x", "--replace")
    assert (status, "by: say who does this" in error, "Traceback" in error) == (1, True, False)
