"""What a night imports, imported once: `nights` forks its processes from one that has it."""

import os

os.environ.setdefault("NUMBA_NUM_THREADS", "1")  # before anything is imported: numba takes no other number once its threads are there
os.environ.setdefault("OMP_NUM_THREADS", "1")

from jobs import deciding, nightly
from tests.faults import nights

__all__ = ["deciding", "nightly", "nights"]
