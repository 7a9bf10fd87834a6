"""F13: one brand's or one retailer's series is pathological.

What cannot be believed is left out, so the other brands are forecast as if it had never been imported, but for rounding. What can be,
though odd, stays in: then the others move, as index, season, dispersion and what shops order beside each other are estimated together.
Measured over five made-up cities: at most 5.2% where the series asks for nothing, 18.2% where it always asks for the same.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ordering import database, frames, sample
from ordering.database import runs as runlog
from tests import servers

if TYPE_CHECKING:
    from ordering.settings import Settings
    from tests.faults.harness import Place

FAULT, DEMAND = "F13", "one series pathological: it falls back with a reason, the night goes on"
DATABASES = ("sqlite", "postgresql")
ENORMOUS = 2_000_000_000
"""The most that an import lets pass."""
ROUNDING = 1e-12
"""Sums over retailers in another order; measured: 2.3e-16."""
Spoil = Callable[[pd.DataFrame, pd.Series], pd.DataFrame]


def _all(value: int) -> Spoil:
    def spoil(lines: pd.DataFrame, own: pd.Series) -> pd.DataFrame:
        given = own & lines["allocated"].ne("")
        return lines.assign(requested=lines["requested"].mask(own, str(value)), allocated=lines["allocated"].mask(given, str(value)))

    return spoil


def _asked(lines: pd.DataFrame, own: pd.Series) -> pd.DataFrame:
    return lines.assign(requested=lines["requested"].mask(own, str(ENORMOUS)))


def _at_once(lines: pd.DataFrame, own: pd.Series) -> pd.Series:
    """One day in the middle of a series."""
    return own & (lines["order_date"] == lines.loc[own, "order_date"].iloc[len(lines[own]) // 2])


def _one_week(lines: pd.DataFrame, own: pd.Series) -> pd.DataFrame:
    return lines[~(own & (lines["order_date"] < lines.loc[own, "order_date"].max()))]


@dataclass(frozen=True)
class Kind:
    """How a series is spoilt, and what the night says of it. `which`: the lines of the series that are spoilt, all unless given.

    `near`: how far what is forecast of the other brands may be from where those lines are not there, relative, in any week.
    """

    spoil: Spoil
    says: str
    near: float = ROUNDING
    which: Callable[[pd.DataFrame, pd.Series], pd.Series] = lambda _, own: own


SPOILT: Mapping[str, Kind] = {
    "enormous requests": Kind(_asked, "beyond any belief"),
    "all zero": Kind(_all(0), "asks for nothing", near=0.06),
    "one value": Kind(_all(5), "one and the same quantity", near=0.2),
    "enormous": Kind(_all(ENORMOUS), "beyond any belief"),
    "enormous once": Kind(_asked, "beyond any belief", which=_at_once),
    "a single week": Kind(_one_week, ""),
}
CASES = [(column, kind) for kind in SPOILT for column in ("brand_id", "retailer_id")]
FULL, SHORT = 3 * len(CASES), 1


def trials(place: Place, first: int, count: int) -> Iterator[Mapping[str, float]]:
    """Each a city of which one series is spoilt, beside the city without what is spoilt: the other brands' forecasts do not differ."""
    for number in range(first, first + count):
        column, kind = CASES[number % len(CASES)]
        folder = place.folder / str(number)
        made = sample.write_city(folder / "city", retailers=12, brands=3, weeks=20, seed=place.seed + number // len(CASES))
        lines = pd.read_csv(folder / "city" / "order_lines.csv", dtype=str, keep_default_na=False)
        whose = sorted(lines[column].unique())[0]
        way = SPOILT[kind]
        bad = way.which(lines, lines[column] == whose)
        spoilt, told = _night(place, folder, "spoilt", way.spoil(lines, bad), made.cutoff)
        without, _ = _night(place, folder, "without", lines[~bad], made.cutoff)
        assert way.says in " ".join(told), f"{kind} of {column}: {told}"
        for name, frame in spoilt.items():
            frames.validated(frames.RESULTS[name], frame)
        most = _moved(spoilt, without, whose if column == "brand_id" else "")
        assert most <= way.near, f"{kind} of {column}: forecasts of others moved by {most:.2%}"
        yield {"moved": most}


@contextmanager
def _opened(place: Place, folder: Path, name: str) -> Iterator[database.Database]:
    """A database of its own with the schema."""
    if place.url.startswith("sqlite"):
        db = database.connect(f"sqlite:///{folder / name}.db")
        database.migrate(db)
        yield db
        db.engine.dispose()
        return
    with servers.made(place.url, f"f13_{os.getpid()}_{name}") as url:
        db = database.connect(url)
        database.migrate(db)
        yield db
        db.engine.dispose()


def _night(place: Place, folder: Path, name: str, lines: pd.DataFrame, on: object) -> tuple[dict[str, pd.DataFrame], list[str]]:
    """The results of the night of a city with these lines, and its problems."""
    from datetime import date

    from jobs import loading, nightly
    from jobs.clock import now
    from jobs.runs import quiet

    shutil.copytree(folder / "city", folder / name)
    lines.to_csv(folder / name / "order_lines.csv", index=False)
    assert isinstance(on, date)
    rules = _rules()
    with _opened(place, folder, name) as db:
        loading.load(db, folder / name, rules, mapping=None, by="tester", at=now(), progress=quiet)
        night = nightly.run(db, on, rules, history=folder / f"{name}-history")
        with db.reading() as reader:
            found = {result: runlog.read_result(reader, night.run_id, result) for result in frames.RESULTS}
    return found, list(night.problems["message"])


def _rules() -> Settings:
    from ordering import settings

    found = settings.load()
    one = {"nightly": found.nightly.model_copy(update={"workers": 1}), "forecast": found.forecast.model_copy(update={"origins": 1})}
    return found.model_copy(update=one)


def _moved(spoilt: dict[str, pd.DataFrame], without: dict[str, pd.DataFrame], left_out: str) -> float:
    """The largest relative difference in what is forecast of a brand and week, but for the spoilt brand."""
    both = [frame["brand_forecast"].set_index(["brand_id", "week"])["demand"] for frame in (spoilt, without)]
    both = [demand.drop(left_out, level="brand_id", errors="ignore") for demand in both]
    assert both[0].index.equals(both[1].index)
    assert (both[1] > 0).all()
    ratio = both[0] / both[1]
    assert np.isfinite(ratio).all()
    return float((ratio - 1).abs().max())
