"""Guessing, racing and sequences of acts: nobody comes in who may not, and who may is not kept out for good."""

from __future__ import annotations

import multiprocessing
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given
from hypothesis import settings as tried
from hypothesis import strategies as st

from ordering import database, passwords, settings, tables
from ordering.accounts import Role
from ordering.database import accounts, throttle
from ordering.errors import StateError
from ordering.service_settings import AccountSettings

AT = datetime(2026, 3, 2, 4, 0)
CHEAP = {"argon2_memory_kib": 8, "argon2_passes": 1}
RULES = settings.load().accounts.model_copy(update=CHEAP)
GOOD = "correct horse battery"
WINDOW = timedelta(minutes=RULES.attempt_minutes)


def add(db: database.Database, name: str = "wang", password: str | None = GOOD) -> None:
    accounts.add(db, name=name, role=Role.HEADQUARTERS, password=password, by="tester", at=AT, rules=RULES)


def come(db: database.Database, password: str = GOOD, *, name: str = "wang", at: datetime = AT, address: str = "10.0.0.1") -> Any:
    return accounts.log_in(db, name, password, address=address, at=at, rules=RULES)


def checked(db: database.Database) -> int:
    """Wrong passwords that were checked, by the audit: each leaves a row."""
    t = tables.audit
    return len(db.rows(sa.select(t.c.audit_id).where(t.c.action == "login.refused")))


# guessing


def guess(url: str, number: int, guesses: int, told: Any) -> None:
    """One process of several: its share of the guesses, from an address of its own; tells how many passwords it checked."""
    db, count = database.connect(url), Counter[str]()
    matches = passwords.matches

    def counted(*given: Any) -> bool:
        count["checked"] += 1
        return matches(*given)

    passwords.matches = counted
    for n in range(guesses):
        assert come(db, f"guess number {number} {n}", address=f"10.0.0.{number}", at=AT + timedelta(seconds=n % 60)) is None
    told.put(count["checked"])
    db.engine.dispose()


def guessed(url: str, *, processes: int = 4, guesses: int = 250) -> list[int]:
    context = multiprocessing.get_context("spawn")
    told = context.Queue()
    running = [context.Process(target=guess, args=(url, n, guesses, told)) for n in range(processes)]
    for process in running:
        process.start()
    found = [told.get(timeout=120) for _ in running]
    for process in running:
        process.join(timeout=60)
    return found


def test_of_a_thousand_guesses_in_four_processes_ten_are_checked(db: database.Database, url: str) -> None:
    add(db)
    counts = guessed(url)
    assert sum(counts) == RULES.attempts == checked(db)
    assert come(db, address="10.9.9.9", at=AT + timedelta(minutes=1)) is None  # not even the right one, while they last
    wait = accounts.wait(db, "wang", address="10.9.9.9", at=AT + timedelta(minutes=1), rules=RULES)
    assert wait is not None
    assert timedelta(0) < wait <= WINDOW
    assert come(db, address="10.9.9.9", at=AT + timedelta(minutes=1) + wait)


