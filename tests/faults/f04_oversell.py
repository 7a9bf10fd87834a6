"""F4: 32 concurrent same-day orders on one scarce brand."""

from __future__ import annotations

import multiprocessing
import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from allocation import fill
from ordering import database, tables
from ordering.database import counters
from tests import factories as f
from tests.web.desks import NOON, RULES, publish_levels, store
from web.desk import Desk, Order

if TYPE_CHECKING:
    from tests.faults.harness import Place

FAULT, DEMAND = "F4", "32 concurrent same-day orders: no supply, cap, quota or limit exceeded, no order lost"
DATABASES = ("sqlite", "postgresql")
FULL, SHORT = 10_000, 10
AT_ONCE = 32
ALIKE = 10
"""So many trials one after the other have the same limits, for every process then reads its book anew, which takes as long as the orders;
where the supply is just what the level promises, they have the same requests too, and differ by the order in which these arrive."""
PROCESSES = 4
BY_PROCESSES = 10
"""Every tenth trial comes from several processes, the others from threads of one."""
SHOPS, BRANDS, LEVELS = 28, ("B1", "B2"), (1, 2, 3)
DAY, MONTH = f.MONDAY + timedelta(days=3), "2026-03"
LIMITS = ("supply", "release_strategy", "monthly_quotas", "daily_limits", "band_caps")
WRITTEN = (
    tables.order_lines, tables.confirmations, tables.request_versions, tables.desk_orders, tables.desk_answers, tables.line_requests,
    tables.week_given, tables.audit,
)  # fmt: skip


@dataclass(frozen=True)
class Trial:
    """The limits of one trial by (limit, scope …), and what is sent: retailer, lines, key; some keys twice. `feasible`: the supply covers
    what the level promises everybody, and nothing else limits."""

    limits: Mapping[tuple[str, ...], int]
    threshold: int
    sent: Sequence[tuple[str, dict[str, int], str]]
    feasible: bool


def owner(retailer_id: str) -> str:
    """The first licence of the owner: the last four shops are of two owners."""
    number = int(retailer_id[1:])
    return f"R{number - number % 2:02}" if number >= SHOPS - 4 else retailer_id


def star(retailer_id: str) -> int:
    """Licences of one owner are of one level, so that their limits are those of either."""
    return LEVELS[int(owner(retailer_id)[1:]) % len(LEVELS)]


def prepare(url: str) -> database.Database:
    """A city without limits: every shop orders on the Thursday."""
    db = database.connect(url)
    database.migrate(db)
    names = [f"R{n:02}" for n in range(SHOPS)]
    shops = [f.retailer(n, star_level=star(n), order_weekday=4, licence_group=owner(n) if int(n[1:]) >= SHOPS - 4 else "") for n in names]
    past = [f.line(name, brand, 4, 4, order_date=DAY - timedelta(weeks=5)) for name in names for brand in BRANDS]
    store(db, retailers=shops, brands=[f.brand(brand) for brand in BRANDS], order_lines=past)
    publish_levels(db, {"B1": 0, "B2": None})
    return db


