"""Ways in which the files of a folder come damaged: by byte, by cell, by column, as Parquet, as bombs, as things that are no files."""

from __future__ import annotations

import csv
import io
import os
import random
import zipfile
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

Files = dict[str, bytes]


@dataclass(frozen=True)
class Damage:
    """What was done. `told`: beginnings of lines of which one must be in the refusal, where the damage is known to be one."""

    way: str
    told: tuple[str, ...] = ()


NASTY = (
    b"1e309", b"-1", b"-0", b"NaN", b"inf", b"-Infinity", b"9" * 400, "九".encode(), "５".encode(), b"=1+1", b"@x", b"0x10", b"1_000",
    b"1.5", b"1,5", b"", b" ", b"\t", b'"', b'""', b"'", b"\\", b"\\.", b"\\N", b"NULL", b"None", b"nan", b"true", b"2026-02-30",
    b"0000-00-00", b"9999-12-31", b"24/02/2026", b"\xe2\x80\xa8", b"\xc2\xa0", b"\xe2\x80\x8b5", "👩‍👩‍👧".encode(), b"\xed\xa0\x80",
    b"\xff\xfe", b"\xc3(", b"\x1a", b"\x7f", b"\x01", b"{0.__class__}", b"%s%n", b"../../etc/passwd", b"'; DROP TABLE retailers; --",
    b"<script>", b"x" * 5_000,
)  # fmt: skip
WRONG = {
    "order_lines.csv": {
        "requested": (b"1e309", b"-1", b"1.5", b"0x10", "九".encode(), b"9" * 400), "order_date": (b"2026-02-30", b"24/02/2026", b"x"),
        "mode": (b"soon",), "retailer_id": (b"nobody",),
    },
    "retailers.csv": {"star_level": (b"0", b"-3", b"x"), "area_type": (b"sea",), "order_weekday": (b"8", b"0")},
    "brands.csv": {"price_class": (b"6", b"0"), "wholesale_price": (b"1e309", b"-1", b"dear")},
}  # fmt: skip
"""Cells that can never be right, by file and column."""


def bytewise(files: Files, chance: random.Random) -> Damage:
    """One to three files, each damaged in one or two of the ways in which bytes go wrong."""
    for name in chance.sample(sorted(files), min(len(files), chance.randrange(1, 4))):
        for _ in range(chance.randrange(1, 3)):
            files[name] = _bytes(files[name], chance)
    return Damage("bytes")


