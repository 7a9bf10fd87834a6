"""S4: guesses of passwords against a running service of four processes: how many are checked, and what the time they take tells."""

from __future__ import annotations

import http.client
import os
import random
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlencode

import numpy as np
import sqlalchemy as sa
from scipy import stats

from jobs.clock import now
from ordering import database, settings, tables
from ordering.accounts import Role, hash_of, login_of
from ordering.database import accounts
from tests.security.ground import Ground
from tests.web.conftest import PASSWORD
from tests.web.test_authorisation import Tried

ROOT = Path(__file__).resolve().parents[2]
GUESSES, PAIRS, PROCESSES = 1_000, 400, 4
AT_ONCE, TRIES = 50, 4
"""Pairs between two looks at whether there are enough, and tries of each user, of which the fastest counts: what else the machine does
only adds to the time."""
MOST = 10
"""Passwords of an account that may be checked in a quarter of an hour."""
SURE = 0.001
DIFFERENCE = 0.005
"""Seconds that the control adds to known users: it has to be found."""
ATTEMPTS, USERS, AUDIT = tables.login_attempts, tables.users, tables.audit


def s4(ground: Ground) -> Tried:
    """Guesses from many addresses at one account; the right user a quarter of an hour later; pairs of known and unknown users."""
    url = f"sqlite:///{ground.folder / 'guesses.db'}"
    db = prepared(url)
    with service(url, ground.folder, PROCESSES) as port:
        yield from guesses(db, port, ground.number(GUESSES), ground)
        yield from again(db, port)
        yield from timing(port, max(AT_ONCE, ground.number(PAIRS)), ground)
    db.engine.dispose()


def prepared(url: str) -> database.Database:
    """A database with users, all of one password."""
    db = database.connect(url)
    database.migrate(db)
    rules = settings.load().accounts
    accounts.add(db, name="wang", role=Role.HEADQUARTERS, password=PASSWORD, by="tester", at=now(), rules=rules)
    (one,) = db.rows(sa.select(USERS))
    with db.writing() as tx:
        rows = [one | {"user_id": n, "name": f"user{n}", "login": f"user{n}"} for n in range(2, PAIRS + 42)]
        tx.execute(USERS.insert(), rows)
    return db


@contextmanager
def service(url: str, folder: Path, workers: int) -> Iterator[int]:
    """The web in processes of its own; gives its port."""
    (folder / "own.toml").write_text("[web]\ninsecure = true\n")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    own = {"TRUEORDER_DATABASE": url, "TRUEORDER_SETTINGS": str(folder / "own.toml"), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "web", "--host", "127.0.0.1", "--port", str(port), "--workers", str(workers)]
    with (folder / "serve.log").open("wb") as log:
        child = subprocess.Popen(command, cwd=ROOT, env=os.environ | own | {"PYTHONPATH": str(ROOT)}, stdout=log, stderr=log)
    try:
        _wait(port, child)
        yield port
    finally:
        child.terminate()
        child.wait(30)


def _wait(port: int, child: subprocess.Popen[bytes]) -> None:
    by = time.monotonic() + 120
    while time.monotonic() < by and child.poll() is None:
        try:
            http.client.HTTPConnection("127.0.0.1", port, timeout=5).request("GET", "/healthz")
            return
        except OSError:
            time.sleep(0.2)
    raise RuntimeError("the service did not start")


