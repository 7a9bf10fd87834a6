"""Personal data for people: all that is stored about a retailer or a user as files, and who looked at it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

import pandas as pd

from jobs import output
from ordering import personal
from ordering.database import Database, accounts, privacy
from ordering.errors import TrueOrderError
from ordering.service_settings import PrivacySettings


def export(db: Database, retailer_id: str, folder: Path, *, by: str, at: datetime) -> dict[str, int]:
    """Write all that is stored about a retailer into a folder; gives rows by table. That it was done is in the access log."""
    if not by.strip():
        raise TrueOrderError("by: say who exports")
    found = privacy.about_retailer(db, retailer_id)
    privacy.note(db, name=by.strip(), retailer_id=retailer_id, what="privacy export", at=at)
    return _written(found, folder, about={"retailer_id": retailer_id}, by=by.strip(), at=at)


def export_user(db: Database, name: str, folder: Path, *, by: str, at: datetime) -> dict[str, int]:
    """The same about a user."""
    if not by.strip():
        raise TrueOrderError("by: say who exports")
    user = accounts.find(db, name).person
    return _written(privacy.about_user(db, user), folder, about={"user": user.name}, by=by.strip(), at=at)


def _written(found: Iterable[tuple[str, pd.DataFrame]], folder: Path, *, about: dict[str, str], by: str, at: datetime) -> dict[str, int]:
    """A csv for each table, and about.json: what they are, who made them, and what a deletion would do to each."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TrueOrderError(f"{folder}: the folder cannot be written ({error.strerror}); choose another place") from error
    rows = {name: output.write([frame], list(frame.columns), folder / f"{name}.csv") for name, frame in found}
    held = {name: personal.TABLES[name].fate if name in personal.TABLES else "" for name in rows}
    fates = {name: {"rows": count, "when_deleted": held[name]} for name, count in rows.items()}
    text = json.dumps({"about": about, "made_at": f"{at}Z", "made_by": by, "tables": fates}, ensure_ascii=False, indent=2)
    try:
        (folder / "about.json").write_text(text + "\n", "utf-8")
    except OSError as error:
        raise TrueOrderError(f"{folder}: cannot be written ({error.strerror}); free space or choose another place") from error
    return rows


def objections(rules: PrivacySettings) -> tuple[str, str]:
    """Whom to turn to with an objection to a flag, in English and Chinese."""
    who = rules.objections_to.strip()
    if not who:
        return (
            "Nobody is named yet to answer objections to a flag: privacy.objections_to.",
            "尚未指定答复标记异议的人员：privacy.objections_to。",
        )
    return f"Whoever objects to a flag turns to {who}.", f"对标记有异议，请联系：{who}。"
