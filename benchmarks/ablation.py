"""What each kind of evidence is worth: `python -m benchmarks.ablation [CITY...] [--kinds a,b] [--markdown]`.

Demand is recovered with everything, then without one kind of evidence at a time, and judged against the true rate (truth.py). Where a kind
is data, the data are taken away; where it is a way of reading them, that reading is switched off for the length of the estimate. A kind
whose loss changes nothing is worth nothing there; one whose loss makes it better does harm there.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pandas as pd

from benchmarks import city_folder, recovery, truth
from forecasting import demand, evidence, shelf
from ordering import frames, settings
from ordering.errors import TrueOrderError
from ordering.frames import Snapshot
from ordering.settings import DemandSettings

FIGURES = {"tight_brand_week": "tight brand-week", "brand_week": "brand-week", "pair": "pair", "bias": "bias", "tight_bias": "tight bias"}
"""What is told of each estimate (truth.errors), and its heading."""
EVERYTHING = "everything"


@dataclass(frozen=True)
class Kind:
    """A kind of evidence: what is left of the data without it, and what is switched off while they are read."""

    data: Callable[[Snapshot], Snapshot] = lambda known: known
    off: Callable[[], Any] = nullcontext


def _no_rows(name: str, table: frames.Table) -> Kind:
    return Kind(lambda known: replace(known, **{name: known_like(getattr(known, name), frames.empty(table))}))


def known_like(old: pd.DataFrame, new: pd.DataFrame) -> pd.DataFrame:
    """`new` with the column types of `old`."""
    return new.astype(old.dtypes.to_dict())


def _same(table: str, **columns: Any) -> Kind:
    """A table in which nobody differs from another in these columns."""
    return Kind(lambda known: replace(known, **{table: known_like(getattr(known, table), getattr(known, table).assign(**columns))}))


def _own_streets(known: Snapshot) -> Snapshot:
    return replace(known, retailers=known.retailers.assign(street=known.retailers["retailer_id"].astype("str")))


def _no_dates(known: Snapshot) -> Snapshot:
    shops = known_like(known.retailers, known.retailers.assign(active_from=pd.NaT, active_to=pd.NaT))
    return replace(known, retailers=shops, brands=known_like(known.brands, known.brands.assign(launched_on=pd.NaT, withdrawn_on=pd.NaT)))


def _all_of(number: int) -> Callable[..., shelf.Habits]:
    """Everybody has the habit of this number, whatever the evidence."""

    def known(seen: shelf.Views, *_: object, **__: object) -> shelf.Habits:
        chance = np.zeros((seen.panel.retailers, len(shelf.HABITS)))
        chance[:, number] = 1.0
        return shelf.Habits(chance)

    return known


@contextmanager
def _switched(module: Any, **names: Any) -> Iterator[None]:
    with patch.multiple(module, **names):
        yield


def _alike(_: evidence.Direct, peers: evidence.Floats) -> tuple[evidence.Floats, float]:
    """Peers that say nothing of a pair: all have the city's mean for a centre, and a wide variance."""
    return np.full(len(peers), np.log(max(float(peers.mean()), 1e-4)) - 0.5 * WIDE), WIDE


WIDE = 3.0
"""Log variance of pairs of which nothing is known but that they are of this city."""

KINDS: Mapping[str, Kind] = {
    "scanned sales": _no_rows("scanned_sales", frames.SCANNED_SALES),
    "stock counts": _no_rows("stock_counts", frames.STOCK_COUNTS),
    "scans and counts": Kind(lambda known: KINDS["stock counts"].data(KINDS["scanned sales"].data(known))),
    "requests in shortage": Kind(off=lambda: _switched(shelf, habits=_all_of(shelf.UNEXPLAINED))),
    "habits (all honest)": Kind(off=lambda: _switched(shelf, habits=_all_of(0))),
    "slack deliveries": Kind(off=lambda: _switched(evidence, FLOW_TRUST=0.0)),
    "peers": Kind(off=lambda: _switched(evidence, _about_peers=_alike)),
    "area and format": _same("retailers", area_type="urban", business_format="convenience"),
    "streets": Kind(_own_streets),
    "caps": _no_rows("release_strategy", frames.RELEASE_STRATEGY),
    "packs": _same("brands", pack_multiple=1),
    "dates of opening and launch": Kind(_no_dates),
    "tills' word on the level": Kind(off=lambda: _switched(evidence, TILL_TRUST=0.0)),
}
"""The kinds of evidence by name. Slack deliveries: those of pairs that knew shortage, beside what their shelf tells of them."""


