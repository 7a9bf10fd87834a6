"""A week's fit as one file beside the Parquet history: frames as Arrow, arrays as numpy's, in a zip that needs no unpacking.

Derived like the history: the database says which file holds what (by its hash), and where the file is lost the fit is made anew.
"""

from __future__ import annotations

import hashlib
import io
import json
import typing
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from ordering import storage

T = TypeVar("T")
KEPT_WEEKS = 3
"""Weeks whose fits are kept: nights of the present week read them, and some that are run once more."""
VALUES = "values.json"


def file_of(folder: Path, week: date, fit_hash: str) -> Path:
    """The file of a fit."""
    return folder / "fits" / f"{week:%Y-%m-%d}.{fit_hash[:24]}.zip"


def write(folder: Path, week: date, fit_hash: str, fit: Any) -> str:
    """Write a fit whole or not at all, and take away those of weeks long past; gives the hash of the file.

    `fit` is a dataclass of frames, arrays, plain values and further dataclasses. Raises OSError where the folder cannot be written.
    """
    target = file_of(folder, week, fit_hash)
    with storage.replacing(target) as unfinished:
        with zipfile.ZipFile(unfinished, "w") as out:
            values: dict[str, Any] = {}
            for name, value in _leaves("fit", fit):
                if not _member(out, name, value):
                    values[name] = value
            out.writestr(_info(VALUES), json.dumps(values, default=lambda value: value.item()))
        content = _hash(unfinished)
    for other in target.parent.glob("*.zip"):
        if other.name[:10] < f"{week - timedelta(weeks=KEPT_WEEKS):%Y-%m-%d}":
            other.unlink(missing_ok=True)
    return content


def read(folder: Path, week: date, fit_hash: str, content_hash: str, of: Callable[..., T]) -> T | None:
    """The fit as it was written, a dataclass `of`; None where its file is not there or is another."""
    file = file_of(folder, week, fit_hash)
    try:
        if _hash(file) != content_hash:
            return None
        with zipfile.ZipFile(file) as stored:
            return typing.cast("T", _built(stored, json.loads(stored.read(VALUES)), set(stored.namelist()), "fit", of))
    except OSError:
        return None


def _leaves(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """What a dataclass holds, to the bottom, each under its path."""
    if is_dataclass(value):
        for part in fields(value):
            yield from _leaves(f"{name}.{part.name}", getattr(value, part.name))
    else:
        yield name, value


def _member(out: zipfile.ZipFile, name: str, value: Any) -> bool:
    """Write a frame or an array; False where the value is neither."""
    if isinstance(value, pd.DataFrame):
        import pyarrow as pa
        import pyarrow.feather as feather

        with out.open(_info(f"{name}.arrow"), "w", force_zip64=True) as sink:
            feather.write_feather(pa.Table.from_pandas(value), sink, compression="lz4")
        return True
    if isinstance(value, np.ndarray):
        with out.open(_info(f"{name}.npy"), "w", force_zip64=True) as sink:
            np.save(sink, value, allow_pickle=False)
        return True
    return False


def _info(name: str) -> zipfile.ZipInfo:
    """A member without a time of its own, so that the same fit gives the same file."""
    return zipfile.ZipInfo(name)


def _built(stored: zipfile.ZipFile, values: dict[str, Any], names: set[str], name: str, of: Any) -> Any:
    if f"{name}.arrow" in names:
        import pyarrow.feather as feather

        return feather.read_table(io.BytesIO(stored.read(f"{name}.arrow"))).to_pandas()
    if f"{name}.npy" in names:
        return np.load(io.BytesIO(stored.read(f"{name}.npy")), allow_pickle=False)
    if name in values:
        return values[name]
    kinds = typing.get_type_hints(of)
    return of(**{part.name: _built(stored, values, names, f"{name}.{part.name}", kinds[part.name]) for part in fields(of)})


def _hash(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
