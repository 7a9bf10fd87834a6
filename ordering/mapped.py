"""The tables of a foreign folder, made by its mapping: cells renamed, put together and recoded.

Lines and column names in faults stay those of the foreign file.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from string import Formatter
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ordering import gathering
from ordering.cell_values import Flags, read_cells, typed, weekday
from ordering.frames import CONTRACT, Table
from ordering.keys import Parsed
from ordering.mapping import Mappings, Source, TableMapping, load
from ordering.reading import Cells, Sheet
from ordering.refusing import FaultList

if TYPE_CHECKING:
    from ordering.importing import FolderReader


def read_mapped(reader: FolderReader, mapping: Path) -> dict[str, Parsed]:
    """The contract's tables of a foreign folder; tables that could not be made are named in `reader.broken`."""
    mappings = load(mapping, reader.faults)
    if not mappings:
        reader.broken.update(CONTRACT)
        return {}
    paths = {name: reader.folder / rules.file for name, rules in mappings.items()}
    reader.expect(paths.values())
    sources: dict[str, Sheet] = {}
    for name, rules in mappings.items():
        needs = list(dict.fromkeys(need for source in rules.columns.values() for need in source.needs))
        if not paths[name].exists():
            reader.whole(rules.file, f"is missing; {mapping.name} makes {name} of it")
        elif sheet := reader.sheet(paths[name], needs, needs, rules.delimiter):
            sources[name] = sheet
    reader.broken.update(name for name in mappings if name not in sources)
    return _made(sources, mappings, reader)


def _made(sources: dict[str, Sheet], mappings: Mappings, reader: FolderReader) -> dict[str, Parsed]:
    sheets = {name: _recoded(name, sheet, mappings[name], reader.faults) for name, sheet in sources.items()}
    if "retailers" in sheets and (rule := mappings["retailers"].columns["order_weekday"]).weekday_of:
        _add_weekdays(sheets["retailers"], sheets.get("order_lines"), rule)
    tables = {}
    for name in list(sheets):
        sources.pop(name)
        tables[name] = _read(CONTRACT[name], sheets.pop(name), mappings[name], reader)
    return tables


def _recoded(name: str, sheet: Sheet, rules: TableMapping, faults: FaultList) -> Sheet:
    """The foreign sheet under the contract's column names."""
    cells: dict[str, Cells] = {}
    labels: dict[str, str] = {}
    for key, source in rules.columns.items():
        found = _source_cells(sheet, source, faults)
        if found is not None:
            cells[key] = found
            labels[key] = source.column or key
    return Sheet(sheet.file, sheet.rows, cells, sheet.line_of, labels)


def _source_cells(sheet: Sheet, source: Source, faults: FaultList) -> Cells | None:
    """The text cells of one column of the contract; None where they come from other columns once those are read."""
    import pyarrow as pa

    if source.template is not None:
        cells = _templated(sheet, source.template)
    elif source.column is not None:
        cells = sheet.cells[source.column]
        if source.format is not None:
            cells = _translated(sheet, source.column, lambda text: _iso(text, str(source.format)), f"as {source.format}", faults)
        elif source.bands is not None:
            bands = source.bands
            cells = _translated(sheet, source.column, lambda text: _band(text, bands), "as a number, to be put into a band", faults)
    elif source.constant is not None and source.weekday_of is None:
        return Cells(np.zeros(sheet.rows, np.int32), pa.array([str(source.constant)]))
    else:
        return None
    return _filled(cells, source)


def _filled(cells: Cells, source: Source) -> Cells:
    """Cells with the source's constant where they are empty."""
    import pyarrow.compute as pc

    if source.constant is None or not pc.any(pc.equal(cells.values, "")).as_py():
        return cells
    return _distinct(cells.codes, pc.if_else(pc.equal(cells.values, ""), str(source.constant), cells.values), cells.told)


def _distinct(codes: npt.NDArray[np.int32], values: Any, told: Flags | None = None) -> Cells:
    """Cells whose values, which may repeat, are made distinct; what was told stays apart from what was not."""
    if told is not None and told.any():
        return Cells(codes, values, told)
    encoded = values.dictionary_encode()
    return Cells(encoded.indices.to_numpy(zero_copy_only=False).astype(np.int32)[codes], encoded.dictionary)


