"""The monthly rating end to end: rated once, refused where levels would change in passing, listed and explained, seen by the night."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path

import pandas as pd
import pytest
import sqlalchemy as sa
import time_machine

from jobs import cli, rating, star_lists
from ordering import database, frames, ratings, strategy, tables
from ordering import snapshot as nights
from ordering.database import ratings as stored
from ordering.errors import StateError, TrueOrderError
from ordering.settings import Settings
from tests import factories as f
from tests.jobs.conftest import load_city

Made = tuple[Path, date]
AT = datetime(2026, 9, 1, 4, 0)
ON = date(2026, 9, 1)
MONTH = "2026-09"


def rate(db: database.Database, rules: Settings, folder: Path, **more: object) -> rating.Outcome:
    return rating.rate(db, rules, **{"history": folder, "month": None, "on": ON, "by": "Wang", "at": AT} | more)  # type: ignore[arg-type]


@pytest.fixture(scope="session")
def unrated(tmp_path_factory: pytest.TempPathFactory, made: Made) -> Path:
    """The folder of the made-up city without imported levels of its newest month."""
    folder = tmp_path_factory.mktemp("unrated") / "city"
    shutil.copytree(made[0], folder)
    levels = pd.read_csv(folder / "star_levels.csv", dtype=str)
    levels[levels["month"] < MONTH].to_csv(folder / "star_levels.csv", index=False)
    return folder


@pytest.fixture
def town(url: str, unrated: Path, rules: Settings) -> database.Database:
    """The city without imported levels of its newest month, once on each engine."""
    return load_city(url, unrated, rules)


def test_a_month_is_rated_once_and_again_gives_the_same_bytes(town: database.Database, rules: Settings, tmp_path: Path) -> None:
    first, second = rate(town, rules, tmp_path / "h"), rate(town, rules, tmp_path / "other")
    assert (first.record.month, first.stored, second.stored) == (MONTH, True, False)
    assert first.record == second.record
    assert nights.fingerprint([("r", first.rows)]) == nights.fingerprint([("r", second.rows)])
    with town.reading() as reader:
        pd.testing.assert_frame_equal(database.read_ratings(reader, month=MONTH), first.rows)
    assert len(town.rows(sa.select(tables.rating_runs))) == 1


def test_both_databases_give_the_same_rating(tmp_path: Path, postgres_url: str, unrated: Path, rules: Settings) -> None:
    urls = (f"sqlite:///{tmp_path / 'a.db'}", postgres_url)
    assert len({rate(load_city(url, unrated, rules), rules, tmp_path / "h").record.result_hash for url in urls}) == 1


def test_the_night_plans_by_the_levels_that_were_rated(town: database.Database, made: Made, rules: Settings, tmp_path: Path) -> None:
    def levels() -> dict[str, int]:
        known = nights.read_week(town, made[1], weeks=20, horizon=13, history_folder=tmp_path / "h")[0]
        return dict(zip(known.retailers["retailer_id"], strategy.levels(known, pd.Index([MONTH]))[:, 0].tolist(), strict=True))

    plain = levels()
    rows = rate(town, rules, tmp_path / "h").rows
    rated = dict(zip(rows["retailer_id"], rows["level"].tolist(), strict=True))
    assert levels() == plain | rated
    assert levels() != plain


def test_later_weeks_do_not_change_a_rating(town: database.Database, rules: Settings, tmp_path: Path) -> None:
    before = rate(town, rules, tmp_path / "h").record.result_hash
    shop, brand = (
        town.rows(sa.select(tables.contract[table].c[column]).limit(1))[0][column]
        for table, column in (("retailers", "retailer_id"), ("brands", "brand_id"))
    )
    late = f.line(shop, brand, 900, 900, order_date=date(2026, 8, 31), order_id="LATE")
    database.store(town, {"order_lines": f.table(frames.ORDER_LINES, [late])}, folder="x", by="t", at=AT)
    assert rate(town, rules, tmp_path / "h").record.result_hash == before


def corrected(db: database.Database) -> None:
    """The conduct scores of a past month come late: the first shop's is the best, the others' are the worst."""
    shops = db.rows(sa.select(tables.contract["retailers"].c.retailer_id).order_by(tables.contract["retailers"].c.retailer_id))
    scores = [{"retailer_id": row["retailer_id"], "month": "2026-08", "score": 100 * (n == 0)} for n, row in enumerate(shops)]
    database.store(db, {"integrity": f.table(frames.INTEGRITY, scores)}, folder="x", by="t", at=AT)


def test_other_data_do_not_change_published_levels_unless_somebody_says_why(
    town: database.Database, rules: Settings, tmp_path: Path
) -> None:
    first = rate(town, rules, tmp_path / "h")
    corrected(town)
    with pytest.raises(StateError, match=r"month 2026-09 has a rating in force, 1, of other data or settings; this one would give \d+"):
        rate(town, rules, tmp_path / "h")
    with pytest.raises(TrueOrderError, match="why: say why the month is rated again"):
        rate(town, rules, tmp_path / "h", again=True)
    second = rate(town, rules, tmp_path / "h", again=True, why="scores came late")
    assert (second.record.edition, second.record.why, second.stored) == (2, "scores came late", True)
    with town.reading() as reader:
        pd.testing.assert_frame_equal(database.read_ratings(reader, month=MONTH), second.rows)
    back = stored.withdraw(town, second.record.rating_id, by="Li", why="they were wrong", at=AT)
    assert back == first.record


def test_what_cannot_be_rated_is_told_in_words(city: database.Database, rules: Settings, tmp_path: Path) -> None:
    cases = [
        (
            {"month": "2026-10"},
            "month 2026-10 can be rated from 2026-09-28 on, when its window ends; the newest",
        ),
        (
            {"month": "2026-11", "on": date(2026, 12, 1)},
            "month 2026-11: its rating measures the week 2026-09-14, of which no order is stored",
        ),
        ({"month": "2026-05"}, "month 2026-05: its rating measures 2 weeks"),
    ]
    for more, message in cases:
        with pytest.raises(TrueOrderError, match=message):
            rate(city, rules, tmp_path / "h", **more)
    assert city.rows(sa.select(tables.rating_runs)) == []


def test_a_city_without_orders_is_told_what_to_do(db: database.Database, rules: Settings, tmp_path: Path) -> None:
    with pytest.raises(StateError, match="no order is stored yet; run: trueorder import FOLDER"):
        rate(db, rules, tmp_path / "h")
    with pytest.raises(StateError, match="no level of any month is stored; run: trueorder stars rate"):
        star_lists.listed(db)


def test_an_imported_level_wins_and_is_marked_where_levels_are_listed(city: database.Database, rules: Settings, tmp_path: Path) -> None:
    outcome = rate(city, rules, tmp_path / "h")
    found = star_lists.listed(city, month=MONTH)
    with city.reading() as reader:
        imported = database.read_imported(reader, month=MONTH).set_index("retailer_id")["star_level"]
    assert outcome.imported == len(imported) > 0
    own = found.set_index("retailer_id")
    assert own.loc[imported.index, "level"].tolist() == imported.tolist()
    assert set(own.loc[imported.index, "source"]) == {"imported"}
    assert own.loc[imported.index, "english"].str.startswith("It was imported").all()
    assert (own.loc[imported.index, "computed_level"] != own.loc[imported.index, "level"]).any()


def test_moves_are_those_whose_level_changed_with_why(town: database.Database, rules: Settings, tmp_path: Path) -> None:
    rows = rate(town, rules, tmp_path / "h").rows
    found = star_lists.moves(town, MONTH)
    changed = rows[rows["level"] != rows["previous"]]
    assert set(found["retailer_id"]) == set(changed["retailer_id"])
    assert len(found) > 0
    assert found["chinese"].str.contains("[一-鿿]").all()
    imported = star_lists.moves(town, "2026-08")
    assert (imported["level"] != imported["previous"]).all()


def test_the_shares_reached_add_up_and_stand_beside_the_configured(town: database.Database, rules: Settings, tmp_path: Path) -> None:
    outcome = rate(town, rules, tmp_path / "h")
    table = rating.shares(outcome.rows, rating.rules_of(outcome.record))
    assert table["level"].tolist() == [5, 4, 3, 2, 1]
    assert table["configured"].tolist() == [10, 20, 40, 20, 10]
    assert table["retailers"].sum() == outcome.record.rated
    assert table["reached"].sum() == pytest.approx(100)


def test_settings_of_the_rating_are_no_part_of_what_a_night_depends_on(rules: Settings) -> None:
    from jobs import nightly

    other = rules.model_copy(update={"rating": rules.rating.model_copy(update={"most_steps": 4})})
    assert nightly.settings_hash(other) == nightly.settings_hash(rules)
    assert nightly.settings_hash(rules.model_copy(update={"allocation": rules.allocation.model_copy(update={"salt": "x"})})) != (
        nightly.settings_hash(rules)
    )


# the command line

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(unrated: Path, rules: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs `trueorder stars …` on 1 September on the city in SQLite: exit status, what it said, what it complained of."""
    url = f"sqlite:///{tmp_path / 'city.db'}"
    load_city(url, unrated, rules).engine.dispose()

    def call(*words: str) -> tuple[int, str, str]:
        with time_machine.travel(AT, tick=False), pytest.raises(SystemExit) as end:
            cli.main(["stars", *words, "--database", url])
        said = capsys.readouterr()
        return int(end.value.code or 0), said.out, said.err

    return call


