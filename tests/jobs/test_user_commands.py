"""The commands for users and personal data, from end to end: in words, with exit status, and nothing secret on the command line."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa

from jobs import cli, retention
from jobs.clock import now
from ordering import database, settings, tables
from ordering.database import accounts

CHEAP = "[accounts]\nargon2_memory_kib = 8\nargon2_passes = 1\n"
GOOD = "a sentence to remember"
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(sqlite_city: database.Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command on the made-up city with a password on standard input; gives its status and what it said."""
    (tmp_path / "cheap.toml").write_text(CHEAP)
    where = ["--database", sqlite_city.url.render_as_string(), "--settings", str(tmp_path / "cheap.toml")]

    def ran(*words: str, password: str = GOOD) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.stdin", io.StringIO(password + "\n"))
        with pytest.raises(SystemExit) as left:
            cli.main([*words, *where])
        said = capsys.readouterr()
        return int(left.value.code or 0), said.out, said.err

    return ran


@pytest.fixture
def shop(sqlite_city: database.Database) -> dict[str, str]:
    """A shop of the city."""
    t = tables.contract["retailers"]
    return sqlite_city.rows(sa.select(t).order_by(t.c.retailer_id))[0]


def test_an_account_manager_is_added_shown_moved_and_kept_out(run: Run, sqlite_city: database.Database, shop: dict[str, str]) -> None:
    place = ("--manager", shop["account_manager"])
    assert run("users", "add", "lin", "--role", "account_manager", *place, "--password-stdin", "--by", "Li")[0] == 0
    assert run("users", "list")[1] == f"lin  account_manager  manager {shop['account_manager']}\n1 users\n"
    assert run("users", "list", "--role", "service")[1] == "0 users\n"
    rules = settings.load().accounts
    session = accounts.log_in(sqlite_city, "lin", GOOD, address="", at=now(), rules=rules)
    assert session
    assert accounts.sees(sqlite_city, session.person, shop["retailer_id"])
    assert "session since" in run("users", "sessions", "lin")[1]
    assert (
        run("users", "territory", "lin", "--district", shop["district"], "--by", "Li")[1]
        == f"lin  account_manager  district {shop['district']}\n"
    )
    assert "1 sessions of user lin were ended" in run("users", "sessions", "lin", "--end", "--by", "Li")[1]
    assert accounts.by_session(sqlite_city, session.secret, at=now()) is None
    assert run("users", "password", "lin", "--password-stdin", "--by", "Li", password="another one to remember")[0] == 0
    assert run("users", "role", "lin", "headquarters", "--by", "Li")[0] == 0
    assert run("users", "disable", "lin", "--by", "Li", "--why", "left")[0] == 0
    assert run("users", "list")[1] == "lin  headquarters  disabled\n1 users\n"
    assert accounts.log_in(sqlite_city, "lin", "another one to remember", address="", at=now(), rules=rules) is None
    assert run("users", "enable", "lin", "--by", "Li")[0] == 0
    assert accounts.log_in(sqlite_city, "lin", "another one to remember", address="", at=now(), rules=rules)


def test_a_service_comes_in_by_a_token_that_is_printed_once_and_can_be_revoked(run: Run, sqlite_city: database.Database) -> None:
    assert run("users", "add", "till", "--role", "service", "--by", "Li")[0] == 0
    status, secret, told = run("users", "token", "till", "--label", "till of the west", "--scope", "shop.read", "--by", "Li")
    assert (status, "not shown again" in told) == (0, True)
    person = accounts.by_token(sqlite_city, secret.strip(), at=now())
    assert person
    listed = run("users", "sessions", "till")[1]
    assert listed.startswith("token 1 (till of the west), until")
    assert secret.strip() not in listed
    assert run("users", "revoke", "1", "--by", "Li", "--why", "strayed")[0] == 0
    assert accounts.by_token(sqlite_city, secret.strip(), at=now()) is None
    assert "revoked" in run("users", "sessions", "till")[1]


@pytest.mark.parametrize(
    ("words", "password", "told"),
    [
        (("add", "li", "--role", "chief", "--password-stdin", "--by", "Li"), GOOD, 'role "chief": there is no such; there are\nretailer: '),
        (("add", "li", "--role", "headquarters", "--password-stdin", "--by", "Li"), "short", "write at least 12"),
        (("add", "li", "--role", "headquarters", "--password-stdin", "--by", "Li"), "", "0 characters"),
        (("add", "R?", "--role", "retailer", "--password-stdin", "--by", "Li"), GOOD, "no retailer of the city has this"),
        (("add", "li", "--role", "headquarters", "--password-stdin", "--by", " "), GOOD, "by: say it"),
        (("disable", "li", "--by", "Li", "--why", "left"), "", 'there is no user "li"'),
        (("role", "li", "service", "--by", "Li"), "", 'there is no user "li"'),
        (("password", "li", "--password-stdin", "--by", "Li"), GOOD, 'there is no user "li"'),
        (("sessions", "li"), "", 'there is no user "li"'),
        (("token", "li", "--label", "x", "--by", "Li"), "", 'there is no user "li"'),
        (("revoke", "7", "--by", "Li", "--why", "x"), "", "there is no token 7"),
    ],
)
def test_what_cannot_be_done_is_told_in_words(run: Run, words: tuple[str, ...], password: str, told: str) -> None:
    status, _, said = run("users", *words, password=password)
    assert (status, told in said) == (1, True), said