def _bytes(data: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(len(data) + 1)
    ways: list[Callable[[], bytes]] = [
        lambda: data[:at],
        lambda: data[:at] + b"\0" * chance.randrange(1, 4) + data[at:],
        lambda: data[:at] + chance.randbytes(chance.randrange(1, 9)) + data[at + chance.randrange(4) :],
        lambda: b"\xef\xbb\xbf" * chance.randrange(1, 3) + data,
        lambda: data.replace(b",", chance.choice([b";", b"\t", b"|", b"\xef\xbc\x8c", b",,"])),
        lambda: data.decode("utf-8", "ignore").encode(chance.choice(["gb18030", "utf-16", "utf-32", "big5", "shift-jis"]), "ignore"),
        lambda: data[:at] + data[at:].decode("utf-8", "ignore").encode("gb18030", "ignore"),
        lambda: data[:at] + chance.choice([b'"', b'""', b"\r", b"\n", b"\r\n\r\n", b"'", b",", b",,", b"\xe2\x80\xa8"]) + data[at:],
        lambda: data[:at] + chance.choice(NASTY) + data[at:],
        lambda: data[:at] + b"x" * chance.choice([200, 5_000, 200_000, 3_000_000]) + data[at:],
        lambda: data.replace(b"\n", chance.choice([b"\r", b"\r\n", b"\n\n", b"", b"\x0b", b"\x85"])),
        lambda: data + data[at:],
        lambda: chance.randbytes(chance.randrange(1, 20_000)),
    ]
    return chance.choice(ways)()


def cellwise(files: Files, chance: random.Random) -> Damage:
    """Cells of one file replaced by what no cell should be."""
    name = chance.choice(sorted(files))
    rows = _rows(files[name])
    for _ in range(chance.choice([1, 1, 3, 30])):
        row = chance.choice(rows)
        row[chance.randrange(len(row))] = chance.choice(NASTY)
    files[name] = _text(rows)
    return Damage("cells")


def one_wrong_cell(files: Files, chance: random.Random) -> Damage:
    """One cell that can never be right: its line must be told."""
    name = chance.choice(sorted(WRONG))
    rows = _rows(files[name])
    column = chance.choice(sorted(WRONG[name]))
    line = chance.randrange(1, len(rows))
    rows[line][rows[0].index(column.encode())] = chance.choice(WRONG[name][column])
    files[name] = _text(rows)
    return Damage("wrong cell", (f"{name}:{line + 1}: {column} ",))


def columnwise(files: Files, chance: random.Random) -> Damage:
    """Columns left out, doubled, renamed, added by the thousand, swapped."""
    name = chance.choice(sorted(files))
    rows = _rows(files[name])
    at = chance.randrange(len(rows[0]))
    column = rows[0][at].decode()
    way = chance.choice(["drop", "double", "rename", "many", "swap", "rows", "double rows"])
    if way == "drop":
        rows = [row[:at] + row[at + 1 :] for row in rows]
    elif way == "double":
        rows = [[*row, row[at]] for row in rows]
    elif way == "rename":
        rows[0][at] = chance.choice(NASTY)
    elif way == "many":
        extra = chance.choice([10, 1_000, 100_000])
        rows = [rows[0] + [b"c%d" % number for number in range(extra)]] + [
            row + [b""] * (extra if extra < 5_000 else 0) for row in rows[1:]
        ]
    elif way == "swap":
        rows = [row[::-1] for row in rows]
    elif way == "rows":
        rows = [rows[0]]
    else:
        rows += rows[1:]
    files[name] = _text(rows)
    return Damage(f"columns: {way}", (f'{name}:1: header "{column}" stands more than once',) if way == "double" else ())


def _rows(data: bytes) -> list[list[bytes]]:
    return [[cell.encode() for cell in row] for row in csv.reader(io.StringIO(data.decode()))]


def _text(rows: list[list[bytes]]) -> bytes:
    """Rows as csv, cells as they are: what would need quotes has none."""
    return b"".join(b",".join(row) + b"\n" for row in rows)


def as_parquet(files: Files, chance: random.Random) -> Damage:
    """A file as Parquet: of odd types, truncated, with bytes turned, or a file of something else with its name."""
    name = chance.choice(sorted(files))
    data = files.pop(name)
    frame = pd.read_csv(io.BytesIO(data), dtype=str, keep_default_na=False)
    table = pa.Table.from_pandas(frame, preserve_index=False)
    way = chance.choice(["types", "types", "cut", "turned", "turned", "text", "zeros", "double"])
    if way == "types":
        at = chance.randrange(table.num_columns)
        table = table.set_column(at, table.column_names[at], _odd(table.num_rows, chance))
    elif way == "double":
        table = table.append_column(table.column_names[0], table.column(0))
    out = io.BytesIO()
    pq.write_table(table, out, compression=chance.choice(["none", "zstd", "snappy"]))
    found = bytearray(out.getvalue())
    if way == "cut":
        del found[chance.randrange(len(found)) :]
    elif way == "turned":
        for _ in range(chance.randrange(1, 20)):
            found[chance.randrange(len(found))] = chance.randrange(256)
    elif way in ("text", "zeros"):
        found = bytearray(data if way == "text" else b"PAR1" + bytes(5_000) + b"PAR1")
    files[name.replace(".csv", ".parquet")] = bytes(found)
    return Damage(f"parquet: {way}")


def _odd(rows: int, chance: random.Random) -> Any:
    kinds: list[Callable[[], Any]] = [
        lambda: pa.array([[1]] * rows), lambda: pa.array([{"a": 1}] * rows), lambda: pa.array([b"\xff\xfe"] * rows, pa.binary()),
        lambda: pa.array([float("nan"), float("inf"), -1e308][:rows] * rows)[:rows], lambda: pa.array([2**64 - 1] * rows, pa.uint64()),
        lambda: pa.array([10**12] * rows, pa.duration("us")), lambda: pa.array([2**62] * rows, pa.timestamp("ns")),
        lambda: pa.array([0] * rows, pa.timestamp("us", "Asia/Shanghai")), lambda: pa.nulls(rows), lambda: pa.array([True] * rows),
        lambda: pa.array(["x"] * rows).dictionary_encode(), lambda: pa.array([1] * rows, pa.time64("us")),
        lambda: pa.array(["1e309"] * rows, pa.large_string()), lambda: pa.array([10**30] * rows, pa.decimal128(38, 0)),
        lambda: pa.array([-(2**31)] * rows, pa.date32()), lambda: pa.array([1.5] * rows, pa.float16()),
    ]  # fmt: skip
    return chance.choice(kinds)()


def bomb(files: Files, chance: random.Random) -> Damage:
    """Little bytes that want to be many, under the names of a city's files."""
    name = chance.choice(["order_lines", "retailers", "supply"])
    size = 1 << chance.randrange(20, 27)
    way = chance.choice(["xlsx", "csv", "parquet", "rows", "rows", "text", "gzip"])
    if way in ("xlsx", "csv", "parquet"):
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as out:
            out.writestr("xl/worksheets/sheet1.xml", bytes(size))
        _put(files, name, way, packed.getvalue())
    elif way == "gzip":
        _put(files, name, "csv", zlib.compress(b"a,b\n" * (size // 4), wbits=31))
    else:
        columns = csv.reader(io.StringIO(files[f"{name}.csv"].decode())).__next__()
        _put(files, name, "parquet", _inflated(columns, way, size))
    return Damage(f"bomb: {way}")


def _inflated(columns: list[str], way: str, size: int) -> bytes:
    """Parquet of very many equal rows, or of one very long text."""
    out = io.BytesIO()
    if way == "text":
        pq.write_table(pa.table({name: ["x" * size if name == columns[0] else "1"] for name in columns}), out, compression="zstd")
        return out.getvalue()
    part = pa.table({name: ["1"] * 65_536 for name in columns})
    with pq.ParquetWriter(out, part.schema, compression="zstd") as sink:
        for _ in range(size // 65_536):
            sink.write_table(part)
    return out.getvalue()


def _put(files: Files, name: str, ending: str, data: bytes) -> None:
    if ending != "xlsx":
        files.pop(f"{name}.csv", None)
    files[f"{name}.{ending}"] = data


def long_line(files: Files, chance: random.Random) -> Damage:
    """A line, or a cell, of many megabytes; seldom, for it takes time."""
    name = chance.choice(sorted(files))
    size = 1 << chance.randrange(20, 27 if chance.random() < 0.1 else 24)
    at = chance.choice([0, len(files[name]) // 2, len(files[name])])
    fill = chance.choice([b"x", b",", b'"', b'""', b"\xe7\x89\x8c", b"1", b" "])
    files[name] = files[name][:at] + fill * (size // len(fill)) + files[name][at:]
    return Damage("long line")


def unlike_a_file(folder: Path, chance: random.Random) -> Damage:
    """What is no file under a file's name, and names that are no text."""
    name = chance.choice(["order_lines.csv", "retailers.csv", "supply.csv", "supply.parquet"])
    way = chance.choice(["pipe", "folder", "loop", "name", "device"])
    if way == "name":
        (folder / os.fsdecode(chance.choice([b"\xff\xfe.csv", b"a\nb.csv", b"\x1b[31m.csv"]))).write_bytes(b"x")
        return Damage("name")
    path = folder / name
    path.unlink(missing_ok=True)
    if way == "pipe":
        os.mkfifo(path)
    elif way == "folder":
        path.mkdir()
    elif way == "loop":
        path.symlink_to(path)
    else:
        path.symlink_to("/dev/zero")
    return Damage(f"no file: {way}")


WAYS: Mapping[Callable[[Files, random.Random], Damage], int] = {
    bytewise: 30, cellwise: 20, one_wrong_cell: 15, columnwise: 12, as_parquet: 15, bomb: 2, long_line: 2,
}  # fmt: skip
"""How often each is chosen."""


VALUES = (
    "'\"'", '"\\n"', '"，"', '""', "1e400", "nan", "-1", "[]", "{}", "true", "9" * 5_000,
    *(f'{{ template = "{template}" }}' for template in ("{a.b}", "{0}", "{", "{a!r}", "{a:>99999999999}", "}{", "{a[0]}")),
    *(f'{{ from = "x", format = "{form}" }}' for form in ("%Q", "%", "", "%Y%Y", "%s" * 999)),
    *(f'{{ from = "x", bands = {bands} }}' for bands in ("[nan, inf]", "[]", "[1e308, -1e308]", "[inf, 1]")),
    "{ constant = 1e400 }", "{ constant = -1 }", '{ constant = "' + "x" * 10_000 + '" }', '{ otherwise = "nothing" }',
)  # fmt: skip
"""What a mapping may say for a column or a key."""


def mapping(text: str, chance: random.Random) -> tuple[bytes, Damage]:
    """A mapping file damaged, nested deep, or with values nobody foresaw."""
    lines = text.splitlines()
    way = chance.choice(["bytes", "nested lists", "nested tables", "values", "values", "lines"])
    depth = chance.choice([50, 1_000, 100_000])
    if way == "bytes":
        return _bytes(text.encode(), chance), Damage("mapping: bytes")
    if way == "nested lists":
        return f"{text}\na = {'[' * depth}{']' * depth}\n".encode(), Damage("mapping: deep")
    if way == "nested tables":
        return f"[{'.'.join('a' * depth)}]\nx = 1\n".encode(), Damage("mapping: deep")
    if way == "values":
        at = chance.choice([number for number, line in enumerate(lines) if "=" in line and not line.startswith("#")])
        lines[at] = lines[at].split("=")[0] + "= " + chance.choice(VALUES)
    else:
        lines = chance.sample(lines, len(lines) - chance.randrange(1, 4))
    return "\n".join(lines).encode(), Damage(f"mapping: {way}")