def drawn(seed: int, number: int) -> Trial:
    """Trial `number`: what is scarce in it, and who asks for what."""
    alike, rng = random.Random(f"{seed} {number // ALIKE}"), random.Random(f"{seed} trial {number}")
    feasible = number // ALIKE % 3 == 0
    limits = {("supply", "B1"): alike.randint(0, 60), ("supply", "B2"): alike.randint(20, 200)} | ({} if feasible else _few(alike))
    threshold = alike.randint(0, 3 * 2**32 // 1000)
    if not feasible:
        return Trial(limits, threshold, _sent(rng), feasible)
    asked = {name: lines.get("B1", 5) for name, lines, _ in _sent(alike) if int(name[1:]) < SHOPS - 4}
    sent = [(name, {"B1": requested}, f"key {name}") for name, requested in asked.items()]
    limits["supply", "B1"] = sum(share(name, threshold, requested) for name, requested in asked.items()) + alike.randint(0, 3)
    rng.shuffle(sent)
    return Trial(limits, threshold, sent, feasible)


def _few(rng: random.Random) -> dict[tuple[str, ...], int]:
    """Some limits of each level, all of them scarce."""
    found: dict[tuple[str, ...], int] = {}
    for level in LEVELS:
        few: dict[tuple[str, ...], int] = {("cap", str(level), brand): rng.randint(0, 6) for brand in BRANDS}
        few |= {("quota", str(level), brand): rng.randint(0, 9) for brand in ("", *BRANDS)}
        few |= {("day", str(level)): rng.randint(0, 9), ("band", str(level)): rng.randint(0, 8)}
        found |= {key: value for key, value in few.items() if rng.random() < 0.6}
    return found


def _sent(rng: random.Random) -> list[tuple[str, dict[str, int], str]]:
    """An order of every shop and a second one of two of them; some are sent twice, with the same key."""
    names = [f"R{n:02}" for n in range(SHOPS)]
    orders = [
        (name, {brand: rng.randint(1, 9) for brand in rng.sample(BRANDS, rng.randint(1, 2))}, f"key {n}")
        for n, name in enumerate([*names, *rng.choices(names, k=2)])
    ]
    sent = [*orders, *rng.sample(orders, AT_ONCE - len(orders))]
    rng.shuffle(sent)
    return sent


def share(retailer_id: str, threshold: int, requested: int) -> int:
    """What the level promises: min(requested, ⌊w·λ̂ + U⌋)."""
    ticket, _ = fill.tickets([retailer_id], ["B1"], [0], [0], [0], RULES.allocation.salt)
    return int(fill.entitled([threshold], ticket, [1000 * star(retailer_id)], [requested])[0])


def reset(db: database.Database, trial: Trial, before: Trial | None = None) -> None:
    """The city as if nobody had ordered in the week, under the limits of the trial; `before`: the trial whose limits it has now."""
    with db.writing() as tx:
        for table in WRITTEN:
            tx.execute(table.delete().where(table.c.week == f.MONDAY) if table is tables.order_lines else table.delete())
        if before is None or (before.limits, before.threshold) != (trial.limits, trial.threshold):
            _limit(tx, trial)


def _limit(tx: database.Transaction, trial: Trial) -> None:
    """Put the limits of a trial in the place of those there are."""
    of = tables.contract
    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in LIMITS}
    for (limit, *scope), value in trial.limits.items():
        if limit == "supply":
            rows["supply"].append({"brand_id": scope[0], "week": f.MONDAY, "available": value})
            continue
        level = int(scope[0])
        wide = {"district": "", "area_type": "", "business_format": "", "street": ""}
        if limit == "cap":
            rows["release_strategy"].append({"brand_id": scope[1], "week": f.MONDAY, "star_level": level, "cap": value, **wide})
        elif limit == "quota":
            rows["monthly_quotas"].append({"month": MONTH, "star_level": level, "brand_id": scope[1], "quota": value})
        elif limit == "day":
            rows["daily_limits"].append({"star_level": level, "limit": value})
        else:
            rows["band_caps"].append({"week": f.MONDAY, "star_level": level, "price_class": 2, "cap": value})
    counters.renew_city(tx)
    for name, found in rows.items():
        tx.execute(of[name].delete())
        if found:
            tx.execute(of[name].insert(), found)
    levels, published = tables.results["week_levels"], float(fill.published(trial.threshold))
    tx.execute(levels.update().where(levels.c.brand_id == "B1").values(threshold=trial.threshold, level=published))


def send(desk: Desk, one: tuple[str, dict[str, int], str]) -> Order:
    """One order, as a client would."""
    retailer_id, lines, key = one
    return desk.confirm(retailer_id, lines, key=key, by=retailer_id, now=NOON)


_desks: dict[str, Desk] = {}


def send_some(url: str, folder: str, some: Sequence[tuple[str, dict[str, int], str]]) -> list[Order]:
    """Several orders at once from a process of its own."""
    if url not in _desks:
        _desks[url] = Desk(database.connect(url), RULES, history=Path(folder))
    with ThreadPoolExecutor(len(some)) as pool:
        return list(pool.map(lambda one: send(_desks[url], one), some))


def trials(place: Place, first: int, count: int) -> Iterator[Mapping[str, float]]:
    """Trials: 32 orders at once, then an audit in plain SQL."""
    db = prepare(place.url)
    desk = Desk(db, RULES, history=place.folder / "history")
    with ExitStack() as stack:
        threads = stack.enter_context(ThreadPoolExecutor(AT_ONCE))
        processes: ProcessPoolExecutor | None = None
        stack.callback(db.engine.dispose)
        before: Trial | None = None
        for number in range(first, first + count):
            trial = drawn(place.seed, number)
            reset(db, trial, before)
            before = trial
            if number % BY_PROCESSES == BY_PROCESSES - 1:
                if processes is None:
                    processes = stack.enter_context(ProcessPoolExecutor(PROCESSES, multiprocessing.get_context("spawn")))
                got = from_processes(processes, place, trial)
            else:
                got = list(threads.map(lambda one: send(desk, one), trial.sent))
            yield audit(db, trial, got)


