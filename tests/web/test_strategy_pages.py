"""Headquarters publishes a strategy that it saw, takes it back, and tries other terms."""

from __future__ import annotations

import re
from html import unescape

import pytest
from starlette.testclient import TestClient

from jobs import exports, reruns, strategies, strategy_desk
from ordering import database
from ordering.database import lookups, planning
from tests.web.conftest import House, Looks
from tests.web.test_headquarters_pages import table
from web.screens import figures


def form(part: str) -> dict[str, str]:
    """The hidden fields of a form."""
    return {name: unescape(value) for name, value in re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', part)}


def strategy_of(house: House, week: str) -> list[dict[str, object]]:
    with house.db.reading() as reader:
        rows = database.read_table(reader, "release_strategy")
    return rows[rows["week"] == week].astype("str").to_dict("records")  # type: ignore[return-value]


def test_what_was_seen_is_published_audited_and_taken_back(looks: Looks, house: House, source: exports.Source) -> None:
    part = looks.page("/strategy/proposal")
    said = form(part)
    before = strategy_of(house, said["week"])
    done = looks.send("/strategy/plans", **said, why="the month's volume")
    assert "Published as plan 1" in done
    rows = strategies.strategy(source, strategy_desk.proposal(source).week).rows() if before else None
    assert rows is None
    assert len(strategy_of(house, said["week"])) > 0
    assert "nothing to publish" in done  # of the same week the same is proposed again
    plans = looks.page("/strategy/plans")
    assert "the month&#39;s volume" in plans
    assert "/strategy/plans/1/withdrawal" in plans
    back = looks.send("/strategy/plans/1/withdrawal", why="too early")
    assert "taken back by headquarters" in back
    assert strategy_of(house, said["week"]) == before
    acts = [row["action"] for row in lookups.audit(house.db, by="headquarters", action="plan", since=None, offset=0, limit=9)[0]]
    assert acts == ["plan.withdraw", "plan.publish"]
    assert "was taken back already" in looks.send("/strategy/plans/1/withdrawal", 409, why="again")


def test_what_changed_since_it_was_seen_is_not_published(looks: Looks, house: House, client: TestClient) -> None:
    said = form(looks.page("/strategy/proposal"))
    client.cookies.set("language", "zh")
    assert "已有变化，未发布" in looks.send("/strategy/plans", 409, **(said | {"seen": "0" * 32}), why="x")
    assert strategy_of(house, said["week"]) == []
    assert planning.plans(house.db, 5) == []


@pytest.mark.parametrize("week", ["0001-01-01", "9999-12-31", "2026-09-08"])
def test_a_week_that_cannot_be_planned_is_refused_in_the_part(looks: Looks, week: str) -> None:
    part = looks.page("/strategy/proposal", week=week)
    assert 'class="note"' in part
    assert week in part


def test_a_second_look_takes_what_was_made(looks: Looks, source: exports.Source, monkeypatch: pytest.MonkeyPatch) -> None:
    first = strategy_desk.proposal(source)
    monkeypatch.setattr(strategies, "strategy", lambda *_: pytest.fail("it was made again"))
    assert strategy_desk.proposal(source) is first
    looks.page("/strategy/proposal")


def test_it_is_made_again_when_the_city_changed(source: exports.Source, house: House) -> None:
    """Negative control of the one before."""
    first = strategy_desk.proposal(source)
    planning.publish(house.db, first.rows(), first.week, replace=False, by="tester", why="x", at=house.at)
    assert strategy_desk.proposal(source) is not first
    assert strategy_desk.proposal(source).week > first.week
    assert len(strategy_desk.preview(source, first.week).changes) == 0


def capped(source: exports.Source) -> tuple[str, int]:
    """A brand and its best level, with a cap in the planned week that lets something through."""
    week = source.result("week_levels")["week"].iloc[0]
    caps = planning.strategy_of(source.db, week.date())
    open_ = caps[caps["cap"] > 0].astype({"brand_id": "str"}).sort_values(["brand_id", "star_level"])
    return str(open_["brand_id"].iloc[-1]), int(open_["star_level"].iloc[-1])


def test_supply_and_caps_of_the_form_are_those_of_the_comparison(looks: Looks, source: exports.Source, house: House) -> None:
    brand, _ = capped(source)
    fields = looks.page("/strategy/what-if/brand", brand=brand)
    assert f'name="supply.{brand}"' in fields
    level = int(re.findall(rf'name="cap\.(\d+)\.{brand}"', fields)[-1])
    said = {"policy": "", f"supply.{brand}": "7", f"cap.{level}.{brand}": "0"}
    found = reruns.beside(source, None, {brand: 7}, {(brand, level): 0})
    rows = table(looks.send("/strategy/what-if", **said), "close compared")
    assert [row[8] for row in rows] == [figures.cartons(count) for count in found.figures["allocated_then"]]
    assert found.lines.loc[found.lines["brand_id"].astype("str") == brand, "allocated"].sum() <= 7
    asked = found.figures.set_index(["week", "star_level"])
    assert (asked["allocated_then"] <= asked["allocated"]).loc[(slice(None), 0)].all()


def test_a_cap_binds_its_level_alone(source: exports.Source) -> None:
    lines, (brand, level) = source.result("allocation"), capped(source)
    found = reruns.beside(source, None, {}, {(brand, level): 0})
    own = found.lines[(found.lines["brand_id"].astype("str") == brand) & (found.lines["cap"] == 0)]
    assert (own["allocated"] == 0).all()
    other = found.lines[found.lines["brand_id"].astype("str") != brand]
    before = lines[lines["brand_id"].astype("str") != brand]
    assert other["allocated"].sum() >= before["allocated"].sum()


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"supply.nothing": "1"}, "is not among the city"),
        ({"cap.99.B1": "1"}, "no cap for level 99"),
    ],
)
def test_what_cannot_be_tried_is_said_in_the_part(looks: Looks, said: dict[str, str], words: str) -> None:
    assert words in looks.send("/strategy/what-if", **said)


@pytest.mark.parametrize("said", [{"supply.B1": "ten"}, {"cap.x.B1": "1"}, {"policy": "whim"}])
def test_what_is_no_term_is_refused(looks: Looks, said: dict[str, str]) -> None:
    looks.send("/strategy/what-if", 422, **said)
