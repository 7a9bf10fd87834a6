"""F13: one brand's or one retailer's series is pathological."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ordering import database, frames, sample
from ordering.database import runs as runlog

if TYPE_CHECKING:
    from ordering.settings import Settings
    from tests.faults.harness import Place

FAULT, DEMAND = "F13", "one series pathological: it falls back with a reason, the night goes on"
DATABASES = ("sqlite",)
ENORMOUS = 2_000_000_000
"""The most that an import lets pass."""
Spoil = Callable[[pd.DataFrame, pd.Series], pd.DataFrame]


def _all(value: int) -> Spoil:
    def spoil(lines: pd.DataFrame, own: pd.Series) -> pd.DataFrame:
        given = own & lines["allocated"].ne("")
        return lines.assign(requested=lines["requested"].mask(own, str(value)), allocated=lines["allocated"].mask(given, str(value)))

    return spoil


def _asked(lines: pd.DataFrame, own: pd.Series) -> pd.DataFrame:
    return lines.assign(requested=lines["requested"].mask(own, str(ENORMOUS)))


def _once(lines: pd.DataFrame, own: pd.Series) -> pd.DataFrame:
    at = own & (lines["order_date"] == lines.loc[own, "order_date"].iloc[len(lines[own]) // 2])
    return _asked(lines, at)


def _one_week(lines: pd.DataFrame, own: pd.Series) -> pd.DataFrame:
    return lines[~(own & (lines["order_date"] < lines.loc[own, "order_date"].max()))]


SPOILT: Mapping[str, tuple[Spoil, str]] = {
    "enormous requests": (_asked, "beyond any belief"),
    "all zero": (_all(0), "asks for nothing"),
    "one value": (_all(5), "one and the same quantity"),
    "enormous": (_all(ENORMOUS), "beyond any belief"),
    "enormous once": (_once, "beyond any belief"),
    "a single week": (_one_week, ""),
}
CASES = [(column, kind) for kind in SPOILT for column in ("brand_id", "retailer_id")]
FULL, SHORT = 3 * len(CASES), 1
NEAR = 0.5
"""How far what is forecast of the other brands may move, relative: they share index, season, habits and peers with the spoilt one."""


def trials(place: Place, first: int, count: int) -> Iterator[Mapping[str, float]]:
    """Each a city of which one series is spoilt, beside the city without that series: the other brands' forecasts hardly differ."""
    for number in range(first, first + count):
        column, kind = CASES[number % len(CASES)]
        folder = place.folder / str(number)
        made = sample.write_city(folder / "city", retailers=12, brands=3, weeks=20, seed=place.seed + number // len(CASES))
        lines = pd.read_csv(folder / "city" / "order_lines.csv", dtype=str, keep_default_na=False)
        whose = sorted(lines[column].unique())[0]
        own, (spoil, reason) = lines[column] == whose, SPOILT[kind]
        spoilt, told = _night(place, folder, "spoilt", spoil(lines, own), made.cutoff)
        without, _ = _night(place, folder, "without", lines[~own], made.cutoff)
        assert reason in " ".join(told), f"{kind} of {column}: {told}"
        for name, frame in spoilt.items():
            frames.validated(frames.RESULTS[name], frame)
        yield {"moved": _moved(spoilt, without, whose if column == "brand_id" else "")}


def _night(place: Place, folder: Path, name: str, lines: pd.DataFrame, on: object) -> tuple[dict[str, pd.DataFrame], list[str]]:
    """The results of the night of a city with these lines, and its problems."""
    from datetime import date

    from jobs import loading, nightly
    from jobs.clock import now
    from jobs.runs import quiet

    shutil.copytree(folder / "city", folder / name)
    lines.to_csv(folder / name / "order_lines.csv", index=False)
    db, rules = database.connect(f"sqlite:///{folder / name}.db"), _rules()
    database.migrate(db)
    loading.load(db, folder / name, rules, mapping=None, by="tester", at=now(), progress=quiet)
    assert isinstance(on, date)
    night = nightly.run(db, on, rules, history=folder / f"{name}-history")
    with db.reading() as reader:
        found = {result: runlog.read_result(reader, night.run_id, result) for result in frames.RESULTS}
    db.engine.dispose()
    return found, list(night.problems["message"])


def _rules() -> Settings:
    from ordering import settings

    found = settings.load()
    one = {"nightly": found.nightly.model_copy(update={"workers": 1}), "forecast": found.forecast.model_copy(update={"origins": 1})}
    return found.model_copy(update=one)


def _moved(spoilt: dict[str, pd.DataFrame], without: dict[str, pd.DataFrame], left_out: str) -> float:
    """The largest relative difference in what is forecast of a brand, but for the spoilt one. AssertionError where it is above NEAR."""
    both = [frame["brand_forecast"].groupby("brand_id")["demand"].sum() for frame in (spoilt, without)]
    ratio = (both[0] / both[1].where(both[1] > 0)).drop(left_out, errors="ignore").dropna()
    assert len(ratio)
    assert np.isfinite(ratio).all()
    most = float((ratio - 1).abs().max())
    assert most < NEAR, f"forecasts of others moved by {most:.0%}: {ratio.to_dict()}"
    return most
