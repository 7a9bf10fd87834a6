"""The account manager's review in a real browser: a grid of 12,500 lines, made of a made-up city with its night, beside the goals.

    python -m benchmarks.screens [--retailers 1200] [--brands 40] [--weeks 30] [--lines 12500] [--runs 7] [--chromium /usr/bin/chromium]

A city is made up, imported and planned in a temporary folder; one account manager sees as many of its territories as give `--lines` lines.
The service answers on this machine, chromium is the visitor. Each act is timed in the page itself, from the key or the click to the
picture that shows what came of it; the table has the median and the worst of all runs. What else the machine did is in its load.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import uvicorn
from playwright.sync_api import Browser, Page, sync_playwright

from jobs import exports, loading, nightly, reviewing
from jobs.clock import now
from jobs.runs import quiet
from ordering import database, sample, settings
from ordering.accounts import Role
from ordering.database import accounts
from ordering.review import Filter
from ordering.settings import Settings
from web.app import app_of

NAME, PASSWORD = "benchmark", "seven red lanterns"
QUIET = [
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--no-sandbox",
]
GOALS = {
    "grid of all lines ready": "0.5", "… with their last weeks": "", "sort by a number": "0.1", "sort by a name": "0.1",
    "find as one types": "0.1",
    "choose by the service": "0.5", "accept all shown, end to end": "1.0", "take it back, end to end": "1.0",
    "a line's panel, the first": "0.3",
    "a line's panel, the next": "0.3",
}  # fmt: skip
"""What is measured, and the goal in seconds, if there is one."""

WATCH = """(() => {
  const page = () => document.getElementById("review");
  const look = () => {
    const here = page() && document.querySelector(".tabulator-row") && !page().hasAttribute("aria-busy");
    if (here && !window.gridReady) window.gridReady = performance.now();
    if (page() && page().dataset.weeks) { window.weeksReady = performance.now(); return; }
    requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
  window.timed = (act, shows) => new Promise((done) => {
    const began = performance.now();
    act();
    const seen = () => (shows() ? requestAnimationFrame(() => done((performance.now() - began) / 1000)) : requestAnimationFrame(seen));
    requestAnimationFrame(seen);
  });
})()"""
HEADER = "document.querySelector('#grid .tabulator-col[tabulator-field={}]').click()"
CALM = "!document.querySelector('#review[aria-busy]')"


def main() -> None:
    """Make the city, measure, print."""
    told = arguments()
    with tempfile.TemporaryDirectory(prefix="trueorder-screens-") as name:
        rules, folder = local(), Path(name)
        began = time.perf_counter()
        db, monday = city(folder, rules, told)
        lines = territories(db, rules, folder, told.lines)
        print(
            f"{told.retailers:,} shops, {told.brands} brands; {lines:,} lines for one manager; made in {time.perf_counter() - began:.0f} s",
            flush=True,
        )
        with served(db, rules, folder, monday) as address, sync_playwright() as play:
            browser = play.chromium.launch(executable_path=told.chromium, args=QUIET)
            seconds, weight = measured(browser, address, told.runs)
            browser.close()
        db.engine.dispose()
    show(seconds, weight, told.runs)


def arguments() -> argparse.Namespace:
    """What was asked for."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, value in (("retailers", 1200), ("brands", 40), ("weeks", 30), ("lines", 12_500), ("runs", 7)):
        options.add_argument(f"--{name}", type=int, default=value)
    options.add_argument("--chromium", default="/usr/bin/chromium")
    return options.parse_args()


def local() -> Settings:
    """The settings as on one's own machine, with one origin of the forecasts, which nobody looks at here."""
    rules = settings.load()
    web = rules.web.model_copy(update={"insecure": True, "language": "en"})
    fast = rules.accounts.model_copy(update={"argon2_memory_kib": 8, "argon2_passes": 1})
    forecast = rules.forecast.model_copy(update={"origins": 1})
    return rules.model_copy(update={"web": web, "accounts": fast, "forecast": forecast})


def city(folder: Path, rules: Settings, told: argparse.Namespace) -> tuple[database.Database, date]:
    """A made-up city in a database of its own, with its night; gives the Monday that it plans."""
    monday = sample.write_city(folder / "city", retailers=told.retailers, brands=told.brands, weeks=told.weeks, seed=1).cutoff
    db = database.connect(f"sqlite:///{folder / 'city.db'}", pool=8)
    database.migrate(db)
    loading.load(db, folder / "city", rules, mapping=None, by="benchmark", at=now(), progress=quiet)
    nightly.run(db, monday, rules, history=folder / "history")
    return db, monday


def territories(db: database.Database, rules: Settings, folder: Path, lines: int) -> int:
    """Adds the manager of as many territories as give so many lines; gives how many lines they have."""
    found = reviewing.listed(exports.source(db, rules, folder / "history"), Filter())
    counts = found["account_manager"].astype("str").value_counts().sort_index()
    own = counts[counts.cumsum() - counts < lines]
    accounts.add(
        db,
        name=NAME,
        role=Role.ACCOUNT_MANAGER,
        password=PASSWORD,
        managers=list(own.index),
        by="benchmark",
        at=now(),
        rules=rules.accounts,
    )
    return int(own.sum())


@contextmanager
def served(db: database.Database, rules: Settings, folder: Path, monday: date) -> Iterator[str]:
    """The service under an address, on the morning of the planned week's Monday, before any cut-off."""
    at = datetime.combine(monday, datetime.min.time()) - timedelta(hours=6)
    app = app_of(db, rules, history=folder / "history", clock=lambda: at)
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, access_log=False, timeout_graceful_shutdown=2))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    yield f"http://localhost:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join(10)


