"""How near the night comes to a truth that is known: `python -m benchmarks.recovery [CITY...] [--kinds a,b,c]`.

A CITY holds city/ and truth/. Kinds are made here, as `trueorder sample` makes them; without either, all that are
named in KINDS are. Demand recovered, forecasts, intervals and flags are scored (truth.py) beside allocations and requests taken as
demand, and printed with a star where they miss what is demanded (scoreboard.py): of a CITY the development city's bounds, of a kind to be
nearer the truth than its allocations, raw or smoothed.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

import pandas as pd

from benchmarks import city_folder, scoreboard, truth
from forecasting import demand, inflation
from jobs import deciding, measures, nightly, weekly
from jobs.runs import Steps
from ordering import frames, record, settings, week_start
from ordering.errors import TrueOrderError
from ordering.frames import Snapshot
from ordering.model import week_of
from ordering.sample import write_city
from ordering.settings import Settings

KINDS = ("honest_ample", "honest_short", "inflating", "resellers", "always_short", "churn", "no_evidence", "stubborn")
"""The kinds that are made unless others are named. "unseen" is named on purpose only: it is scored once per release."""
RECOVERY = ("estimate", "flag", "brand demand")
"""Steps of the night that recover demand and judge lines."""
RECORD = "made.json"


@dataclass(frozen=True)
class Size:
    """How large the cities are that are made."""

    retailers: int = 300
    brands: int = 30
    weeks: int = 110
    seed: int = 1


def main(arguments: Sequence[str] | None = None) -> None:
    given = _parsed(arguments)
    kinds = given.kinds if given.kinds is not None else [] if given.cities else list(KINDS)
    size = Size(given.retailers, given.brands, given.weeks, given.seed)
    rules = settings.load()
    rules = rules.model_copy(update={"nightly": rules.nightly.model_copy(update={"workers": given.workers})})
    found: dict[str, dict[str, float]] = {}
    judged: dict[str, str | None] = {}
    with ExitStack() as stack:
        kept = given.keep or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        for place in [*given.cities, *kinds]:
            try:
                folder = place if isinstance(place, Path) else made(place, size, kept)
                name = str(folder) if folder.name in found else folder.name
                found[name], judged[name] = scored(folder, rules, forecast=given.forecast), kind_of(folder)
            except FileNotFoundError as fault:
                sys.exit(f"{place}: {fault.filename} is missing; a city whose truth is known has a folder city and a folder truth")
            except TrueOrderError as fault:
                sys.exit(f"{place}: {fault}")
            if not isinstance(place, Path) and not given.keep:
                shutil.rmtree(folder)
            print(f"{name}: {found[name]['seconds.project.night']:.1f} s", file=sys.stderr, flush=True)
    for title, columns in (scoreboard.QUICK if given.quick else scoreboard.TABLES).items():
        if text := scoreboard.table(title, columns, found, judged):
            print(text)
    print(scoreboard.summary(found, judged))
    if given.json:
        given.json.write_text(json.dumps(_told(found, judged), indent=1) + "\n", "utf-8")


def _parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.recovery", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("cities", nargs="*", type=Path, metavar="CITY", help="a folder with city/ and truth/")
    parser.add_argument("--kinds", type=lambda text: text.split(","), help=f"kinds of city to make (default: {','.join(KINDS)})")
    for name, value in asdict(Size()).items():
        parser.add_argument(f"--{name}", type=int, default=value, help=f"of the cities that are made (default: {value})")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="keep the cities that are made here, and use those that are here already")
    parser.add_argument("--no-forecast", dest="forecast", action="store_false", help="leave out the forecasts, which are slow")
    parser.add_argument("--quick", action="store_true", help="print one small table")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures as well")
    parser.add_argument("--workers", type=int, default=0, help="processes for the forecasts (default: one per core)")
    return parser.parse_args(arguments)


def _told(found: dict[str, dict[str, float]], judged: dict[str, str | None]) -> dict[str, object]:
    """The figures as JSON has them: an undefined one is null."""
    return {
        city: {
            "kind": judged[city],
            "figures": {name: None if value != value else value for name, value in figures.items()},
            "missed": {name: list(bounds) for name, bounds in scoreboard.misses(figures, judged[city]).items()},
        }
        for city, figures in found.items()
    }


def made(kind: str, size: Size, folder: Path) -> Path:
    """The made-up city of a kind in `folder`/KIND; one that is there already is used if it was made by the same arguments and code."""
    place = folder / kind
    arguments = {"kind": kind, **asdict(size), "code": _sample_code()}
    known = place / RECORD
    if known.exists():
        if json.loads(known.read_text("utf-8")) == arguments:
            return place
        shutil.rmtree(place)  # the record shows that it was made here
    write_city(place / "city", truth=place / "truth", kind=kind, **asdict(size))
    known.write_text(json.dumps(arguments), "utf-8")
    return place


def kind_of(folder: Path) -> str | None:
    """The kind of a city that was made here; None for any other."""
    known = folder / RECORD
    return str(json.loads(known.read_text("utf-8"))["kind"]) if known.exists() else None


def _sample_code() -> str:
    """A digest of the code that makes cities."""
    folder = Path(sys.modules["ordering.sample"].__file__ or "").parent
    return hashlib.sha256(b"".join(file.read_bytes() for file in sorted(folder.glob("sample*.py")))).hexdigest()[:16]


def scored(folder: Path, rules: Settings, *, forecast: bool = True) -> dict[str, float]:
    """Every figure of a city by name, with the seconds that the night's steps took."""
    known, steps = city_folder.read(folder, horizon=rules.forecast.weeks), Steps()
    results = found_by_night(known, rules, steps, forecast=forecast)
    took = {step.name: step.seconds for step in steps.done}
    seconds = {"seconds.project.recovery": sum(took[name] for name in RECOVERY), "seconds.project.night": sum(took.values())}
    return truth.figures(truth.read(folder), results) | seconds


