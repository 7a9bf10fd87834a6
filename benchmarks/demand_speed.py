"""How long the true demand of a whole city takes: `python -m benchmarks.demand_speed [--retailers 40000 --brands 100 --peers-python P]`.

The city is made up, a district at a time (made_market.py, which says what it is like), and lies in files before the clock runs. The refit
reads one district after the other, so that only one is in memory, and keeps what it found of all. It runs in a process of its own, whose
peak of memory is told; compiling comes before, on a small city. "Compute" is the wall time of the refit without reading the files. Then
the last week's lines of a fifth of the streets are taken for one order day's, and added to the fit as a night does (forecasting/update.py).

Beside it others forecast random series of the same city, one thread, in the same run: statsforecast's TSB and AutoETS (in an environment
of their own, see peers.py) and Prophet. Ours does more than they do, it finds what was wanted behind what was asked and given; the ratio
is of series per second of one core's time.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import pickle
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks import made_market
from benchmarks.made_market import Reals, Shard, Size
from forecasting import evidence, rhythm, scarcity, surges, totals, update
from forecasting.scarcity import Scarcity
from forecasting.totals import Totals

DEMANDED = {"seconds": 600.0, "gigabytes": 4.0, "night": 15.0}
AIMED = {"seconds": 90.0, "gigabytes": 2.0, "night": 3.0}
ORDER_DAYS = 5
PEERS = {"tsb": 20_000, "auto_ets": 1_000, "prophet": 50}
IN_PROJECT = ("prophet",)
THREADS_OF = ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
SCRIPT = Path(__file__).with_name("peer_speed.py")
SAMPLE_SEED = 20260831
SMALL = Size(retailers=60, brands=20, weeks=60, districts=1)

Figures = dict[str, Any]


def main(arguments: Sequence[str] | None = None) -> None:
    given = _arguments(arguments)
    size = Size(**{name: getattr(given, name) for name in asdict(Size())})
    os.environ |= dict.fromkeys(THREADS_OF, str(given.threads))  # of the processes that are started from here
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        figures = measured(size, Path(folder), given.threads, given.peers_python, dict(zip(PEERS, given.sample, strict=True)))
    print(described(figures))
    if given.json:
        given.json.write_text(json.dumps(figures, indent=1) + "\n", "utf-8")


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.demand_speed", description=(__doc__ or "").splitlines()[0])
    for name, value in asdict(Size()).items():
        parser.add_argument(f"--{name}", type=type(value), default=value, help=f"of the made-up city (default: {value})")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--peers-python", type=Path, help="has statsforecast: see benchmarks/peers.py; without it only Prophet is run")
    parser.add_argument(
        "--sample", type=int, nargs=len(PEERS), default=list(PEERS.values()), metavar="N",
        help=f"random series for {', '.join(PEERS)} (default: {' '.join(map(str, PEERS.values()))})",
    )  # fmt: skip
    parser.add_argument("--folder", type=Path, help="where the districts lie meanwhile: 500 bytes a series (default: the system's)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures as well")
    return parser.parse_args(arguments)


def measured(size: Size, folder: Path, threads: int, peers_python: Path | None, sample: dict[str, int]) -> Figures:
    """All figures of a city of `size`; `sample`: how many series each of the others is given."""
    made = in_child(make, size, folder, threads)
    refitted = in_child(refit, size, folder, threads)
    series = in_child(write_series, size, folder, max(sample.values()))
    pythons = {method: sys.executable if method in IN_PROJECT else peers_python for method in sample}
    others = {method: peer(method, count, series, python) for method, count in sample.items() if (python := pythons[method])}
    return {"size": asdict(size), "threads": threads, "made": made, "refit": refitted, "peers": others}


def in_child(task: Callable[..., Any], *arguments: Any) -> Any:
    """The result of `task` in a fresh process, so that its peak of memory is its own."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(task, *arguments).result()


def make(size: Size, folder: Path, threads: int) -> Figures:
    """Makes every district and writes it to `folder`; what the city is like."""
    use_threads(threads)
    began, market, told = time.perf_counter(), made_market.draw(size), []
    for number in range(size.districts):
        shard = market.shard(number)
        _file(folder, number).write_bytes(pickle.dumps(shard, protocol=5))
        told.append(made_market.told(shard, market.tight, evidence.TOUCHED_WEEKS))
    total = {name: float(sum(one[name] for one in told)) for name in told[0]}
    return {
        "seconds": time.perf_counter() - began,
        **{name: int(total[name]) for name in ("pairs", "lines", "scans", "counts")},
        "touched": total["touched"] / total["pairs"],
        "brands_short": float(market.tight.any(axis=1).mean()),
        "brand_weeks_short": float(market.tight.mean()),
        "asked_a_line": total["asked"] / total["lines"],
        "given_a_line": total["given"] / total["lines"],
        "given_in_shortage": total["given_short"] / max(total["asked_short"], 1.0),
        "brands_a_week": total["lines"] / (size.retailers * size.weeks),
    }


