"""Foreign layouts: a TOML file says, per table of the contract, from which file and columns it is made. See config/mappings/iowa.toml.

[order_lines]
file = "lines.parquet"            # in the folder; csv or parquet
delimiter = ","                   # of a csv
repeat = "sum"                    # rows of one key: "refuse" (default), "sum" their quantities, keep the "first"
returns = "net"                   # negative quantities: "refuse" (default), or "net" against the same retailer and brand
[order_lines.columns]
brand_id = "item"                                     # a column of the file
order_id = { template = "{store}-{date}" }            # several, put together; {zip:.3} is the first three letters of one
order_date = { from = "date", format = "%m/%d/%Y" }   # a date written otherwise
mode = { constant = "pre_order" }                     # beside `from`: the value where the cell is empty
allocated = "bottles"
requested = { otherwise = "allocated" }               # beside `from`: where nothing was asked
[brands.columns]
price_class = { from = "cost", bands = [20, 12, 8, 5] }   # class 1 from 20 up, 2 from 12 up, ... 5 below 5
[retailers.columns]
order_weekday = { weekday_of = "order_lines" }            # the weekday of most of the retailer's order dates
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from string import Formatter
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError, field_validator, model_validator

from ordering.cell_values import read_cells
from ordering.cell_words import explain
from ordering.errors import Fault
from ordering.frames import CONTRACT, Kind, Table
from ordering.reading import Cells
from ordering.refusing import FaultList

Constant = str | int | float

BEGINNING = re.compile(r"\.[1-9]\d?")
"""In a template, how many of a cell's first letters are taken."""


class Source(BaseModel):
    """Where a column's cells come from: one of `from`, `template` and `weekday_of`, and what stands in for an empty cell."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    column: str | None = Field(default=None, alias="from", min_length=1)
    template: str | None = None
    weekday_of: Literal["order_lines"] | None = None
    format: str | None = None
    bands: tuple[float, ...] | None = None
    constant: Constant | None = None
    otherwise: str | None = None

    @field_validator("template")
    @classmethod
    def _plain_fields(cls, value: str | None) -> str | None:
        for _, name, spec, conversion in Formatter().parse(value or ""):
            if name == "" or conversion or (spec and not BEGINNING.fullmatch(spec)):
                raise ValueError("may hold only column names in braces, whole or their first letters, such as {store}-{date} or {zip:.3}")
        return value

    @field_validator("bands")
    @classmethod
    def _falling(cls, value: tuple[float, ...] | None) -> tuple[float, ...] | None:
        if value is not None and (not value or list(value) != sorted(set(value), reverse=True)):
            raise ValueError("must fall: the cut of class 1 first, such as [100, 70, 30, 16.5]")
        return value

    @model_validator(mode="after")
    def _one_origin(self) -> Source:
        origins = [self.column, self.template, self.weekday_of]
        if sum(origin is not None for origin in origins) > 1:
            raise ValueError("names more than one of from, template and weekday_of")
        if all(origin is None for origin in [*origins, self.constant, self.otherwise]):
            raise ValueError("names no source: give from, template, weekday_of, constant or otherwise")
        if self.column is None and (self.format is not None or self.bands is not None):
            raise ValueError("has a format or bands without a column to take them from")
        if self.format is not None and self.bands is not None:
            raise ValueError("has both a format and bands")
        return self

    @property
    def needs(self) -> list[str]:
        """The columns of the file that this one is made of."""
        if self.template is not None:
            return [name for _, name, _, _ in Formatter().parse(self.template) if name]
        return [self.column] if self.column is not None else []


def _long_form(value: Any) -> Any:
    return {"from": value} if isinstance(value, str) else value


class TableMapping(BaseModel):
    """How one table of the contract is made of one file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    file: str
    delimiter: str = Field(default=",", min_length=1, max_length=1)
    repeat: Literal["refuse", "sum", "first"] = "refuse"
    returns: Literal["refuse", "net"] = "refuse"
    columns: Mapping[str, Annotated[Source, BeforeValidator(_long_form)]]

    @field_validator("file")
    @classmethod
    def _in_the_folder(cls, value: str) -> str:
        if not value.endswith((".csv", ".parquet")) or "/" in value or "\\" in value:
            raise ValueError("must be the plain name of a .csv or .parquet file in the folder")
        return value