def found_by_night(known: Snapshot, rules: Settings, steps: Steps, *, forecast: bool) -> truth.Results:
    """What the night finds of demand and of inflated lines, expanded to pair-weeks; without `forecast` only what concerns the past."""
    found = planned(known, rules, steps) if forecast else recovered(known, rules, steps)
    pairs, index = found["pair_estimates"], found["brand_index"]
    weeks, monday = deciding.past_weeks(index), frames.day(week_of(known.business_date))
    return truth.Results(
        demand=pair_weeks(known, pairs, index, weeks[weeks < monday]),
        brand_demand=found["brand_demand"],
        inflated=found["inflated"],
        forecast=pair_weeks(known, pairs, index, weeks[weeks >= monday]) if forecast else None,
        brand_forecast=found.get("brand_forecast"),
    )


def planned(known: Snapshot, rules: Settings, steps: Steps) -> dict[str, pd.DataFrame]:
    """Everything that a city's first night finds."""
    nothing_said = frames.empty(record.CANDIDATES)
    standing = week_start.of(known, horizon=rules.forecast.weeks)
    return nightly.decide(known, weekly.make(weekly.Given(standing, "", nothing_said), rules, steps), rules, steps)


def recovered(known: Snapshot, rules: Settings, steps: Steps) -> dict[str, pd.DataFrame]:
    """The steps of the night that look at the past, and their results by the night's names."""
    with steps.step("estimate"):
        estimate = demand.estimate(known, rules.demand)
    with steps.step("flag"):
        inflated = inflation.flag(known, estimate, rules.inflation)
    with steps.step("brand demand"):
        totals = demand.brand_weeks(known, estimate)
    return {"pair_estimates": estimate.pairs, "brand_index": estimate.index, "brand_demand": totals, "inflated": inflated}


def pair_weeks(known: Snapshot, pairs: pd.DataFrame, index: pd.DataFrame, weeks: pd.DatetimeIndex) -> pd.DataFrame:
    """The pair-weeks of `weeks`, each with its pair's dispersion: retailer_id, brand_id, week, demand, dispersion."""
    dispersion = pairs["dispersion"].to_numpy()
    parts = [chunk.assign(dispersion=dispersion[measures.pair_rows(chunk, pairs)]) for chunk in demand.expand(known, pairs, index, weeks)]
    return pd.concat(parts, ignore_index=True)


if __name__ == "__main__":
    main()
