"""A line's reasons, and the sheet that recomputes it: every line of a night agrees, and one carton off is noticed."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pandas as pd
import pytest

from jobs import explaining, explaining_words, exports, nightly, publish
from jobs.clock import now
from jobs.exports import Source
from ordering import database
from ordering.errors import StateError
from ordering.settings import Settings


@pytest.fixture
def source(planned_city: database.Database, rules: Settings, tmp_path: Path) -> Source:
    return exports.source(planned_city, rules, tmp_path / "one-history")


def test_the_sheet_reproduces_every_line_of_the_night(source: Source) -> None:
    found = explaining.sheet(source, None)
    assert len(found) == len(source.result("allocation")) > 20
    assert found["level"].notna().sum() > 5
    assert found["agrees"].all()


def test_a_carton_too_many_or_too_few_is_noticed(source: Source) -> None:
    """The control of the test above."""
    sheet = explaining.sheet(source, None)
    for off in (-1, 1):
        again = explaining.checked(sheet.assign(allocated=sheet["allocated"] + off))
        assert not again["agrees"].any()


def test_the_printed_arithmetic_runs_and_gives_what_was_given(source: Source) -> None:
    for retailer in explaining.sheet(source, None)["retailer_id"].astype("str").unique()[:4]:
        sheet = explaining.sheet(source, retailer)
        printed = explaining_words.by_hand(sheet, source.settings.allocation.salt)
        recipe = printed[printed.index("import hashlib") : printed.index("\ncartons(")]
        assert len([line for line in recipe.splitlines() if line.strip()]) <= 11
        names: dict[str, object] = {}
        exec(recipe, names)
        calls = [line for line in printed.splitlines() if line.startswith("cartons(")]
        told = [(eval(call.split("  # ")[0], names), int(re.findall(r"# .*?: (\d+)  ", call)[0])) for call in calls]
        assert [got for got, _ in told] == sheet["allocated"].tolist() == [given for _, given in told]


def test_a_line_is_told_from_its_proposal_and_then_from_its_confirmation(
    city: database.Database, made: tuple[Path, pd.Timestamp], rules: Settings, tmp_path: Path
) -> None:
    nightly.run(city, made[1], rules, history=tmp_path / "history")
    source = exports.source(city, rules, tmp_path / "history")
    lines = source.result("allocation")
    cut = lines[lines["allocated"] < lines["usable"]].iloc[0]
    key = str(cut["order_id"]), str(cut["brand_id"])
    first = explaining.explained(source, *key)
    assert not first.confirmed
    assert first.line["allocated"] == cut["allocated"]
    assert "would have needed" in first.sentences["en"][1]
    assert "分配线" in first.sentences["zh"][1]
    told = {english: figure for english, _, figure in first.facts}
    assert told["hash of what was read"] == source.run.input_hash
    publish.publish(city, rules, history=tmp_path / "history", clock=now() + timedelta(days=10_000), by="tester")
    second = explaining.explained(source, *key)
    assert second.confirmed
    assert second.facts == first.facts
    assert second.sentences == first.sentences


def test_what_is_not_there_is_said_so(source: Source) -> None:
    with pytest.raises(StateError, match="allocates no line of brand B9 in order nowhere"):
        explaining.explained(source, "nowhere", "B9")
    with pytest.raises(StateError, match="there is no retailer nobody"):
        explaining.sheet(source, "nobody")
