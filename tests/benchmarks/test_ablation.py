from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks import ablation, city_folder
from forecasting import demand, evidence, shelf
from ordering.sample import write_city
from ordering.settings import DemandSettings

RULES = DemandSettings(weeks=40)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    write_city(folder / "city", truth=folder / "truth", kind="inflating", retailers=20, brands=4, weeks=56, seed=3)
    return folder


def test_taking_evidence_away_changes_the_errors_and_is_told_beside_everything(place: Path) -> None:
    found = ablation.errors(place, RULES, ["scanned sales", "requests in shortage"])
    assert [*found] == ["everything", "scanned sales", "requests in shortage"]
    assert found["scanned sales"] != found["everything"]
    assert found["requests in shortage"] != found["everything"]
    for table in (ablation.text("made", found), ablation.markdown("made", found)):
        assert "without scanned sales" in table
        assert "with everything" in table
        assert f"{found['scanned sales']['pair']:.3f}" in table


def test_what_is_switched_off_is_on_again_afterwards(place: Path) -> None:
    before = shelf.habits, evidence.FLOW_TRUST, evidence.TILL_TRUST, evidence._about_peers
    for kind in ablation.KINDS.values():
        with kind.off():
            pass
    assert before == (shelf.habits, evidence.FLOW_TRUST, evidence.TILL_TRUST, evidence._about_peers)


@pytest.mark.parametrize("name", [*ablation.KINDS])
def test_without_any_one_kind_the_snapshot_holds_and_only_its_data_are_gone(place: Path, name: str) -> None:
    known = city_folder.read(place)
    less = ablation.KINDS[name].data(known)
    changed = {table for table, frame in vars(known).items() if frame is not getattr(less, table)}
    for table in changed:
        pd.testing.assert_index_equal(getattr(less, table).columns, getattr(known, table).columns)
        assert (getattr(less, table).dtypes == getattr(known, table).dtypes).all()
    switched = {"requests in shortage", "habits (all honest)", "slack deliveries", "peers", "tills' word on the level"}
    assert bool(changed) == (name not in switched)


def test_where_everybody_is_taken_as_honest_no_habit_is_learnt(place: Path) -> None:
    known = city_folder.read(place)
    with ablation.KINDS["habits (all honest)"].off():
        assert demand.estimate(known, RULES).shape.honest.min() == 1.0
    assert demand.estimate(known, RULES).shape.honest.min() < 1.0


def test_an_undefined_error_is_a_dash() -> None:
    nothing = dict.fromkeys(ablation.FIGURES, np.nan)
    assert "–" in ablation.text("ample", {"everything": nothing})
