"""A value in one file: frames as Arrow, arrays as numpy's, plain values as JSON, in a zip that needs no unpacking.

What a step gave and what a week's fit is are kept so. A file says itself what it holds; it is read only where its hash is the one that the
database has of it, so that a torn or foreign file counts as none.
"""

from __future__ import annotations

import hashlib
import importlib
import io
import json
import os
import zipfile
from dataclasses import fields, is_dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ordering import storage

TREE = "tree.json"
OURS = ("ordering", "forecasting", "allocation", "jobs")
"""Packages of whose dataclasses a file may hold any."""


def write(target: Path, value: Any) -> str:
    """Write a value whole or not at all, and wait until the disk has it; gives the hash of the file.

    `value` is made of frames, arrays, plain values, dates, dataclasses, tuples and mappings by text. The same value gives the same file.
    Raises OSError where the folder cannot be written.
    """
    with storage.replacing(target) as unfinished:
        with unfinished.open("wb") as file:
            with zipfile.ZipFile(file, "w") as out:
                tree = _put(out, "value", value)
                out.writestr(_info(TREE), json.dumps(tree))
            file.flush()
            os.fsync(file.fileno())
        return _hash(unfinished)


def read(file: Path, content_hash: str) -> Any:
    """The value as it was written; None where the file is not there or is another."""
    try:
        if _hash(file) != content_hash:
            return None
        with zipfile.ZipFile(file) as stored:
            return _got(stored, json.loads(stored.read(TREE)))
    except OSError:
        return None


def _put(out: zipfile.ZipFile, name: str, value: Any) -> dict[str, Any]:
    """Write the members of a value; gives the branch of the tree that says how it is put together."""
    if isinstance(value, pd.DataFrame):
        return _frame(out, name, value)
    if isinstance(value, np.ndarray):
        return {"array": _array(out, f"{name}.npy", value)}
    if is_dataclass(value) and not isinstance(value, type):
        parts = {part.name: _put(out, f"{name}.{part.name}", getattr(value, part.name)) for part in fields(value)}
        return {"of": f"{type(value).__module__}:{type(value).__qualname__}", "parts": parts}
    if isinstance(value, tuple):
        return {"tuple": [_put(out, f"{name}.{number}", part) for number, part in enumerate(value)]}
    if isinstance(value, dict):
        return {"dict": {key: _put(out, f"{name}.{key}", part) for key, part in value.items()}}
    if isinstance(value, date) and not isinstance(value, datetime):
        return {"date": value.isoformat()}
    return {"plain": value.item() if isinstance(value, np.generic) else value}


def _frame(out: zipfile.ZipFile, name: str, value: pd.DataFrame) -> dict[str, Any]:
    """Categories go as codes, and whole beside them: Arrow would lose those of a frame without rows."""
    coded = {column: value[column].cat for column in value.columns if isinstance(value[column].dtype, pd.CategoricalDtype)}
    kinds = {
        column: [_arrow(out, f"{name}.{column}", pd.DataFrame({"category": cat.categories})), bool(cat.ordered), cat.categories.name]
        for column, cat in coded.items()
    }
    plain = value.assign(**{column: cat.codes for column, cat in coded.items()}) if coded else value
    return {"frame": _arrow(out, name, plain), "kinds": kinds}


def _arrow(out: zipfile.ZipFile, name: str, value: pd.DataFrame) -> str:
    import pyarrow as pa
    import pyarrow.feather as feather

    with out.open(_info(f"{name}.arrow"), "w", force_zip64=True) as sink:
        feather.write_feather(pa.Table.from_pandas(value), sink, compression="lz4")
    return f"{name}.arrow"


def _array(out: zipfile.ZipFile, name: str, value: Any) -> str:
    with out.open(_info(name), "w", force_zip64=True) as sink:
        np.save(sink, value, allow_pickle=False)
    return name


def _info(name: str) -> zipfile.ZipInfo:
    """A member without a time of its own, so that the same value gives the same file."""
    return zipfile.ZipInfo(name)


def _got(stored: zipfile.ZipFile, branch: dict[str, Any]) -> Any:
    (kind, what), *more = branch.items()
    if kind == "frame":
        return _rows(stored, what, dict(more)["kinds"])
    if kind == "array":
        return np.load(io.BytesIO(stored.read(what)), allow_pickle=False)
    if kind == "of":
        return _type(what)(**{name: _got(stored, part) for name, part in dict(more)["parts"].items()})
    if kind == "tuple":
        return tuple(_got(stored, part) for part in what)
    if kind == "dict":
        return {key: _got(stored, part) for key, part in what.items()}
    return date.fromisoformat(what) if kind == "date" else what


def _rows(stored: zipfile.ZipFile, name: str, kinds: dict[str, Any]) -> pd.DataFrame:
    import pyarrow.feather as feather

    def table(member: str) -> pd.DataFrame:
        found: pd.DataFrame = feather.read_table(io.BytesIO(stored.read(member))).to_pandas()
        return found

    frame = table(name)
    for column, (member, ordered, named) in kinds.items():
        kind = pd.CategoricalDtype(pd.Index(table(member)["category"]).rename(named), ordered)
        frame[column] = pd.Categorical.from_codes(frame[column].to_numpy(), dtype=kind)
    return frame


def _type(named: str) -> Any:
    module, _, name = named.partition(":")
    found = getattr(importlib.import_module(module), name) if module.partition(".")[0] in OURS else None
    if not is_dataclass(found):
        raise OSError(f"{named} is no dataclass of this program")
    return found


def _hash(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