def _templated(sheet: Sheet, template: str) -> Cells:
    """The texts of a template such as "{store}-{date}", one per distinct combination."""
    import pyarrow as pa
    import pyarrow.compute as pc

    parts = list(Formatter().parse(template))
    combined = np.zeros(sheet.rows, np.int64)
    for column in dict.fromkeys(name for _, name, _, _ in parts if name):
        cells = sheet.cells[column]
        combined = combined * max(len(cells.values), 1) + cells.codes
        combined = np.unique(combined, return_inverse=True)[1].astype(np.int64)
    _, first, codes = np.unique(combined, return_index=True, return_inverse=True)
    joined: list[Any] = []
    for literal, name, beginning, _ in parts:
        joined += [pa.array([literal] * len(first), pa.string())]
        if name:
            whole = sheet.cells[name].values.take(pa.array(sheet.cells[name].codes[first]))
            joined += [pc.utf8_slice_codeunits(whole, 0, int(beginning[1:])) if beginning else whole]
    return _distinct(codes.astype(np.int32), pc.binary_join_element_wise(*joined, pa.scalar("", pa.string())))


def _translated(sheet: Sheet, column: str, translate: Any, expected: str, faults: FaultList) -> Cells:
    """Each distinct cell translated; one that cannot be is told here, and keeps its text. Empty cells stay empty."""
    import pyarrow as pa

    cells = sheet.cells[column]
    texts: list[str] = cells.values.to_pylist()
    new = [translate(text) if text else "" for text in texts]
    told = np.array([word is None for word in new], bool)
    wrong = np.flatnonzero(told[cells.codes])
    faults.add_rows(sheet, column, wrong, lambda row: f"cannot be read {expected}; correct it, or the mapping")
    values = pa.array([old if word is None else word for old, word in zip(texts, new, strict=True)], pa.string())
    return _distinct(cells.codes, values, told)


def _iso(text: str, pattern: str) -> str | None:
    try:
        return f"{datetime.strptime(text, pattern).date()}"  # noqa: DTZ007  a calendar day has no zone
    except ValueError:
        return None


def _band(text: str, cuts: tuple[float, ...]) -> str | None:
    """The class of a value: 1 from the first cut up, 2 from the second up, ..., the last one below all cuts."""
    try:
        value = float(text)
    except ValueError:
        return None
    return None if value != value else str(1 + sum(value < cut for cut in cuts))


def _add_weekdays(retailers: Sheet, lines: Sheet | None, source: Source) -> None:
    """The weekday (1-7) of most of a retailer's order dates, the earlier one where two are equal; the constant where there are none."""
    import pyarrow as pa

    fallback = "" if source.constant is None else str(source.constant)
    common: dict[str, str] = {}
    if lines is not None and {"retailer_id", "order_date"} <= set(lines.cells) and lines.rows:
        shops, dates = lines.cells["retailer_id"], lines.cells["order_date"]
        days = read_cells(CONTRACT["order_lines"].column("order_date"), dates)
        pairs = np.unique(shops.codes.astype(np.int64) * len(dates.values) + dates.codes)
        shop, date = np.divmod(pairs, len(dates.values))
        shop, date = shop[days.sound[date]], date[days.sound[date]]
        counts = np.zeros((len(shops.values), 7), np.int64)
        np.add.at(counts, (shop, weekday(days.values[date])), 1)
        names = shops.values.to_pylist()
        common = {names[i]: str(1 + int(counts[i].argmax())) for i in np.flatnonzero(counts.sum(axis=1))}
    ids = retailers.cells.get("retailer_id")
    if ids is not None:
        weekdays = pa.array([common.get(name, fallback) for name in ids.values.to_pylist()], pa.string())
        retailers.cells["order_weekday"] = _distinct(ids.codes, weekdays)


def _read(table: Table, sheet: Sheet, rules: TableMapping, reader: FolderReader) -> Parsed:
    """A mapped sheet typed, and its quantities gathered."""
    loose = {key: gathering.loose(table.column(key), source, rules) for key, source in rules.columns.items() if key in sheet.cells}
    parsed = Parsed(table, sheet, {key: typed(column, sheet, reader.faults) for key, column in loose.items()})
    if parsed.sound(list(loose)).all():
        return gathering.gathered(parsed, rules, reader.faults, reader.notes)
    if rules.repeat != "refuse" or rules.returns != "refuse":
        reader.broken.add(table.name)  # what was repeated or returned cannot be told before the cells are right
    return parsed
