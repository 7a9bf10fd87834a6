"""The command line as a user meets it: words, exit status, and a database that bad input never touches."""

from __future__ import annotations

import contextlib
import hashlib
import io
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from ordering import database
from tests import factories as f

Made = tuple[Path, date]


@dataclass(frozen=True)
class Ran:
    """What a command left: its exit status and what it said."""

    returncode: int
    stdout: str
    stderr: str


def trueorder(*words: object, cwd: Path, url: str | None = None) -> Ran:
    """Run a command in this process, as the console script does."""
    from jobs.cli import main

    before = ["--database", url] if url else []
    out, err = io.StringIO(), io.StringIO()
    with contextlib.chdir(cwd), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main([*before, *map(str, words)])
            status = 0
        except SystemExit as left:
            status = int(left.code or 0)
    return Ran(status, out.getvalue(), err.getvalue())


CITY = {
    "retailers": [f.retailer("R1"), f.retailer("R2", street="S2"), f.retailer("R3", district="D2")],
    "brands": [f.brand("B1"), f.brand("B2")],
    "order_lines": [
        f.line(r, b, 5 + n % 3, 4, order_date=f.week(-n)) for r in ("R1", "R2", "R3") for b in ("B1", "B2") for n in range(1, 13)
    ],
    "release_strategy": [{"brand_id": "B1", "week": f.week(-1), "star_level": 3, "cap": 9}],
    "star_levels": [{"retailer_id": "R1", "month": "2026-02", "star_level": 3}],
}  # fmt: skip


def contents(db: database.Database) -> str:
    """A hash of everything that the database holds, but for who may do what at a time."""
    import sqlalchemy as sa

    digest = hashlib.sha256()
    for name in sorted(set(sa.inspect(db.engine).get_table_names()) - {"leases"}):
        table = sa.table(name, *(sa.column(c["name"]) for c in sa.inspect(db.engine).get_columns(name)))
        digest.update(repr((name, sorted(map(repr, db.rows(sa.select(table)))))).encode())
    return digest.hexdigest()


def changed(name: str, change: Callable[[pd.DataFrame], pd.DataFrame]) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        file = folder / f"{name}.csv"
        change(pd.read_csv(file, dtype=str, keep_default_na=False)).to_csv(file, index=False)

    return write


def cell(name: str, row: int, column: str, value: str) -> Callable[[Path], None]:
    def change(table: pd.DataFrame) -> pd.DataFrame:
        table.loc[row, column] = value
        return table

    return changed(name, change)


def truncated(folder: Path) -> None:
    file = folder / "order_lines.csv"
    file.write_bytes(file.read_bytes()[:-40])


def again(table: pd.DataFrame) -> pd.DataFrame:
    return pd.concat([table, table.iloc[[0]]])


def tied(folder: Path) -> None:
    rows = [
        {"brand_id": "B1", "week": f.week(-1), "star_level": 3, "district": "D1", "area_type": "", "cap": 9},
        {"brand_id": "B1", "week": f.week(-1), "star_level": 3, "district": "", "area_type": "urban", "cap": 5},
    ]
    pd.DataFrame(rows).to_csv(folder / "release_strategy.csv", index=False)


def one_retailer(folder: Path) -> None:
    changed("retailers", lambda t: t.iloc[:1])(folder)
    changed("order_lines", lambda t: t[t["retailer_id"] == "R1"])(folder)


def a_week_without_orders(folder: Path) -> None:
    changed("order_lines", lambda t: t[t["order_date"] != str(f.week(-5))])(folder)


BAD: dict[str, tuple[Callable[[Path], None], str]] = {
    "a missing file": (lambda folder: (folder / "brands.csv").unlink(), r"brands\.csv: .*missing"),
    "a truncated file": (truncated, r"order_lines\.csv:\d+: "),
    "a negative quantity": (cell("order_lines", 3, "requested", "-3"), r'order_lines\.csv:5: requested "-3" '),
    "a fractional quantity": (cell("order_lines", 3, "requested", "2.5"), r'order_lines\.csv:5: requested "2\.5" '),
    "an unknown retailer": (cell("order_lines", 0, "retailer_id", "R9"), r'order_lines\.csv:2: retailer_id "R9" '),
    "a repeated key": (changed("order_lines", again), r"order_lines\.csv:74: "),
    "two levels in a month": (
        changed("star_levels", lambda t: pd.concat([t, t.assign(star_level="5")])), r"star_levels\.csv:3: .*2026-02",
    ),
    "a brand withdrawn before it was launched": (
        changed("brands", lambda t: t.assign(launched_on="2026-01-05", withdrawn_on="2025-01-06")), r"brands\.csv:2: .*2025-01-06",
    ),
    "a date that does not exist": (cell("order_lines", 0, "order_date", "2026-02-30"), r'order_lines\.csv:2: order_date "2026-02-30" '),
    "an empty file": (lambda folder: (folder / "order_lines.csv").write_text(""), r"order_lines\.csv: .*empty"),
    "allocated above requested": (cell("order_lines", 0, "allocated", "99"), r'order_lines\.csv:2: allocated "99" '),
    "two strategy rows of equal scope": (tied, r"release_strategy\.csv:\d+: "),
    "a city with one retailer": (one_retailer, r"retailers\.csv: .*min_retailers"),
    "a week without orders": (a_week_without_orders, rf"order_lines\.csv: .*{f.week(-5)}.*closed_weeks"),
}  # fmt: skip


