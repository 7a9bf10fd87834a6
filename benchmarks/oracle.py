"""What stands between an estimate and the truth: `python -m benchmarks.oracle CITY... [--markdown] [--no-forecast]`.

A CITY holds city/ and truth/. One part of our estimate after the other is replaced by the truth, and the rest is scored as always
(truth.errors). What a perfect part still leaves is the floor that the other parts set; what it takes away is all that a better one could
ever gain. Parts are replaced in what was found (its sums over brands, weeks or pairs are made the true ones) or in what is read (the
habits, needs or weeks of shortage are the true ones while the city is estimated again). The last table splits the error of pairs by
what they rest on.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmarks import ablation, city_folder, recovery, truth
from benchmarks.truth import Floats, Truth, Truths
from forecasting import demand, evidence, panel, request_kernels, rhythm, scarcity, shelf, totals
from jobs import deciding, nightly, weekly
from jobs.runs import Steps
from ordering import frames, record, settings, week_start
from ordering.errors import TrueOrderError
from ordering.frames import Snapshot
from ordering.settings import Settings

BRAND, PAIR, BRAND_WEEK, CITY_WEEK = (0, 2), (2,), (0,), (0, 1)
"""Axes of a panel (retailers, brands, weeks) over which a level of it is summed."""
RAKING_ROUNDS = 20
QUARTER = 13
UNTOUCHED = "flows, no shortage"
KIND, FACTOR, POWER = (np.array(column) for column in zip(*shelf.HABITS, strict=True))
DIVIDES, MULTIPLIES = (KIND == request_kernels.TIMES) & (POWER > 0), (KIND == request_kernels.TIMES) & (POWER == 0) & (FACTOR > 1)
AS_IT_IS, FILLS, TO_CAP, STREET, ITSELF = (
    getattr(request_kernels, name) == KIND for name in ("HONEST", "COVER", "CAP", "STREET", "ITSELF")
)
NEAREST = {
    "honest": AS_IT_IS, "panicker": AS_IT_IS, "divider": DIVIDES, "proportional": DIVIDES, "doubler": MULTIPLIES,
    "hoarder": FILLS | MULTIPLIES, "cap_typist": TO_CAP, "cap_hitter": TO_CAP, "scripted": TO_CAP, "follower": STREET, "copycat": STREET,
    "rounder": AS_IT_IS | MULTIPLIES, "careless": AS_IT_IS | MULTIPLIES,
}  # fmt: skip
"""The hypotheses that are nearest to a true habit. Among several, between them and the last resort, and for a habit that is not here, the
evidence decides: a true name for a wrong model would be no truth."""


@dataclass(frozen=True)
class City:
    """A city with its truth. `needs`: order_id, brand_id, need, the cartons missing on the shelf at each line; `habits`: by retailer."""

    known: Snapshot
    true: Truth
    needs: pd.DataFrame
    habits: pd.Series


Table = Mapping[str, Mapping[str, float]]


def read(folder: Path, horizon: int) -> City:
    """The city whose `folder` holds city/ and truth/; `horizon`: weeks to forecast."""
    needs = pd.read_parquet(folder / "truth" / "lines.parquet", columns=["order_id", "brand_id", "need"])
    habits = pd.read_csv(folder / "truth" / "habits.csv", dtype=str).set_index("retailer_id")["habit"]
    return City(city_folder.read(folder, horizon=horizon), truth.read(folder), needs, habits)


def corrected(estimate: Floats, right: Floats, span: slice, *levels: tuple[int, ...]) -> Floats:
    """`estimate` with its sums over each of `levels` (axes) made those of `right` in the weeks of `span`, the rest of it kept.

    Several are raked in turn (Deming & Stephan 1940). A sum of 0 stays: what was not estimated at all has nothing to be scaled.
    """
    part, wanted = estimate[:, :, span], right[:, :, span]
    for axes in levels * (RAKING_ROUNDS if len(levels) > 1 else 1):
        have = part.sum(axis=axes, keepdims=True)
        part = part * np.divide(wanted.sum(axis=axes, keepdims=True), have, out=np.ones_like(have), where=have > 0)
    out = estimate.copy()
    out[:, :, span] = part
    return out


def found_again(ours: Floats, true: Truth, short: Truths) -> dict[str, Floats]:
    """What was recovered, with the truth in place of a part of it; `short` (retailers, brands): pairs read by their shelf.

    "realised demand" takes demand as it came for the rate: what counting every customer of the weeks scored would give.
    """
    span, touched = true.past, short[:, :, None]
    weeks, quarters = corrected(ours, true.rate, span, BRAND_WEEK), ours
    for begin in range(span.start, span.stop, QUARTER):
        quarters = corrected(quarters, true.rate, slice(begin, min(begin + QUARTER, span.stop)), BRAND)
    return {
        "brands' level": corrected(ours, true.rate, span, BRAND),
        "brands' level by quarter": quarters,
        "city's weeks": corrected(ours, true.rate, span, CITY_WEEK),
        "brands' index": corrected(weeks, ours, span, BRAND),
        "brand-weeks": weeks,
        "pairs' level": corrected(ours, true.rate, span, PAIR),
        "pairs without shortage": np.where(touched, ours, true.rate),
        "pairs in shortage": np.where(touched, true.rate, ours),
        "realised demand": true.demand,
        "realised demand in shortage": np.where(touched, true.demand, ours),
    }


def forecast_again(ours: Floats, past: Floats, true: Truth) -> dict[str, Floats]:
    """A forecast with the truth in place of one of its levels; `past`: what was recovered, to which its pairs' levels belong."""
    span = true.future
    last = corrected(past, true.rate, true.past, PAIR)[:, :, true.past].sum(axis=2, keepdims=True)
    have = past[:, :, true.past].sum(axis=2, keepdims=True)
    recovered = ours * np.divide(last, have, out=np.ones_like(have), where=have > 0)
    sold = np.repeat(true.demand[:, :, true.past].mean(axis=2, keepdims=True), len(true.weeks), axis=2) * (ours > 0)
    return {
        "brand-weeks to come": corrected(ours, true.rate, span, BRAND_WEEK),
        "pairs' level of last year": corrected(recovered, ours, span, BRAND_WEEK),
        "pairs' level of last year, brand-weeks to come": corrected(recovered, true.rate, span, BRAND_WEEK),
        "pairs' level to come": corrected(ours, true.rate, span, PAIR),
        "pairs' level and brand-weeks to come": corrected(ours, true.rate, span, PAIR, BRAND_WEEK),
        "realised demand of last year, brand-weeks to come": corrected(sold, true.rate, span, BRAND_WEEK),
    }


