"""What a shop gains that asks for several times as much: `python -m benchmarks.gaming CITY [--times 5 --weeks 26 --every 3 --workers 4]`.

CITY holds city/ and truth/. Every `--every`-th shop in turn asks, in the last weeks, `--times` as much of everything as it did, and is
given what it was given; the city is estimated anew each time. Told are the changes of its own estimated demand, and of that other shop
whose estimate rises most, over all brands, against the city as it was. Each shop has a line as it is tried; the sums follow.
"""

from __future__ import annotations

import argparse
import multiprocessing
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import cache, partial
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks import city_folder
from forecasting import demand
from ordering import frames, settings
from ordering.frames import Snapshot

OWN_GAIN, OTHERS_GAIN = 0.05, 0.01
"""What it may gain itself, and any other shop."""


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gaming", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("city", type=Path)
    parser.add_argument("--times", type=float, default=5.0)
    parser.add_argument("--weeks", type=int, default=26)
    parser.add_argument("--every", type=int, default=3, metavar="N", help="try every n-th shop (default: 3)")
    parser.add_argument("--workers", type=int, default=2)
    given = parser.parse_args(arguments)
    shops = _city(given.city)[0].retailers["retailer_id"].astype("str").to_list()[:: given.every]
    print(f"{'shop':<12}{'own':>9}{'others':>9}  {'highest of them'}")
    rows = []
    for shop, own, others, highest in tried(given.city, shops, given.times, given.weeks, given.workers):
        rows.append((own, others))
        print(f"{shop:<12}{own:>9.2%}{others:>9.2%}  {highest}", flush=True)
    print(described(np.array(rows)))


def tried(folder: Path, shops: Sequence[str], times: float, weeks: int, workers: int) -> Iterator[tuple[str, float, float, str]]:
    """By shop: its id, the relative change of its own estimate, the highest of the others', and whose that is."""
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        yield from pool.map(partial(gained, folder, times=times, weeks=weeks), shops)


def gained(folder: Path, shop: str, times: float, weeks: int) -> tuple[str, float, float, str]:
    """The same of one shop."""
    known, before = _city(folder)
    change = _sums(asking(known, shop, times, weeks)) / before - 1
    others = change.drop(shop)
    return shop, float(change[shop]), float(others.max()), str(others.idxmax())


def asking(known: Snapshot, shop: str, times: float, weeks: int) -> Snapshot:
    """The city in which `shop` asked `times` as much of everything in the last `weeks` weeks, and was given what it was given."""
    lines = known.lines
    since = frames.day(known.business_date) - pd.Timedelta(weeks=weeks)
    own = (lines["retailer_id"].astype("str") == shop) & (lines["week"] >= since)
    more = np.rint(times * lines["requested"]).astype(lines["requested"].dtype)
    return replace(known, lines=lines.assign(requested=lines["requested"].where(~own, more)))


def described(change: np.ndarray) -> str:
    """Rows of (own, others) in words."""
    own, others = change.T
    return "\n".join((
        f"{len(change)} shops tried",
        f"own estimate: {(own < 0).sum()} lower, {(own > OWN_GAIN).sum()} more than {OWN_GAIN:.0%} higher, highest {own.max():+.1%}",
        f"others: in {(others > OTHERS_GAIN).sum()} trials one rose by more than {OTHERS_GAIN:.0%}, highest {others.max():+.2%}",
    ))  # fmt: skip


@cache
def _city(folder: Path) -> tuple[Snapshot, pd.Series]:
    known = city_folder.read(folder)
    return known, _sums(known)


def _sums(known: Snapshot) -> pd.Series:
    """Estimated cartons a week, by shop."""
    pairs = demand.estimate(known, settings.load().demand).pairs
    return pairs.groupby(pairs["retailer_id"].astype("str"))["rate"].sum()


if __name__ == "__main__":
    main()
