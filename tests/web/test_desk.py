"""The desk: what may be ordered when, once for each key, with every version kept, and given back exactly."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from allocation import explain
from ordering import database, tables
from ordering.errors import OrderError
from ordering.model import Reason
from tests import factories as f
from tests.web.desks import EVENING, NOON, RULES, THURSDAY, city, open_desk, store
from web.desk import Desk
from web.refusals import TEXT, Refusal

MORNING = datetime(2026, 3, 5, 0, 59)


@pytest.fixture
def desk(db: database.Database, tmp_path: Path) -> Desk:
    city(db)
    return open_desk(db, tmp_path)


def rows(desk: Desk, table: sa.Table, *where: Any) -> list[dict[str, Any]]:
    return desk.db.rows(sa.select(table).where(*where))


def stored(desk: Desk) -> dict[str, list[str]]:
    """All that orders of the week leave, but for versions of the week and the audit."""
    of_week = (tables.order_lines, tables.confirmations, tables.week_given)
    return {t.name: sorted(map(repr, rows(desk, t, t.c.week == f.MONDAY))) for t in of_week}


def refusal(error: pytest.ExceptionInfo[OrderError]) -> str:
    return error.value.code


# quotes


def test_a_quote_says_what_can_be_ordered_and_why_in_both_languages(desk: Desk) -> None:
    found = desk.quote("R1", "B1", 9, by="R1", now=NOON)
    assert (found.orderable, found.reason) == (4, Reason.TURN_WON)
    assert found.words.en.startswith("4 can be ordered: your level's line is 3.9 cartons")
    assert "可订4条" in found.words.zh
    assert desk.quote("R1", "B2", 12, by="R1", now=NOON).reason is Reason.PACK


def test_every_reason_has_words_for_before_and_after_and_every_refusal_too() -> None:
    assert set(explain.BEFORE) == set(explain.TEXT) == set(Reason)
    assert set(TEXT) == set(Refusal)


def test_quotes_that_were_typed_are_versions_of_the_line(desk: Desk) -> None:
    store(desk.db, release_strategy=[{"brand_id": "B1", "week": f.MONDAY, "star_level": 2, "cap": 3}])
    for asked in (99, 3):
        desk.quote("R1", "B1", asked, by="clerk", now=NOON)
    order = desk.confirm("R1", {"B1": 3}, key="k", by="R1", now=NOON)
    kept = rows(desk, tables.request_versions, tables.request_versions.c.order_id == order.order_id)
    assert [(v["version"], v["requested"], v["cap_seen"], v["asked_by"]) for v in kept] == [(1, 99, 3, "clerk"), (2, 3, 3, "clerk")]
    [line] = rows(desk, tables.order_lines, tables.order_lines.c.order_id == order.order_id)
    assert (line["version"], line["mode"]) == (3, "same_day")
    with desk.db.reading() as reader:
        found = database.read_revisions(reader, f.MONDAY, THURSDAY, before=THURSDAY + timedelta(days=1))
    assert found[["most", "cap_seen"]].to_numpy().tolist() == [[99, 3]]


def test_a_quote_after_a_cart_leaves_room_for_it(desk: Desk) -> None:
    store(desk.db, daily_limits=[{"star_level": 2, "limit": 6}])
    assert desk.quote("R1", "B3", 5, by="R1", now=NOON).orderable == 5
    after = desk.quote("R1", "B3", 5, by="R1", now=NOON, cart={"B1": 4})
    assert (after.orderable, after.reason, after.left["day_left"]) == (2, Reason.DAY_LIMIT, 2)


def test_the_sheet_tells_what_a_quote_would_for_every_brand(desk: Desk) -> None:
    store(desk.db, monthly_quotas=[{"month": "2026-03", "star_level": 2, "brand_id": "B3", "quota": 2}])
    sheet = desk.sheet("R1", now=NOON)
    assert sheet.is_open
    for offer in sheet.offers:
        found = desk.quote("R1", offer.brand_id, 1000, by="R1", now=NOON)
        assert (offer.most, offer.reason) == (found.orderable, found.reason)
    assert {offer.brand_id: offer.reason for offer in sheet.offers}["B3"] is Reason.QUOTA_BRAND


# the window


@pytest.mark.parametrize(
    ("now", "code"),
    [(MORNING, "not_open_yet"), (EVENING, "closed"), (NOON - timedelta(days=1), "other_day"), (NOON + timedelta(days=1), "other_day")],
)
def test_same_day_orders_are_taken_in_the_window_of_the_order_day_only(desk: Desk, now: datetime, code: str) -> None:
    with pytest.raises(OrderError) as error:
        desk.confirm("R1", {"B1": 1}, key="k", by="R1", now=now)
    assert refusal(error) == code
    sheet = desk.sheet("R1", now=now)
    assert (sheet.is_open, sheet.code) == (False, code)
    assert desk.sheet("R1", now=MORNING + timedelta(minutes=1)).is_open
    assert desk.sheet("R1", now=EVENING - timedelta(seconds=1)).is_open


@pytest.mark.parametrize(
    ("lines", "code"),
    [({"B9": 1}, "no_brand"), ({"B1": -1}, "quantity"), ({"B1": 10**9}, "quantity"), ({"B2": 7}, "pack"), ({"B1": 0}, "no_lines")],
)
def test_what_a_retailer_can_mend_is_refused_in_words_and_nothing_is_stored(desk: Desk, lines: dict[str, int], code: str) -> None:
    before = stored(desk)
    with pytest.raises(OrderError) as error:
        desk.confirm("R1", lines, key="k", by="R1", now=NOON)
    assert refusal(error) == code
    assert all(error.value.words[language] for language in ("en", "zh"))
    assert stored(desk) == before


def test_a_week_without_supply_or_level_takes_pre_orders_only(desk: Desk) -> None:
    later = NOON + timedelta(weeks=1)
    with pytest.raises(OrderError) as error:
        desk.confirm("R1", {"B1": 1}, key="k", by="R1", now=later)
    assert refusal(error) == "not_yet_known"
    store(desk.db, supply=[{"brand_id": "B1", "week": f.week(1), "available": 9}])
    with pytest.raises(OrderError) as error:
        desk.confirm("R1", {"B1": 1}, key="k", by="R1", now=later)
    assert refusal(error) == "not_planned"
    assert desk.pre_order("R1", {"B1": 50}, key="p", by="R1", now=later).lines[0].requested == 50


# once


def test_one_key_is_one_order_and_other_lines_under_it_are_refused(desk: Desk) -> None:
    first = desk.confirm("R1", {"B1": 2, "B3": 1}, key="k", by="R1", now=NOON)
    before = stored(desk)
    assert desk.confirm("R1", {"B3": 1, "B1": 2}, key="k", by="R1", now=EVENING + timedelta(days=2)) == first
    with pytest.raises(OrderError) as error:
        desk.confirm("R1", {"B1": 3}, key="k", by="R1", now=NOON)
    assert refusal(error) == "key_used"
    assert stored(desk) == before
    assert desk.confirm("R1", {"B1": 1}, key="k2", by="R1", now=NOON).order_id != first.order_id
    assert desk.confirm("R2", {"B1": 1}, key="k", by="R2", now=NOON).retailer_id == "R2"


def test_an_order_stands_where_a_published_line_would(desk: Desk) -> None:
    order = desk.confirm("R1", {"B1": 9, "B3": 2}, key="k", by="Wang", now=NOON)
    done = rows(desk, tables.confirmations)
    lines = rows(desk, tables.order_lines, tables.order_lines.c.week == f.MONDAY)
    assert [(d["order_id"], d["brand_id"], d["allocated"], d["confirmed_by"], d["run_id"]) for d in done] == [
        (order.order_id, "B1", 4, "Wang", 1), (order.order_id, "B3", 2, "Wang", 1)
    ]  # fmt: skip
    assert [(row["requested"], row["allocated"]) for row in lines] == [(9, 4), (2, 2)]
    assert next((one.order_id, one.state) for one in desk.orders("R1", now=NOON)) == (order.order_id, "confirmed")
    assert {row["action"] for row in rows(desk, tables.audit)} == {"orders.confirm"}


def test_a_cancelled_order_returns_cartons_limits_and_quotas_at_once(desk: Desk) -> None:
    store(desk.db, monthly_quotas=[{"month": "2026-03", "star_level": 2, "brand_id": "", "quota": 5}])
    full = desk.sheet("R1", now=NOON)
    before = stored(desk)
    order = desk.confirm("R1", {"B1": 4, "B3": 1}, key="k", by="R1", now=NOON)
    assert desk.sheet("R1", now=NOON).total_left == 0
    gone = desk.cancel(order.order_id, paid=False, by="bank", why="card refused", now=NOON)
    assert (gone.state, gone.lines) == ("cancelled", order.lines)
    assert desk.sheet("R1", now=NOON) == full
    assert {name: [row for row in found if "'given': 0" not in row] for name, found in stored(desk).items()} == before
    with pytest.raises(OrderError) as error:
        desk.cancel(order.order_id, paid=True, by="R1", why="again", now=NOON)
    assert refusal(error) == "no_order"
    assert desk.confirm("R1", {"B1": 4}, key="k2", by="R1", now=NOON).lines[0].allocated == 4


def test_what_others_write_is_seen_by_the_next_quote(desk: Desk) -> None:
    assert desk.quote("R1", "B1", 9, by="R1", now=NOON).orderable == 4
    store(desk.db, supply=[{"brand_id": "B1", "week": f.MONDAY, "available": 3}])
    assert desk.quote("R1", "B1", 9, by="R1", now=NOON).orderable == 3
    store(desk.db, order_lines=[f.line("R2", "B1", 2, 2, order_date=THURSDAY)])
    assert desk.quote("R1", "B1", 9, by="R1", now=NOON).orderable == 1
    store(desk.db, holds=[{"retailer_id": "R1", "brand_id": "", "from": THURSDAY, "to": THURSDAY}])
    assert desk.quote("R1", "B1", 9, by="R1", now=NOON).reason is Reason.HOLD


# pre-orders


def test_a_pre_order_waits_and_is_edited_with_its_versions_until_the_cut_off(desk: Desk) -> None:
    store(desk.db, release_strategy=[{"brand_id": "B1", "week": f.MONDAY, "star_level": 2, "cap": 3}])
    tuesday = NOON - timedelta(days=2)
    first = desk.pre_order("R1", {"B1": 40, "B3": 2}, key="p1", by="R1", now=tuesday)
    second = desk.pre_order("R1", {"B1": 3, "B2": 5}, key="p2", by="clerk", now=NOON)
    assert first.order_id == second.order_id
    assert desk.pre_order("R1", {"B1": 40, "B3": 2}, key="p1", by="R1", now=NOON) == first  # done before, and not again
    lines = rows(desk, tables.order_lines, tables.order_lines.c.week == f.MONDAY)
    assert {row["brand_id"]: (row["requested"], row["allocated"], row["version"]) for row in lines} == {
        "B1": (3, None, 2), "B2": (5, None, 1)
    }  # fmt: skip
    kept = rows(desk, tables.request_versions)
    assert {(v["brand_id"], v["version"], v["requested"], v["cap_seen"], v["asked_by"], v["asked_at"]) for v in kept} == {
        ("B1", 1, 40, 3, "R1", tuesday), ("B3", 1, 2, None, "R1", tuesday)
    }  # fmt: skip
    assert {offer.brand_id: offer.waiting for offer in desk.sheet("R1", now=NOON).offers} == {"B1": 3, "B2": 5, "B3": 0}
    late = desk.pre_order("R1", {"B1": 1}, key="p3", by="R1", now=EVENING)
    assert late.order_date == THURSDAY + timedelta(weeks=1)
    assert rows(desk, tables.order_lines, tables.order_lines.c.week == f.MONDAY) == lines


def test_a_pre_order_takes_the_place_of_imported_lines_that_wait(desk: Desk) -> None:
    store(desk.db, order_lines=[f.line("R1", b, 7, None, order_date=THURSDAY, order_id="ERP1") for b in ("B1", "B3")])
    found = desk.pre_order("R1", {"B1": 9}, key="p", by="R1", now=NOON)
    assert found.order_id == "ERP1"
    lines = rows(desk, tables.order_lines, tables.order_lines.c.week == f.MONDAY)
    assert [(row["brand_id"], row["requested"]) for row in lines] == [("B1", 9)]
    assert desk.pre_order("R1", {}, key="none", by="R1", now=NOON).lines == ()
    assert rows(desk, tables.order_lines, tables.order_lines.c.week == f.MONDAY) == []


def test_nothing_asked_where_nothing_waits_leaves_no_week_behind(desk: Desk) -> None:
    weeks = database.weeks_with_orders(desk.db)
    assert desk.pre_order("R1", {}, key="none", by="R1", now=NOON).lines == ()
    desk.quote("R1", "B1", 3, by="R1", now=NOON)
    assert database.weeks_with_orders(desk.db) == weeks
    desk.pre_order("R1", {"B1": 1}, key="one", by="R1", now=NOON)
    assert set(database.weeks_with_orders(desk.db)) == {*weeks, f.MONDAY}


def test_a_pre_order_is_taken_so_many_days_ahead_as_the_settings_say(db: database.Database, tmp_path: Path) -> None:
    city(db)
    rules = RULES.model_copy(update={"ordering": RULES.ordering.model_copy(update={"days_ahead": 2})})
    desk = Desk(db, rules, history=tmp_path)
    with pytest.raises(OrderError) as error:
        desk.pre_order("R1", {"B1": 1}, key="p", by="R1", now=NOON - timedelta(days=3))
    assert refusal(error) == "too_early"
    assert desk.pre_order("R1", {"B1": 1}, key="p", by="R1", now=NOON - timedelta(days=2)).order_date == THURSDAY