Seconds = dict[str, list[float]]


def measured(browser: Browser, address: str, runs: int) -> tuple[Seconds, dict[str, int]]:
    """Seconds of each act, run by run, and the bytes of the first visit."""
    found: Seconds = {name: [] for name in GOALS}
    page = browser.new_context(viewport={"width": 1366, "height": 768}).new_page()
    page.set_default_timeout(60_000)
    page.add_init_script(WATCH)
    page.goto(f"{address}/login?next=/review")
    page.fill("#name", NAME)
    page.fill("#password", PASSWORD)
    page.click(".login button")
    page.wait_for_selector("#review[data-weeks]")
    page.wait_for_load_state("networkidle")
    weight = weighed(page)
    found["a line's panel, the first"].append(panel(page, 0))
    for run in range(runs):
        one_run(page, address, run, found)
    return found, weight


def one_run(page: Page, address: str, run: int, found: Seconds) -> None:
    """Each act once, on a page that is loaded anew."""
    page.goto(f"{address}/review")
    page.wait_for_selector("#review[data-weeks]")
    found["grid of all lines ready"].append(page.evaluate("gridReady") / 1000)
    found["… with their last weeks"].append(page.evaluate("weeksReady") / 1000)
    found["sort by a number"].append(timed(page, HEADER.format("suggested"), CALM))
    found["sort by a name"].append(timed(page, HEADER.format("shop"), CALM))
    find = (
        "const box = document.querySelector('[name=search]'); box.value = '{}'; box.dispatchEvent(new Event('input', {{ bubbles: true }}))"
    )
    found["find as one types"].append(timed(page, find.format("01000"), CALM))
    timed(page, find.format(""), CALM)
    choose = (
        "const box = document.querySelector('[name=flagged]'); box.checked = {}; box.dispatchEvent(new Event('input', {{ bubbles: true }}))"
    )
    found["choose by the service"].append(timed(page, choose.format("true"), CALM))
    timed(page, choose.format("false"), CALM)
    found["a line's panel, the next"].append(panel(page, run + 1))
    page.keyboard.press("Escape")
    accept(page, found)


def timed(page: Page, act: str, shows: str) -> float:
    """Seconds from an act until the page shows that it is done, and is painted."""
    return float(page.evaluate(f"timed(() => {{ {act} }}, () => {shows})"))


def panel(page: Page, row: int) -> float:
    """Seconds until the panel of a line stands there with its chart."""
    page.evaluate("document.getElementById('story').replaceChildren()")
    act = f"Story.open(Tabulator.findTable('#grid')[0].getRows('active')[{row}].getData())"
    return timed(page, act, "!!document.querySelector('#story .chart canvas')")


def accept(page: Page, found: Seconds) -> None:
    """Accept all that is shown, from the button of the dialog to the grid that shows it; and take it back."""
    page.click("#accept")
    page.wait_for_selector("#sure[open]")
    told = CALM + " && document.getElementById('accept').disabled && !!document.querySelector('.holds')"
    found["accept all shown, end to end"].append(timed(page, "document.querySelector('#sure button.main').click()", told))
    back = CALM + " && !document.getElementById('accept').disabled && !document.querySelector('.holds')"
    found["take it back, end to end"].append(timed(page, "document.getElementById('undo').click()", back))


def weighed(page: Page) -> dict[str, int]:
    """Bytes over the wire of a first visit, by what they are."""
    every = "[...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]"
    entries: Any = page.evaluate(every + ".map((one) => [one.name, one.transferSize])")
    kinds = {
        "/review/rows": "lines",
        "/review/weeks": "last weeks",
        "echarts": "charts (fetched once the grid is there)",
        "/static/": "scripts and style",
    }
    found = dict.fromkeys([*kinds.values(), "page"], 0)
    for name, size in entries:
        found[next((kind for mark, kind in kinds.items() if mark in name), "page")] += size
    return found


def show(seconds: Seconds, weight: dict[str, int], runs: int) -> None:
    """The table."""
    print(f"\nseconds, median and worst of {runs}; load of the machine {os.getloadavg()[0]:.1f}")
    print(f"{'':<34}{'median':>8}{'worst':>8}{'goal':>8}")
    for name, values in seconds.items():
        print(f"{name:<34}{statistics.median(values):>8.2f}{max(values):>8.2f}{GOALS[name]:>8}")
    print(f"\n{'bytes over the wire, first visit':<46}{sum(weight.values()):>12,}")
    for name, size in weight.items():
        print(f"  {name:<44}{size:>12,}")


if __name__ == "__main__":
    main()