def test_without_the_places_every_guess_would_be_checked(db: database.Database, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: the count of the test above can be larger."""
    add(db)
    monkeypatch.setattr(throttle, "_after", lambda *_: None)
    for n in range(40):
        assert come(db, f"guess number {n}") is None
    assert checked(db) == 40


def test_guesses_from_one_place_leave_the_right_user_elsewhere_a_try(db: database.Database) -> None:
    add(db)
    for n in range(50):
        assert come(db, f"guess number {n}", address="6.6.6.6") is None
    assert checked(db) == RULES.attempts_per_address
    assert come(db, address="10.0.0.1")
    assert come(db, address="6.6.6.6") is None


def test_one_place_that_tries_many_names_is_stopped_as_well(db: database.Database) -> None:
    for n in range(RULES.address_attempts + 30):
        assert come(db, f"guess number {n}", name=f"user {n % 60}", address="6.6.6.6") is None
    assert checked(db) == RULES.address_attempts
    add(db)
    assert come(db, address="6.6.6.6") is None
    assert come(db, address="10.0.0.1")


def test_tries_that_are_refused_unchecked_do_not_put_the_end_off_and_do_not_fill_the_audit(db: database.Database) -> None:
    add(db)
    for minute in range(RULES.attempt_minutes):
        for n in range(20):
            assert come(db, f"guess number {n}", at=AT + timedelta(minutes=minute)) is None
    assert checked(db) == RULES.attempts_per_address
    t = tables.audit
    throttled = db.rows(sa.select(t).where(t.c.action == "login.throttled"))
    assert [(row["by"], row["subject"]) for row in throttled] == [("wang", "user wang")]
    assert come(db, at=AT + WINDOW)


def test_the_right_password_takes_no_place(db: database.Database) -> None:
    add(db)
    assert all(come(db) for _ in range(3 * RULES.attempts))


@given(st.lists(st.tuples(st.integers(0, 900), st.sampled_from(["a", "b"]), st.sampled_from(["x", "y", ""])), max_size=60))
@tried(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_in_no_window_are_more_checked_than_the_rules_say(throttled: database.Database, tries: list[tuple[int, str, str]]) -> None:
    """The law: whatever the order of names and addresses, every 15 minutes hold at most so many checks of each."""
    rules = RULES.model_copy(update={"attempts": 4, "attempts_per_address": 3, "address_attempts": 5, "attempt_minutes": 2})
    with throttled.writing() as tx:
        tx.execute(tables.login_attempts.delete())
    taken: list[tuple[int, str, str]] = []
    for second, name, address in sorted(tries, key=lambda t: t[0]):
        at = AT + timedelta(seconds=second)
        wait = accounts.wait(throttled, name, address=address, at=at, rules=rules)
        place = throttle.take(throttled, name, address=address, at=at, rules=rules)
        assert (place is None) == (wait is not None)
        recent = [t for t in taken if t[0] > second - 120]
        full = sum(t[1] == name for t in recent) >= 4
        if address:
            full |= sum(t[1:] == (name, address) for t in recent) >= 3 or sum(t[2] == address for t in recent) >= 5
        assert (place is None) == full
        if place is not None:
            taken.append((second, name, address))


@pytest.fixture(scope="module")
def throttled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[database.Database]:
    opened = database.connect(f"sqlite:///{tmp_path_factory.mktemp('throttle') / 'one.db'}")
    database.migrate(opened)
    yield opened
    opened.engine.dispose()


# time


def seconds(db: database.Database, name: str, rules: AccountSettings) -> float:
    begun = time.perf_counter()
    assert accounts.log_in(db, name, "no password of anybody", address="", at=AT, rules=rules) is None
    return time.perf_counter() - begun


def test_a_name_that_nobody_has_takes_as_long_as_a_wrong_password(db: database.Database) -> None:
    """Medians of pairs, taken in turns; a difference of a tenth could be seen over a network only by thousands of tries."""
    rules = RULES.model_copy(update={"attempts": 10_000, "argon2_memory_kib": 4096, "argon2_passes": 2})
    accounts.add(db, name="wang", role=Role.HEADQUARTERS, password=GOOD, by="tester", at=AT, rules=rules)
    accounts.add(db, name="token only", role=Role.HEADQUARTERS, password=None, by="tester", at=AT, rules=rules)
    names = ("wang", "nobody", "token only")
    for name in names:
        seconds(db, name, rules)
    taken = np.array([[seconds(db, name, rules) for name in names] for _ in range(80)])
    known = taken[:, 0]
    for other in taken[:, 1:].T:
        assert abs(np.median(other) / np.median(known) - 1) < 0.25
        assert 0.25 < np.mean(other[:, None] > known) < 0.75  # Mann and Whitney's: the chance that one takes longer


def test_without_the_stand_in_the_time_would_tell(db: database.Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control of the test above."""
    rules = RULES.model_copy(update={"attempts": 10_000, "argon2_memory_kib": 4096, "argon2_passes": 2})
    accounts.add(db, name="wang", role=Role.HEADQUARTERS, password=GOOD, by="tester", at=AT, rules=rules)
    monkeypatch.setattr(passwords, "stand_in", lambda _: "none")
    taken = np.array([[seconds(db, name, rules) for name in ("wang", "nobody")] for _ in range(30)])
    known, unknown = taken.T
    assert np.median(unknown) / np.median(known) < 0.75
    assert np.mean(unknown[:, None] > known) < 0.25


# races


def at_once(work: list[Any]) -> list[Any]:
    """What each of several pieces of work gives, all begun together."""
    gate, found = threading.Barrier(len(work)), [None] * len(work)

    def run(n: int) -> None:
        gate.wait()
        found[n] = work[n]()

    threads = [threading.Thread(target=run, args=(n,)) for n in range(len(work))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    return found


def test_log_ins_at_once_all_succeed_with_secrets_of_their_own(db: database.Database) -> None:
    add(db)
    most = RULES.attempts_per_address  # a right password gives its place back, but only when it was checked
    found = at_once([lambda: come(db) for _ in range(most)])
    assert len({session.secret for session in found}) == most
    assert all(accounts.by_session(db, session.secret, at=AT) for session in found)
    assert db.rows(sa.select(tables.login_attempts)) == []


def test_who_is_disabled_while_coming_in_is_out_afterwards(db: database.Database) -> None:
    for n in range(12):
        name = f"user {n}"
        add(db, name)
        work = [lambda name=name: come(db, name=name), lambda name=name: accounts.disable(db, name, by="chief", why="left", at=AT)]
        session, _ = at_once(work)
        assert session is None or accounts.by_session(db, session.secret, at=AT) is None
    t = tables.user_sessions
    assert db.rows(sa.select(t)) == []


def test_a_request_during_a_long_write_of_somebody_else_is_answered_at_once(db: database.Database) -> None:
    add(db)
    secret = come(db).secret
    with db.writing() as tx:  # a night that saves
        tx.execute(tables.audit.insert().values(at=AT, by="night", action="save", subject="run 1", detail=""))
        begun = time.perf_counter()
        assert accounts.by_session(db, secret, at=AT + timedelta(minutes=5))
        assert time.perf_counter() - begun < 5
    assert accounts.by_session(db, secret, at=AT + timedelta(minutes=6))
    assert db.rows(sa.select(tables.user_sessions.c.seen_at))[0]["seen_at"] == AT + timedelta(minutes=6)


def test_most_requests_write_nothing(db: database.Database) -> None:
    add(db)
    secret, writes = come(db).secret, []
    sa.event.listen(db.engine, "before_cursor_execute", lambda _c, _cur, text, *_: writes.append(text) if "UPDATE" in text else None)
    for second in range(0, 300, 5):
        assert accounts.by_session(db, secret, at=AT + timedelta(seconds=second))
    assert len(writes) == 4


# sequences of acts, against a plain model of who may come in


@dataclass
class Account:
    password: str
    disabled: bool = False
    role: Role = Role.HEADQUARTERS
    secrets: dict[str, int] = field(default_factory=dict)  # of sessions: minute last seen
    tokens: set[str] = field(default_factory=set)


NAMES = ("wang", "li")
PASSWORDS = ("first long password", "second long password")
ACTS = st.one_of(
    st.tuples(st.sampled_from(["log_in", "password"]), st.sampled_from(NAMES), st.sampled_from(PASSWORDS)),
    st.tuples(st.sampled_from(["disable", "enable", "log_out", "token", "role", "end"]), st.sampled_from(NAMES), st.just("")),
    st.tuples(st.just("wait"), st.just(""), st.sampled_from(["7", "40"])),
)


@given(st.lists(ACTS, max_size=25))
@tried(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_after_any_acts_those_come_in_that_a_plain_model_lets_in(peopled: database.Database, acts: list[tuple[str, str, str]]) -> None:
    db = peopled
    _empty(db)
    people = {name: Account(PASSWORDS[0]) for name in NAMES}
    for name in NAMES:
        add(db, name, PASSWORDS[0])
    minute = 0
    for act, name, word in acts:
        if act == "wait":
            minute += int(word)
        else:
            _do(db, people[name], act, name, word, AT + timedelta(minutes=minute), minute)
        for account in people.values():
            _check(db, account, minute)


def _do(db: database.Database, account: Account, act: str, name: str, word: str, at: datetime, minute: int) -> None:
    lenient = RULES.model_copy(update={"attempts": 1000, "address_attempts": 1000, "attempts_per_address": 1000})
    if act == "log_in":
        session = accounts.log_in(db, name, word, address="", at=at, rules=lenient)
        assert (session is not None) == (word == account.password and not account.disabled)
        if session:
            account.secrets[session.secret] = minute
    elif act == "password":
        accounts.set_password(db, name, word, by="chief", at=at, rules=RULES)
        account.password = word
        account.secrets.clear()
    elif act in ("disable", "enable"):
        if account.disabled == (act == "disable"):
            with pytest.raises(StateError):
                _switch(db, act, name, at)
            return
        _switch(db, act, name, at)
        account.disabled = act == "disable"
        _forget(account) if account.disabled else None
    elif act == "role":
        account.role = Role.ADMINISTRATOR if account.role is Role.HEADQUARTERS else Role.HEADQUARTERS
        accounts.set_role(db, name, account.role, by="chief", at=at)
        _forget(account)
    elif act == "end":
        assert accounts.end_sessions(db, name, by="chief", at=at) >= 0
        account.secrets.clear()
    elif act == "log_out" and account.secrets:
        secret = min(account.secrets)
        accounts.log_out(db, secret, at)
        del account.secrets[secret]
    elif act == "token" and not account.disabled:
        account.tokens.add(accounts.new_token(db, name, label="t", expires_at=AT + timedelta(days=9), by="chief", at=at))


def _switch(db: database.Database, act: str, name: str, at: datetime) -> None:
    if act == "disable":
        accounts.disable(db, name, by="chief", why="left", at=at)
    else:
        accounts.enable(db, name, by="chief", at=at)


def _forget(account: Account) -> None:
    account.secrets.clear()
    account.tokens.clear()


ISSUED: dict[int, set[str]] = {}


def _check(db: database.Database, account: Account, minute: int) -> None:
    """Every secret that was ever given comes in exactly where the model says so, as what the model says."""
    at = AT + timedelta(minutes=minute)
    ever = ISSUED.setdefault(id(account), set())
    ever |= set(account.secrets) | account.tokens
    for secret in ever:
        seen = account.secrets.get(secret)
        alive = seen is not None and minute - seen < RULES.idle_minutes
        person = accounts.by_session(db, secret, at=at)
        assert (person is not None) == alive
        if alive:
            account.secrets[secret] = minute
        shown = accounts.by_token(db, secret, at=at)
        assert (shown is not None) == (secret in account.tokens)
        assert {found.role for found in (person, shown) if found} <= {account.role}


def _empty(db: database.Database) -> None:
    ISSUED.clear()
    with db.writing() as tx:
        for table in (tables.users, tables.user_sessions, tables.user_tokens, tables.login_attempts, tables.audit):
            tx.execute(table.delete())


@pytest.fixture(scope="module")
def peopled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[database.Database]:
    place: Path = tmp_path_factory.mktemp("people") / "one.db"
    opened = database.connect(f"sqlite:///{place}")
    database.migrate(opened)
    yield opened
    opened.engine.dispose()