def _read_as(city: City) -> Callable[..., shelf.Habits]:
    """Habits judged among the hypotheses that are nearest to each retailer's true one."""
    judge, every = shelf.habits, np.ones(len(shelf.HABITS), bool)
    habit = city.known.retailers["retailer_id"].astype("str").map(city.habits)
    nearest = np.stack([NEAREST.get(name, every) for name in habit]) | ITSELF

    def known(
        seen: shelf.Views, use: Truths, sure: Floats, centre: Floats, variance: Floats, before: shelf.Habits, *, most: int
    ) -> shelf.Habits:
        among = replace(before, chance=before.chance * nearest[seen.panel.among])
        return judge(seen, use, sure, centre, variance, among, most=most)

    return known


def _past_weeks(city: City, values: npt.NDArray[Any], count: int) -> npt.NDArray[Any]:
    """`values` (brands, weeks) of the truth in the order of the city's brands (0 where it has none), the last `count` past weeks."""
    brands = city.known.brands["brand_id"].astype("str")
    return pd.DataFrame(values, city.true.brands).reindex(brands, fill_value=0).to_numpy()[:, city.true.now - count : city.true.now]


def _short(city: City) -> Callable[..., scarcity.Scarcity]:
    """The scarcity that is measured, in the weeks of true shortage."""
    measure = scarcity.measure

    def known(sums: totals.Totals) -> scarcity.Scarcity:
        found = measure(sums)
        tight = _past_weeks(city, city.true.tight, found.state.shape[1]).astype(bool)
        return replace(found, state=np.where(tight, scarcity.TIGHT, scarcity.SLACK).astype(np.int64))

    return known


def _index(city: City) -> Callable[..., Floats]:
    """The index of the brands' mean pair; ours where a brand has no rate."""
    find, mean = rhythm.index, city.true.rate.sum(axis=0) / np.maximum((city.true.rate > 0).sum(axis=0), 1)

    def known(sums: totals.Totals, short: scarcity.Scarcity) -> Floats:
        ours = find(sums, short)
        right = _past_weeks(city, mean, ours.shape[1])
        return np.where(right > 0, rhythm._normalised(right, right > 0), ours)

    return known


def with_needs(city: City) -> Snapshot:
    """What is known, if every request were what is missing on the shelf."""
    lines = city.known.lines
    keys = lines[["order_id", "brand_id"]].astype("str")
    asked = keys.merge(city.needs, on=["order_id", "brand_id"], how="left", validate="1:1")["need"].to_numpy()
    return replace(city.known, lines=lines.assign(requested=pd.array(asked, dtype=lines["requested"].dtype)))