def read(folder: Path, number: int) -> Shard:
    """District `number`, from its file."""
    shard: Shard = pickle.loads(_file(folder, number).read_bytes())
    return shard


def _file(folder: Path, number: int) -> Path:
    return folder / f"{number}.pickle"


def use_threads(threads: int) -> None:
    """Compiled loops run on `threads` threads from here on."""
    import numba

    numba.set_num_threads(threads)


@dataclass
class Clock:
    """Seconds by step: on the wall, and of computing (`cpu`, all threads together)."""

    wall: dict[str, float] = field(default_factory=dict)
    cpu: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Adds to the step what the block takes."""
        wall, cpu = time.perf_counter(), time.process_time()
        yield
        self.wall[name] = self.wall.get(name, 0.0) + time.perf_counter() - wall
        self.cpu[name] = self.cpu.get(name, 0.0) + time.process_time() - cpu


def refit(size: Size, folder: Path, threads: int) -> Figures:
    """Estimates the whole city anew, part by part, as `demand.estimate` does, and then what a night adds to it; what both took."""
    use_threads(threads)
    small = made_market.draw(SMALL)
    found = estimated(small.shard, 1, Clock(), Clock())  # compiles
    night(small.shard(0), *found, 0, Clock())
    before, clock, reading, later = _gigabytes(), Clock(), Clock(), Clock()
    short, index, rates = estimated(partial(read, folder), size.districts, clock, reading)
    most = _gigabytes()
    lines = sum(night(read(folder, number), short, index, rates, number, later) for number in range(size.districts))
    return {
        "pairs": sum(len(found.rate) for found in rates),
        "seconds": sum(clock.wall.values()),
        "cpu": sum(clock.cpu.values()),
        "steps": clock.wall,
        "reading": reading.wall["read"],
        "gigabytes": most,
        "gigabytes_before": before,
        "night_lines": lines,
        "night_seconds": later.wall["night"],
        "night_cpu": later.cpu["night"],
    }


def estimated(part: Callable[[int], Shard], parts: int, clock: Clock, reading: Clock) -> tuple[Scarcity, Reals, list[evidence.Rates]]:
    """Scarcity, index and the rates of a city's parts, one in memory at a time; its steps timed by `clock`, the fetching by `reading`."""

    def of(number: int) -> Shard:
        with reading.step("read"):
            return part(number)

    def together(shards: Iterable[Shard]) -> Totals:
        city = None
        for shard in shards:
            with clock.step("totals"):
                city = totals.of(shard.panel) if city is None else city + totals.of(shard.panel)
        assert city is not None
        return city

    def surges_of(shard: Shard) -> surges.Surges:
        with clock.step("surges"):
            return surges.find(shard.panel, typed)

    def divided(number: int) -> Shard:
        shard = of(number)
        with clock.step("surges"):
            return replace(shard, panel=surges.divided(shard.panel, surging[number]))

    typed = scarcity.measure(together(map(of, range(parts))))
    surging = [surges_of(of(number)) for number in range(parts)]
    city = together(map(divided, range(parts)))
    with clock.step("scarcity and index"):
        short = scarcity.measure(city)
        index = rhythm.index(city, short)
    found = []
    for number in range(parts):
        shard = divided(number)
        with clock.step("rates"):
            found.append(evidence.weigh(shard.panel, short, index, shard.retailers, shard.brands, surging[number].found))
    return short, index, found


def night(shard: Shard, short: Scarcity, index: Reals, rates: list[evidence.Rates], number: int, clock: Clock) -> int:
    """What one order day adds to the fit of a part: the lines of its last week of a fifth of its streets are read again; how many."""
    shops = np.flatnonzero(shard.retailers.groupby("street", sort=True).ngroup().to_numpy() % ORDER_DAYS == 0)
    panel, pair = made_market.narrowed(shard.panel, shops)
    known = rates[number]
    new = np.unique(panel.lines.pair[panel.lines.week == len(panel.weeks) - 1])
    own = {name: getattr(known.taught, name)[pair] for name in ("touched", "prior", "level", "doubt", "centre", "width")}
    taught = replace(known.taught, **own, chance=known.taught.chance[shops], cover=known.taught.cover[shops])
    with clock.step("night"):
        update.read_again(panel, short, index, shard.retailers.iloc[shops], shard.brands, taught, known.rate[pair], new)
    return len(new)


