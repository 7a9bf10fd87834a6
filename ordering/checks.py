"""What must hold across the cells, rows and files of a city folder, one function per check; each adds its faults or notes to the city.

Only sound cells are judged, so that a cell that could not be read is told once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import numpy.typing as npt
import pandas as pd

from ordering import ties
from ordering.cell_values import Flags, Typed, monday
from ordering.errors import Fault
from ordering.frames import CONTRACT
from ordering.keys import Parsed, key_numbers, repeats
from ordering.model import week_of
from ordering.reading import Rows
from ordering.refusing import FaultList
from ordering.settings import ImportSettings

OWNERS = {"retailer_id": "retailers", "brand_id": "brands"}


@dataclass(frozen=True)
class Stored:
    """What the database already holds that a folder may refer to; the frames conform to `ordering.frames`.

    `order_weeks` are the Mondays of weeks with order lines, `release_strategy` the rows of the weeks that the folder touches.
    """

    retailers: pd.DataFrame
    brands: pd.DataFrame
    order_weeks: pd.DatetimeIndex
    release_strategy: pd.DataFrame


@dataclass
class City:
    """A folder's typed tables and what they are checked against. `broken` names those that could not be read, or not to the end."""

    tables: Mapping[str, Parsed]
    broken: frozenset[str]
    stored: Stored
    settings: ImportSettings
    faults: FaultList
    notes: list[str]

    def known(self, column: str) -> list[str]:
        """The sorted retailer or brand ids of folder and database together."""
        return sorted(self._owned(column) | set(getattr(self.stored, OWNERS[column])[column]))

    def _owned(self, column: str) -> set[str]:
        own = self.tables.get(OWNERS[column])
        return set(own.columns[column].words()[own.columns[column].sound]) if own else set()

    def day_of(self, table: str, column: str) -> pd.Series:
        """A date of every known retailer or brand by id: the folder's, and the database's for those the folder does not name."""
        key = CONTRACT[table].key[0]
        held = getattr(self.stored, table).set_index(key)[column]
        own = self.tables.get(table)
        if own is None:
            return held
        rows = np.flatnonzero(own.sound([key]))
        ids = own.columns[key].words()[own.columns[key].codes[rows]]
        days = own.columns[column].column()[rows] if own.has(column) else np.full(len(rows), np.datetime64("NaT", "us"))
        given = pd.Series(days, index=pd.Index(ids, dtype="str"))
        return pd.concat([given[~given.index.duplicated()], held[~held.index.isin(given.index)]])


def files_with_rows(city: City) -> None:
    """A file without rows is a fault where the first load needs it, a note elsewhere."""
    held = {"retailers": len(city.stored.retailers), "brands": len(city.stored.brands), "order_lines": len(city.stored.order_weeks)}
    for name, parsed in city.tables.items():
        if parsed.sheet.rows or city.faults.count(parsed.sheet.file):
            continue
        if held.get(name, 1):
            city.notes.append(f"{parsed.sheet.file}: has a header and no rows")
        else:
            city.faults.add(
                Fault(parsed.sheet.file, 0, "", "", "has a header and no rows, and the database holds none yet; fill in the rows")
            )


def known_ids(city: City) -> None:
    """Every retailer and brand that a row names is in the folder or in the database."""
    import pyarrow as pa
    import pyarrow.compute as pc

    for column, owner in OWNERS.items():
        own = city.tables.get(owner)
        if owner in city.broken or (own is None and not len(getattr(city.stored, owner))) or (own and not own.certain()):
            continue  # told as a fault of the owner's file already, and every row would follow from it
        file = own.sheet.file if own else CONTRACT[owner].file
        known = pa.array(city.known(column), pa.string())
        for parsed in [p for name, p in city.tables.items() if name != owner and column in p.columns]:
            found = parsed.columns[column]
            unknown = ~pc.is_in(found.values, known).to_numpy(zero_copy_only=False) & found.sound & ~found.blank

            def message(row: int, file: str = file) -> str:
                return f"is neither in {file} nor in the database; add it to {file} or correct the id"

            city.faults.add_rows(parsed.sheet, column, found.rows(unknown), message)