@pytest.mark.parametrize("fault", BAD)
def test_bad_input_is_told_in_words_and_leaves_the_database_as_it_was(fault: str, db: database.Database, url: str, tmp_path: Path) -> None:
    db.engine.dispose()
    before = contents(db)
    folder = f.write_folder(tmp_path / "city", CITY)
    break_it, said = BAD[fault]
    break_it(folder)
    ran = trueorder("import", folder, cwd=tmp_path, url=url)
    assert ran.returncode == 1, ran.stdout + ran.stderr
    assert re.search(said, ran.stderr), ran.stderr
    assert "nothing was stored" in ran.stderr
    assert "Traceback" not in ran.stderr
    assert contents(db) == before


def test_the_same_city_unbroken_is_stored(db: database.Database, url: str, tmp_path: Path) -> None:
    """The control of the test above, and the settings that let the last two through."""
    before = contents(db)
    folder = f.write_folder(tmp_path / "city", CITY)
    ran = trueorder("import", folder, cwd=tmp_path, url=url)
    assert ran.returncode == 0, ran.stderr
    assert contents(db) != before


def test_a_closed_week_and_a_single_shop_are_let_through_by_the_settings_that_the_messages_name(tmp_path: Path) -> None:
    folder = f.write_folder(tmp_path / "city", CITY)
    one_retailer(folder)
    a_week_without_orders(folder)
    (tmp_path / "trueorder.toml").write_text(f'[importing]\nmin_retailers = 1\nclosed_weeks = ["{f.week(-5)}"]\n')
    ran = trueorder("import", folder, cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr
    assert "12 new" not in ran.stdout
    assert re.search(r"order_lines\s+22 new", ran.stdout)


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["nonsense"], 2, "No such command"),
        (["nightly", "--date", "2026-02-30"], 2, "2026-02-30"),
        (["nightly", "--date", "2026-03-02"], 1, "run: trueorder init"),
        (["export", "demand", "--to", "x.csv"], 1, "run: trueorder init"),
        (["import", "nowhere"], 1, "nowhere"),
        (["--settings", "none.toml", "init"], 1, "none.toml: cannot be read"),
        (["--database", "mysql://h/d", "init"], 1, "use SQLite or PostgreSQL"),
    ],
)
def test_wrong_words_and_wrong_state_are_told_apart(words: list[str], status: int, said: str, tmp_path: Path) -> None:
    ran = trueorder(*words, cwd=tmp_path)
    assert (ran.returncode, said in ran.stderr) == (status, True), ran.stderr
    assert "Traceback" not in ran.stderr


def test_an_unknown_setting_is_refused_with_its_name(tmp_path: Path) -> None:
    (tmp_path / "trueorder.toml").write_text("[nightly]\natt = 1\n")
    ran = trueorder("init", cwd=tmp_path)
    assert (ran.returncode, "trueorder.toml: nightly.att: there is no such setting" in ran.stderr) == (1, True), ran.stderr


def test_what_nobody_foresaw_is_told_without_a_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from jobs import cli

    def broken(*_: object, **__: object) -> None:
        raise KeyError("x")

    monkeypatch.setattr(cli, "app", broken)
    with pytest.raises(SystemExit) as left:
        cli.main(["init"])
    said = capsys.readouterr().err
    assert left.value.code == 1
    assert "this should not have happened (KeyError)" in said
    assert "Traceback" not in said
    log = Path(said.rsplit(" ", 1)[1].strip())
    assert "Traceback" in log.read_text("utf-8")
    log.unlink()


def test_a_city_is_made_up_imported_planned_and_published(tmp_path: Path) -> None:
    (tmp_path / "trueorder.toml").write_text("[nightly]\nworkers = 1\n[forecast]\norigins = 1\n")
    said = []
    for words in (
        ["sample", "made", "--retailers", 12, "--brands", 3, "--weeks", 30],
        ["import", "made"],
        ["nightly", "--date", "2026-09-07"],
        ["publish"],
    ):
        ran = trueorder(*words, cwd=tmp_path)
        assert ran.returncode == 0, ran.stderr
        said.append(ran.stdout)
    assert "wait to be allocated: trueorder nightly --date 2026-09-07" in said[0]
    assert re.search(r"run 1 of 2026-09-07: proposal stored; hash [0-9a-f]{64}", said[2])
    assert re.search(r"run 1, order day 2026-09-\d\d: [1-9]\d* lines confirmed", said[3])


def test_a_backtest_of_too_short_a_history_says_how_much_is_needed(planned_city: database.Database, tmp_path: Path) -> None:
    ran = trueorder("backtest", "--date", "2026-09-07", cwd=tmp_path, url=str(planned_city.url))
    assert ran.returncode == 1
    assert "weeks of history are too few for 6 origins" in ran.stderr