def _gigabytes() -> float:
    """The most memory this process has held so far."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / 1e9 if sys.platform == "darwin" else most * 1024 / 1e9


def write_series(size: Size, folder: Path, count: int) -> Path:
    """Weekly deliveries of `count` pairs drawn at random from all that ever had a line (series, week, demand; silent weeks are 0)."""
    rng, parts, market = np.random.default_rng(SAMPLE_SEED), [], made_market.draw(size)
    wanted = np.diff(np.rint(np.cumsum(market.shops) / size.retailers * count).astype(int), prepend=0)
    for number, share in enumerate(wanted):
        panel = read(folder, number).panel
        ordered = np.flatnonzero(np.diff(panel.lines.start))
        drawn = rng.choice(ordered, min(len(ordered), share), replace=False)
        wide = np.zeros((len(drawn), len(panel.weeks)))
        for row, pair in enumerate(drawn):
            own = slice(panel.lines.start[pair], panel.lines.start[pair + 1])
            wide[row, panel.lines.week[own]] = panel.lines.other[own]
        parts.append(wide)
    values = rng.permutation(np.concatenate(parts))
    series = np.repeat(np.arange(len(values)), size.weeks)
    place = folder / "series.parquet"
    weeks = np.tile(market.weeks.to_numpy(), len(values))
    pd.DataFrame({"series": series, "week": weeks, "demand": values.ravel()}).to_parquet(place)
    return place


def peer(method: str, count: int, series: Path, python: Path) -> Figures:
    """How fast another method forecasts the first `count` series: series, seconds, computing seconds."""
    command = [python, SCRIPT, series, "--method", method, "--count", str(count)]
    done = subprocess.run(command, env=os.environ | dict.fromkeys(THREADS_OF, "1"), capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{method} could not be run by {python}: {(done.stderr.strip().splitlines() or ['no reason given'])[-1]}")
    said: Figures = json.loads(done.stdout.strip().splitlines()[-1])
    return said


def described(figures: Figures) -> str:
    """The figures in words."""
    size, made, ours = figures["size"], figures["made"], figures["refit"]
    rows, speed = made["lines"] + made["scans"] + made["counts"], ours["pairs"] / ours["cpu"]
    shops, brands, weeks, districts = (size[name] for name in ("retailers", "brands", "weeks", "districts"))
    out = [
        f"A made-up city of {shops:,} retailers x {brands} brands x {weeks} weeks, {districts} districts, made in {made['seconds']:.0f} s:",
        f"  {made['pairs']:,} pairs, {made['lines']:,} lines, {made['scans']:,} scanned weeks, {made['counts']:,} counts",
        f"  a shop orders {made['brands_a_week']:.0f} brands a week; a line asks for {made['asked_a_line']:.1f} cartons and is given "
        f"{made['given_a_line']:.1f}; in shortage {made['given_in_shortage']:.0%} of what is asked is given",
        f"  short at some time: {made['brands_short']:.0%} of the brands, which is {made['brand_weeks_short']:.0%} of the brand-weeks; "
        f"pairs that knew shortage: {made['touched']:.0%}",
        f"  shops that are honest: {size['honest']:.0%}, have a till: {size['tills']:.0%}, are counted in a month: {size['counted']:.0%}",
        f"Full refit on {figures['threads']} threads: {_judged(ours['seconds'], 'seconds', 's')}; {ours['cpu']:.0f} s of computing, "
        f"{ours['cpu'] / figures['threads']:.0f} s a thread; reading the files took {ours['reading']:.0f} s more",
        f"One order day's {ours['night_lines']:,} lines added to it: {_judged(ours['night_seconds'], 'night', 's')}; "
        f"{ours['night_cpu']:.1f} s of computing",
        f"  peak memory {_judged(ours['gigabytes'], 'gigabytes', 'GB')}; before the first district {ours['gigabytes_before']:.2f} GB",
        f"  {ours['pairs'] / ours['seconds']:,.0f} series/s, {rows / ours['seconds']:,.0f} rows/s; {speed:,.0f} series/s per core",
        "  " + ", ".join(f"{name} {seconds:.1f} s" for name, seconds in ours["steps"].items()),
    ]
    for method, told in figures["peers"].items():
        rate = told["series"] / told["cpu"]
        out.append(
            f"{method}, {told['series']:,} random series on one thread: {rate:,.1f} series/s per core; ours / theirs {speed / rate:,.3g}"
        )
    return "\n".join(out)


def _judged(value: float, what: str, unit: str) -> str:
    verdict = "within" if value <= DEMANDED[what] else "MISSES"
    return f"{value:,.2f} {unit} ({verdict} {DEMANDED[what]:g} {unit}, aim {AIMED[what]:g} {unit})"


if __name__ == "__main__":
    main()
