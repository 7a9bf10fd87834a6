"""What an account manager decided stands in the retailer's order form, and is no order."""

from __future__ import annotations

import re

import pytest
import sqlalchemy as sa
from starlette.testclient import TestClient

from jobs import exports, reviewing
from ordering import tables
from ordering.model import Decision
from ordering.review import Filter
from tests.web.browsing import Browser, with_password
from tests.web.conftest import House


@pytest.fixture
def retailer(house: House, client: TestClient) -> Browser:
    with_password(house, house.own)
    return Browser(client, house.own)


def needs(page: str) -> dict[str, str]:
    """What stands in the fields of the form, by brand."""
    return dict(re.findall(r'<input name="need\.([^"]+)"[^>]* value="(\d*)"', page))


def test_a_decided_suggestion_fills_the_form_and_an_open_one_does_not(house: House, retailer: Browser, source: exports.Source) -> None:
    form = f"/retailers/{house.own}/order?early=true"
    day = re.search(r"<dd>(\d{4}-\d\d-\d\d)", retailer.get(form))
    assert day
    lines = reviewing.listed(source, Filter(retailer=house.own))
    mine = lines[(lines["order_day"] == day.group(1)).to_numpy() & (lines["suggested"] > 0).to_numpy()]
    brand, suggested = str(mine["brand_id"].iloc[0]), int(mine["suggested"].iloc[0])
    assert len(mine) > 1
    waiting = needs(retailer.get(form))
    with house.db.writing() as tx:  # what waits already comes before what is recommended
        tx.execute(tables.order_lines.delete().where(tables.order_lines.c.allocated.is_(None)))
    assert set(needs(retailer.get(form)).values()) == {""}
    reviewing.decide(
        source, Filter(retailer=house.own, brand=brand), Decision.ACCEPTED, by="manager", clock=house.at, code="other", why="a test"
    )
    stored = house.db.rows(sa.select(sa.func.count().label("lines")).select_from(tables.order_lines))
    filled = needs(retailer.get(form))
    assert {name: value for name, value in filled.items() if value} == {brand: str(suggested)}
    assert house.db.rows(sa.select(sa.func.count().label("lines")).select_from(tables.order_lines)) == stored
    assert set(waiting) == set(filled)
