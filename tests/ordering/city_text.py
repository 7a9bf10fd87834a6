"""A small sound city as the text of its files, and how it is read in the tests of importing."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from ordering import frames
from ordering.errors import ImportRefusedError
from ordering.importing import Checked, Stored, read_folder
from ordering.settings import ImportSettings

SETTINGS = ImportSettings(min_retailers=2, closed_weeks=())
NOTHING = Stored(frames.empty(frames.RETAILERS), frames.empty(frames.BRANDS), pd.DatetimeIndex([]), frames.empty(frames.RELEASE_STRATEGY))

RETAILERS = """\
retailer_id,name,star_level,district,street,area_type,business_format,account_manager,order_weekday
001,甲店,3,D1,S1,urban,convenience,M1,2
002,乙店,4,D1,S2,urban,supermarket,M1,3
003,丙店,3,D2,S3,rural,convenience,M2,2
"""
BRANDS = """\
brand_id,name,manufacturer,price_class,wholesale_price,launched_on,withdrawn_on
B1,牌一,厂一,1,420,,
B2,牌二,厂二,3,88.5,2024-01-01,
"""
LINES = """\
order_id,retailer_id,order_date,mode,brand_id,requested,allocated
O1,001,2026-02-24,pre_order,B1,5,3
O1,001,2026-02-24,pre_order,B2,2,2
O2,002,2026-02-25,same_day,B1,4,4
O3,001,2026-03-03,pre_order,B1,5,
"""
CITY = {"retailers.csv": RETAILERS, "brands.csv": BRANDS, "order_lines.csv": LINES}


def write(folder: Path, files: dict[str, str | bytes | None] | None = None) -> Path:
    """The sound city with some files replaced (None: left out)."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in (CITY | (files or {})).items():
        if content is not None:
            (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def read(folder: Path, stored: Stored = NOTHING, settings: ImportSettings = SETTINGS, mapping: Path | None = None) -> Checked:
    return read_folder(folder, stored, settings, mapping=mapping)


def refusal(folder: Path, stored: Stored = NOTHING, settings: ImportSettings = SETTINGS, mapping: Path | None = None) -> list[str]:
    """The lines of the message by which a folder is refused; empty when it is not."""
    try:
        read(folder, stored, settings, mapping)
    except ImportRefusedError as refused:
        return str(refused).splitlines()
    return []
