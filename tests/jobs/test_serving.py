"""`trueorder serve`: its processes are begun again when they die, end with it, and none outlives it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from socket import socket

import pytest

from jobs import serving
from jobs.serving import Part, Supervisor
from ordering.errors import StateError, TrueOrderError

ROOT = Path(__file__).resolve().parents[2]

SUPERVISE = """
import sys
from jobs.serving import Part, Supervisor
parts = [Part(name, [sys.executable, "-c", code], "here") for name, code in zip(sys.argv[3::2], sys.argv[4::2])]
try:
    Supervisor(parts, lambda words: print(words, flush=True), float(sys.argv[1]), quick=float(sys.argv[2])).run()
except Exception as error:
    print(error, flush=True)
    raise SystemExit(1)
"""
STAYS = "import time; time.sleep(600)"
DIES = "import time; time.sleep(0.2); raise SystemExit(3)"
DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(600)"
NESTS = "import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']); time.sleep(600)"


def supervise(*parts: str, stop: float = 5.0, quick: float = 30.0) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", SUPERVISE, str(stop), str(quick), *parts]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def descendants(pid: int) -> set[int]:
    found = subprocess.run(["ps", "-eo", "pid=,ppid="], capture_output=True, text=True, check=True).stdout.split()
    parent = {int(own): int(of) for own, of in zip(found[::2], found[1::2], strict=True)}
    below, fresh = set(), {pid}
    while fresh:
        fresh = {own for own, of in parent.items() if of in fresh}
        below |= fresh
    return below


def alive(pids: set[int]) -> set[int]:
    return {pid for pid in pids if Path(f"/proc/{pid}").exists() and " Z " not in Path(f"/proc/{pid}/stat").read_text()}


def until(true: Callable[[], object], seconds: float = 15.0) -> None:
    by = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < by, "it did not come about in time"
        time.sleep(0.05)


needs_proc = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks at /proc")


@needs_proc
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_told_to_stop_it_ends_its_processes_and_theirs(number: signal.Signals) -> None:
    running = supervise("web", NESTS, "scheduler", STAYS)
    until(lambda: len(descendants(running.pid)) == 3)
    below = descendants(running.pid)
    running.send_signal(number)
    told, _ = running.communicate(timeout=20)
    assert running.returncode == 0
    assert told.splitlines()[-1] == f"serve: stopped ({number.name})"
    until(lambda: not alive(below))


@needs_proc
def test_killed_itself_it_leaves_no_orphan() -> None:
    running = supervise("web", STAYS, "scheduler", STAYS)
    until(lambda: len(descendants(running.pid)) == 2)
    below = descendants(running.pid)
    running.kill()
    running.communicate(timeout=20)
    until(lambda: not alive(below))


@needs_proc
def test_a_process_that_does_not_end_in_time_is_killed() -> None:
    running = supervise("web", DEAF, stop=1.0)
    assert running.stdout is not None
    while "deaf" not in running.stdout.readline():
        pass
    below = descendants(running.pid)
    began = time.monotonic()
    running.send_signal(signal.SIGTERM)
    told, _ = running.communicate(timeout=20)
    assert time.monotonic() - began < 10
    assert "did not end within 1 s; killed" in told
    until(lambda: not alive(below))


@needs_proc
def test_a_process_that_is_killed_is_begun_again_and_the_other_goes_on() -> None:
    running = supervise("web", STAYS, "scheduler", STAYS)
    until(lambda: len(descendants(running.pid)) == 2)
    before = descendants(running.pid)
    victim = min(before)
    os.kill(victim, signal.SIGKILL)
    until(lambda: len(descendants(running.pid) - before) == 1)
    assert before - {victim} <= descendants(running.pid)
    running.send_signal(signal.SIGTERM)
    told, _ = running.communicate(timeout=20)
    assert "(signal SIGKILL); begun again in 1 s" in told


@needs_proc
def test_a_process_that_dies_again_and_again_is_given_up_loudly(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(serving, "LONGEST_PAUSE", 0.1)
    both = [Part("web", [sys.executable, "-c", DIES], "here"), Part("scheduler", [sys.executable, "-c", STAYS], "there")]
    with pytest.raises(TrueOrderError, match=r"^serve: web does not stay up; run it alone to see why: "):
        Supervisor(both, said.append, 5.0).run()
    assert sum("serve: web ended after" in line for line in said) == serving.QUICK_DEATHS
    assert said[-1].endswith("(exit status 3), 5 times in a row; given up")
    other = int(next(line for line in said if "scheduler: process" in line).split("process ")[1].split(";")[0])
    assert not alive({other})


def test_pauses_grow_and_have_an_end() -> None:
    assert [serving.pause(deaths) for deaths in range(8)] == [0.0, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]


def test_a_version_without_web_says_so() -> None:
    with pytest.raises(StateError, match=r"there is no no_such_web in this version; trueorder scheduler runs the scheduler alone"):
        serving.parts("no_such_web:create", host="127.0.0.1", port=1, workers=1)


APP = """
async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            await send({"type": (await receive())["type"] + ".complete"})
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"served"})

def create():
    return app
"""


def free_port() -> int:
    with socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@needs_proc
def test_web_and_scheduler_are_served_and_end_together(tmp_path: Path) -> None:
    """The whole command, on a web of a few lines: it answers, the scheduler leads, and nothing is left afterwards."""
    (tmp_path / "tiny_web.py").write_text(APP, "utf-8")
    port, url = free_port(), f"sqlite:///{tmp_path / 'one.db'}"
    environment = os.environ | {"PYTHONPATH": f"{tmp_path}:{ROOT}", "TRUEORDER_DATABASE": url}
    run = "import sys; from jobs import cli, serve_commands; serve_commands.APP = 'tiny_web:create'; cli.main(sys.argv[1:])"
    command = [sys.executable, "-c", run]
    subprocess.run([*command, "init"], cwd=tmp_path, env=environment, check=True, capture_output=True)
    serve = [*command, "serve", "--port", str(port), "--workers", "2"]
    running = subprocess.Popen(serve, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def answers() -> bool:
        try:
            return urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5).read() == b"served"
        except OSError:
            return False

    def status() -> str:
        return subprocess.run([*command, "scheduler", "--status"], cwd=tmp_path, env=environment, capture_output=True, text=True).stdout

    until(answers, 40)
    until(lambda: "heard of" in status(), 40)
    below = descendants(running.pid)
    assert len(below) >= 4
    running.send_signal(signal.SIGTERM)
    told, _ = running.communicate(timeout=40)
    assert running.returncode == 0, told
    assert f"serve: web: process {min(below)}; http://127.0.0.1:{port}" in told
    assert "scheduler: stopped" in told
    until(lambda: not alive(below))
    assert "none runs; the last, " in status()