def _full(city: City) -> Callable[..., tuple[Floats, Floats]]:
    """Full shelves learnt from counts and true needs, in all weeks and of all retailers."""
    learn, told = shelf.full_shelves, with_needs(city)

    def known(seen: panel.Panel, short: scarcity.Scarcity, index: Floats, rate: Floats, honest: Floats) -> tuple[Floats, Floats]:
        needs = panel.build(told, seen.weeks, among=seen.among).lines
        return learn(replace(seen, lines=needs), short, index, rate, np.ones_like(honest))

    return known


def _honest(_: City) -> Callable[..., shelf.Habits]:
    return ablation._all_of(0)


READ: Mapping[str, tuple[tuple[Any, str, Callable[[City], Any]], ...]] = {
    "habits": ((shelf, "habits", _read_as),),
    "weeks of shortage": ((scarcity, "measure", _short),),
    "index while reading": ((rhythm, "index", _index),),
    "height of shelves": ((shelf, "full_shelves", _full),),
    "needs": ((shelf, "habits", _honest),),
    "needs, shortage, index": ((shelf, "habits", _honest), (scarcity, "measure", _short), (rhythm, "index", _index)),
}
"""By name, what is replaced while the city is read: names of modules, each made from the city. "needs" stand for requests as well."""
BY_GROUP = ("habits", "needs", "realised demand")


@contextmanager
def _told(city: City, name: str) -> Iterator[Snapshot]:
    with ExitStack() as stack:
        for module, name_there, make in READ[name]:
            stack.enter_context(patch.object(module, name_there, make(city)))
        yield with_needs(city) if name.startswith("needs") else city.known


def read_again(city: City, name: str, rules: Settings) -> Floats:
    """The panel that is recovered when what READ has under `name` is the truth."""
    with _told(city, name) as known:
        return _past(city, demand.estimate(known, rules.demand))


def _past(city: City, estimate: demand.Estimate) -> Floats:
    weeks = pd.DatetimeIndex(np.sort(estimate.index["week"].unique()))
    return city.true.panel(recovery.pair_weeks(city.known, estimate.pairs, estimate.index, weeks), "demand")


def _ours(city: City, rules: Settings, *, forecast: bool) -> tuple[demand.Estimate, Floats | None]:
    """Our estimate, and our forecast as a panel."""
    if not forecast:
        return demand.estimate(city.known, rules.demand), None
    standing = week_start.of(city.known, horizon=rules.forecast.weeks)
    fit = weekly.make(weekly.Given(standing, "", frames.empty(record.CANDIDATES)), rules, Steps())
    index = nightly.decide(city.known, fit, rules, Steps())["brand_index"]
    weeks = deciding.past_weeks(index)
    coming = weeks[weeks >= city.true.weeks[city.true.now]]
    return fit.estimate, city.true.panel(recovery.pair_weeks(city.known, fit.estimate.pairs, index, coming), "demand")


def groups(city: City, estimate: demand.Estimate) -> npt.NDArray[np.str_]:
    """What each pair rests on, shape (retailers, brands); "" where nothing was estimated."""
    true, pairs = city.true, estimate.pairs.astype({"retailer_id": "str", "brand_id": "str"})
    counted = city.known.stock_counts.groupby(["retailer_id", "brand_id"], observed=True).size()
    many = counted[counted >= evidence.TELLING_COUNTS].index
    often = pd.MultiIndex.from_frame(pairs[["retailer_id", "brand_id"]]).isin([(str(r), str(b)) for r, b in many])
    honest = np.where(pairs["retailer_id"].isin(true.honest), "honest shop", "other shop")
    asked = "requests" + pd.Series(np.where(often, " and counts, ", ", "), pairs.index) + honest
    rests = asked.where(pairs["evidence"] == "requests", pairs["evidence"] + " in shortage")
    rests = rests.where(estimate.learnt.touched, UNTOUCHED)
    return _by_pair(true, estimate, rests.to_numpy(), np.full((len(true.retailers), len(true.brands)), "", dtype="<U40"))


def _by_pair(true: Truth, estimate: demand.Estimate, values: npt.NDArray[Any], out: npt.NDArray[Any]) -> npt.NDArray[Any]:
    pairs = estimate.pairs.astype({"retailer_id": "str", "brand_id": "str"})
    out[true.retailers.get_indexer(pairs["retailer_id"]), true.brands.get_indexer(pairs["brand_id"])] = values
    return out