def test_a_month_is_rated_listed_explained_and_withdrawn_at_the_command_line(run: Run, tmp_path: Path) -> None:
    status, out, _ = run("rate")
    assert status == 0
    assert "rating 1 of 2026-09, 16 retailers, weeks from 2026-06-01 to before 2026-08-31: stored; hash " in out
    assert "largest departure from a share: " in out
    assert "the same levels were in force, nothing new was stored" in run("rate", "--month", MONTH)[1]
    status, out, _ = run("list", "--month", MONTH, "--to", str(tmp_path / "levels.csv"))
    table = pd.read_csv(tmp_path / "levels.csv", dtype={"retailer_id": str})
    assert status == 0
    assert list(table.columns) == list(star_lists.COLUMNS)
    assert set(table["source"]) == {"computed"}
    shop = table["retailer_id"].iloc[0]
    assert len(run("list", "--retailer", shop)[1].splitlines()) > 3
    sheet = run("explain", shop)[1]
    assert "Purchases: " in sheet
    assert "购进：" in sheet
    assert run("moves", "--to", str(tmp_path / "moves.xlsx"))[0] == 0
    assert run("withdraw", "1", "--by", "Li", "--why", "a trial")[1] == "rating 1 was withdrawn; in force now: none\n"


def test_levels_in_parquet_and_xlsx_are_those_in_csv(run: Run, tmp_path: Path) -> None:
    run("rate")
    for ending in ("csv", "parquet", "xlsx"):
        assert run("list", "--to", str(tmp_path / f"l.{ending}"))[1].endswith(f"16 rows in {tmp_path / f'l.{ending}'}\n")
    csv = pd.read_csv(tmp_path / "l.csv", dtype={"retailer_id": str})
    parquet = pd.read_parquet(tmp_path / "l.parquet")
    assert parquet["level"].tolist() == csv["level"].tolist()
    assert parquet["score"].tolist() == csv["score"].tolist()
    xlsx = pd.read_excel(tmp_path / "l.xlsx", engine="calamine", dtype={"retailer_id": str})
    assert xlsx["level"].tolist() == csv["level"].tolist()


