"""The scheduler: a process of its own that does what is due, if it leads. APScheduler wakes it; what is due is decided from the ledger."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from jobs import alerts, asked, leasing, rounds, scheduled
from jobs.clock import now
from jobs.leasing import Held, HeldError
from jobs.scheduled import BUSY_PAUSE, Did, Job, StoppedError, Watch
from ordering import schedule
from ordering.database import Database, leases, ledger
from ordering.database.leases import StaleLeaseError
from ordering.errors import TrueOrderError
from ordering.schedule import Key, Plan, Rules, State
from ordering.settings import Settings

Say = Callable[[str], object]
LEADER = "scheduler"
"""The lease of the one scheduler that does what is due."""
MISFIRE_HOURS = 12
"""How late APScheduler may wake it: it must never be passed over because the machine slept."""


@dataclass
class Scheduler:
    """One scheduler. `clock` gives the present, UTC without a zone; `history` is the folder of closed weeks."""

    db: Database
    settings: Settings
    history: Path
    say: Say
    clock: Callable[[], datetime] = now
    jobs: Mapping[str, Job] = field(default_factory=lambda: scheduled.JOBS)
    stopping: threading.Event = field(default_factory=threading.Event)
    held: Held | None = None
    waits_for: str = ""
    rounds_told: dict[str, str] = field(default_factory=dict)

    @property
    def plans(self) -> list[Plan]:
        """When each job is due. Raises SettingsError where one is scheduled that there is not."""
        return scheduled.plans(self.settings, self.jobs)

    @property
    def rules(self) -> Rules:
        """By which rules."""
        return scheduled.rules(self.settings)

    def tick(self) -> None:
        """Lead, if nobody else does, and do what is due, the earliest first. What goes wrong is told, and tried at a later tick."""
        try:
            while self._leads() and not self.stopping.is_set():
                key = next(iter(self._due()), None)
                if key is None:
                    return
                self._do(key)
        except StaleLeaseError as error:
            self._step_down(str(error))
        except Exception as error:  # the database does not answer, say; the scheduler outlives it
            self.say(f"scheduler: {_first_line(error)}; tried again in {self.settings.schedule.tick_seconds:g} s")

    def _leads(self) -> bool:
        """Whether this scheduler is the one that does what is due."""
        if self.held is not None and self.held.lost.is_set():
            self._step_down("the lease could not be renewed in time")
        if self.held is None:
            self.held = leasing.take(self.db, LEADER, self.settings.schedule.lease_seconds)
            if self.held is not None:
                self.say(f"scheduler: {self.held.lease.holder} leads, token {self.held.lease.token}")
                self.waits_for = ""
            else:
                self._tell_who_leads()
        return self.held is not None

    def _tell_who_leads(self) -> None:
        """Say who leads, once for each."""
        who = leases.holder_of(self.db, LEADER)
        if who is not None and str(who) != self.waits_for:
            self.waits_for = str(who)
            self.say(f"scheduler: {who} leads; waiting to take over")

    def _step_down(self, why: str) -> None:
        if self.held is not None:
            self.held.lost.set()
            self.held.ended.set()
            self.held = None
        self.say(f"scheduler: leads no more; {why}")

    def _due(self) -> list[Key]:
        present = self.clock()
        since = present.date() - timedelta(days=schedule.LOOK_AHEAD)
        entries = {record.key: record.entry for record in ledger.read(self.db, since=since)}
        wanted = asked.due(entries, present, self.rules)
        return [*wanted, *schedule.due(self.plans, present, entries, self.rules)]

    def _do(self, key: Key) -> None:
        """One job of one business date, from its record in the ledger to what became of it."""
        assert self.held is not None
        held, (job, business_date) = self.held, key
        attempt = ledger.begin(self.db, held.lease, key, at=self.clock())
        held.doing = f"{job} of {business_date}"
        if attempt > self.settings.schedule.attempts:  # it was cut off each time, and never came to say what is wrong
            return self._failed(key, attempt - 1, "it was cut off each time it was tried")
        watch = Watch(self.clock(), held, self.stopping, self.clock)
        try:
            run = asked.of(job) or self.jobs[job].run
            did = run(self.db, self.settings, self.history, business_date, watch)
        except StaleLeaseError:
            raise
        except StoppedError as error:
            self._finish(key, State.WAITING, str(error), uncounted=True)
        except HeldError as error:
            self._finish(key, State.WAITING, str(error), next_at=self.clock() + BUSY_PAUSE, uncounted=True)
        except Exception as error:  # one job that fails stops neither the others nor the scheduler
            self._failed(key, attempt, _told(error))
        else:
            self._finish(key, State.DONE, did.words, did=did)
        finally:
            held.doing = ""
        return None

    def _finish(
        self, key: Key, state: State, words: str, *, did: Did | None = None, next_at: datetime | None = None, uncounted: bool = False
    ) -> None:
        assert self.held is not None
        run_id = did.run_id if did is not None else None
        more: dict[str, Any] = {"words": words, "run_id": run_id, "next_at": next_at, "uncounted": uncounted}
        ledger.finish(self.db, self.held.lease, key, state, at=self.clock(), **more)
        self.say(f"{key[0]} of {key[1]}: {words}")
        if state in (State.DONE, State.FAILED) and not asked.is_asked(key[0]):
            alerts.of_job(self.db, *key, failed=state is State.FAILED, at=self.clock())

    def _failed(self, key: Key, attempt: int, words: str) -> None:
        """Try again later, or call a person; who asked for it is told at once."""
        if asked.is_asked(key[0]):
            self._finish(key, State.FAILED, words)
        elif attempt < self.settings.schedule.attempts:
            later = schedule.pause(attempt, scheduled.first_pause(self.settings))
            self._finish(key, State.WAITING, words, next_at=self.clock() + later)
        else:
            self._finish(key, State.FAILED, f"failed {attempt} times, given up: {words}")

    def make_rounds(self) -> None:
        """What the leader does over and over beside what is due: the inbox, notices, alerts. What goes wrong is told, and tried again."""
        if self.held is None or self.held.lost.is_set():
            return
        for name, work in rounds.ROUNDS.items():
            try:
                told = work(self.db, self.settings, self.clock())
            except Exception as error:  # one that fails stops neither the others nor the scheduler
                told = _told(error)
            if told and told != self.rounds_told.get(name):
                self.say(f"{name}: {told}")
            self.rounds_told[name] = told

    def stop(self) -> None:
        """End well: leave the job under way at the end of its step, and give the lease back. Asked twice: at once, as if it were killed."""
        if self.stopping.is_set():
            os._exit(1)
        self.stopping.set()

    def close(self) -> None:
        """Give the lease back, so that another scheduler leads at once."""
        if self.held is not None:
            self.held.end()
            self.held = None


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def _told(error: Exception) -> str:
    """What a job failed of, in words; the details of what nobody foresaw go into a file."""
    if isinstance(error, TrueOrderError):
        return str(error)
    from jobs.cli import in_words

    return in_words(error)


def schedule_ticks(background: Any, one: Scheduler) -> None:
    """Have APScheduler wake `one` at once and every few seconds; one tick at a time, a late one never passed over. Rounds beside that."""
    for work, seconds in ((one.tick, one.settings.schedule.tick_seconds), (one.make_rounds, one.settings.schedule.round_seconds)):
        background.add_job(
            work,
            "interval",
            seconds=seconds,
            id=work.__name__,
            next_run_time=datetime.now(background.timezone),
            misfire_grace_time=MISFIRE_HOURS * 3600,
            coalesce=True,
            max_instances=1,
        )


def serve(one: Scheduler) -> None:
    """Do what is due, or wait to lead, until SIGTERM or Ctrl-C; then leave the job under way at the end of its step."""
    import signal

    from apscheduler.schedulers.background import BackgroundScheduler

    logging.getLogger("apscheduler").setLevel(logging.ERROR)  # a tick that comes while a job runs is passed over: that is as it should be
    plans = one.plans  # what cannot be scheduled is an error at the start
    background = BackgroundScheduler(timezone=str(one.rules.zone))
    schedule_ticks(background, one)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: one.stop())
    for plan in plans:
        one.say(f"{plan.job}: {plan.when}, {one.settings.city.time_zone}")
    one.say(f"scheduler: process {os.getpid()}; what it does: trueorder scheduler --status; stop with Ctrl-C")
    background.start()
    while not one.stopping.wait(0.2):
        pass
    background.shutdown(wait=True)
    one.close()
    one.say("scheduler: stopped")