def errors(folder: Path, rules: DemandSettings, kinds: Sequence[str]) -> dict[str, dict[str, float]]:
    """The errors of a city with everything and without each of `kinds`, by name of kind and figure (FIGURES)."""
    known, true = city_folder.read(folder), truth.read(folder)
    found = {}
    for name in (EVERYTHING, *kinds):
        kind = KINDS.get(name, Kind())
        with kind.off():
            estimate = demand.estimate(kind.data(known), rules)
        weeks = pd.DatetimeIndex(np.sort(estimate.index["week"].unique()))
        rows = recovery.pair_weeks(known, estimate.pairs, estimate.index, weeks)
        told = truth.errors(true, true.panel(rows, "demand"), true.past)
        found[name] = {figure: told[figure] for figure in FIGURES}
        print(f"{folder.name}, {'with' if name == EVERYTHING else 'without'} {name}", file=sys.stderr, flush=True)
    return found


def text(city: str, found: Mapping[str, Mapping[str, float]]) -> str:
    """The table of one city: the errors with everything, then without each kind, and what its loss adds to the error of pairs."""
    wide = max(map(len, found)) + len("without ")
    rows = [f"{city:<{wide}}" + "".join(f"{heading:>18}" for heading in FIGURES.values())]
    for name, told in found.items():
        rows.append(f"{_label(name):<{wide}}" + "".join(f"{_shown(figure, told, found):>18}" for figure in FIGURES))
    return "\n".join([*rows, ""])


def markdown(city: str, found: Mapping[str, Mapping[str, float]]) -> str:
    """The same for a document."""
    rows = [f"| {city} | " + " | ".join(FIGURES.values()) + " |", "|---" * (len(FIGURES) + 1) + "|"]
    rows += [f"| {_label(name)} | " + " | ".join(_shown(figure, told, found) for figure in FIGURES) + " |" for name, told in found.items()]
    return "\n".join([*rows, ""])


def _label(name: str) -> str:
    return f"with {name}" if name == EVERYTHING else f"without {name}"


def _shown(figure: str, told: Mapping[str, float], found: Mapping[str, Mapping[str, float]]) -> str:
    """A figure, and in brackets how far it lies from that with everything; a bias as it is."""
    if np.isnan(told[figure]):
        return "–"
    if figure.endswith("bias"):
        return f"{told[figure]:+.3f}"
    change = told[figure] - found[EVERYTHING][figure]
    return f"{told[figure]:.3f}" + ("" if told is found[EVERYTHING] else f" ({change:+.3f})")


def main(arguments: Sequence[str] | None = None) -> None:
    given = _parsed(arguments)
    rules, size = settings.load().demand, recovery.Size(given.retailers, given.brands, given.weeks, given.seed)
    if unknown := [name for name in given.without if name not in KINDS]:
        sys.exit(f"no such evidence: {', '.join(unknown)}; there are: {', '.join(KINDS)}")
    with tempfile.TemporaryDirectory() as scratch:
        for place in [*given.cities, *given.kinds]:
            try:
                folder = place if isinstance(place, Path) else recovery.made(place, size, given.keep or Path(scratch))
                found = errors(folder, rules, given.without)
            except (FileNotFoundError, TrueOrderError) as fault:
                sys.exit(f"{place}: {fault}")
            print((markdown if given.markdown else text)(folder.name, found), flush=True)


def _names(given: str) -> list[str]:
    return given.split(",")


def _parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ablation", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("cities", nargs="*", type=Path, metavar="CITY", help="a folder with city/ and truth/")
    parser.add_argument(
        "--kinds", type=lambda names: names.split(","), default=[], help="kinds of city to make, as trueorder sample has them"
    )
    parser.add_argument(
        "--without", type=lambda names: names.split(","), default=list(KINDS), help="evidence to do without (default: each)"
    )
    for name, value in asdict(recovery.Size()).items():
        parser.add_argument(f"--{name}", type=int, default=value, help=f"of the cities that are made (default: {value})")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="keep the cities that are made here, and use those that are here already")
    parser.add_argument("--markdown", action="store_true", help="print tables for a document")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main()
