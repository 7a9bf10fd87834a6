from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks import city_folder, gaming
from ordering import frames
from ordering.sample import write_city


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    write_city(folder / "city", truth=folder / "truth", kind="inflating", retailers=30, brands=5, weeks=60, seed=3)
    return folder


def test_only_the_shops_last_weeks_ask_for_more_and_nobody_is_given_more(place: Path) -> None:
    known = city_folder.read(place)
    shop = str(known.retailers["retailer_id"].iloc[4])
    greedy, since = gaming.asking(known, shop, 5.0, 26), frames.day(known.business_date) - np.timedelta64(26 * 7, "D")
    changed = known.lines["requested"] != greedy.lines["requested"]
    assert set(known.lines.loc[changed, "retailer_id"].astype("str")) == {shop}
    assert known.lines.loc[changed, "week"].min() == since
    assert (greedy.lines["requested"][changed] == 5 * known.lines["requested"][changed]).all()
    assert (greedy.lines["allocated"] == known.lines["allocated"]).all()


def test_every_nth_shop_is_tried_and_the_gains_are_told(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    gaming.main([str(place), "--every", "15", "--workers", "1"])
    table, *said = capsys.readouterr().out.split("2 shops tried\n")
    assert len(table.splitlines()) == 3
    assert said[0].startswith("own estimate: ")


def test_a_shop_that_asks_as_it_did_changes_nothing(place: Path) -> None:
    shop = str(city_folder.read(place).retailers["retailer_id"].iloc[0])
    _, own, others, _ = gaming.gained(place, shop, 1.0, 26)
    assert (own, others) == (0.0, 0.0)
    assert gaming.gained(place, shop, 5.0, 26)[1] != 0.0  # the control


def test_gains_above_what_is_allowed_are_counted() -> None:
    said = gaming.described(np.array([[-0.1, 0.002], [0.06, 0.02], [0.04, 0.0]]))
    assert "1 lower, 1 more than 5% higher, highest +6.0%" in said
    assert "in 1 trials one rose by more than 1%, highest +2.00%" in said
