"""F8 in its short form, and the proof that it would notice."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from ordering import database, importing
from ordering.refusing import FaultList
from tests.faults import f08_input


@dataclass(frozen=True)
class Here:
    url: str
    folder: Path
    seed: int = 1


def test_an_import_that_took_what_is_faulty_would_be_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place: Any = Here(f"sqlite:///{tmp_path / 'x.db'}", tmp_path)
    monkeypatch.setattr(FaultList, "refuse", lambda self: None)
    with pytest.raises((AssertionError, KeyError, ValueError, sa.exc.SQLAlchemyError)):
        list(f08_input.trials(place, 0, 10))


def test_a_database_that_kept_a_part_would_be_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place: Any = Here(f"sqlite:///{tmp_path / 'x.db'}", tmp_path)
    read = importing.read_folder

    def keeps_a_part(*given: Any, **more: Any) -> Any:
        try:
            return read(*given, **more)
        except Exception:
            db = database.connect(place.url)
            with db.writing() as tx:
                tx.exec_driver_sql("DELETE FROM supply")
            raise

    monkeypatch.setattr(importing, "read_folder", keeps_a_part)
    with pytest.raises(AssertionError, match="something of a refused delivery was stored"):
        list(f08_input.trials(place, 0, 6))
