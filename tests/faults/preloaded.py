"""What a night imports, imported once: `nights` forks its processes from one that has it."""

import os

os.environ.setdefault("NUMBA_NUM_THREADS", "1")

from jobs import deciding, nightly
from tests.faults import nights

__all__ = ["deciding", "nightly", "nights"]
