"""What the scheduler does, has done and will do, in words: times in the city's zone and in UTC, names in both languages."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from jobs import scheduled
from jobs.scheduler import LEADER
from ordering.database import Database, leases, ledger
from ordering.database.ledger import Record
from ordering.schedule import Plan, State, next_day
from ordering.settings import Settings

STATES = {
    State.RUNNING: "running 运行中",
    State.DONE: "done 完成",
    State.WAITING: "to be tried again 待重试",
    State.FAILED: "failed, a person's turn 失败，需人工处理",
}


def lines(db: Database, settings: Settings, present: datetime) -> Iterator[str]:
    """Who leads, and each job: when it is due, next and last. `present`: UTC."""
    zone = ZoneInfo(settings.city.time_zone)
    yield _leader(db, zone)
    last: dict[str, list[Record]] = {}
    for record in ledger.read(db):
        last.setdefault(record.job, []).append(record)
    plans = {plan.job: plan for plan in scheduled.plans(settings)}
    for name, job in scheduled.JOBS.items():
        plan = plans.get(name)
        yield f"{name} {job.chinese}: {plan.when if plan else 'never; schedule.' + name + ' is empty'}"
        if plan is not None:
            yield _next(plan, present, zone)
        yield from (_past(record, zone) for record in _shown(last.get(name, [])))


def _leader(db: Database, zone: ZoneInfo) -> str:
    who = leases.holder_of(db, LEADER)
    if who is None:
        return "scheduler 调度: none has ever run; start it: trueorder serve, or trueorder scheduler"
    heard = (leases.now(db) - who.renewed_at).total_seconds()
    if not who.live:
        gone = f"the last, {who.host}, process {who.process}, was last heard of at {_both(who.renewed_at, zone)}"
        return f"scheduler 调度: none runs; {gone}. Start it: trueorder serve, or trueorder scheduler"
    doing = who.doing or "waiting for what is due 等待中"
    return f"scheduler 调度: {who.host}, process {who.process}, since {_both(who.since, zone)}; heard of {heard:.0f} s ago; {doing}"


def _next(plan: Plan, present: datetime, zone: ZoneInfo) -> str:
    day = next_day(plan.when, present, zone)
    if day is None:
        return "  next 下次: none"
    at = plan.when.instant(day, zone)
    return f"  next 下次 {day}: {_both(at, zone)}, in {_span((at - present).total_seconds())}"


def _shown(records: list[Record]) -> list[Record]:
    """The newest, and what else a person should see to."""
    return [record for n, record in enumerate(records) if n == 0 or record.state is not State.DONE]


def _past(record: Record, zone: ZoneInfo) -> str:
    ended = record.finished_at or record.started_at
    again = f", next try {_both(record.next_at, zone)}" if record.next_at else ""
    tries = f", attempt {record.attempts}" if record.attempts > 1 else ""
    return f"  last 上次 {record.business_date}: {STATES[record.state]}{tries}, {_both(ended, zone)}{again}; {record.words}".rstrip("; ")


def _both(at: datetime, zone: ZoneInfo) -> str:
    """A time (UTC) in the city's zone, and as it is stored."""
    local = at.replace(tzinfo=UTC).astimezone(zone)
    return f"{local:%Y-%m-%d %H:%M:%S} {zone.key} ({at:%Y-%m-%d %H:%M:%S} UTC)"


def _span(seconds: float) -> str:
    minutes = int(seconds // 60)
    days, hours = minutes // 1440, minutes // 60 % 24
    return f"{days} d {hours} h" if days else f"{hours} h {minutes % 60} min"
