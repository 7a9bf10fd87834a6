"""The report's words in Chinese and English, and how its figures are written."""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from jobs.report_figures import CASE
from ordering import metrics
from ordering.metrics import LANGUAGES

UNDEFINED = "–"
"""What is shown where a figure is undefined."""


@cache
def words() -> Mapping[str, tuple[str, str]]:
    """Every word of jobs/templates/words.toml, and the names of the metrics, as (Chinese, English)."""
    listed = tomllib.loads(files("jobs").joinpath("templates", "words.toml").read_text("utf-8"))
    named = {name: metric.names for name, metric in metrics.registry().items()}
    return {key: (chinese, english) for key, (chinese, english) in listed.items()} | named


def word(key: str, language: str) -> str:
    """One word in `language` (zh or en)."""
    return words()[key][LANGUAGES.index(language)]


def percent(share: float) -> str:
    """A share of 1 as per cent with one decimal: 86.9%."""
    return UNDEFINED if math.isnan(share) else f"{share * 100:.1f}%"


def points(change: float) -> str:
    """A change of a rate in percentage points, with its sign and an arrow: ▲ +1.2."""
    if math.isnan(change):
        return UNDEFINED
    rounded = round(change * 100, 1)
    arrow = "▲" if rounded > 0 else "▼" if rounded < 0 else "＝"
    return f"{arrow} {_signed(f'{rounded:+.1f}')}" if rounded else arrow


def cartons(quantity: float) -> str:
    """Whole cartons with thousands separated: 12,345."""
    return UNDEFINED if math.isnan(quantity) else _signed(f"{quantity:,.0f}")


def cases(quantity: float) -> str:
    """Cartons written as cases of 250, one decimal: 49.4."""
    return UNDEFINED if math.isnan(quantity) else _signed(f"{quantity / CASE:,.1f}")


def _signed(figure: str) -> str:
    return figure.replace("-", "−" if re.search("[1-9]", figure) else "")
