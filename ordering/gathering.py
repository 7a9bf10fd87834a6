"""Quantities of a foreign file gathered into whole lines: returns netted, empty requests stood in for, repeated rows made one."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import numpy.typing as npt

from ordering.cell_values import Typed
from ordering.cell_words import explain
from ordering.frames import Column, Kind
from ordering.keys import Parsed, key_numbers, key_order, repeats
from ordering.mapping import Source, TableMapping
from ordering.reading import Cells, Codes, Rows
from ordering.refusing import FaultList

Numbers = npt.NDArray[np.int64]

EMPTY = np.iinfo(np.int64).min
"""Stands for an empty cell among whole numbers."""


def loose(column: Column, source: Source, rules: TableMapping) -> Column:
    """A column as it may stand before returns are netted and empty quantities are stood in for."""
    if rules.returns == "net" and column.name == "allocated":
        column = replace(column, low=-float(column.high or 0))
    return replace(column, blank=True, default=None) if source.otherwise is not None else column


def gathered(parsed: Parsed, rules: TableMapping, faults: FaultList, notes: list[str]) -> Parsed:
    """The table with its returns netted, then its empty quantities stood in for, then its repeats made one, as the mapping says.

    Quantities that do not fit afterwards (a sum too large, a request still empty) are added to `faults`; what was done, to `notes`.
    """
    if rules.returns == "net":
        parsed = _netted(parsed, notes)
    for key, source in rules.columns.items():
        if source.otherwise is not None:
            parsed = _stood_in(parsed, key, source.otherwise)
    if rules.repeat != "refuse":
        parsed = _once(parsed, rules.repeat, notes)
    for name, column in parsed.columns.items():
        wrong = column.rows(~column.sound)
        if len(wrong):
            faults.add_rows(parsed.sheet, name, wrong, partial(_explained, parsed.table.column(name), parsed.sheet.cells[name]))
    return parsed


def _explained(contract: Column, cells: Cells, row: int) -> str:
    return explain(contract, cells.text(row))


def _netted(parsed: Parsed, notes: list[str]) -> Parsed:
    """Negative lines taken off the latest lines of the same retailer and brand up to their own date.

    What exceeds those is left out; both are counted in the notes. Walks row by row, but only over pairs that have a return.
    """
    columns, quantity = parsed.columns, _numbers(parsed, "allocated")
    back = (quantity < 0) & (quantity != EMPTY)
    if not back.any():
        return parsed
    pair = columns["retailer_id"].codes.astype(np.int64) * len(columns["brand_id"].sound) + columns["brand_id"].codes
    rows = np.flatnonzero(np.isin(pair, pair[back]) & (quantity != EMPTY))
    rows = rows[np.lexsort((back[rows], columns["order_date"].column()[rows], pair[rows]))]
    returned, lost = int(-quantity[back].sum()), 0
    delivered: list[int] = []
    last = -1
    for row in rows.tolist():
        if pair[row] != last:
            delivered, last = [], pair[row]
        if back[row]:
            lost += _taken_off(quantity, delivered, -int(quantity[row]))
        else:
            delivered.append(row)
    netted = f"{int(back.sum()):,} returns of {returned:,} cartons were netted against earlier lines of the same retailer and brand"
    notes.append(f"{parsed.sheet.file}: {netted}" + (f"; {lost:,} cartons of them exceed those and were left out" if lost else ""))
    return _taken(_with(parsed, "allocated", quantity), np.flatnonzero(~back))


def _taken_off(quantity: Numbers, delivered: list[int], rest: int) -> int:
    """Take `rest` cartons off the rows of `delivered`, the latest first (rows taken off whole leave the list); give what is left of it."""
    while rest and delivered:
        taken = min(rest, int(quantity[delivered[-1]]))
        quantity[delivered[-1]] -= taken
        rest -= taken
        if quantity[delivered[-1]] == 0:
            delivered.pop()
    return rest


def _stood_in(parsed: Parsed, key: str, other: str) -> Parsed:
    """Quantities of `other` where `key` is empty, or everywhere when the file has no such column."""
    own = _numbers(parsed, key) if key in parsed.columns else np.full(parsed.sheet.rows, EMPTY)
    return _with(parsed, key, np.where(own == EMPTY, _numbers(parsed, other), own))


def _once(parsed: Parsed, repeat: str, notes: list[str]) -> Parsed:
    """Rows of one key made one: the first of them, with the sum of their quantities where `repeat` is "sum"."""
    numbers = key_numbers(parsed)
    again, _ = repeats(numbers, np.ones(len(numbers), bool))
    if not len(again):
        return parsed
    kept = np.ones(len(numbers), bool)
    kept[again] = False
    if repeat == "sum":
        order = key_order(numbers)
        order = np.arange(len(numbers)) if order is None else order
        starts = np.flatnonzero(np.r_[True, numbers[order][1:] != numbers[order][:-1]])
        for column in parsed.table.columns:
            if column.kind is Kind.COUNT and column.name in parsed.columns and column.name not in parsed.table.key:
                parsed = _with(parsed, column.name, _summed(_numbers(parsed, column.name), order, starts))
    done = "were summed into the first row of their key" if repeat == "sum" else "of a key already read were left out"
    notes.append(f"{parsed.sheet.file}: {len(again):,} repeated rows {done}")
    return _taken(parsed, np.flatnonzero(kept))


def _summed(quantity: Numbers, order: Rows, starts: Rows) -> Numbers:
    """The sum of each group (rows `order[starts[i] : starts[i + 1]]`) in its first row; empty only where all of it is."""
    ordered = quantity[order]
    total = np.add.reduceat(np.where(ordered == EMPTY, 0, ordered), starts)
    filled = np.add.reduceat((ordered != EMPTY).astype(np.int64), starts)
    out = quantity.copy()
    out[order[starts]] = np.where(filled > 0, total, EMPTY)
    return out


def _numbers(parsed: Parsed, name: str) -> Numbers:
    """A quantity of every row, `EMPTY` where the cell is empty."""
    column = parsed.columns[name]
    numbers: Numbers = np.where(column.blank, EMPTY, column.values)[column.codes]
    return numbers


def _with(parsed: Parsed, name: str, numbers: Numbers) -> Parsed:
    """The table with a quantity column of these numbers, one per row."""
    import pyarrow as pa

    values, inverse = np.unique(numbers, return_inverse=True)
    codes: Codes = inverse.astype(np.int32)
    column, blank = parsed.table.column(name), values == EMPTY
    fits = (values >= (column.low or 0)) & (values <= (column.high or np.inf))
    texts = pa.array(["" if value == EMPTY else str(value) for value in values.tolist()], pa.string())
    sheet = replace(parsed.sheet, cells={**parsed.sheet.cells, name: Cells(codes, texts)})
    found = Typed(codes, np.where(blank, 0, values), np.where(blank, column.blank, fits), blank)
    return Parsed(parsed.table, sheet, {**parsed.columns, name: found})


def _taken(parsed: Parsed, rows: Rows) -> Parsed:
    """Some rows of the table, by number."""
    line_of = parsed.sheet.line_of
    cells = {name: cell._replace(codes=cell.codes[rows]) for name, cell in parsed.sheet.cells.items()}
    sheet = replace(parsed.sheet, rows=len(rows), cells=cells, line_of=lambda some: line_of(rows[some]))
    columns = {name: replace(column, codes=column.codes[rows]) for name, column in parsed.columns.items()}
    return Parsed(parsed.table, sheet, columns)
