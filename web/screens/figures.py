"""Figures as pages write them: as the report does, and – where there is none."""

from __future__ import annotations

from collections.abc import Callable

from jobs import report_words
from jobs.report_words import UNDEFINED


def _known(write: Callable[[float], str]) -> Callable[[float | None], str]:
    def written(value: float | None) -> str:
        return UNDEFINED if value is None else write(value)

    return written


percent = _known(report_words.percent)
cartons = _known(report_words.cartons)
points = _known(report_words.points)
cases = _known(report_words.cases)


@_known
def money(amount: float) -> str:
    """Yuan, with cents."""
    return f"{amount:,.2f}"


@_known
def signed(quantity: float) -> str:
    """A difference in whole cartons, with its sign."""
    whole = round(quantity)
    return f"{whole:+,}".replace("-", "−") if whole else "0"
