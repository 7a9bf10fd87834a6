"""How many random cases a slow law is put to: fewer by default, as many as TRUEORDER_EXAMPLES asks for."""

from __future__ import annotations

import os


def examples(default: int) -> int:
    """`default`, unless the environment asks for another number."""
    return int(os.environ.get("TRUEORDER_EXAMPLES", str(default)))
