"""Compiles the kernels before the test processes start, each of which would compile them for itself, all at the same time.

`python -m tests.compiling NAME` runs one of `TASKS`.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]


def estimate() -> None:
    """A small city's demand."""
    from forecasting import demand
    from ordering.settings import DemandSettings
    from tests.forecasting import small_city

    city = small_city.build(("ample", "turns", "tight"), shops=12, scans=(0, 2)).snapshot
    demand.brand_weeks(city, demand.estimate(city, DemandSettings(weeks=40)))


def allocate() -> None:
    """A carton shared out among two, levels among two, and the panel of a few made-up shops."""
    import numpy as np

    from allocation import coupled, fill, greedy, star_places
    from benchmarks import made_market

    fill.fill([0, 2], [1, 1], [1000, 1000], [0, 1], [0, 1], [1])
    for lot in (1, 2):
        lines = coupled.Lines([0, 1, 2], [0, 1], [1, 1], [[0, 1]], [1, 1])
        coupled.share([0, 2], [1, 1], [1000, 1000], [0, 1], [0, 1], [1], lines, lot=[lot])
    small = np.zeros((1, 1), np.int32)
    greedy.cut(np.zeros(1, np.int64), small, np.zeros(1, np.int64), small, np.ones(1, np.int64), np.ones(1, np.int64))
    star_places.fill(np.array([1, 0]), np.array([1, 2]), np.array([1, 1]), most_steps=1, most_off=0)
    made_market.draw(made_market.Size(retailers=9, brands=2, weeks=30, districts=1)).shard(0)


TASKS = {"estimate": estimate, "allocate": allocate}


def run_where_cold() -> None:
    """Run every task whose kernels are not in the cache, each in a process of its own; a fault is left to the tests to find."""
    from allocation import cutoffs
    from forecasting import shelf_kernels

    kernels = {"estimate": shelf_kernels.likelihoods, "allocate": cutoffs.lower}
    cold = [name for name, kernel in kernels.items() if _cold(kernel)]
    running = [subprocess.Popen([sys.executable, "-m", "tests.compiling", name], cwd=ROOT) for name in cold]
    for process in running:
        process.wait()


def _cold(kernel: Any) -> bool:
    """Whether numba's cache holds nothing of the kernel, or only what is older than its source."""
    code = kernel.py_func.__code__
    source = Path(code.co_filename)
    index = f"{source.stem}.{code.co_name}-{code.co_firstlineno}.*.nbi"
    return all(file.stat().st_mtime < source.stat().st_mtime for file in Path(kernel.stats.cache_path).glob(index))


if __name__ == "__main__":
    TASKS[sys.argv[1]]()
