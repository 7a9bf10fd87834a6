"""What machines that watch are told."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from ordering import database, tables
from tests.web.conftest import House, app_of, bearer


def test_a_service_with_its_database_is_ready(client: TestClient) -> None:
    assert client.get("/healthz").json() == {"status": "alive"}
    found = client.get("/readyz")
    assert (found.status_code, found.json()["status"]) == (200, "ready")
    assert [check["name"] for check in found.json()["checks"]] == ["database", "scheduler", "night"]


def test_a_night_that_is_late_is_told_and_orders_are_taken_all_the_same(house: House, client: TestClient) -> None:
    (run,) = house.db.rows(sa.select(tables.runs))
    for hours, fresh in ((1, True), (23, True), (24 + house.settings.nightly.grace_hours + 1, False)):
        house.at = run["finished_at"] + timedelta(hours=hours)
        found = client.get("/readyz")
        night = {check["name"]: check for check in found.json()["checks"]}["night"]
        assert (found.status_code, night["ok"], night["required"]) == (200, fresh, False)


@pytest.mark.parametrize("kind", ["empty", "old"])
def test_a_database_without_this_version_s_schema_is_not_ready(house: House, tmp_path: Path, kind: str) -> None:
    db = database.connect(f"sqlite:///{tmp_path / 'none.db'}")
    if kind == "old":
        database.migrate(db)
        with db.writing() as tx:
            tx.exec_driver_sql("UPDATE alembic_version SET version_num = '0001'")
    with TestClient(app_of(db, house.settings, history=tmp_path, clock=lambda: house.at)) as client:
        assert client.get("/healthz").status_code == 200
        found = client.get("/readyz")
        assert (found.status_code, found.json()["status"]) == (503, "not_ready")
        assert str(tmp_path) not in found.text


def figures(client: TestClient) -> dict[tuple[str, str], float]:
    page = client.get("/metrics")
    assert page.status_code == 200
    found = text_string_to_metric_families(page.text)
    return {(one.name, ",".join(one.labels[key] for key in sorted(one.labels))): one.value for family in found for one in family.samples}


def test_what_is_counted_stands_in_the_metrics_by_template(house: House, client: TestClient) -> None:
    client.get("/nowhere")
    before = figures(client)
    for _ in range(3):
        client.get(f"/api/v1/retailers/{house.own}/supply-calendar", headers=bearer(house, house.own))
        client.get("/secret-path-of-a-scanner")
    after = figures(client)
    mine = ("trueorder_requests_total", "GET,/api/v1/retailers/{retailer_id}/supply-calendar,200")
    assert after[mine] - before.get(mine, 0) == 3
    assert after["trueorder_refusals_total", "NOT_FOUND"] - before["trueorder_refusals_total", "NOT_FOUND"] == 3
    assert after["trueorder_waiting_lines", ""] > 0
    assert after["trueorder_night_duration_seconds", ""] > 0
    assert not any(house.own in label or "scanner" in label for _, label in after)


def test_connections_in_use_are_counted(house: House, client: TestClient) -> None:
    name = ("trueorder_database_connections", "")
    client.get("/healthz")
    idle = figures(client)[name]
    with house.db.engine.connect(), house.db.engine.connect():
        client.get("/healthz")
        assert figures(client)[name] == idle + 2


def test_the_metrics_are_there_for_named_addresses_alone(house: House) -> None:
    web = house.settings.web.model_copy(update={"metrics_from": ("127.0.0.1",)})
    app = app_of(house.db, house.settings.model_copy(update={"web": web}), history=house.folder, clock=lambda: house.at)
    with TestClient(app) as client:
        assert client.get("/metrics").status_code == 404
