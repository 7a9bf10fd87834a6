"""One real period of a city as its company published it: the registry must give the same four rates."""

import numpy as np
import pandas as pd
import pytest

from ordering import metrics
from tests.factories import SHARED

FILE = SHARED / "tobacco_release" / "brand_tier_rates.csv"
PUBLISHED = ["fulfilment_rate", "cap_take_up_rate", "cap_hit_breadth", "ordering_rate"]

pytestmark = [pytest.mark.shared, pytest.mark.skipif(not FILE.exists(), reason=f"{FILE} is not here")]


@pytest.fixture(scope="module")
def cells() -> pd.DataFrame:
    return pd.read_csv(FILE, dtype={"brand_id": "str"}).rename(columns={"ordered": "allocated"})


@pytest.mark.parametrize("name", PUBLISHED)
def test_every_published_cell_comes_out_of_the_registry(cells, name):
    sums = cells.drop(columns=PUBLISHED)
    ours = metrics.compute(sums, [name], ["brand_id", "tier"]).merge(
        cells[["brand_id", "tier", name]], on=["brand_id", "tier"], validate="1:1", suffixes=("", "_published")
    )
    assert len(ours) == len(cells)
    pd.testing.assert_series_equal(ours[name].isna(), ours[f"{name}_published"].isna(), check_names=False)
    assert (ours[name] - ours[f"{name}_published"]).abs().max() <= 5e-10


def test_the_cells_with_nothing_requested_are_undefined(cells):
    assert metrics.value(cells, "fulfilment_rate").isna().sum() == 270


def test_the_total_is_the_ratio_of_the_sums_and_no_mean_of_the_cells(cells):
    total = metrics.compute(cells, ["fulfilment_rate"], keep=["allocated", "requested"]).iloc[0]
    assert (total["allocated"], total["requested"]) == (540_764, 622_232)
    assert total["fulfilment_rate"] == pytest.approx(0.86907, abs=5e-6)
    assert not np.isclose(cells["fulfilment_rate"].mean(), total["fulfilment_rate"], atol=0.1)