def from_processes(processes: Executor, place: Place, trial: Trial) -> list[Order]:
    """The orders of a trial, each process sending its part."""
    parts = [trial.sent[n::PROCESSES] for n in range(PROCESSES)]
    asked = [processes.submit(send_some, place.url, str(place.folder / "history"), part) for part in parts]
    found = [done.result() for done in asked]
    return [found[n % PROCESSES][n // PROCESSES] for n in range(len(trial.sent))]


GIVEN = """
SELECT order_id, brand_id, retailer_id, requested, allocated, mode FROM order_lines WHERE week = '2026-03-02' ORDER BY order_id, brand_id
"""


def audit(db: database.Database, trial: Trial, got: Sequence[Order]) -> dict[str, float]:
    """What is stored, against every limit, and against what was answered. Raises AssertionError."""
    with db.engine.connect().execution_options(reading=True) as tx:
        lines = [tuple(row) for row in tx.execute(sa.text(GIVEN))]
        confirmed = [tuple(row) for row in tx.execute(sa.text("SELECT order_id, brand_id, allocated FROM confirmations"))]
        counted = {row[0]: row[1] for row in tx.execute(sa.text("SELECT brand_id, given FROM week_given WHERE week = '2026-03-02'"))}
    given: Counter[tuple[str, ...]] = Counter()
    for _, brand, retailer, requested, allocated, mode in lines:
        assert mode == "same_day"
        assert 0 <= allocated <= requested
        who, level = owner(retailer), str(star(retailer))
        scopes = [("supply", brand), ("cap", level, brand), ("quota", level, brand), ("quota", level, ""), ("day", level), ("band", level)]
        for scope in scopes:
            given[(*scope, "" if scope[0] == "supply" else who)] += allocated
    for (*scope, who), cartons in given.items():
        most = trial.limits.get(tuple(scope))
        assert most is None or cartons <= most, f"{scope} of {who or 'all'}: {cartons} of {most} were given"
    assert len(got) == len(trial.sent)
    answered = {key: order for (_, _, key), order in zip(trial.sent, got, strict=True)}
    assert all(order == answered[key] for (_, _, key), order in zip(trial.sent, got, strict=True)), "one key has two answers"
    told = sorted((order.order_id, line.brand_id, order.retailer_id, line.requested, line.allocated, "same_day")
                  for order in answered.values() for line in order.lines)  # fmt: skip
    assert told == lines, "what was answered is not what is stored"
    assert sorted(confirmed) == sorted((order_id, brand, allocated) for order_id, brand, _, _, allocated, _ in lines)
    by_brand = {brand: given["supply", brand, ""] for brand in BRANDS}
    assert {brand: counted.get(brand, 0) for brand in BRANDS} == by_brand, "the counters are not what was given"
    if trial.feasible:
        for _, _, retailer, requested, allocated, _ in lines:
            assert allocated == share(retailer, trial.threshold, requested), f"{retailer}: {allocated}, less than its level's share"
    return {"orders": len(answered), "cartons": sum(by_brand.values())}


def naive(desk: Desk, one: tuple[str, dict[str, int], str], together: Any) -> None:
    """The control: what a desk does that reads, decides and then writes, without a lock."""
    from allocation import promise
    from ordering.database import desk as stored
    from ordering.database.retrying import retried

    retailer_id, lines, _ = one

    def read(tx: sa.Connection) -> Any:
        ground = desk.books.ground(tx, retailer_id, NOON)
        given = desk._given(tx, ground)
        shop = promise.Shop.of(ground.book, ground.row, stored.given_of(desk._lines(tx, ground)))
        found = promise.cart(ground.book, shop, ground.day, ground.rows(lines), given)
        return ground, [{"brand_id": brand, **quote} for brand, quote in zip(lines, found, strict=True)]

    ground, rows = retried(desk.db, read, reading=True)
    together.wait()

    def write(tx: sa.Connection) -> None:
        stored.confirm(tx, desk._asked(ground, f"N-{retailer_id}", retailer_id, NOON), rows, run_id=1)

    retried(desk.db, write)
