"""The star rating of a made-up city: how long it takes, and how near it comes to the forced shares.

`python -m benchmarks.rating [--retailers N] [--weeks N] [--window-months N]`: weekly orders of eight brands of 200 by each retailer, a till
in every eighth shop, five shelves counted in each; levels before are anything, thirty tiers, three steps at most.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import numpy.typing as npt
import pandas as pd

from allocation import star_measures, stars
from ordering import frames, ratings, settings
from ordering.frames import Snapshot
from ordering.ratings import Window

THIRTY = (1, 1, 2, 2, 3, 3, 3, *[4] * 5, *[5] * 6, *[4] * 5, 3, 3, 3, 2, 2, 1, 1)
BRANDS, PER_WEEK, COUNTED = 200, 8, 5
MONTH = "2026-03"


def made(retailers: int, weeks: int, window: Window, rng: np.random.Generator) -> Snapshot:
    """The city as known on the day the window ends."""
    shops, wares = (pd.Index([f"{n:08d}" for n in range(count)], dtype="str") for count in (retailers, BRANDS))
    start = np.datetime64(window.end, "D") - 7 * weeks

    def coded(shop: npt.NDArray[np.integer], brand: npt.NDArray[np.integer], **more: object) -> pd.DataFrame:
        ids = {"retailer_id": (shop, shops), "brand_id": (brand, wares)}
        return pd.DataFrame({name: pd.Categorical.from_codes(at, categories=of) for name, (at, of) in ids.items()} | more)

    def dates(days: npt.NDArray[np.integer]) -> npt.NDArray[np.datetime64]:
        return (start + days.astype("timedelta64[D]")).astype("datetime64[us]")

    every = np.repeat(np.arange(retailers, dtype=np.int32), PER_WEEK)
    shop, week = np.tile(every, weeks), np.repeat(np.arange(weeks, dtype=np.int32), len(every))
    weekday = rng.integers(1, 6, retailers, dtype=np.int32)
    cartons = pd.arrays.IntegerArray(rng.integers(0, 7, len(shop), dtype=np.int32), np.zeros(len(shop), bool))
    lines = coded(
        shop, rng.integers(0, BRANDS, len(shop), dtype=np.int16), order_date=dates(week * 7 + weekday[shop] - 1), requested=7,
        allocated=cartons, week=dates(week * 7),
    )  # fmt: skip
    till, last = np.arange(0, retailers, 8), np.arange(max(weeks - 13, 0), weeks)
    scanned, at = (part.ravel() for part in np.meshgrid(np.repeat(till, PER_WEEK), last))
    scans = coded(scanned, rng.integers(0, BRANDS, len(at)), week=dates(at * 7), sold=rng.integers(0, 6, len(at)))
    visits = np.tile(np.repeat(np.arange(retailers), COUNTED), 2)
    on = 7 * weeks - rng.integers(1, 84, len(visits))
    counts = coded(visits, np.tile(np.arange(COUNTED), 2 * retailers), counted_on=dates(on), stock=rng.integers(0, 9, len(visits)))
    tables = {"lines": lines, "waiting": lines.iloc[:0], "scanned_sales": scans, "stock_counts": counts}
    return Snapshot(business_date=window.end, **{**_small(shops, wares, weekday, rng), **tables})


def _small(shops: pd.Index, wares: pd.Index, weekday: npt.NDArray[np.integer], rng: np.random.Generator) -> dict[str, pd.DataFrame]:
    """The tables beside the lines, scans and counts: empty, but for retailers and brands."""
    rows = {
        "retailer_id": shops, "star_level": rng.integers(1, 31, len(shops)), "order_weekday": weekday, "district": "D1", "street": "S1",
        "area_type": rng.choice(["urban", "rural"], len(shops)), "business_format": rng.choice(list("abcd"), len(shops)),
    }  # fmt: skip
    known = pd.DataFrame(rows).reindex(columns=frames.RETAILERS.names)
    empty = {name: frames.empty(frames.CONTRACT[name]) for name in frames.CONTRACT if name in Snapshot.__dataclass_fields__}
    return empty | {
        "retailers": known.astype(dict.fromkeys(("active_from", "active_to"), "datetime64[us]")),
        "brands": pd.DataFrame({"brand_id": wares, "wholesale_price": rng.uniform(50, 500, len(wares))}),
        "star_levels": frames.empty(frames.STAR_LEVELS).astype({"retailer_id": pd.CategoricalDtype(shops)}),
        "week_levels": frames.empty(frames.WEEK_LEVELS),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name, default in (("retailers", 40_000), ("weeks", 104), ("window-months", 3)):
        parser.add_argument(f"--{name}", type=int, default=default)
    asked = parser.parse_args()
    rules = settings.load().rating.model_copy(update={"shares": THIRTY, "most_steps": 3, "window_months": asked.window_months})
    window = ratings.window(MONTH, rules)
    known = made(asked.retailers, asked.weeks, window, np.random.default_rng(1))
    stars.rate(
        star_measures.measured(known, frames.empty(frames.INTEGRITY), window, rules).head(9), frames.empty(ratings.RATINGS), MONTH, rules
    )
    begun, busy = time.perf_counter(), time.process_time()
    facts = star_measures.measured(known, frames.empty(frames.INTEGRITY), window, rules)
    between, used = time.perf_counter(), time.process_time()
    found = stars.rate(facts, frames.empty(ratings.RATINGS), MONTH, rules)
    done, ended = time.perf_counter(), time.process_time()
    reached = 100 * np.bincount(found.rows["level"], minlength=31)[1:] / len(found.rows)
    print(f"{len(known.lines):,} lines of {asked.retailers:,} retailers, {window.weeks} weeks measured")
    print(f"measured in {between - begun:.2f} s ({used - busy:.2f} s of processor), rated in {done - between:.2f} s ({ended - used:.2f} s)")
    print(f"largest departure from a share {np.abs(reached - THIRTY).max():.4f} points; steps {found.steps}, places off {found.off}")


if __name__ == "__main__":
    main()