def test_no_command_takes_a_password_as_an_argument(run: Run) -> None:
    assert run("users", "add", "li", "--role", "headquarters", "--password", GOOD, "--by", "Li")[0] == 2


def test_a_retailers_data_are_given_out_deleted_and_who_looked_is_told(run: Run, shop: dict[str, str], tmp_path: Path) -> None:
    own, folder = shop["retailer_id"], tmp_path / "out"
    assert run("users", "add", own, "--role", "retailer", "--password-stdin", "--by", "Li")[0] == 0
    status, said, _ = run("privacy", "export", own, "--to", str(folder), "--by", "Li")
    about = json.loads((folder / "about.json").read_text("utf-8"))
    assert (status, about["about"], about["made_by"]) == (0, {"retailer_id": own}, "Li")
    assert {file.stem for file in folder.glob("*.csv")} == set(about["tables"])
    with (folder / "retailers.csv").open(encoding="utf-8") as file:
        assert [row["name"] for row in csv.DictReader(file)] == [shop["name"]]
    lines = sum(1 for _ in (folder / "order_lines.csv").open(encoding="utf-8")) - 1
    assert about["tables"]["order_lines"] == {"rows": lines, "when_deleted": "kept"}
    assert f"{lines:,} rows" in said
    assert "password_hash" not in (folder / "users.csv").read_text("utf-8")
    status, said, _ = run("privacy", "delete", own, "--by", "Li", "--why", "licence given up")
    assert (status, f"retailer {own} is called deleted-" in said) == (0, True)
    again = tmp_path / "again"
    assert run("privacy", "export", own, "--to", str(again), "--by", "Li")[0] == 0
    assert shop["name"] not in "".join(file.read_text("utf-8") for file in again.iterdir())
    assert (again / "order_lines.csv").read_bytes() == (folder / "order_lines.csv").read_bytes()
    status, said, _ = run("privacy", "log", own)
    assert (status, said.count("privacy export"), "1 entries, kept for 365 days" in said) == (0, 1, True)


def test_a_users_data_are_given_out(run: Run, tmp_path: Path) -> None:
    assert run("users", "add", "lin", "--role", "headquarters", "--password-stdin", "--by", "Li")[0] == 0
    assert run("privacy", "export", "lin", "--user", "--to", str(tmp_path / "out"))[0] == 0
    assert {file.name for file in (tmp_path / "out").iterdir()} == {"about.json", "users.csv", "audit.csv"}
    assert run("privacy", "export", "nobody", "--user", "--to", str(tmp_path / "out"))[0] == 1
    assert run("privacy", "export", "nobody", "--to", str(tmp_path / "out"))[0] == 1
    assert run("privacy", "delete", "nobody", "--by", "Li", "--why", "x")[0] == 1


def test_a_folder_that_cannot_be_written_is_told(run: Run, shop: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    status, _, said = run("privacy", "export", shop["retailer_id"], "--to", str(tmp_path / "file"))
    assert (status, "cannot be written" in said) == (1, True)


def test_flags_and_explained_suggestions_say_who_answers_objections(
    planned_city: database.Database, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "named.toml").write_text('[privacy]\nobjections_to = "Wang Fang, 0123-4567890"\n', "utf-8")
    where = ["--database", planned_city.url.render_as_string()]
    named = [*where, "--settings", str(tmp_path / "named.toml")]
    t = tables.results["suggestions"]
    shop = planned_city.rows(sa.select(t.c.retailer_id).limit(1))[0]["retailer_id"]

    def said(*words: str) -> str:
        with pytest.raises(SystemExit) as left:
            cli.main(list(words))
        assert not left.value.code
        return capsys.readouterr().out

    listed = said("flags", "list", *named)
    assert "Whoever objects to a flag turns to Wang Fang, 0123-4567890." in listed
    assert "对标记有异议，请联系：Wang Fang, 0123-4567890。" in listed
    assert "Nobody is named yet" in said("flags", "list", *where)
    assert "turns to Wang Fang" in said("suggestions", "explain", shop, *named)
    assert "请联系：Wang Fang" in said("suggestions", "explain", shop, "--language", "zh", *named)
    assert "suggestions explain" in said("privacy", "log", shop, *where)


def test_retention_run_twice_drops_once(sqlite_city: database.Database) -> None:
    rules = settings.load()
    cheap = rules.accounts.model_copy(update={"argon2_memory_kib": 8, "argon2_passes": 1})
    assert accounts.log_in(sqlite_city, "nobody", GOOD, address="", at=now(), rules=cheap) is None
    later = now().replace(year=now().year + 1)
    assert retention.run(sqlite_city, rules, at=later)["login_attempts"] == 1
    assert not any(retention.run(sqlite_city, rules, at=later).values())
