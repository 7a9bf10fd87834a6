"""The worked example of a foreign layout: the invoice lines of Iowa's wholesale monopoly, as the shipped mapping reads them."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import pandas as pd
import pytest

from ordering.frames import CONTRACT, conform
from ordering.importing import Checked
from tests.factories import SHARED
from tests.ordering.city_text import read

IOWA = SHARED / "iowa"
pytestmark = [pytest.mark.shared, pytest.mark.skipif(not IOWA.is_dir(), reason=f"{IOWA} is absent")]


@pytest.fixture(scope="module")
def iowa() -> Checked:
    return read(IOWA, mapping=Path(str(files("config") / "mappings" / "iowa.toml")))


@pytest.fixture(scope="module")
def source() -> pd.DataFrame:
    return pd.read_parquet(IOWA / "lines.parquet")


def test_bottles_and_distinct_keys_are_those_of_the_source(iowa: Checked, source: pd.DataFrame) -> None:
    lines = iowa.tables["order_lines"]
    assert len(lines) == 3_737_034 == source.groupby(["date", "store", "item"]).ngroups
    assert lines["allocated"].sum() == source["bottles"].sum() == 54_861_469
    assert (lines["requested"] == lines["allocated"]).all()


def test_bottles_of_every_store_item_and_day_are_those_of_the_source(iowa: Checked, source: pd.DataFrame) -> None:
    lines = iowa.tables["order_lines"]
    for ours, theirs in (("retailer_id", "store"), ("brand_id", "item"), ("order_date", "date")):
        found = lines.groupby(ours, observed=True)["requested"].sum()
        expected = source.groupby(theirs)["bottles"].sum()
        assert found.to_dict() == {(pd.Timestamp(key) if theirs == "date" else key): total for key, total in expected.items()}


def test_the_repeated_rows_are_counted(iowa: Checked) -> None:
    assert iowa.notes == (
        "items.csv: unknown columns were ignored: category, pack, list_date",
        "lines.parquet: 25,392 repeated rows were summed into the first row of their key",
    )


def test_stores_and_items_are_those_of_the_source(iowa: Checked, source: pd.DataFrame) -> None:
    stores = pd.read_csv(IOWA / "stores.csv", dtype="str").set_index("store")
    shops, wares = iowa.tables["retailers"], iowa.tables["brands"]
    assert shops["street"].tolist() == stores["city"].reindex(shops["retailer_id"]).tolist()
    assert shops["district"].tolist() == stores["zip"].str[:3].reindex(shops["retailer_id"]).tolist()
    assert set(shops["star_level"]) == {1}
    dates = source[["store", "date"]].drop_duplicates()
    weekday = pd.to_datetime(dates["date"]).dt.isocalendar().day.groupby(dates["store"]).agg(lambda days: days.mode().iloc[0])
    assert shops["order_weekday"].tolist() == weekday.reindex(shops["retailer_id"]).tolist()
    assert wares["launched_on"].isna().all()
    assert set(wares["pack_multiple"]) == {1}
    assert sorted(set(wares["price_class"])) == [1, 2, 3, 4, 5]


def test_its_tables_are_as_the_contract_holds_them(iowa: Checked) -> None:
    for name in ("retailers", "brands"):
        pd.testing.assert_frame_equal(iowa.tables[name], conform(CONTRACT[name], iowa.tables[name]))
    lines = iowa.tables["order_lines"]
    assert lines.dtypes.astype("str").to_dict() == {
        "order_id": "str", "brand_id": "category", "retailer_id": "category", "order_date": "datetime64[us]", "mode": "str",
        "requested": "int32", "allocated": "Int32",
    }  # fmt: skip