def keys_once(city: City) -> None:
    """No key stands twice in a file; two levels of a retailer in one month are told as what they are."""
    for parsed in [parsed for name, parsed in city.tables.items() if name not in city.broken]:
        names = [name for name in parsed.table.key if name in parsed.columns]
        rows, first = repeats(key_numbers(parsed), parsed.sound(names))
        if not len(rows):
            continue
        earlier = dict(zip(rows[:2000].tolist(), parsed.sheet.line_of(first[:2000]).tolist(), strict=True))

        def value(row: int, parsed: Parsed = parsed, names: list[str] = names) -> str:
            return ", ".join(parsed.columns[name].of(row) for name in names)

        def message(row: int, parsed: Parsed = parsed, earlier: dict[int, int] = earlier) -> str:
            if parsed.table.name == "star_levels":
                return f"has a level on line {earlier[row]} already; keep the one level that this retailer had in that month"
            return f"repeats the key of line {earlier[row]}; keep one of the two lines"

        city.faults.add_rows(parsed.sheet, ", ".join(map(parsed.sheet.label, names)), rows, message, value)


def ends_after_starts(city: City) -> None:
    """Nothing ends before it begins: brands, retailers, holds."""
    for table, start, end, what in (
        ("brands", "launched_on", "withdrawn_on", "the brand is withdrawn before it is launched"),
        ("retailers", "active_from", "active_to", "the retailer closes before it opens"),
        ("holds", "from", "to", "the hold ends before it begins"),
    ):
        parsed = city.tables.get(table)
        if parsed is None or not parsed.has(start, end):
            continue
        late = parsed.sound([start, end]) & (parsed.columns[end].column() < parsed.columns[start].column())
        first = parsed.columns[start]

        def message(row: int, first: Typed = first, start: str = start, what: str = what) -> str:
            return f"is before {start} {first.of(row)}: {what}; correct one of the dates"

        city.faults.add_rows(parsed.sheet, end, np.flatnonzero(late), message)


def allocated_within_requested(city: City) -> None:
    """No line was allocated more than it requested."""
    lines = city.tables.get("order_lines")
    if lines is None or not lines.has("requested", "allocated"):
        return
    requested, allocated = lines.columns["requested"], lines.columns["allocated"]
    given = ~allocated.blank[allocated.codes] & ~requested.blank[requested.codes] & lines.sound(["requested", "allocated"])
    over = np.flatnonzero(given & (allocated.column() > requested.column()))
    city.faults.add_rows(
        lines.sheet,
        "allocated",
        over,
        lambda row: f"is above requested {requested.of(row)}; correct one of them (nobody is given more than asked)",
    )


def one_retailer_and_day_per_order(city: City) -> None:
    """An order id names one retailer and one date."""
    lines = city.tables.get("order_lines")
    if lines is None:
        return
    orders = lines.columns["order_id"]
    for column, what in (("retailer_id", "one retailer"), ("order_date", "one date")):
        other, first = _unlike_first(orders.codes, lines.columns[column].codes, lines.sound(["order_id", column]), len(orders.sound))
        before = dict(zip(other[:2000].tolist(), first[:2000].tolist(), strict=True))

        def message(row: int, column: str = column, what: str = what, before: dict[int, int] = before) -> str:
            held, line = lines.columns[column].of(before[row]), lines.sheet.line_of(np.array([before[row]]))[0]
            return (
                f"is not {held} of line {line}, but both are order {orders.of(row)}; an order has {what}: give one of them another order_id"
            )

        city.faults.add_rows(lines.sheet, column, other, message)


