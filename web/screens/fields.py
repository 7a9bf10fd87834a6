"""What is typed into the fields of forms: whole cartons, and days."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Annotated

from fastapi import Form

from web.problems import ProblemError

DIGITS = 7
"""Of a quantity of one retailer."""
Day = Annotated[str, Form(pattern=r"^(\d{4}-\d\d-\d\d)?$")]


def cartons(text: str, digits: int = DIGITS) -> int:
    """The quantity typed; ProblemError where it is no whole number of so many digits at most."""
    if not text.isdecimal() or len(text) > digits:
        raise ProblemError("INVALID", (f'"{text[:20]}": write a whole number of cartons', f"“{text[:20]}”：请填写整条数"))
    return int(text)


def typed(form: Iterable[tuple[str, object]], begins: str) -> dict[str, int]:
    """The cartons typed into the fields whose names begin so, by what follows, in the order of the form; empty fields are left out."""
    filled = {name.removeprefix(begins): str(said).strip() for name, said in form if name.startswith(begins)}
    return {name: cartons(text) for name, text in filled.items() if text}


def day(text: str) -> date | None:
    """The day typed; None where none was. Raises ProblemError where there is no such day."""
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise ProblemError("INVALID", (f"{text}: there is no such day", f"{text}：没有这一天")) from None
