"""The log: whoever writes to it, one form, UTC, what is bound to the run, and never a secret."""

from __future__ import annotations

import io
import json
import logging
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs import logs, secret_values
from ordering import masking
from ordering.errors import SettingsError
from ordering.service_settings import LoggingSettings
from tests.jobs.test_cli import trueorder

RULES = {"level": "info", "form": "json", "file": "", "file_megabytes": 1, "files_kept": 2}
SECRETS = ("hunter2-the-password", "tok_abcdef0123456789", "se\"ss'ion-值-8271", "p@ss:word/1234")
NAMES = ("password", "smtp_password", "token", "new_token", "session", "secret", "Authorization", "cookie", "csrf", "body", "api_key")


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """What is logged, as JSON, line by line."""
    out = io.StringIO()
    monkeypatch.setattr(logs._Stderr, "stream", out)
    logs.configure(LoggingSettings(**RULES), service=True)
    yield lambda: [json.loads(line) for line in out.getvalue().splitlines()]
    logs.configure(LoggingSettings(**RULES), service=False)


def test_lines_of_every_library_come_in_one_form_with_what_is_bound(lines: Any) -> None:
    with logs.bound(run_id=7, person="Li"):
        logs.log("jobs.x").info("began", rows=3)
        logging.getLogger("uvicorn.error").warning("slow %s", "client")
    logging.getLogger("apscheduler.scheduler").error("missed")
    logs.log("jobs.x").debug("not shown")
    ours, web, scheduler = lines()
    assert (ours["event"], ours["rows"], ours["run_id"], ours["person"], ours["level"]) == ("began", 3, 7, "Li", "info")
    assert (web["event"], web["run_id"], web["logger"]) == ("slow client", 7, "uvicorn.error")
    assert "run_id" not in scheduler
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", line["at"]) for line in (ours, web, scheduler))


def test_no_secret_passes_by_whatever_way(lines: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    log = logs.log("jobs.x")
    for number, secret in enumerate(SECRETS):
        monkeypatch.setenv(f"S{number}", secret)
        secret_values.found(f"env:S{number}", "notices.smtp_password")
        log.info(f"said {secret} aloud", about={"deep": [secret]})
        logging.getLogger("uvicorn.access").info("GET /?q=%s", secret)
        try:
            raise ValueError(f"could not use {secret}")
        except ValueError:
            log.exception("failed")
            logging.getLogger("other").exception("failed")
    text = json.dumps(lines(), ensure_ascii=False)
    assert len(lines()) == 4 * len(SECRETS)
    for secret in SECRETS:
        assert secret not in text
        assert json.dumps(secret, ensure_ascii=False)[1:-1] not in text


def test_the_names_of_secrets_hide_their_values(lines: Any) -> None:
    for name in NAMES:
        logs.log("jobs.x").info("x", **{name: "unheard-of-value"}, deep={name: ["unheard-of-value"]}, kept="seen")
        logging.getLogger("other").info(f"{name}=unheard-of-value")
    logging.getLogger("other").info("Authorization: Bearer unheard-of-value")
    logging.getLogger("other").info("postgresql://planner:unheard-of-value@db/city")
    text = json.dumps([line for line in lines() if line["event"] != "body=unheard-of-value"])
    assert text.count("seen") == len(NAMES)
    assert "unheard-of-value" not in text


def test_without_the_mask_the_secret_would_be_seen(lines: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "masked", lambda text: text)
    logging.getLogger("other").info("postgresql://planner:unheard-of-value@db/city")
    assert "unheard-of-value" in lines()[0]["event"]


@given(
    st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), min_size=masking.LEAST, max_size=30),
    st.text(max_size=20),
    st.text(max_size=20),
)
@settings(max_examples=200, deadline=None)
def test_a_remembered_value_is_masked_wherever_it_stands(secret: str, before: str, after: str) -> None:
    masking.remember(secret)
    try:
        if secret not in before + masking.MASK + after:
            assert secret not in masking.masked(f"{before}{secret}{after}").replace(masking.MASK, "\0")
    finally:
        masking._known.clear()


@pytest.mark.parametrize("text", ["x", "token", "://", "Bearer ", "password=", "a-", '"token'])
def test_no_text_makes_the_masking_slow(text: str) -> None:
    begun = time.perf_counter()
    masking.masked(text * (1_000_000 // len(text)))
    assert time.perf_counter() - begun < 5


def test_a_file_is_begun_anew_when_it_is_full_and_old_ones_go(tmp_path: Path) -> None:
    file = tmp_path / "logs" / "trueorder.log"
    logs.configure(LoggingSettings(**RULES | {"file": str(file)}), service=False)
    for _ in range(60):
        logs.log("jobs.x").info("x" * 100_000)
    logs.configure(LoggingSettings(**RULES), service=False)
    assert sorted(path.name for path in file.parent.iterdir()) == ["trueorder.log", "trueorder.log.1", "trueorder.log.2"]
    blocked = tmp_path / "file"
    blocked.touch()
    with pytest.raises(SettingsError, match=r"^logging\.file: .* cannot be written"):
        logs.configure(LoggingSettings(**RULES | {"file": str(blocked / "x.log")}), service=False)


def test_what_nobody_foresaw_goes_into_the_log_and_a_user_sees_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from jobs import cli

    monkeypatch.delenv("TRUEORDER_DEBUG", raising=False)
    (tmp_path / "trueorder.toml").write_text('[logging]\nfile = "t.log"\n')

    def breaks(*_: object, **__: object) -> None:
        raise ZeroDivisionError("postgresql://u:unheard-of-value@h/db")

    monkeypatch.setattr("ordering.database.migrate", breaks)
    assert cli  # the module whose last resort this is
    ran = trueorder("init", cwd=tmp_path)
    assert (ran.returncode, "Traceback" in ran.stderr, "ZeroDivisionError" in ran.stderr) == (1, False, True)
    assert "t.log" in ran.stderr
    kept = (tmp_path / "t.log").read_text("utf-8")
    assert "Traceback" in kept
    assert "unheard-of-value" not in kept + ran.stderr
    logs.configure(LoggingSettings(**RULES), service=False)


def test_commands_that_end_write_no_log_to_the_screen(tmp_path: Path) -> None:
    ran = trueorder("settings", "--changed", cwd=tmp_path, url="postgresql://u:unheard-of-value@h/db")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout == 'database.url = "postgresql://u:***@h/db"  (--database)\n'