def doubt(true: Truth, estimate: demand.Estimate) -> Floats:
    """The relative error that each estimate expects of itself, shape (retailers, brands), 0 where nothing was estimated.

    Of a log-normal rate with log variance v: E|X − EX| ÷ EX = 2·erf(√(v ÷ 8)); v is the pair's dispersion less that of a week's count.
    """
    from scipy.special import erf

    variance = np.maximum(estimate.pairs["dispersion"].to_numpy(np.float64) - evidence.COUNT_DISPERSION, 0.0)
    return _by_pair(true, estimate, 2 * erf(np.sqrt(variance / 8)), np.zeros((len(true.retailers), len(true.brands))))


def by_group(true: Truth, group: npt.NDArray[np.str_], panels: Mapping[str, Floats], doubts: Floats) -> Table:
    """Of each group of pairs: how many, their share of demand and of our error (the first of `panels`), the error that we expect of it
    (doubt), and the WAPE of each panel."""
    span = true.past
    rate = true.rate[:, :, span].sum(axis=2)
    sums = {name: values[:, :, span].sum(axis=2) for name, values in panels.items()}
    off = np.abs(next(iter(sums.values())) - rate)
    found = {}
    for name in np.unique(group[rate > 0]):
        own = (group == name) & (rate > 0)
        shares = {"pairs": float(own.sum()), "of demand": rate[own].sum() / rate.sum(), "of error": off[own].sum() / off.sum()}
        shares["expected"] = (doubts[own] * rate[own]).sum() / rate[own].sum()
        found[str(name) or "not estimated"] = shares | {what: truth.wape(total[own], rate[own]) for what, total in sums.items()}
    return found


def experiments(folder: Path, rules: Settings, *, forecast: bool = True, reread: Sequence[str] = tuple(READ)) -> dict[str, Table]:
    """The tables of a city by title: errors recovered and forecast by what is true in them, and those of pairs by what these rest on.

    `reread`: the names in READ with which the city is read again.
    """
    city = read(folder, rules.forecast.weeks)
    true, (estimate, coming) = city.true, _ours(city, rules, forecast=forecast)
    ours, group = _past(city, estimate), groups(city, estimate)
    short = (group != "") & (group != UNTOUCHED)
    again = {name: read_again(city, name, rules) for name in reread}
    past = {"ours": ours} | {f"true {name}": each for name, each in (found_again(ours, true, short) | again).items()}
    found: dict[str, Table] = {"recovered": {name: truth.errors(true, each, true.past) for name, each in past.items()}}
    if coming is not None:
        future = {"ours": coming} | {f"true {name}": each for name, each in forecast_again(coming, ours, true).items()}
        found["forecast"] = {name: truth.errors(true, each, true.future) for name, each in future.items()}
    shown = {"ours": ours, "deliveries": true.allocated} | {what: past[what] for name in BY_GROUP if (what := f"true {name}") in past}
    return found | {"pairs by what they rest on": by_group(true, group, shown, doubt(true, estimate))}


def text(title: str, found: Table, *, markdown: bool) -> str:
    """One table, for a screen or a document: whole numbers as they are, others with four digits, an undefined one as a dash."""
    names = list(next(iter(found.values())))
    rows = [[title, *(name.replace("_", " ") for name in names)], *([name, *map(_shown, told.values())] for name, told in found.items())]
    if markdown:
        rows.insert(1, ["---"] * len(rows[0]))
        return "\n".join("| " + " | ".join(row) + " |" for row in rows) + "\n"
    wide = max(len(row[0]) for row in rows)
    return "\n".join(row[0].ljust(wide) + "".join(cell.rjust(22) for cell in row[1:]) for row in rows) + "\n"


def _shown(value: float) -> str:
    if np.isnan(value):
        return "–"
    return f"{value:.0f}" if value > 1 and value == int(value) else f"{round(value, 4) + 0.0:.4f}"


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.oracle", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("cities", nargs="+", type=Path, metavar="CITY", help="a folder with city/ and truth/")
    parser.add_argument("--no-forecast", dest="forecast", action="store_false", help="leave out the forecast, which is slow")
    parser.add_argument("--markdown", action="store_true", help="print tables for a document")
    given = parser.parse_args(arguments)
    for folder in given.cities:
        try:
            found = experiments(folder, settings.load(), forecast=given.forecast)
        except (FileNotFoundError, TrueOrderError) as fault:
            sys.exit(f"{folder}: {fault}")
        for title, table in found.items():
            print(text(f"{folder.name}, {title}", table, markdown=given.markdown), flush=True)


if __name__ == "__main__":
    main()
