"""What a night imports, imported once: `nights` forks its processes from one that has it."""

import os

for name in ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS"):
    os.environ.setdefault(name, "1")  # before anything is imported: numba takes no other number once its threads are there

from jobs import deciding, nightly
from tests.faults import nights

__all__ = ["deciding", "nightly", "nights"]
