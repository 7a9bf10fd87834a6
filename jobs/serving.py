"""`trueorder serve`: the web and the scheduler as processes of their own, begun again when they die, and ended together."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from ordering.errors import StateError, TrueOrderError

Say = Callable[[str], object]
QUICK = 30.0
"""Seconds within which a death counts as quick."""
QUICK_DEATHS = 5
"""After so many quick deaths in a row there is no sense in beginning again."""
LONGEST_PAUSE = 30.0
LOOK = 0.1
"""Seconds between two looks at the processes."""
PARENT_DEATH = 1
"""PR_SET_PDEATHSIG of prctl(2)."""


@dataclass(frozen=True)
class Part:
    """A process to be kept alive: its name, its command, and where a person looks at it."""

    name: str
    command: Sequence[str]
    where: str


def pause(deaths: int) -> float:
    """Seconds to wait after so many quick deaths in a row: twice as long after each."""
    return float(min(LONGEST_PAUSE, 2.0 ** (deaths - 1))) if deaths else 0.0


@dataclass
class Kept:
    """A part under way. `deaths`: quick ones in a row; `start_at`: when it is begun again, where it is down."""

    part: Part
    process: subprocess.Popen[bytes] | None = None
    began: float = 0.0
    deaths: int = 0
    start_at: float = 0.0


@dataclass
class Supervisor:
    """Keeps parts alive until it is told to stop. `stop_seconds`: how long they have to end well; `quick`: see QUICK."""

    parts: Sequence[Part]
    say: Say
    stop_seconds: float
    environment: Mapping[str, str] = field(default_factory=dict)
    quick: float = QUICK
    stopped_by: int = 0

    def run(self) -> None:
        """Until SIGTERM or SIGINT. Raises TrueOrderError where a part died again and again; nothing is left running in either case."""
        kept = [Kept(part) for part in self.parts]
        before = {number: signal.signal(number, self._told_to_stop) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            while not self.stopped_by:
                for one in kept:
                    self._look_after(one)
                time.sleep(LOOK)
        finally:
            self._end(kept)
            for number, handler in before.items():
                signal.signal(number, handler)
        self.say(f"serve: stopped ({signal.Signals(self.stopped_by).name})")

    def _told_to_stop(self, number: int, frame: object) -> None:
        self.stopped_by = number

    def _look_after(self, one: Kept) -> None:
        """Begin a part that is down, and note one that has died."""
        present = time.monotonic()
        if one.process is None:
            if present >= one.start_at:
                self._begin(one, present)
            return
        code = one.process.poll()
        if code is None:
            return
        _kill_group(one.process)  # workers of its own do not outlive it
        one.process = None
        one.deaths = one.deaths + 1 if present - one.began < self.quick else 1
        died = f"serve: {one.part.name} ended after {present - one.began:.1f} s ({_reason(code)})"
        if one.deaths >= QUICK_DEATHS:
            self.say(f"{died}, {one.deaths} times in a row; given up")
            raise TrueOrderError(f"serve: {one.part.name} does not stay up; run it alone to see why: {' '.join(one.part.command)}")
        one.start_at = present + pause(one.deaths)
        self.say(f"{died}; begun again in {pause(one.deaths):.0f} s")

    def _begin(self, one: Kept, present: float) -> None:
        """Start a part in a process group of its own: Ctrl-C reaches it through us, once."""
        environment = os.environ | dict(self.environment)
        one.process = subprocess.Popen(one.part.command, env=environment, process_group=0, preexec_fn=_die_with(os.getpid()))
        one.began = present
        self.say(f"serve: {one.part.name}: process {one.process.pid}; {one.part.where}")

    def _end(self, kept: Sequence[Kept]) -> None:
        """Ask every part to end, wait, and end what has not."""
        alive = [one.process for one in kept if one.process is not None]
        for process in alive:
            with suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)
        by = time.monotonic() + self.stop_seconds
        for process in alive:
            with suppress(subprocess.TimeoutExpired):
                process.wait(max(0.0, by - time.monotonic()))
            if process.poll() is None:
                self.say(f"serve: process {process.pid} did not end within {self.stop_seconds:g} s; killed")
            _kill_group(process)
            process.wait()


def _die_with(parent: int) -> Callable[[], None]:
    """Run in the new process: it is told to end (SIGTERM) when its parent dies, however that comes about (Linux)."""
    library = ctypes.CDLL(None) if sys.platform == "linux" else None

    def prepare() -> None:
        if library is not None:
            library.prctl(PARENT_DEATH, signal.SIGTERM)
            if os.getppid() != parent:  # it died meanwhile
                os._exit(1)

    return prepare


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    """End what is left of a part and of the processes it began."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def _reason(code: int) -> str:
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit status {code}"


def parts(app: str, *, host: str, port: int, workers: int) -> list[Part]:
    """The web, of the factory `app` (module:function), and the scheduler. Raises StateError where this version has no web."""
    from importlib.util import find_spec

    if find_spec(app.partition(":")[0]) is None:
        raise StateError(f"serve: there is no {app.partition(':')[0]} in this version; trueorder scheduler runs the scheduler alone")
    python = sys.executable
    web = [python, "-m", "web", app, "--host", host, "--port", str(port), "--workers", str(workers)]
    return [
        Part("web", web, f"http://{host}:{port}"),
        Part("scheduler", [python, "-m", "jobs.cli", "scheduler"], "trueorder scheduler --status"),
    ]