def ask(port: int, name: str, password: str, address: str) -> tuple[int, float]:
    """The status of a log-in from an address of this machine, and the seconds it took."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120, source_address=(address, 0))
    connection.connect()
    said = urlencode({"name": name, "password": password})
    since = time.perf_counter()
    connection.request("POST", "/login", said, {"Content-Type": "application/x-www-form-urlencoded", "Accept": "text/html"})
    answer = connection.getresponse()
    answer.read()
    took = time.perf_counter() - since
    connection.close()
    return answer.status, took


def guesses(db: database.Database, port: int, count: int, ground: Ground) -> Tried:
    """Guesses at one account, from eight threads and fifty addresses: none comes in, and no more than ten are checked."""
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda n: ask(port, "wang", f"guess number {n}", f"127.0.1.{1 + n % 50}")[0], range(count)))
    for number, status in enumerate(found):
        yield f"guess {number}", "" if status in (401, 429) else str(status)
    whose = (ATTEMPTS.c.account_hash == hash_of(login_of("wang")), ATTEMPTS.c.checked)
    checked = len(db.rows(sa.select(ATTEMPTS.c.attempt_id).where(*whose)))
    refused = len(db.rows(sa.select(AUDIT.c.audit_id).where(AUDIT.c.action == "login.refused", AUDIT.c.subject == "user wang")))
    ground.figures |= {"guesses checked": max(checked, refused), "guesses": count}
    yield "guesses that were checked", "" if 0 < checked == refused <= MOST else f"{checked} places, {refused} checked"


def again(db: database.Database, port: int) -> Tried:
    """The right user is refused while guesses are, for a quarter of an hour at most, and comes in after it, though guesses go on."""
    status = ask(port, "wang", PASSWORD, "127.0.9.9")[0]
    yield "the right password during the attack", "" if status == 429 else str(status)
    wait = accounts.wait(db, "wang", address="127.0.9.9", at=now(), rules=settings.load().accounts)
    yield "the wait", "" if wait is not None and wait <= timedelta(minutes=15) else str(wait)
    for number in range(20):
        ask(port, "wang", f"one more guess {number}", f"127.0.2.{1 + number}")
    after = accounts.wait(db, "wang", address="127.0.9.9", at=now(), rules=settings.load().accounts)
    yield "guesses that go on put the end off", "" if after is not None and wait is not None and after <= wait else str(after)
    with db.writing() as tx:  # a quarter of an hour later
        for row in tx.execute(sa.select(ATTEMPTS.c.attempt_id, ATTEMPTS.c.at)).all():
            tx.execute(ATTEMPTS.update().where(ATTEMPTS.c.attempt_id == row[0]).values(at=row[1] - timedelta(minutes=15)))
    status = ask(port, "wang", PASSWORD, "127.0.9.9")[0]
    yield "the right password after a quarter of an hour", "" if status == 303 else str(status)


def timing(port: int, most: int, ground: Ground) -> Tried:
    """Wrong passwords of known and unknown users in pairs, in a random order: whether a rank test tells them apart, and would.

    There are enough pairs when it would, whichever of the two took longer, or when there are `most`.
    """
    rng, took = random.Random(ground.seed), list[list[float]]()
    while len(took) < most and (len(took) % AT_ONCE or not took or controlled(np.array(took)) > SURE):
        number, pair = len(took), [np.inf, np.inf]
        who = (f"user{number + 2}", f"uses{number + 2}")
        for at in rng.sample((0, 1) * TRIES, 2 * TRIES):
            status, seconds = ask(port, who[at], "a wrong password", f"127.0.{4 + number // 200}.{1 + number % 200}")
            pair[at] = min(pair[at], seconds)
            yield f"pair {number}, {('known', 'unknown')[at]}", "" if status == 401 else str(status)
        took.append(pair)
    found, control, apart = told_apart(np.array(took)), controlled(np.array(took)), np.array(took)
    ms = float(1000 * np.median(apart[:, 0] - apart[:, 1]))
    ground.figures |= {"pairs": len(took), "ms apart": ms, "p of known against unknown": found, "p with 5 ms more": control}
    yield "known and unknown users differ in time", "" if found > SURE else f"p {found:.2g}, {ms:.1f} ms"
    yield "the control: 5 ms are found", "" if control <= SURE else f"p {control:.2g}: the machine is too busy"


def controlled(took: np.ndarray) -> float:
    """The greater p-value where either of the two took 5 ms longer."""
    return max(told_apart(took + np.array([sign * DIFFERENCE, 0])) for sign in (1, -1))


def told_apart(took: np.ndarray) -> float:
    """The p-value of Wilcoxon's signed-rank test of pairs of seconds, known and unknown."""
    return float(stats.wilcoxon(took[:, 0], took[:, 1]).pvalue)