def _unlike_first(group: npt.NDArray[np.int32], value: npt.NDArray[np.int32], sound: Flags, groups: int) -> tuple[Rows, Rows]:
    """Sound rows whose value is not that of the first sound row of their group, and that first row for each."""
    rows = np.flatnonzero(sound)
    first = np.full(groups, -1, np.int64)
    first[group[rows[::-1]]] = rows[::-1]  # assigned from the last to the first, so the first stays
    other = rows[value[rows] != value[first[group[rows]]]]
    return other, first[group[other]]


def enough_retailers(city: City) -> None:
    """A city of one shop has no peers to tell demand from requests."""
    if "retailers" in city.broken or ("retailers" not in city.tables and not len(city.stored.retailers)):
        return
    count, least = len(city.known("retailer_id")), city.settings.min_retailers
    own = city.tables.get("retailers")
    if 0 < count < least:
        file = own.sheet.file if own else CONTRACT["retailers"].file
        noun = "retailer" if count == 1 else "retailers"
        why = f"the city has {count} {noun}, fewer than the {least} that [importing] min_retailers asks for"
        city.faults.add(Fault(file, 0, "", "", f"{why}; add the others, or lower that setting"))


def weeks_without_orders(city: City) -> None:
    """Between the first and the last week with orders, of folder and database together, only closed weeks have none."""
    lines = city.tables.get("order_lines")
    if lines is None:
        return
    dates = lines.columns["order_date"]
    own = monday(dates.values[dates.sound & (np.bincount(dates.codes, minlength=len(dates.sound)) > 0)])
    weeks = pd.DatetimeIndex(np.unique(np.r_[own, city.stored.order_weeks.to_numpy().astype("datetime64[us]")]))
    if len(weeks) < 2:
        return
    closed = pd.DatetimeIndex([week_of(day) for day in city.settings.closed_weeks])
    missing = pd.date_range(weeks[0], weeks[-1], freq="7D").difference(weeks).difference(closed)
    for run in np.split(missing, np.flatnonzero(np.diff(missing) > timedelta(weeks=1)) + 1) if len(missing) else []:
        first, last = f"{run[0]:%Y-%m-%d}", f"{run[-1]:%Y-%m-%d}"
        what, value = ("week", first) if len(run) == 1 else (f"{len(run):,} weeks", f"{first} to {last}")
        which = "it" if len(run) == 1 else "them"
        said = f"is a {what}" if len(run) == 1 else f"are {what}"
        remedy = f"import {which} as well, list {which} in [importing] closed_weeks if the company was shut, or correct a mistyped date"
        city.faults.add(Fault(lines.sheet.file, 0, "order_date", value, f"{said} without any order between weeks with orders; {remedy}"))


def lines_within_lives(city: City) -> None:
    """Count the lines outside their brand's or retailer's life: late deliveries and test sales happen, so it is a note."""
    lines = city.tables.get("order_lines")
    if lines is None:
        return
    dates = lines.columns["order_date"].column()
    for table, key, start, end in (
        ("brands", "brand_id", "launched_on", "withdrawn_on"),
        ("retailers", "retailer_id", "active_from", "active_to"),
    ):
        sound = lines.sound([key, "order_date"])
        column = lines.columns[key]
        for name, when, outside in ((start, "before", np.less), (end, "after", np.greater)):
            limit = city.day_of(table, name).reindex(column.words()).to_numpy("datetime64[us]")
            if np.isnat(limit).all():
                continue
            count = int((outside(dates, limit[column.codes]) & sound).sum())
            if count:
                noun = "line is" if count == 1 else "lines are"
                city.notes.append(f"{lines.sheet.file}: {count:,} {noun} dated {when} {name} of the {table[:-1]}")


CHECKS: tuple[Callable[[City], None], ...] = (
    files_with_rows,
    known_ids,
    keys_once,
    ends_after_starts,
    allocated_within_requested,
    one_retailer_and_day_per_order,
    lambda city: ties.no_ties(city.tables, city.stored.release_strategy, city.stored.retailers, city.faults),
    lambda city: city.notes.extend(ties.odd_caps(city.tables, city.stored.retailers)),
    enough_retailers,
    weeks_without_orders,
    lines_within_lives,
)
