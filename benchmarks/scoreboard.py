"""The figures of benchmarks/truth.py as tables: cities as rows, a star where a figure misses what is demanded of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.truth import OURS, best_naive

Figures = Mapping[str, float]
Range = tuple[float, float]

ABSOLUTE: Mapping[str, Range] = {
    "recover.project.tight_brand_week": (0, 0.12),
    "recover.project.brand_week": (0, 0.10),
    "recover.project.pair": (0, 0.19),
    "future.project.brand_week": (0, 0.12),
    "future.project.pair_week": (0, 0.23),
    "recover.project.cover80_brand_week": (0.74, 0.86),
    "future.project.cover80_brand_week": (0.74, 0.86),
    "recover.project.pit80_pair_week": (0.77, 0.83),
    "future.project.pit80_pair_week": (0.77, 0.83),
    "flags.project.ap": (0.88, 1),
    "flags.project.precision": (0.85, 1),
    "flags.project.recall": (0.50, 1),
    "flags.project.false_on_honest": (0, 0.01),
}
"""What is demanded in the development city."""
COMPARED = {"recover": ("tight_brand_week", "brand_week", "pair"), "future": ("brand_week", "pair_week", "tight_brand_week")}
"""Figures in which every kind of city must be nearer the truth than its allocations are."""
ALLOWED = 0.01
"""How far above them a figure may lie where everybody is honest and nothing short: there allocations are sales."""
ACCUSED = 0.003
"""Share of lines that may be flagged where nobody inflates."""

HEADINGS = {"tight_brand_week": "tight brand-week", "brand_week": "brand-week", "pair": "pair, 52 weeks", "pair_week": "pair-week"}
RIVALS = {"allocated": "alloc.", "allocated13": "13 w", "allocated52": "52 w", "requests": "asked"}


@dataclass(frozen=True)
class Column:
    """A column of a table: two lines of heading, and the figure below them."""

    over: str
    under: str
    figure: str


def _errors(when: str, rivals: Sequence[str]) -> list[Column]:
    return [
        Column(HEADINGS[name] if who == OURS else "", "ours" if who == OURS else RIVALS[who], f"{when}.{who}.{name}")
        for name in COMPARED[when]
        for who in (OURS, *rivals)
    ]


def _both(name: str, over: str) -> list[Column]:
    return [Column(over, "past", f"recover.{OURS}.{name}"), Column("", "coming", f"future.{OURS}.{name}")]


BIAS = Column("bias", "past", f"recover.{OURS}.bias"), Column("", "tight", f"recover.{OURS}.tight_bias")
TABLES: Mapping[str, Sequence[Column]] = {
    "Recovered demand of the last 52 weeks, WAPE": [*_errors("recover", tuple(RIVALS)), *BIAS],
    "Forecast, WAPE": [*_errors("future", ("allocated13", "allocated52")), Column("bias", "coming", f"future.{OURS}.bias")],
    "80% intervals: share of what came that lies within": [
        *_both("cover80_brand_week", "brand-week"), *_both("pit80_pair_week", "pair-week, PIT"),
    ],
    "Inflated requests, lines of the last 26 weeks": [
        Column("average precision", "ours", f"flags.{OURS}.ap"), Column("", "ask/got", "flags.request_over_allocated.ap"),
        Column("", "prec.", f"flags.{OURS}.precision"), Column("", "recall", f"flags.{OURS}.recall"),
        Column("share of lines", "inflated", "flags.prevalence"), Column("", "flagged", f"flags.{OURS}.flagged_share"),
        Column("", "honest", f"flags.{OURS}.false_on_honest"),
    ],
    "Seconds": [Column("", "recovery", f"seconds.{OURS}.recovery"), Column("", "night", f"seconds.{OURS}.night")],
}  # fmt: skip
"""The tables by title."""
QUICK: Mapping[str, Sequence[Column]] = {
    "Ours": [
        Column("WAPE, past", "tight", f"recover.{OURS}.tight_brand_week"), Column("", "brand", f"recover.{OURS}.brand_week"),
        Column("", "pair", f"recover.{OURS}.pair"),
        Column("WAPE, coming", "brand", f"future.{OURS}.brand_week"), Column("", "pair", f"future.{OURS}.pair_week"),
        *_both("cover80_brand_week", "80% interval"), *_both("pit80_pair_week", "pair PIT"),
        Column("lines", "AP", f"flags.{OURS}.ap"), Column("", "flagged", f"flags.{OURS}.flagged_share"),
        Column("", "honest", f"flags.{OURS}.false_on_honest"), Column("", "seconds", f"seconds.{OURS}.night"),
    ],
}  # fmt: skip
"""One small table of our figures alone."""


def demanded(found: Figures, kind: str | None) -> dict[str, Range]:
    """From what to what each figure may lie: `ABSOLUTE` without a kind; in a city of a kind, against its own naive figures.

    Only figures that were computed; a figure that is undefined for the naive estimates as well is not judged.
    """
    if kind is None:
        return {name: bounds for name, bounds in ABSOLUTE.items() if name in found}
    honest = found["flags.prevalence"] == 0
    ample = np.isnan(found["recover.allocated.tight_brand_week"])
    out = {
        f"{when}.{OURS}.{name}": (0.0, best_naive(found, when, name) + ALLOWED * (honest and ample))
        for when, names in COMPARED.items()
        for name in names
    }
    if honest:
        out[f"flags.{OURS}.flagged_share"] = (0.0, ACCUSED)
    else:
        out[f"flags.{OURS}.ap"] = (found["flags.request_over_allocated.ap"], 1.0)
    return {name: bounds for name, bounds in out.items() if name in found and np.isfinite(bounds).all()}


def misses(found: Figures, kind: str | None) -> dict[str, Range]:
    """The demands that `found` does not meet; an undefined figure meets none."""
    return {name: (low, high) for name, (low, high) in demanded(found, kind).items() if not low <= found[name] <= high}


WIDTH = 9


def table(title: str, columns: Sequence[Column], cities: Mapping[str, Figures], kinds: Mapping[str, str | None]) -> str:
    """One table as text; a figure that was not computed is left empty, an undefined one is a dash. "" where ours were not computed."""
    if not any(column.figure in found for column in columns if f".{OURS}." in column.figure for found in cities.values()):
        return ""
    first = max(map(len, cities))
    over = " " * first
    for number, column in enumerate(columns):
        over = over.ljust(first + number * WIDTH + 2) + column.over if column.over else over
    rows = [over, " " * first + "".join(f"{column.under + ' ':>{WIDTH}}" for column in columns)]
    for city, found in cities.items():
        missed = misses(found, kinds[city])
        rows.append(f"{city:<{first}}" + "".join(f"{_cell(found, column.figure, missed):>{WIDTH}}" for column in columns))
    return "\n".join([title, *(row.rstrip() for row in rows if row.strip()), ""])


def _cell(found: Figures, figure: str, missed: Mapping[str, Range]) -> str:
    if figure not in found:
        return ""
    value = found[figure]
    digits = 1 if figure.startswith("seconds") else 4 if figure.startswith("flags") else 3
    return ("–" if np.isnan(value) else f"{value:.{digits}f}") + ("*" if figure in missed else " ")


def summary(cities: Mapping[str, Figures], kinds: Mapping[str, str | None]) -> str:
    """How many demands are missed, and each that is."""
    count = sum(len(demanded(found, kinds[city])) for city, found in cities.items())
    missed = [(city, name, *bounds) for city, found in cities.items() for name, bounds in misses(found, kinds[city]).items()]
    told = [f"  {city}: {name} = {cities[city][name]:.4f}, demanded {low:.4f} to {high:.4f}" for city, name, low, high in missed]
    return "\n".join([f"{len(missed)} of {count} demands are missed (*)", *told])
