"""The report as one HTML file that needs nothing else: both languages, ECharts inlined, no address is ever called."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any

import jinja2
import pandas as pd
from markupsafe import Markup

from jobs.report_figures import CASE, Figures, ReportContent
from jobs.report_words import cartons, cases, percent, points, words
from ordering import metrics
from ordering.gaps import GAPS

LISTED = 60
"""Rows of a dimension that the page lists; the workbook holds all."""
COLUMNS = (("district", "star", "price_class", "manufacturer"), ("manager",), ("brand",))
"""The dimensions as they stand on the page: two columns, and one below over the whole width."""
CHARTED = 12
"""Bars of a chart."""


def page(content: ReportContent, found: Figures, language: str) -> str:
    """The page in `language` (zh or en) at first; a switch in it shows the other. Everything that comes from data is escaped."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("jobs", "templates"), autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    environment.filters |= {"percent": percent, "points": points, "cartons": cartons, "cases": cases}
    environment.globals |= {"w": _both, "gaps": GAPS}
    return environment.get_template("report.html").render(
        language=language,
        content=content,
        weeks=[f"{week:%Y-%m-%d}" for week in found.weeks],
        headline=[_headline(row) for row in found.headline.to_dict("records")],
        dimensions={name: _dimension(rows) for name, rows in found.by.items() if name != "retailer"},
        columns=COLUMNS,
        targets=any(rows["fulfilment_rate_target"].notna().any() for rows in found.by.values()),
        causes=_causes(found.why["district"]),
        heat={name: _heat(matrix, content) for name, matrix in found.heat.items()},
        short=found.short.to_dict("records"),
        accuracy=found.accuracy.to_dict("records"),
        drift=found.drift.to_dict("records"),
        low={name: rows.to_dict("records") for name, rows in found.low.items()},
        definitions=list(metrics.registry().values()),
        charts=_charts(found),
        style=Markup(_text("report.css")),
        script=Markup(_text("report.js")),
        library=Markup(_library()),
    )


def _both(key: str) -> Markup:
    """A word in both languages; the style sheet shows the one chosen."""
    chinese, english = words()[key]
    return Markup('<span lang="zh">{}</span><span lang="en">{}</span>').format(chinese, english)


def _text(name: str) -> str:
    return files("jobs").joinpath("templates", name).read_text("utf-8")


def _library() -> str:
    source = files("web").joinpath("static", "vendor", "echarts.min.js").read_text("utf-8")
    if "</script" in source.lower():
        raise ValueError("echarts.min.js holds </script and cannot be inlined")
    return source


def _headline(row: Mapping[str, Any]) -> dict[str, Any]:
    """A metric's row with its registry entry, how its sums are counted, and how far it is from its target (below 0: missed)."""
    metric = metrics.registry()[row["metric"]]
    counted = "lines" if "lines" in metric.columns else "cases"
    off = row["now"] - row["target"]
    return {**row, "entry": metric, "counted": counted, "off": -off if metric.better == "down" else off}


def _dimension(rows: pd.DataFrame) -> dict[str, Any]:
    """The rows that the page lists, and how many there are."""
    return {
        "rows": rows.head(LISTED).to_dict("records"),
        "count": len(rows),
        "named": "name" in rows.columns,
    }


def _causes(why: pd.DataFrame) -> list[dict[str, Any]]:
    """The parts of the whole gap, largest first, each with its share of it."""
    sums = why[list(GAPS)].sum().sort_values(ascending=False, kind="stable")
    total = float(sums.sum())
    return [{"key": name, "gap": value, "share": value / total if total > 0 else float("nan")} for name, value in sums.items()]


def _heat(matrix: pd.DataFrame, content: ReportContent) -> dict[str, Any]:
    """The matrix by rows, each cell a rate and its shade: 0 (all served) to 4 (least served); undefined cells have none."""
    names = content.brands.set_index("brand_id")["name"]
    rows = [
        {"district": district, "cells": [{"rate": rate, "shade": shade(rate)} for rate in rates]}
        for district, rates in zip(matrix.index, matrix.to_numpy(), strict=True)
    ]
    return {"brands": [names.get(brand, brand) for brand in matrix.columns], "rows": rows}


SHADES = (0.9, 0.75, 0.6, 0.45)


def shade(rate: float) -> int | None:
    """0 (all served) to 4 (least served); None where the rate is undefined."""
    return None if pd.isna(rate) else sum(round(rate, 2) < bound for bound in SHADES)


def _charts(found: Figures) -> dict[str, Any]:
    """The data of the charts, quantities in cases; the script draws them in the language shown."""
    trend, short = found.trend, found.short.head(CHARTED)
    return {
        "words": {key: words()[key] for key in CHART_WORDS},
        "trend": {
            "weeks": [f"{week:%Y-%m-%d}" for week in trend["week"]],
            "marked": [f"{week:%Y-%m-%d}" for week in found.weeks],
            **{name: _numbers(trend[name], 0.01) for name in ("fulfilment_rate", "demand_fulfilment_rate", "fulfilment_rate_target")},
        },
        "why": {name: _stacked(rows.head(CHARTED)) for name, rows in found.why.items()},
        "short": {
            "names": list(short["name"]),
            **{name: _numbers(short[name], CASE) for name in ("requested", "demand", "available", "allocated")},
        },
    }


CHART_WORDS = (
    *GAPS, "fulfilment_rate", "demand_fulfilment_rate", "target_line", "report_month", "requested", "demand", "available", "allocated",
    "cases",
)  # fmt: skip


def _stacked(rows: pd.DataFrame) -> dict[str, Any]:
    names = rows["name"] if "name" in rows.columns else rows.iloc[:, 0]
    return {"names": list(names), "gap": _numbers(rows["gap"], CASE), "parts": {part: _numbers(rows[part], CASE) for part in GAPS}}


def _numbers(values: pd.Series, unit: float) -> Sequence[float | None]:
    """Numbers in `unit`, to two decimals; undefined is null."""
    return [None if pd.isna(value) else round(value / unit, 2) for value in values]
