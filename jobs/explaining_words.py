"""The self-check by hand: the arithmetic, and each line's numbers put into it."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import pandas as pd

from allocation import selfcheck

HEAD = (
    "Recompute it yourself, with Python alone; the numbers below are published for all.",
    "可自行核对：以下公式与数字对所有零售户公开，仅需 Python。",
)


def by_hand(sheet: pd.DataFrame, salt: str) -> str:
    """The rule as a few lines of Python, and a call of it for each line of the sheet, with what it gives."""
    return "\n".join([*HEAD, "", "import hashlib", "", recipe(), *(call(row, salt) for row in sheet.to_dict("records"))])


def recipe() -> str:
    """The source of the rule, without its description."""
    source = inspect.getsource(selfcheck.cartons)
    described = inspect.getdoc(selfcheck.cartons) or ""
    first, last = source.index('"""'), source.index('"""', source.index('"""') + 3) + 3
    assert described.splitlines()[0] in source[first:last]
    return source[:first].rstrip() + "\n" + source[last:].lstrip("\n")


def call(row: Mapping[str, Any], salt: str) -> str:
    """The call that recomputes one line, and what the line got."""
    level = None if pd.isna(row["level"]) else repr(float(row["level"]))
    numbers = {"salt": repr(salt), "turns": int(row["turns"]), "weight": row["weight"], "level": level}
    numbers |= {"usable": row["usable"], "taken": row["taken"], "pack": row["pack_multiple"]}
    said = ", ".join(f"{name}={value}" for name, value in numbers.items())
    return f"cartons({row['owner']!r}, {row['brand_id']!r}, {said})  # {row['brand']}: {row['allocated']}  {row['chinese']}"