def test_every_export_holds_the_same_rows_in_every_kind_of_file(planned_city: database.Database, tmp_path: Path) -> None:
    from python_calamine import CalamineWorkbook

    from jobs.exports import BY_DIMENSION, COLUMNS

    (tmp_path / "trueorder.toml").write_text('[database]\nurl = "sqlite:///one.db"\n')

    for what, columns in COLUMNS.items():
        counts = set()
        for ending in ("csv", "parquet", "xlsx"):
            ran = trueorder("export", what, "--to", f"{what}.{ending}", "--weeks", 8, cwd=tmp_path)
            assert ran.returncode == 0, ran.stderr
            counts.add(ran.stdout.split(" rows")[0])
        assert len(counts) == 1
        from_csv = pd.read_csv(tmp_path / f"{what}.csv", dtype=str, keep_default_na=False)
        from_parquet = pd.read_parquet(tmp_path / f"{what}.parquet")
        sheet = CalamineWorkbook.from_path(str(tmp_path / f"{what}.xlsx")).get_sheet_by_index(0).to_python()
        expected = ["period", *columns] if what in BY_DIMENSION else list(columns)
        assert list(from_csv.columns) == list(from_parquet.columns) == sheet[0] == expected
        assert len(from_csv) == len(from_parquet) == len(sheet) - 1 == int(counts.pop().replace(",", ""))
        for column in {"allocated", "demand", "score"} & set(columns):
            parquet = pd.to_numeric(from_parquet[column])
            pd.testing.assert_series_equal(pd.to_numeric(from_csv[column]), parquet, check_dtype=False, rtol=1e-12)
            at = expected.index(column)
            assert [row[at] for row in sheet[1:]] == pytest.approx(parquet.tolist())
    ran = trueorder("export", "nonsense", "--to", "x.csv", cwd=tmp_path)
    assert (ran.returncode, 'there is no export "nonsense"; there are demand' in ran.stderr) == (1, True)
    ran = trueorder("export", "demand", "--to", "x.doc", cwd=tmp_path)
    assert (ran.returncode, "use .csv, .parquet or .xlsx" in ran.stderr) == (1, True)
    ran = trueorder("report", "--to", "report", cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr
    assert "report: report/index.html" in ran.stdout
    assert (tmp_path / "report" / "rates.xlsx").stat().st_size > 10_000
    ran = trueorder("report", "--to", "report", "--month", "1999-01", cwd=tmp_path)
    assert (ran.returncode, "holds no orders of 1999-01" in ran.stderr) == (1, True)


def test_the_program_leaves_with_the_status_of_its_fault(tmp_path: Path) -> None:
    root = Path(__file__).resolve().parents[2]
    command = [
        sys.executable,
        "-c",
        f"import sys; sys.path.insert(0, {str(root)!r}); from jobs.cli import main; main(['import', 'nowhere'])",
    ]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ran.returncode == 1
    assert "nowhere" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_help_needs_no_heavy_library(tmp_path: Path) -> None:
    code = "import sys; sys.argv=['x','--help']\nfrom jobs.cli import main\ntry: main(['--help'])\nexcept SystemExit: pass\n"
    code += "print(sorted({'numba','pandas','prophet','statsmodels','pyarrow','sqlalchemy'} & set(sys.modules)))"
    root = Path(__file__).resolve().parents[2]
    ran = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert ran.stdout.strip().endswith("[]")


def test_runs_are_listed_shown_followed_and_refused_in_both_languages(planned_city: database.Database, tmp_path: Path) -> None:
    url = str(planned_city.url)
    assert re.match(r" +1  nightly +\d{4}-\d\d-\d\d  done .*, \d+ problems\n", trueorder("runs", "list", cwd=tmp_path, url=url).stdout)
    assert "完成" in trueorder("runs", "list", "--language", "zh", "--limit", "1", cwd=tmp_path, url=url).stdout
    shown = trueorder("runs", "show", "1", cwd=tmp_path, url=url).stdout
    assert re.search(r"^  allocate +done +\d+\.\d\d s █* +[\d,]+ rows +\d+ problems$", shown, re.MULTILINE)
    followed = trueorder("runs", "show", "1", "--follow", "--language", "zh", cwd=tmp_path, url=url).stdout
    assert "分配" in followed
    assert followed.splitlines()[-3].startswith("作业1，nightly")
    for words, said in {
        ("retry", "1"): "run 1 is done; to run its date once more: trueorder nightly --date",
        ("cancel", "1", "--by", "Wang", "--why", "x"): "run 1 is done; there is nothing to cancel",
        ("cancel", "1", "--by", " ", "--why", "x"): "by: say who cancels the run",
        ("show", "7"): "there is no run 7; trueorder runs list shows those that are stored",
        ("list", "--language", "fr"): 'language "fr": there are en and zh',
    }.items():
        ran = trueorder("runs", *words, cwd=tmp_path, url=url)
        assert (ran.returncode, ran.stderr.startswith(said)) == (1, True), ran.stderr
