"""Reading city folders: what comes out is what was put in, whatever the encoding, the order of columns and the kind of file."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from ordering import frames
from ordering.frames import CONTRACT
from ordering.importing import Checked, Stored, read_folder
from tests.factories import SHARED, retailer, table
from tests.ordering.city_text import BRANDS, CITY, LINES, NOTHING, RETAILERS, SETTINGS, read, refusal, write


def plain(name: str, frame: pd.DataFrame) -> pd.DataFrame:
    """A table with its ids as text again."""
    return frame.astype({"retailer_id": "str", "brand_id": "str"}) if name == "order_lines" else frame


def assert_same(found: Checked, expected: Checked) -> None:
    assert list(found.tables) == list(expected.tables)
    for name, frame in expected.tables.items():
        assert_frame_equal(found.tables[name], frame)


def test_every_table_comes_as_the_contract_holds_it(tmp_path: Path) -> None:
    for name, frame in read(write(tmp_path)).tables.items():
        assert_frame_equal(frame, frames.conform(CONTRACT[name], frame))


def test_cells_are_read_by_the_kind_of_their_column(tmp_path: Path) -> None:
    lines = read(write(tmp_path)).tables["order_lines"]
    assert lines["order_id"].tolist() == ["O1", "O1", "O2", "O3"]
    assert lines["retailer_id"].tolist() == ["001", "001", "002", "001"]
    assert lines["requested"].tolist() == [5, 2, 4, 5]
    assert lines["allocated"].tolist() == [3, 2, 4, pd.NA]
    assert lines["order_date"].tolist()[0] == pd.Timestamp("2026-02-24")


def test_ids_of_lines_are_categories_of_all_known_ids_in_order(tmp_path: Path) -> None:
    elder = table(frames.RETAILERS, [retailer("000")])
    stored = Stored(elder, NOTHING.brands, NOTHING.order_weeks, NOTHING.release_strategy)
    lines = read(write(tmp_path), stored).tables["order_lines"]
    assert lines["retailer_id"].cat.categories.tolist() == ["000", "001", "002", "003"]
    assert lines["brand_id"].cat.categories.tolist() == ["B1", "B2"]


def test_leading_zeros_stay_and_blanks_around_cells_go(tmp_path: Path) -> None:
    found = read(write(tmp_path, {"retailers.csv": RETAILERS.replace("001,甲店", " 001 ,　甲店 ")})).tables["retailers"]
    assert found["retailer_id"].tolist() == ["001", "002", "003"]
    assert found["name"].tolist()[0] == "甲店"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_chinese_names_are_read_in_every_encoding_and_with_every_line_end(tmp_path: Path, encoding: str, line_end: str) -> None:
    expected = read(write(tmp_path / "expected"))
    coded = {name: text.replace("\n", line_end).encode(encoding) for name, text in CITY.items()}
    found = read(write(tmp_path / "coded", coded))
    assert_same(found, expected)
    assert found.tables["brands"]["name"].tolist() == ["牌一", "牌二"]


def test_text_beyond_the_basic_plane_is_read_from_gb18030(tmp_path: Path) -> None:
    found = read(write(tmp_path, {"retailers.csv": RETAILERS.replace("甲店", "𠮷野€店").encode("gb18030")}))
    assert found.tables["retailers"]["name"].tolist()[0] == "𠮷野€店"


def test_damaged_utf_8_does_not_pass_as_gb18030(tmp_path: Path) -> None:
    damaged = RETAILERS.encode().replace("乙店".encode(), b"\xe4\xb9\xc1\xe5\xba\x97")  # still valid GB18030, of other signs
    damaged.decode("gb18030")
    assert (
        refusal(write(tmp_path, {"retailers.csv": damaged}))[0]
        == "retailers.csv:3: is neither UTF-8 nor GB18030; save the file again as UTF-8"
    )


def test_quoted_commas_quotes_and_line_breaks_are_part_of_the_cell(tmp_path: Path) -> None:
    found = read(write(tmp_path, {"retailers.csv": RETAILERS.replace("甲店", '"甲,""店""\n二"')})).tables["retailers"]
    assert found["name"].tolist()[0] == '甲,"店"\n二'


def test_csv_and_parquet_of_the_same_tables_are_the_same_frames(tmp_path: Path) -> None:
    expected = read(write(tmp_path / "csv"))
    (tmp_path / "parquet").mkdir()
    for name, frame in expected.tables.items():
        frame.to_parquet(tmp_path / "parquet" / f"{name}.parquet", index=False)
    assert_same(read(tmp_path / "parquet"), expected)


def test_parquet_of_other_types_is_read_where_the_values_fit(tmp_path: Path) -> None:
    expected = read(write(tmp_path / "csv"))
    folder = write(tmp_path / "parquet", {"order_lines.csv": None})
    lines = pd.read_csv(io.StringIO(LINES), dtype={"retailer_id": "str"}, parse_dates=["order_date"]).astype({"retailer_id": "category"})
    assert lines["allocated"].dtype == "float64"
    lines.to_parquet(folder / "order_lines.parquet", index=False)
    assert_same(read(folder), expected)


def test_a_fraction_in_a_float_column_of_parquet_is_refused(tmp_path: Path) -> None:
    folder = write(tmp_path, {"order_lines.csv": None})
    pd.read_csv(io.StringIO(LINES.replace("B1,4,4", "B1,4.5,4")), dtype={"retailer_id": "str"}).to_parquet(folder / "order_lines.parquet")
    assert refusal(folder)[0] == 'order_lines.parquet:4: requested "4.5" is no whole number; write 4 or 5'


def test_a_whole_number_with_a_point_and_zeros_is_whole(tmp_path: Path) -> None:
    expected = read(write(tmp_path / "expected"))
    assert "B1,4,4" in LINES
    assert_same(read(write(tmp_path / "floats", {"order_lines.csv": LINES.replace("B1,4,4", "B1,4.0,4.00")})), expected)


def test_columns_may_stand_in_any_order_and_unknown_ones_are_noted(tmp_path: Path) -> None:
    expected = read(write(tmp_path / "expected"))
    rows = [line.split(",") for line in LINES.splitlines()]
    turned = "\n".join(",".join([*reversed(row), "x", ""]) for row in rows) + "\n"
    turned = turned.replace("order_id,x,\n", "order_id,remark,\n", 1)
    found = read(write(tmp_path / "turned", {"order_lines.csv": turned}))
    assert_same(found, expected)
    assert found.notes == ("order_lines.csv: unknown columns were ignored: remark, (without a name)",)


def test_optional_columns_and_blank_cells_take_their_defaults(tmp_path: Path) -> None:
    brands = BRANDS.replace("launched_on,withdrawn_on", "pack_multiple,resale_prone").replace("2024-01-01,", "5,TRUE")
    found = read(write(tmp_path, {"brands.csv": brands})).tables["brands"]
    assert found["pack_multiple"].tolist() == [1, 5]
    assert found["resale_prone"].tolist() == [False, True]
    assert found["supply_attribute"].tolist() == ["balanced", "balanced"]
    assert found["launched_on"].isna().all()


def test_other_files_are_noted_and_not_read(tmp_path: Path) -> None:
    notes = read(write(tmp_path, {"supply.xlsx": b"PK\x03\x04", ".hidden": ""})).notes
    assert notes == ("supply.xlsx is not a file of a city folder and was not read",)


def test_a_later_folder_may_hold_any_of_the_files(tmp_path: Path) -> None:
    first = read(write(tmp_path / "first"))
    weeks = pd.DatetimeIndex(["2026-02-23", "2026-03-02"])
    stored = Stored(first.tables["retailers"], first.tables["brands"], weeks, NOTHING.release_strategy)
    supply = "brand_id,week,available\nB2,2026-03-02,7\n"
    later = read(write(tmp_path / "later", dict.fromkeys(CITY) | {"supply.csv": supply}), stored)
    assert list(later.tables) == ["supply"]
    assert later.tables["supply"]["available"].tolist() == [7]


def test_progress_is_told_up_to_the_end(tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    folder = write(tmp_path)
    read_folder(folder, NOTHING, SETTINGS, progress=lambda *what: told.append(what))
    size = sum((folder / name).stat().st_size for name in CITY)
    assert ("reading", size, size) in told
    assert all(done <= total for _, done, total in told)
    assert told[-1][0] == "checking"
    assert told[-1][1] == told[-1][2]


WORDS = st.text(st.characters(exclude_categories=("Cs", "Cc", "Zs", "Zl", "Zp"), exclude_characters="\ufeff"), min_size=1, max_size=6)
IDS = st.from_regex(r"[0-9A-Z,\"']{1,5}", fullmatch=True)


@st.composite
def cities(draw: st.DrawFn) -> dict[str, pd.DataFrame]:
    """Frames of a sound city of some retailers, brands and lines."""
    shops = draw(st.lists(IDS, min_size=2, max_size=5, unique=True))
    wares = draw(st.lists(IDS, min_size=1, max_size=4, unique=True))
    quantity = st.integers(0, 2_000_000_000)
    dates = st.dates(pd.Timestamp("2026-03-02").date(), pd.Timestamp("2026-03-08").date())
    header, row = (line.split(",") for line in RETAILERS.splitlines()[:2])
    retailers = [
        dict(zip(header, row, strict=True)) | {"retailer_id": i, "name": draw(WORDS), "star_level": 3, "order_weekday": 1} for i in shops
    ]
    brands = [
        {"brand_id": i, "name": draw(WORDS), "manufacturer": draw(WORDS), "price_class": 1, "wholesale_price": draw(st.floats(0, 1e6))}
        for i in wares
    ]
    day_of = {shop: draw(dates) for shop in shops}
    pairs = draw(st.lists(st.tuples(st.sampled_from(shops), st.sampled_from(wares)), min_size=1, max_size=12, unique=True))
    asked = [draw(quantity) for _ in pairs]
    lines = [
        {"order_id": f"O{shop}", "brand_id": ware, "retailer_id": shop, "order_date": pd.Timestamp(day_of[shop]), "mode": "pre_order",
         "requested": q, "allocated": draw(st.one_of(st.none(), st.integers(0, q)))}
        for (shop, ware), q in zip(pairs, asked, strict=True)
    ]  # fmt: skip
    return {
        "retailers": table(frames.RETAILERS, retailers),
        "brands": table(frames.BRANDS, brands),
        "order_lines": table(frames.ORDER_LINES, lines),
    }


@settings(deadline=None, max_examples=40)
@given(cities(), st.sampled_from(["utf-8", "utf-8-sig", "gb18030"]), st.sampled_from(["\n", "\r\n"]), st.integers(0, 10**6), st.booleans())
def test_what_is_written_is_what_is_read(
    tmp_path_factory: pytest.TempPathFactory, city: dict[str, pd.DataFrame], encoding: str, line_end: str, seed: int, quoted: bool
) -> None:
    folder = tmp_path_factory.mktemp("city")
    quoting = csv.QUOTE_ALL if quoted else csv.QUOTE_MINIMAL
    for name, frame in city.items():
        columns = list(np.random.default_rng(seed).permutation(frame.columns))
        text = frame[columns].to_csv(index=False, lineterminator=line_end, quoting=quoting, date_format="%Y-%m-%d")
        (folder / f"{name}.csv").write_bytes(text.encode(encoding))
    found = read(folder)
    for name, frame in city.items():
        assert_frame_equal(plain(name, found.tables[name]), frame)


def test_many_lines_in_random_order_come_sorted_by_key(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    rows = [f"O{n // 2:05d},00{1 + n // 2 % 3},2026-02-24,pre_order,B{1 + n % 2},{n % 50},\n" for n in range(20_000)]
    shuffled = [rows[i] for i in rng.permutation(len(rows))]
    found = read(write(tmp_path, {"order_lines.csv": LINES.splitlines()[0] + "\n" + "".join(shuffled)})).tables["order_lines"]
    assert_frame_equal(found, frames.conform(CONTRACT["order_lines"], found))
    assert found["requested"].tolist() == [n % 50 for n in range(20_000)]


@pytest.mark.shared
def test_the_development_city_is_read_whole() -> None:
    folder = SHARED / "market_dev" / "city"
    if not folder.is_dir():
        pytest.skip(f"{folder} is absent")
    found = read(folder)
    assert found.notes == ()
    for name, frame in found.tables.items():
        source = pd.read_csv(folder / f"{name}.csv", dtype={"retailer_id": "str"})
        assert len(frame) == len(source)
        for column in ("requested", "allocated", "cap", "available", "quota", "stock", "sold"):
            if column in source:
                assert frame[column].sum() == source[column].sum(), (name, column)
        if name != "order_lines":  # sorting text takes seconds there; the test above covers it
            assert_frame_equal(frame, frames.conform(CONTRACT[name], frame))