def test_what_is_wrong_at_the_command_line_is_told_in_words(run: Run) -> None:
    assert run("explain", "nobody") == (
        1, "", "no level of retailer nobody is known; trueorder stars rate computes them, and star_levels.csv may hold them\n",
    )  # fmt: skip
    assert run("rate", "--month", "2026-12")[::2] == (
        1, "month 2026-12 can be rated from 2026-11-30 on, when its window ends; the newest that can be now is 2026-09\n",
    )  # fmt: skip
    assert run("rate", "--month", "September")[0] == 2
    assert run("withdraw", "7", "--by", "Li", "--why", "x")[::2] == (
        1, "there is no rating 7; trueorder stars rate says the number of each\n",
    )  # fmt: skip
    assert "there is no such level" not in run("rate", "--again")[2]
    assert run("rate", "--again")[2] == "why: say why the month is rated again\n"


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("shares = [50, 40]", "rating.shares = [50, 40]: Value error, the shares add up to 90, not to 100 percent"),
        ("weights = { purchases = 0, sell_through = 0, structure = 0, integrity = 0, cooperation = 0 }", "no measure has a weight above 0"),
        ("weights = { luck = 1 }", "rating.weights.luck"),
        ("entry_level = 6", "rating.entry_level = 6: Value error, there is no such level"),
        ("most_steps = 0", "rating.most_steps = 0"),
    ],
)
def test_settings_that_do_not_fit_are_refused_in_words(written: str, message: str, tmp_path: Path) -> None:
    from ordering import settings
    from ordering.errors import SettingsError

    (tmp_path / "t.toml").write_text(f"[rating]\n{written}\n")
    with pytest.raises(SettingsError) as error:
        settings.load(tmp_path / "t.toml")
    assert message in str(error.value)


def test_the_default_levels_are_as_many_as_the_made_up_citys(rules: Settings) -> None:
    assert rules.rating.levels == 5
    assert ratings.window(MONTH, rules.rating).weeks == 13
