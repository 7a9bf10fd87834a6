"""Bad input, example by example (`f09_input_files` fuzzes): every fault is told by file, line, column and value, with what would be
right, and a folder is read whole or not at all.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ordering import frames
from ordering.errors import ImportRefusedError
from ordering.importing import Stored
from ordering.refusing import FolderRefusedError
from ordering.settings import ImportSettings
from tests.factories import SHARED, table
from tests.ordering.city_text import BRANDS, LINES, NOTHING, RETAILERS, SETTINGS, read, refusal, write

Files = dict[str, str | bytes | None]
SUPPLY_ROW = {"brand_id": "B1", "week": "2026-03-02", "available": "9"}
STRATEGY = "brand_id,week,star_level,district,area_type,cap\n"


def lines(old: str, new: str) -> Files:
    assert old in LINES
    return {"order_lines.csv": LINES.replace(old, new, 1)}


def brands(old: str, new: str) -> Files:
    assert old in BRANDS
    return {"brands.csv": BRANDS.replace(old, new)}


def beside(text: str, *cells: str) -> str:
    """A csv with further cells at the end of each line."""
    return "".join(f"{line},{more}\n" for line, more in zip(text.splitlines(), cells, strict=True))


ONE_FAULT: dict[str, tuple[Files, str]] = {
    "a missing file": ({"brands.csv": None}, "brands.csv: is missing, and the database holds none yet; put it into the folder"),
    "an empty file": ({"brands.csv": ""}, "brands.csv: is empty; export it again, or leave the file out"),
    "a file of blank lines": ({"brands.csv": "\n\n \n"}, "brands.csv:1: is empty; the first line names the columns, separated by commas"),
    "a header without rows": (
        {"order_lines.csv": LINES.splitlines()[0] + "\n"},
        "order_lines.csv: has a header and no rows, and the database holds none yet; fill in the rows",
    ),
    "a missing column": (
        {"order_lines.csv": LINES.replace("requested", "Requested")},
        "order_lines.csv:1: header \"requested\" is missing; add this column (is it 'Requested'?)",
    ),
    "a repeated column": (brands("launched_on", "name"), 'brands.csv:1: header "name" stands more than once; keep one of these columns'),
    "semicolons": (brands(",", ";"), "brands.csv:1: the header has one column and holds ';'; separate the cells by ','"),
    "tabs": (brands(",", "\t"), "brands.csv:1: the header has one column and holds a tab; separate the cells by ','"),
    "a NUL byte": (lines("O2", "O\0"), "order_lines.csv:4: holds a NUL byte: damaged, or saved as UTF-16; save it again as UTF-8"),
    "UTF-16": (
        {"brands.csv": BRANDS.encode("utf-16")},
        "brands.csv:1: holds a NUL byte: damaged, or saved as UTF-16; save it again as UTF-8",
    ),
    "bytes of no encoding": (
        {"brands.csv": BRANDS.encode().replace("牌二".encode(), b"\xff\xff")},
        "brands.csv:3: is neither UTF-8 nor GB18030; save the file again as UTF-8",
    ),
    "a truncated file": (
        {"order_lines.csv": LINES[:-12]},
        "order_lines.csv:5: has 4 cells where the header has 7; the file was cut off here: export it again",
    ),
    "a row of too many cells": (
        lines("O2,", "O2,x,"),
        "order_lines.csv:4: has 8 cells where the header has 7; put a cell that holds a comma into quotes, and keep the empty ones",
    ),
    "an unclosed quote": (
        lines("O2", '"O2'),
        "order_lines.csv:4: opens a quote that is never closed; close it, or export the file again if it was cut off",
    ),
    "a negative quantity": (
        lines("B1,5,3", "B1,-5,"),
        'order_lines.csv:2: requested "-5" is negative; write a whole number from 0 up in digits; '
        "cartons given back are taken off the line they came from",
    ),
    "a fraction": (lines("B1,5,3", "B1,5.5,3"), 'order_lines.csv:2: requested "5.5" is no whole number; write 5 or 6'),
    "an exponent": (
        lines("B1,5,3", "B1,1e309,3"),
        'order_lines.csv:2: requested "1e309" is written with an exponent; write a whole number from 0 up in digits',
    ),
    "a huge quantity": (
        lines("B1,5,3", "B1,99999999999999999999,3"),
        'order_lines.csv:2: requested "99999999999999999999" is too large; write at most 2,000,000,000',
    ),
    "thousands commas": (lines("B1,5,3", 'B1,"1,000",3'), 'order_lines.csv:2: requested "1,000" has commas in it; write 1000'),
    "a word for a number": (
        lines("B1,5,3", "B1,五,3"),
        'order_lines.csv:2: requested "五" is no whole number; write a whole number from 0 up in digits',
    ),
    "no quantity": (lines("B1,5,3", "B1,,"), 'order_lines.csv:2: requested "" is empty; write a whole number from 0 up in digits'),
    "an infinite price": (
        brands(",420,", ",1e309,"),
        'brands.csv:2: wholesale_price "1e309" is too large to be a number here; write a number from 0 up, such as 12.5',
    ),
    "a price class out of range": (brands("厂一,1,", "厂一,6,"), 'brands.csv:2: price_class "6" is too large; write at most 5'),
    "a date that does not exist": (
        lines("2026-02-25", "2026-02-30"),
        'order_lines.csv:4: order_date "2026-02-30" is a day that does not exist; write a date as YYYY-MM-DD',
    ),
    "a date of another format": (
        lines("2026-02-25", "2026/2/25"),
        'order_lines.csv:4: order_date "2026/2/25" is not written as YYYY-MM-DD; write 2026-02-25',
    ),
    "a date that can mean two days": (
        lines("2026-02-25", "02/03/2026"),
        'order_lines.csv:4: order_date "02/03/2026" is no date written as YYYY-MM-DD; write a date as YYYY-MM-DD',
    ),
    "a year out of range": (
        lines("2026-02-25", "1026-02-25"),
        'order_lines.csv:4: order_date "1026-02-25" is out of range; write a year from 1900 to 2100',
    ),
    "an end that never comes": (
        brands("2024-01-01,", "2024-01-01,9999-12-31"),
        'brands.csv:3: withdrawn_on "9999-12-31" is out of range; write a year from 1900 to 2100, or leave '
        "the cell empty where there is no end",
    ),
    "a week that is no Monday": (
        {"supply.csv": "brand_id,week,available\nB1,2026-03-03,5\n"},
        'supply.csv:2: week "2026-03-03" is a Tuesday; a week is named by its Monday: write 2026-03-02',
    ),
    "a month of another format": (
        {"star_levels.csv": "retailer_id,month,star_level\n001,2026-3,5\n"},
        'star_levels.csv:2: month "2026-3" is not written as YYYY-MM; write 2026-03',
    ),
    "a month that does not exist": (
        {"star_levels.csv": "retailer_id,month,star_level\n001,2026-13,5\n"},
        'star_levels.csv:2: month "2026-13" is no month; write a month as YYYY-MM',
    ),
    "an unknown choice": (lines("same_day", "sameday"), 'order_lines.csv:4: mode "sameday" is unknown; write pre_order or same_day'),
    "a line break in an id": (
        lines("O2", '"O\n2"'),
        'order_lines.csv:4: order_id "O\\x0a2" holds a line break or another control character; write it without',
    ),
    "an endless id": (lines("O2", "O" * 300), f'order_lines.csv:4: order_id "{"O" * 80}…" is 300 characters long; write at most 200'),
    "an unknown retailer": (
        lines("O2,002", "O2,009"),
        'order_lines.csv:4: retailer_id "009" is neither in retailers.csv nor in the database; add it to retailers.csv or correct the id',
    ),
    "an unknown brand": (
        {"supply.csv": "brand_id,week,available\nB9,2026-03-02,5\n"},
        'supply.csv:2: brand_id "B9" is neither in brands.csv nor in the database; add it to brands.csv or correct the id',
    ),
    "a repeated key": (
        {"order_lines.csv": LINES + "O1,001,2026-02-24,pre_order,B1,1,1\n"},
        'order_lines.csv:6: order_id, brand_id "O1, B1" repeats the key of line 2; keep one of the two lines',
    ),
    "two levels in a month": (
        {"star_levels.csv": "retailer_id,month,star_level\n001,2026-03,5\n001,2026-03,4\n"},
        'star_levels.csv:3: retailer_id, month "001, 2026-03" has a level on line 2 already; '
        "keep the one level that this retailer had in that month",
    ),
    "a brand withdrawn before its launch": (
        brands("2024-01-01,", "2024-01-01,2023-01-01"),
        'brands.csv:3: withdrawn_on "2023-01-01" is before launched_on 2024-01-01: the brand is withdrawn '
        "before it is launched; correct one of the dates",
    ),
    "a retailer that closes before it opens": (
        {"retailers.csv": beside(RETAILERS, "active_from,active_to", "2025-01-01,2024-12-31", ",", ",")},
        'retailers.csv:2: active_to "2024-12-31" is before active_from 2025-01-01: the retailer closes '
        "before it opens; correct one of the dates",
    ),
    "a hold that ends before it begins": (
        {"holds.csv": "retailer_id,brand_id,from,to,reason\n001,,2026-03-02,2026-03-01,x\n"},
        'holds.csv:2: to "2026-03-01" is before from 2026-03-02: the hold ends before it begins; correct one of the dates',
    ),
    "a festival of no days": (
        {"festivals.csv": "name,starts_on,days\n节,2026-03-02,0\n"},
        'festivals.csv:2: days "0" is below 1; write a whole number from 1 to 60 in digits',
    ),
    "more allocated than requested": (
        lines("B1,4,4", "B1,4,5"),
        'order_lines.csv:4: allocated "5" is above requested 4; correct one of them (nobody is given more than asked)',
    ),
    "an order of two retailers": (
        lines("O1,001,2026-02-24,pre_order,B2", "O1,002,2026-02-24,pre_order,B2"),
        'order_lines.csv:3: retailer_id "002" is not 001 of line 2, but both are order O1; '
        "an order has one retailer: give one of them another order_id",
    ),
    "an order of two dates": (
        lines("O1,001,2026-02-24,pre_order,B2", "O1,001,2026-02-25,pre_order,B2"),
        'order_lines.csv:3: order_date "2026-02-25" is not 2026-02-24 of line 2, but both are order O1; '
        "an order has one date: give one of them another order_id",
    ),
    "two strategy rows of equal scope": (
        {"release_strategy.csv": STRATEGY + "B1,2026-03-02,3,D1,,5\nB1,2026-03-02,3,,urban,4\n"},
        'release_strategy.csv:3: scope "B1, 2026-03-02, level 3, area_type=urban" and the row for B1, 2026-03-02, level 3, district=D1 '
        "in line 2 name equally many scopes and both fit some retailers; narrow or remove one of them",
    ),
    "a city of one retailer": (
        {"retailers.csv": "\n".join(RETAILERS.splitlines()[:2]) + "\n", "order_lines.csv": LINES.replace("O2,002", "O2,001")},
        "retailers.csv: the city has 1 retailer, fewer than the 2 that [importing] min_retailers asks for; "
        "add the others, or lower that setting",
    ),
    "a week without orders": (
        lines("2026-03-03", "2026-03-10"),
        'order_lines.csv: order_date "2026-03-02" is a week without any order between weeks with orders; '
        "import it as well, list it in [importing] closed_weeks if the company was shut, or correct a mistyped date",
    ),
    "several weeks without orders": (
        lines("2026-03-03", "2026-03-17"),
        'order_lines.csv: order_date "2026-03-02 to 2026-03-09" are 2 weeks without any order between weeks with orders; '
        "import them as well, list them in [importing] closed_weeks if the company was shut, or correct a mistyped date",
    ),
    "csv and parquet of one table": ({"brands.parquet": b"PAR1"}, "brands.csv: and brands.parquet are both there; keep one of them"),
    "an empty parquet": ({"brands.csv": None, "brands.parquet": b""}, "brands.parquet: is empty; export it again, or leave the file out"),
}


@pytest.mark.parametrize("case", ONE_FAULT)
def test_the_message_tells_where_the_fault_is_and_what_would_be_right(tmp_path: Path, case: str) -> None:
    files, message = ONE_FAULT[case]
    assert refusal(write(tmp_path / "city", files)) == [message, "1 fault; nothing was stored"]


def test_the_city_of_these_tests_is_sound_without_a_fault(tmp_path: Path) -> None:
    assert refusal(write(tmp_path)) == []
    assert read(tmp_path).notes == ()


def test_every_fault_of_every_file_is_listed(tmp_path: Path) -> None:
    files: Files = {
        "retailers.csv": RETAILERS.replace("甲店,3", "甲店,0").replace("rural", "sea"),
        "brands.csv": BRANDS.replace("420", "-1"),
        "order_lines.csv": LINES.replace("B2,2,2", "B2,x,2").replace("same_day", "soon").replace("O3,001", "O3,004"),
        "supply.csv": "brand_id;week;available\n",
        "daily_limits.csv": "",
    }
    assert refusal(write(tmp_path, files)) == [
        'retailers.csv:2: star_level "0" is below 1; write a whole number from 1 up in digits',
        'retailers.csv:4: area_type "sea" is unknown; write urban or rural',
        'brands.csv:2: wholesale_price "-1" is out of range; write a number from 0 up, such as 12.5',
        'order_lines.csv:3: requested "x" is no whole number; write a whole number from 0 up in digits',
        'order_lines.csv:4: mode "soon" is unknown; write pre_order or same_day',
        'order_lines.csv:5: retailer_id "004" is neither in retailers.csv nor in the database; add it to retailers.csv or correct the id',
        "supply.csv:1: the header has one column and holds ';'; separate the cells by ','",
        "daily_limits.csv: is empty; export it again, or leave the file out",
        "8 faults; nothing was stored",
    ]


def test_a_thousand_faults_of_a_file_are_listed_and_all_are_counted(tmp_path: Path) -> None:
    many = "".join(f"P{n},001,2026-02-24,pre_order,B1,-1,\n" for n in range(1_500))
    folder = write(tmp_path, {"order_lines.csv": LINES + many, "brands.csv": BRANDS.replace("420", "dear")})
    with pytest.raises(FolderRefusedError) as refused:
        read(folder)
    assert refused.value.count == 1_501
    assert [fault.line for fault in refused.value.faults if fault.file == "order_lines.csv"] == list(range(6, 1_006))
    assert str(refused.value).splitlines()[-2:] == [
        "order_lines.csv: 500 more faults beyond the first 1,000",
        "1,501 faults; nothing was stored",
    ]


def test_lines_are_those_of_the_file_behind_blank_lines_and_quoted_line_breaks(tmp_path: Path) -> None:
    shops = "\n" + RETAILERS.replace("甲店", '"甲\n\n店"').replace("\n003", "\n\n003").replace("rural", "sea")
    assert refusal(write(tmp_path, {"retailers.csv": shops}))[0] == 'retailers.csv:8: area_type "sea" is unknown; write urban or rural'


def test_lines_are_true_beside_rows_whose_cells_cannot_be_told_apart(tmp_path: Path) -> None:
    found = refusal(write(tmp_path, lines("O1,001,2026-02-24,pre_order,B2,2,2\nO2,002,2026-02-25,same_day", "O1\nO2,002,2026-02-25,soon")))
    assert [line.split(" ")[0] for line in found[:2]] == ["order_lines.csv:3:", "order_lines.csv:4:"]


def test_a_file_cut_off_behind_a_whole_row_is_noted(tmp_path: Path) -> None:
    notes = read(write(tmp_path, {"order_lines.csv": LINES[:-1]})).notes
    assert notes == ("order_lines.csv: the last line has no line end; if the file was cut off there, export it again",)


@pytest.mark.parametrize("kept", [0.3, 0.9, 0.999])
def test_a_truncated_parquet_is_refused(tmp_path: Path, kept: float) -> None:
    whole = tmp_path / "brands.parquet"
    read(write(tmp_path / "sound")).tables["brands"].to_parquet(whole)
    data = whole.read_bytes()
    folder = write(tmp_path / "city", {"brands.csv": None, "brands.parquet": data[: int(len(data) * kept)]})
    found = refusal(folder)
    assert found[0].startswith("brands.parquet: cannot be read as parquet (")
    assert found[0].endswith("); it was cut off or damaged: export it again")
    assert len(found) == 2


def test_a_column_of_lists_in_parquet_is_refused(tmp_path: Path) -> None:
    folder = write(tmp_path, {"order_lines.csv": None})
    frame = read(write(tmp_path / "sound")).tables["order_lines"].assign(requested=[[1], [2], [3], [4]])
    frame.to_parquet(folder / "order_lines.parquet")
    assert refusal(folder)[0] == (
        'order_lines.parquet: requested "list<element: int64>" is a type that holds no single value; write text, numbers or dates'
    )


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    for folder in (tmp_path / "nowhere", write(tmp_path / "city") / "brands.csv"):
        found = refusal(folder)
        assert found[0].startswith(f"{folder}: is no folder that can be read (")
        assert found[0].endswith("); name the folder that holds the city's files")
        assert len(found) == 2


def test_a_folder_without_any_file_of_a_city_is_refused_on_a_later_load_too(tmp_path: Path) -> None:
    tables = read(write(tmp_path / "first")).tables
    stored = Stored(tables["retailers"], tables["brands"], pd.DatetimeIndex(["2026-02-23"]), NOTHING.release_strategy)
    (tmp_path / "later").mkdir()
    found = refusal(tmp_path / "later", stored)
    assert found[0] == f"{tmp_path / 'later'}: holds no file of a city folder; it should hold retailers.csv, brands.csv, order_lines.csv"


def test_a_folder_in_the_place_of_a_file_is_told(tmp_path: Path) -> None:
    folder = write(tmp_path, {"brands.csv": None})
    (folder / "brands.csv").mkdir()
    assert refusal(folder)[0] == "brands.csv: cannot be read (Is a directory); check that it is a file and may be read"


def test_a_fault_of_the_retailers_is_not_told_again_for_each_of_their_lines(tmp_path: Path) -> None:
    assert len(refusal(write(tmp_path / "ragged", {"retailers.csv": RETAILERS.replace("001,", "001,x,")}))) == 2
    assert len(refusal(write(tmp_path / "blank", {"retailers.csv": RETAILERS.replace("001,", ",")}))) == 2


def stored_city(tmp_path: Path) -> Stored:
    tables = read(write(tmp_path / "stored")).tables
    return Stored(tables["retailers"], tables["brands"], pd.DatetimeIndex(["2026-02-23", "2026-03-02"]), NOTHING.release_strategy)


def test_weeks_are_counted_with_those_stored_and_without_those_closed(tmp_path: Path) -> None:
    stored = stored_city(tmp_path)
    later = write(tmp_path / "later", {"order_lines.csv": LINES.replace("2026-02-2", "2026-03-2").replace("2026-03-03", "2026-03-25")})
    assert refusal(later, stored)[0].startswith('order_lines.csv: order_date "2026-03-09 to 2026-03-16" are 2 weeks without any order')
    closed = ImportSettings(min_retailers=2, closed_weeks=(pd.Timestamp("2026-03-09").date(), pd.Timestamp("2026-03-16").date()))
    assert refusal(later, stored, closed) == []


def test_ids_resolve_against_folder_and_database_together(tmp_path: Path) -> None:
    stored = stored_city(tmp_path)
    folder = write(tmp_path / "later", {"brands.csv": BRANDS.replace("B1", "B3"), "retailers.csv": None})
    assert refusal(folder, stored) == []
    assert refusal(folder)[0] == "retailers.csv: is missing, and the database holds none yet; put it into the folder"


def test_rows_of_equal_scope_tie_only_where_a_retailer_fits_both(tmp_path: Path) -> None:
    rows = STRATEGY + "B1,2026-03-02,3,D2,,5\nB1,2026-03-02,3,,urban,4\n"  # every shop of D2 is rural
    assert refusal(write(tmp_path / "apart", {"release_strategy.csv": rows})) == []
    shop = RETAILERS + "004,丁店,3,D2,S4,urban,convenience,M2,2\n"
    assert len(refusal(write(tmp_path / "together", {"release_strategy.csv": rows, "retailers.csv": shop}))) == 2


def test_rows_of_unequal_scope_or_of_other_weeks_do_not_tie(tmp_path: Path) -> None:
    rows = (
        STRATEGY
        + "B1,2026-03-02,3,,,9\nB1,2026-03-02,3,D1,,5\nB1,2026-03-02,3,D1,urban,4\nB1,2026-03-09,3,,urban,4\nB2,2026-03-02,3,,urban,4\n"
    )
    assert refusal(write(tmp_path, {"release_strategy.csv": rows})) == []


def test_a_row_ties_with_a_stored_one_and_replaces_that_of_its_own_key(tmp_path: Path) -> None:
    held = {"brand_id": "B1", "week": "2026-03-02", "star_level": 3, "district": "D1", "cap": 5}
    stored = stored_city(tmp_path)
    stored = Stored(stored.retailers, stored.brands, stored.order_weeks, table(frames.RELEASE_STRATEGY, [held]))
    rows = STRATEGY + "B1,2026-03-02,3,,urban,4\n"
    found = refusal(write(tmp_path / "tie", {"release_strategy.csv": rows}), stored)
    assert found[0] == (
        'release_strategy.csv:2: scope "B1, 2026-03-02, level 3, area_type=urban" and the row for B1, 2026-03-02, level 3, district=D1 '
        "in the database name equally many scopes and both fit some retailers; narrow or remove one of them"
    )
    again = write(tmp_path / "again", {"release_strategy.csv": STRATEGY + "B1,2026-03-02,3,D1,,9\n"})
    assert refusal(again, stored) == []


def test_what_is_odd_but_allowed_is_noted(tmp_path: Path) -> None:
    files: Files = {
        "release_strategy.csv": STRATEGY + "B1,2026-03-02,3,,,5\nB1,2026-03-02,4,,,4\nB1,2026-03-02,4,D9,,4\n",
        "brands.csv": BRANDS.replace("2024-01-01,", "2026-02-25,").replace("420,,", "420,,2026-02-28"),
        "supply.csv": "brand_id,week,available\n",
    }
    assert sorted(read(write(tmp_path, files)).notes) == [
        "order_lines.csv: 1 line is dated after withdrawn_on of the brand",
        "order_lines.csv: 1 line is dated before launched_on of the brand",
        "release_strategy.csv: 1 cap is for a district that no retailer has, such as 'D9'",
        "release_strategy.csv: 1 cap is lower than that of the level below (the first: B1, 2026-03-02, level 4)",
        "supply.csv: has a header and no rows",
    ]


def test_a_small_file_that_holds_very_many_rows_is_refused(tmp_path: Path) -> None:
    folder = write(tmp_path, {"supply.csv": None})
    rows = pa.table({name: pa.DictionaryArray.from_arrays(np.zeros(2_000_000, np.int8), [value]) for name, value in SUPPLY_ROW.items()})
    pq.write_table(rows, folder / "supply.parquet", compression="zstd")
    assert re.fullmatch(
        r"supply\.parquet: holds 2,000,000 rows in [\d,]+ bytes: hardly a cell differs from another; export it again", refusal(folder)[0]
    )


def test_a_pipe_in_the_place_of_a_file_is_told_and_not_waited_for(tmp_path: Path) -> None:
    folder = write(tmp_path)
    os.mkfifo(folder / "supply.csv")
    assert refusal(folder)[0] == "supply.csv: is a pipe or a device; put the file itself into the folder"


def test_a_header_of_thousands_of_columns_is_refused(tmp_path: Path) -> None:
    header = ",".join(f"c{number}" for number in range(100_000))
    assert refusal(write(tmp_path, {"supply.csv": f"{header}\n"}))[0] == (
        "supply.csv:1: the header has 100,000 columns, more than any file of a city; leave those that are read"
    )


def test_names_that_are_no_text_can_be_told(tmp_path: Path) -> None:
    folder = write(tmp_path)
    (folder / os.fsdecode(b"\xff\x1b.csv")).write_bytes(b"x")
    assert read(folder).notes == ("\\xdcff\\x1b.csv is not a file of a city folder and was not read",)


@pytest.mark.parametrize(
    ("text", "told"), [("a = " + "[" * 50_000, "is nested too deeply to be a mapping"), ("a = " + "9" * 9_000, "is no TOML")]
)
def test_a_mapping_that_would_exhaust_its_reader_is_refused(tmp_path: Path, text: str, told: str) -> None:
    folder = write(tmp_path / "city")
    (mapping := tmp_path / "mapping.toml").write_text(text)
    assert refusal(folder, mapping=mapping)[0].startswith(f"mapping.toml: {told}")


@pytest.mark.shared
def test_one_bad_line_among_many_is_found_by_its_line(tmp_path: Path) -> None:
    source = SHARED / "market_dev" / "city"
    if not source.is_dir():
        pytest.skip(f"{source} is absent")
    text = (source / "order_lines.csv").read_text("utf-8").splitlines(keepends=True)
    text[300_000] = text[300_000].replace("O", "P", 1).rsplit(",", 2)[0] + ",-7,\n"
    files: Files = {name: (source / name).read_bytes() for name in ("retailers.csv", "brands.csv")}
    with pytest.raises(ImportRefusedError) as refused:
        read(write(tmp_path, files | {"order_lines.csv": "".join(text)}), settings=SETTINGS)
    assert [(fault.line, fault.value) for fault in refused.value.faults] == [(300_001, "-7")]
