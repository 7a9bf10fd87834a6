"""Foreign layouts by mapping: what comes out is the source, recoded; returns are netted and counted; faults name the source's own lines."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from ordering.frames import CONTRACT, conform
from ordering.importing import Checked
from tests.ordering.city_text import read, refusal

MAPPING = """\
[retailers]
file = "shops.csv"
delimiter = ";"
[retailers.columns]
retailer_id = "shop"
name = "title"
star_level = { constant = 1 }
district = { from = "town", constant = "unknown" }
street = { template = "{town}/{post}" }
area_type = { constant = "urban" }
business_format = { constant = "shop" }
account_manager = { constant = "M1" }
order_weekday = { weekday_of = "order_lines", constant = 7 }

[brands]
file = "goods.csv"
[brands.columns]
brand_id = "good"
name = "title"
manufacturer = "maker"
price_class = { from = "cost", bands = [20, 10, 5, 2.5] }
wholesale_price = "cost"

[order_lines]
file = "moves.csv"
repeat = "sum"
returns = "net"
[order_lines.columns]
order_id = { template = "{shop}-{day}" }
brand_id = "good"
retailer_id = "shop"
order_date = { from = "day", format = "%d.%m.%Y" }
mode = { constant = "pre_order" }
requested = { from = "asked", otherwise = "allocated" }
allocated = "given"
"""
SHOPS = "shop;title;town;post;extra\n01;One;Town A;1000;x\n02;Two;;2000;x\n03;Three;Town B;;x\n"
GOODS = "good,title,maker,cost\nG1,Good one,M1,20\nG2,Good two,M1,19.99\nG3,Good three,M2,2.49\n"
MOVES = """\
day,shop,good,asked,given
02.03.2026,01,G1,9,5
02.03.2026,01,G1,,4
02.03.2026,02,G1,,7
04.03.2026,01,G2,,3
04.03.2026,01,G1,,-6
09.03.2026,01,G3,8,
11.03.2026,02,G2,,-2
"""
FILES = {"shops.csv": SHOPS, "goods.csv": GOODS, "moves.csv": MOVES}


def layout(folder: Path, mapping: str = MAPPING, **files: str) -> tuple[Path, Path]:
    """A foreign folder (files by name, with _ for the dot), and its mapping beside it."""
    folder.mkdir(parents=True)
    for name, text in (FILES | {name.replace("_", "."): text for name, text in files.items()}).items():
        (folder / name).write_text(text, "utf-8")
    (folder.parent / "layout.toml").write_text(mapping, "utf-8")
    return folder, folder.parent / "layout.toml"


def mapped(folder: Path, mapping: str = MAPPING, **files: str) -> Checked:
    where, rules = layout(folder, mapping, **files)
    return read(where, mapping=rules)


def refused(folder: Path, mapping: str = MAPPING, **files: str) -> list[str]:
    where, rules = layout(folder, mapping, **files)
    return refusal(where, mapping=rules)


def test_a_foreign_layout_comes_as_the_contract_holds_it(tmp_path: Path) -> None:
    for name, frame in mapped(tmp_path / "city").tables.items():
        assert_frame_equal(frame, conform(CONTRACT[name], frame))


def test_columns_are_renamed_put_together_and_filled(tmp_path: Path) -> None:
    shops = mapped(tmp_path / "city").tables["retailers"]
    assert shops["district"].tolist() == ["Town A", "unknown", "Town B"]
    assert shops["street"].tolist() == ["Town A/1000", "/2000", "Town B/"]
    assert shops["star_level"].tolist() == [1, 1, 1]


def test_a_price_class_is_the_first_band_whose_cut_the_price_reaches(tmp_path: Path) -> None:
    assert mapped(tmp_path / "city").tables["brands"]["price_class"].tolist() == [1, 2, 5]


def test_the_order_weekday_is_that_of_most_order_dates_the_earlier_of_equals(tmp_path: Path) -> None:
    shops = mapped(tmp_path / "city").tables["retailers"]
    assert shops["order_weekday"].tolist() == [1, 1, 7]  # two Mondays and a Wednesday; a Monday and a Wednesday; none


def test_returns_are_netted_repeats_summed_and_both_are_counted(tmp_path: Path) -> None:
    found = mapped(tmp_path / "city")
    lines = found.tables["order_lines"].astype({"retailer_id": "str", "brand_id": "str"})
    # Row 5 gives back 6 of G1: 4 of the later row of 2 March and 2 of the earlier one; 2 of G2 were never delivered to shop 02.
    assert lines.drop(columns=["order_date", "mode"]).to_numpy(object).tolist() == [
        ["01-02.03.2026", "G1", "01", 9, 3],
        ["01-04.03.2026", "G2", "01", 3, 3],
        ["01-09.03.2026", "G3", "01", 8, pd.NA],
        ["02-02.03.2026", "G1", "02", 7, 7],
    ]
    assert found.notes == (
        "shops.csv: unknown columns were ignored: extra",
        "moves.csv: 2 returns of 8 cartons were netted against earlier lines of the same retailer and brand; "
        "2 cartons of them exceed those and were left out",
        "moves.csv: 1 repeated rows were summed into the first row of their key",
    )


MOVED = st.lists(
    st.tuples(st.integers(2, 15), st.sampled_from(["01", "02"]), st.sampled_from(["G1", "G2"]), st.integers(-9, 9)), min_size=1
)


@settings(deadline=None, max_examples=40)
@given(MOVED)
def test_what_is_netted_and_what_is_left_out_add_up_to_the_source(tmp_path_factory: pytest.TempPathFactory, moves) -> None:
    text = "day,shop,good,asked,given\n02.03.2026,03,G3,,1\n09.03.2026,03,G3,,1\n"
    text += "".join(f"{day:02d}.03.2026,{shop},{good},,{given}\n" for day, shop, good, given in moves)
    found = mapped(tmp_path_factory.mktemp("x") / "city", moves_csv=text)
    lines = found.tables["order_lines"]
    assert (lines["requested"] == lines["allocated"]).all()
    delivered = defaultdict(int, lines.groupby(["retailer_id", "brand_id"], observed=True)["allocated"].sum().to_dict())
    for shop, good in {(shop, good) for _, shop, good, _ in moves}:
        stock, lost = 0, 0  # by hand: a return takes what was delivered before it or that day, the rest of it is lost
        for _, _, _, moved in sorted((m for m in moves if m[1:3] == (shop, good)), key=lambda m: (m[0], m[3] < 0)):
            stock, lost = max(stock + moved, 0), lost + max(-(stock + moved), 0)
        assert delivered[shop, good] == stock
        assert stock - lost == sum(moved for _, s, g, moved in moves if (s, g) == (shop, good))


def test_returns_and_repeats_are_refused_where_the_mapping_does_not_allow_them(tmp_path: Path) -> None:
    strict = MAPPING.replace('repeat = "sum"\nreturns = "net"\n', "")
    found = refused(tmp_path / "city", strict)
    assert [line.split(" is ")[0] for line in found[1:3]] == ['moves.csv:6: given "-6"', 'moves.csv:8: given "-2"']
    assert len(found) == 4, "the repeated row is the third fault, and the last line counts them"
    found = refused(tmp_path / "again" / "city", strict, moves_csv=MOVES.replace(",-", ","))
    assert found[0] == 'moves.csv:3: order_id, good "01-02.03.2026, G1" repeats the key of line 2; keep one of the two lines'


def test_of_repeated_rows_the_first_may_be_kept(tmp_path: Path) -> None:
    found = mapped(tmp_path / "city", MAPPING.replace('repeat = "sum"', 'repeat = "first"'), moves_csv=MOVES.replace(",-", ","))
    assert found.tables["order_lines"]["allocated"].tolist()[0] == 5
    assert found.notes[-1] == "moves.csv: 1 repeated rows of a key already read were left out"


def test_faults_name_the_lines_and_columns_of_the_foreign_file(tmp_path: Path) -> None:
    found = refused(
        tmp_path / "city",
        goods_csv=GOODS.replace("19.99", "dear").replace("G3,Good three", "G3,"),
        moves_csv=MOVES.replace("09.03.2026", "2026-03-09").replace("02,G1,,7", "05,G1,,x"),
        shops_csv=SHOPS.replace("Three", '"Three\n3"').replace("03;", "01;"),
    )
    assert found == [
        'goods.csv:3: cost "dear" cannot be read as a number, to be put into a band; correct it, or the mapping',
        'goods.csv:3: cost "dear" is no number; write a number from 0 up, such as 12.5',
        'goods.csv:4: title "" is empty; every row needs one',
        'moves.csv:4: given "x" is no whole number; write a whole number in digits',
        'moves.csv:4: shop "05" is neither in shops.csv nor in the database; add it to shops.csv or correct the id',
        'moves.csv:7: day "2026-03-09" cannot be read as %d.%m.%Y; correct it, or the mapping',
        'shops.csv:4: shop "01" repeats the key of line 2; keep one of the two lines',
        "7 faults; nothing was stored",
    ]


def test_a_sum_beyond_what_a_line_may_hold_is_refused(tmp_path: Path) -> None:
    moves = MOVES.replace(",9,5", ",,1999999999").replace(",,4", ",,1999999999")
    assert refused(tmp_path / "city", moves_csv=moves) == [
        'moves.csv:2: asked "3999999992" is too large; write at most 2,000,000,000',
        'moves.csv:2: given "3999999992" is too large; write at most 2,000,000,000',
        "2 faults; nothing was stored",
    ]


def test_a_request_that_neither_column_fills_is_refused(tmp_path: Path) -> None:
    found = refused(tmp_path / "city", moves_csv=MOVES.replace("G3,8,", "G3,,"))
    assert found[0] == 'moves.csv:7: asked "" is empty; write a whole number from 0 up in digits'


WRONG_MAPPINGS = {
    "an unknown key": (
        MAPPING.replace("repeat =", "repeats ="),
        'layout.toml: order_lines.repeats "sum" is no key of a mapping; remove it',
    ),
    "an unknown table": (
        MAPPING.replace("[brands]", "[wares]").replace("[brands.columns]", "[wares.columns]"),
        f'layout.toml: table "wares" is no table; the tables are {", ".join(CONTRACT)}',
    ),
    "an unknown column": (
        MAPPING.replace("wholesale_price", "price"),
        'layout.toml: brands.columns "wholesale_price" has no source; add one, such as { constant = ... }',
    ),
    "two origins": (
        MAPPING.replace('{ constant = "pre_order" }', '{ from = "day", template = "{day}" }'),
        "layout.toml: order_lines.columns.mode \"{'from': 'day', 'template': '{day}'}\" "
        "names more than one of from, template and weekday_of; correct the mapping",
    ),
    "a constant that does not fit": (
        MAPPING.replace('"pre_order"', '"later"'),
        'layout.toml: order_lines.columns.mode.constant "later" is unknown; write pre_order or same_day',
    ),
    "bands that do not fall": (
        MAPPING.replace("[20, 10, 5, 2.5]", "[2.5, 5]"),
        'layout.toml: brands.columns.price_class.bands "[2.5, 5]" must fall: the cut of class 1 first, such as [100, 70, 30, 16.5]; '
        "correct the mapping",
    ),
    "a way out of the folder": (
        MAPPING.replace('"moves.csv"', '"../moves.csv"'),
        'layout.toml: order_lines.file "../moves.csv" must be the plain name of a .csv or .parquet file in the folder; correct the mapping',
    ),
    "another quantity that is none": (
        MAPPING.replace('otherwise = "allocated"', 'otherwise = "mode"'),
        'layout.toml: order_lines.columns.requested.otherwise "mode" must name another quantity of the same table',
    ),
    "an empty file": ("", "layout.toml: maps no table; it needs a section such as [order_lines]"),
    "no TOML": ("[order_lines", "layout.toml: is no TOML: Expected ']' at the end of a table declaration (at end of document)"),
}


@pytest.mark.parametrize("case", WRONG_MAPPINGS)
def test_a_mapping_that_cannot_be_used_says_what_is_wrong_with_it(tmp_path: Path, case: str) -> None:
    mapping, message = WRONG_MAPPINGS[case]
    assert message in refused(tmp_path / "city", mapping)


def test_a_mapping_or_a_source_that_is_missing_is_named(tmp_path: Path) -> None:
    folder, _ = layout(tmp_path / "city")
    assert refusal(folder, mapping=tmp_path / "none.toml")[0].startswith("none.toml: cannot be read (No such file or directory)")
    (folder / "goods.csv").unlink()
    assert refusal(folder, mapping=tmp_path / "layout.toml") == [
        "goods.csv: is missing; layout.toml makes brands of it",
        "1 fault; nothing was stored",
    ]