TOO_DEEP = "is nested too deeply to be a mapping; see config/mappings/iowa.toml for how one is written"
Mappings = dict[str, TableMapping]


def load(path: Path, faults: FaultList) -> Mappings:
    """The mapping of a TOML file; what cannot be used is added to `faults`, named by table and key."""

    def whole(message: str) -> Mappings:
        faults.add(Fault(path.name, 0, "", "", message))
        return {}

    try:
        raw = tomllib.loads(path.read_text("utf-8-sig"))
    except OSError as error:
        return whole(f"cannot be read ({error.strerror}); name a mapping file that exists")
    except RecursionError:
        return whole(TOO_DEEP)
    except ValueError as error:  # no TOML, no UTF-8, or a number of thousands of digits
        return whole(f"is no TOML: {error}")
    try:
        mappings = TypeAdapter(Mappings).validate_python(raw)
    except ValidationError as error:
        for wrong in error.errors():
            key = ".".join(str(part) for part in wrong["loc"])
            unknown = wrong["type"] == "extra_forbidden"
            said = "is no key of a mapping; remove it" if unknown else f"{wrong['msg'].removeprefix('Value error, ')}; correct the mapping"
            faults.add(Fault(path.name, 0, key, _shortened(wrong["input"]), said))
        return {}
    if not mappings:
        return whole("maps no table; it needs a section such as [order_lines]")
    for name, rules in mappings.items():
        _fits_contract(path.name, name, rules, faults)
    return {} if faults.count(path.name) else mappings


def _shortened(value: Any) -> str:
    try:
        return str(value)[:100]
    except RecursionError:
        return "[[…"


def _fits_contract(file: str, name: str, rules: TableMapping, faults: FaultList) -> None:
    """Every column named is one of the table's, every required one has a source, and constants fit their columns."""
    if name not in CONTRACT:
        faults.add(Fault(file, 0, "table", name, f"is no table; the tables are {', '.join(CONTRACT)}"))
        return
    table = CONTRACT[name]
    for column in table.columns:
        if column.required and column.name not in rules.columns:
            faults.add(Fault(file, 0, f"{name}.columns", column.name, "has no source; add one, such as { constant = ... }"))
    if rules.returns == "net" and name != "order_lines":
        faults.add(Fault(file, 0, f"{name}.returns", rules.returns, "fits order_lines only; remove it"))
    for key, source in rules.columns.items():
        if key in table.names:
            _fits_column(file, table, key, source, faults)
        else:
            faults.add(Fault(file, 0, f"{name}.columns", key, f"is no column of {name}; its columns are {', '.join(table.names)}"))


def _fits_column(file: str, table: Table, key: str, source: Source, faults: FaultList) -> None:
    import numpy as np
    import pyarrow as pa

    where, column = f"{table.name}.columns.{key}", table.column(key)
    if source.constant is not None:
        text = str(source.constant)
        if not read_cells(column, Cells(np.zeros(1, np.int32), pa.array([text]))).sound[0]:
            faults.add(Fault(file, 0, f"{where}.constant", text, explain(column, text)))
    counts = [other.name for other in table.columns if other.kind is Kind.COUNT and other.name != key]
    if source.otherwise is not None and (column.kind is not Kind.COUNT or source.otherwise not in counts):
        faults.add(Fault(file, 0, f"{where}.otherwise", source.otherwise, "must name another quantity of the same table"))
    if source.weekday_of is not None and key != "order_weekday":
        faults.add(Fault(file, 0, f"{where}.weekday_of", source.weekday_of, "fits retailers.order_weekday only; remove it"))
