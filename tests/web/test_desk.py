"""The desk on both databases."""

from __future__ import annotations

from pathlib import Path

from ordering import database
from tests.web.desks import NOON, city, open_desk


def test_smoke(db: database.Database, tmp_path: Path) -> None:
    city(db)
    desk = open_desk(db, tmp_path)
    sheet = desk.sheet("R1", now=NOON)
    print(sheet)
    q = desk.quote("R1", "B1", 9, by="R1", now=NOON)
    print(q)
    order = desk.confirm("R1", {"B1": 9, "B2": 10, "B3": 2}, key="k1", by="R1", now=NOON)
    print(order)
    assert desk.confirm("R1", {"B1": 9, "B2": 10, "B3": 2}, key="k1", by="R1", now=NOON) == order
    print(desk.pre_order("R2", {"B1": 50}, key="k2", by="R2", now=NOON))
    print(desk.orders("R1", now=NOON))
    print(desk.cancel(order.order_id, paid=False, by="R1", why="no money", now=NOON))
