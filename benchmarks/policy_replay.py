"""Recorded requests under each policy: `python -m benchmarks.policy_replay CITY [--weeks 26] [--power] [--markdown]`.

CITY holds city/ and truth/. Its last weeks before the cutoff are allocated again, one after the other, as policies.allocate would have
on each week's first night: recorded lines wait, earlier weeks are as the replay gave them, levels are solved anew. Weights of true_demand
are the estimate of the night before the first replayed week, once, or in a row of its own the true rate; sell-through of turn_and_earn is
what tills and deliveries were before the month. Told are rates, fairness and droughts, by policy and by habit (replay_figures.py).

Recorded requests answer to the old policy: shops that were cut ask for more the week after, whatever the replay gave them, and none learns
that asking for more has ceased to pay. So this shows how each policy shares what was asked; how shops would ask, only a trial does
(--power: how large it must be, trial_power.py).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from allocation import policies, suggest
from benchmarks import city_folder, oracle, replay_figures, trial_power, truth
from benchmarks.truth import Truth
from forecasting import demand
from ordering import frames, settings
from ordering.errors import TrueOrderError
from ordering.frames import Snapshot
from ordering.model import Policy, week_of
from ordering.settings import Settings

LABEL = "replay of recorded requests: they answer to the old policy"
RECORDED = "as recorded"
KEY = ["order_id", "brand_id"]

Demand = Callable[[pd.Timestamp], pd.DataFrame]


@dataclass(frozen=True)
class Replay:
    """A city's `weeks` under each policy, by name: lines in the columns of frames.ALLOCATION. `estimated`: demand as a report of the
    cutoff tells it, a panel as those of `true`; `supply`: brand_id, week, available; `shops`: habit and street, by retailer; `problems`
    of all nights.
    """

    true: Truth
    weeks: pd.DatetimeIndex
    lines: Mapping[str, pd.DataFrame]
    estimated: np.ndarray
    supply: pd.DataFrame
    shops: pd.DataFrame
    problems: Sequence[str]


def replayed(folder: Path, weeks: int, rules: Settings) -> Replay:
    """The last `weeks` weeks before the cutoff of `folder` (city/ and truth/) under each policy."""
    if weeks < 1:
        raise TrueOrderError(f"--weeks {weeks}: nothing to replay; give at least 1")
    read, true, end = city_folder.tables(folder), truth.read(folder), pd.Timestamp(week_of(city_folder.cutoff(folder)))
    span = pd.date_range(end - pd.Timedelta(weeks=weeks), periods=weeks, freq="7D", unit="us")
    if not (read["order_lines"]["week"] < span[0]).any():
        raise TrueOrderError(f"{folder}: no order line is older than the {weeks} weeks to replay; replay fewer (--weeks)")
    nights = [city_folder.known_on(read, week.date()) for week in span]
    before = demand.estimate(nights[0], rules.demand).pairs.rename(columns={"rate": "demand"})

    def estimate(week: pd.Timestamp) -> pd.DataFrame:
        return before[["retailer_id", "brand_id", "demand"]].assign(week=week)

    runs: dict[str, tuple[Policy, Demand]] = {str(policy): (policy, estimate) for policy in Policy}
    runs["true_demand, oracle"] = Policy.TRUE_DEMAND, lambda week: rates(true, week)
    found = {name: replay(nights, rules, *run) for name, run in runs.items()}
    told = {name: lines for name, (lines, _) in found.items()}
    streets = read["retailers"].set_index("retailer_id")["street"]
    return Replay(
        true=true,
        weeks=span,
        lines={RECORDED: recorded(nights, told[Policy.UNIFORM], read["order_lines"]), **told},
        estimated=reported(city_folder.known_on(read, end.date()), true, span, rules),
        supply=read["supply"],
        shops=pd.read_csv(folder / "truth" / "habits.csv", dtype=str).set_index("retailer_id").join(streets),
        problems=[f"{name}: {problem}" for name, (_, problems) in found.items() for problem in problems],
    )


def replay(nights: Sequence[Snapshot], rules: Settings, policy: Policy, known: Demand) -> tuple[pd.DataFrame, list[str]]:
    """The lines of consecutive weeks under one policy, what it gave in a week counting against the quotas of the next; and problems."""
    done: list[pd.DataFrame] = []
    problems: list[str] = []
    for night in nights:
        week = frames.day(night.business_date)
        since = max(frames.day(night.business_date.replace(day=1)), frames.day(nights[0].business_date))
        found = policies.allocate(as_replayed(night, done, since), suggest.nobody_else(), rules.allocation, demand=known(week), only=policy)
        done.append(found.lines)
        problems += [f"{row['subject']}: {row['message']}" for row in found.problems.to_dict("records")]
    return pd.concat(done, ignore_index=True), problems


def as_replayed(night: Snapshot, done: Sequence[pd.DataFrame], since: pd.Timestamp) -> Snapshot:
    """The night with the month's lines `since` a Monday or the first day of a month as the replay gave them, which are confirmed lines of
    its waiting ones; tills and deliveries end there, so that sell-through is of weeks in which both are recorded.
    """
    lines, sales = night.lines, night.scanned_sales
    past = lines["week"] < since
    given = pd.concat([frame[[*KEY, "allocated"]] for frame in done]).astype({"brand_id": "str"}) if done else None
    confirmed = lines[~past].drop(columns="allocated")
    if given is not None:
        got = confirmed[KEY].astype({"brand_id": "str"}).merge(given, on=KEY, how="left", validate="1:1")["allocated"]
        confirmed = confirmed.assign(allocated=got.fillna(0).astype("Int32").to_numpy())
    waiting = pd.concat([confirmed, night.waiting], ignore_index=True) if len(confirmed) else night.waiting
    return replace(night, lines=lines[past].reset_index(drop=True), waiting=waiting, scanned_sales=sales[sales["week"] < since])


def recorded(nights: Sequence[Snapshot], uniform: pd.DataFrame, lines: pd.DataFrame) -> pd.DataFrame:
    """The replayed lines with what they were given in truth, bounds and star weights as under `uniform`."""
    weeks = [frames.day(night.business_date) for night in nights]
    told = lines.loc[lines["week"].isin(weeks), [*KEY, "allocated"]].astype({"brand_id": "str"})
    own = uniform.drop(columns="allocated").astype({"brand_id": "str"}).merge(told, on=KEY, how="left", validate="1:1")
    return own.assign(allocated=own["allocated"].fillna(0).astype("int64"))


def rates(true: Truth, week: pd.Timestamp) -> pd.DataFrame:
    """The true rate of every pair in a week, as policies.allocate takes demand."""
    at = true.rate[:, :, true.weeks.get_loc(week)]
    retailer, brand = np.nonzero(at)
    ids = {"retailer_id": true.retailers[retailer], "brand_id": true.brands[brand]}
    return pd.DataFrame({**ids, "week": week, "demand": at[retailer, brand]})


def reported(known: Snapshot, true: Truth, weeks: pd.DatetimeIndex, rules: Settings) -> np.ndarray:
    """Demand of `weeks` and the window before them as estimated when they are over, a panel."""
    found = demand.estimate(known, rules.demand)
    longer = pd.date_range(weeks[0] - pd.Timedelta(weeks=replay_figures.WINDOW - 1), weeks[-1], freq="7D", unit="us")
    return true.panel(pd.concat(demand.expand(known, found.pairs, found.index, longer)), "demand")


def tell(found: Replay, city: str, *, power: bool = False, markdown: bool = False) -> None:
    """All tables, under the label of what a replay is."""
    print(f"{city}, {len(found.weeks)} weeks, {LABEL}\n")
    tables = replay_figures.tables(found) | (trial_power.tables(found) if power else {})
    for title, table in tables.items():
        print(oracle.text(title, table, markdown=markdown))
    print("\n".join(dict.fromkeys(found.problems)))


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.policy_replay", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("city", type=Path, metavar="CITY", help="a folder with city/ and truth/")
    parser.add_argument("--weeks", type=int, default=26, help="weeks to replay (default: 26)")
    parser.add_argument("--power", action="store_true", help="tell as well how large a trial must be")
    parser.add_argument("--markdown", action="store_true", help="print tables for a document")
    given = parser.parse_args(arguments)
    try:
        tell(replayed(given.city, given.weeks, settings.load()), given.city.name, power=given.power, markdown=given.markdown)
    except (FileNotFoundError, TrueOrderError) as fault:
        sys.exit(f"{given.city}: {fault}")


if __name__ == "__main__":
    main()
