"""Alerts on both databases: told once while they stand, told again when it is well, and found by looking at what the nights left."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
import sqlalchemy as sa

from forecasting.drift import STEP
from jobs import alerts, outbox
from ordering import database, frames, tables
from ordering import settings as rules
from ordering.database import alerts as kept
from ordering.database import runs as runlog
from ordering.errors import StateError
from ordering.notices import ALERTS, Alert, alert_words
from tests import factories as f
from tests.jobs import receivers

D = date(2026, 3, 2)
BEFORE, AFTER = datetime(2026, 3, 1, 21, 59), datetime(2026, 3, 1, 22, 1)
"""05:59 and 06:01 in Shanghai on D."""
GIVEN = rules.load()


def loaded(db: database.Database, at: datetime = datetime(2026, 2, 1)) -> None:
    database.store(db, {"retailers": f.table(frames.RETAILERS, [f.retailer()])}, folder="city", by="tester", at=at)


def night(db: database.Database, on: date, *, drifted: tuple[str, ...] = ()) -> int:
    run_id = runlog.begin(db, job="nightly", business_date=on, version="1", at=AFTER)
    rows = {"step": [STEP] * len(drifted), "subject": list(drifted), "message": ["left its interval"] * len(drifted)}
    problems = frames.empty(frames.PROBLEMS) if not drifted else frames.conform(frames.PROBLEMS, f.pd.DataFrame(rows).astype("str"))
    runlog.save(db, run_id, {}, hashes={}, steps=[runlog.Step("x", 0.0, 0, 0)], problems=problems, at=AFTER, keep=8)
    return run_id


def standing(db: database.Database) -> list[tuple[str, str]]:
    return [(row["kind"], row["subject"]) for row in kept.standing(db)]


def told(db: database.Database) -> list[str]:
    return [row["kind"] for row in db.rows(sa.select(tables.notices.c.kind).order_by(tables.notices.c.notice_id))]


def test_an_alert_is_told_once_while_it_stands_and_again_when_it_comes_back(db: database.Database) -> None:
    words = alert_words(Alert.BACKUP_FAILED, date=D)
    raised = [alerts.raise_alert(db, kind="backup_failed", subject="backup", words=words, at=AFTER) for _ in range(3)]
    assert raised == [True, False, False]
    assert [row["times"] for row in kept.listed(db)] == [3]
    assert alerts.clear_alert(db, kind="backup_failed", subject="backup", at=AFTER)
    assert not alerts.clear_alert(db, kind="backup_failed", subject="backup", at=AFTER)
    assert alerts.raise_alert(db, kind="backup_failed", subject="backup", words=words, at=AFTER)
    assert told(db) == ["alert_raised", "alert_cleared", "alert_raised"]
    assert alerts.raise_alert(db, kind="backup_failed", subject="another", words=words, at=AFTER)
    assert standing(db) == [("backup_failed", "backup"), ("backup_failed", "another")]


@pytest.mark.parametrize("kind", Alert)
def test_every_alert_has_words_in_both_languages(kind: Alert) -> None:
    assert all(ALERTS[kind])
    assert any("\u4e00" <= sign <= "\u9fff" for sign in ALERTS[kind][1])


def test_a_late_night_is_told_at_its_hour_and_recovers_with_the_night(db: database.Database) -> None:
    loaded(db)
    night(db, D - timedelta(days=1))
    assert alerts.check(db, GIVEN, BEFORE) == 0
    assert alerts.check(db, GIVEN, AFTER) == 1
    assert alerts.check(db, GIVEN, AFTER + timedelta(minutes=1)) == 1
    assert standing(db) == [("night_late", "2026-03-02")]
    night(db, D)
    assert alerts.check(db, GIVEN, AFTER + timedelta(hours=1)) == 0
    assert told(db) == ["alert_raised", "alert_cleared"]


def test_a_night_that_could_not_be_expected_is_not_late(db: database.Database) -> None:
    assert alerts.check(db, GIVEN, AFTER) == 0  # nothing is loaded
    loaded(db, at=datetime(2026, 3, 1, 17, 31))  # a minute after the night was due to begin
    assert alerts.check(db, GIVEN, AFTER) == 0
    assert alerts.check(db, GIVEN, AFTER + timedelta(days=1)) == 1


def test_a_failed_night_is_told_until_one_ends_well(db: database.Database) -> None:
    run_id = runlog.begin(db, job="nightly", business_date=D, version="1", at=BEFORE)
    runlog.fail(db, run_id, at=BEFORE)
    assert alerts.check(db, GIVEN, BEFORE) == 1
    assert alerts.check(db, GIVEN, BEFORE) == 1
    assert standing(db) == [("night_failed", "2026-03-02")]
    night(db, D)
    assert alerts.check(db, GIVEN, AFTER) == 0


def test_many_brands_that_drift_are_one_alert(db: database.Database) -> None:
    night(db, D, drifted=("B1", "B2"))
    assert alerts.check(db, GIVEN, AFTER) == 1
    assert [row["english"] for row in kept.standing(db)] == ["Forecasts of B1, B2 have left their interval for weeks."]
    night(db, D + timedelta(days=1))
    assert alerts.check(db, GIVEN, AFTER) == 0


def test_somebody_looks_after_an_alert_once(db: database.Database) -> None:
    alerts.raise_alert(db, kind="drifted", subject="x", words={"en": "x", "zh": "某"}, at=AFTER)
    kept.acknowledge(db, 1, by="Li", at=AFTER)
    with pytest.raises(StateError, match="alert 1: Li looks after it already, since 2026-03-01 22:01 UTC"):
        kept.acknowledge(db, 1, by="Wang", at=AFTER)
    with pytest.raises(StateError, match="there is no alert 2"):
        kept.acknowledge(db, 2, by="Wang", at=AFTER)
    assert [row["action"] for row in db.rows(sa.select(tables.audit.c.action))] == ["alert.ack"]


def test_alerts_go_to_the_operators_alone(db: database.Database) -> None:
    with receivers.web() as web, receivers.mail() as mail:
        post = GIVEN.notices.model_copy(
            update={"smtp_host": "127.0.0.1", "smtp_port": mail.port, "smtp_security": "none", "mail_to": ("staff@x.cn",)}
        )
        given = GIVEN.model_copy(
            update={"notices": post, "alerts": GIVEN.alerts.model_copy(update={"webhook_url": web.url, "mail_to": ("ops@x.cn",)})}
        )
        alerts.raise_alert(db, kind="night_failed", subject="2026-03-02", words=alert_words(Alert.NIGHT_FAILED, date=D), at=AFTER)
        assert outbox.deliver(db, given, now=lambda: AFTER) == outbox.Round(2, 0, 0)
        assert [body["words"]["zh"] for _, body in web.got] == ["2026-03-02的夜间任务失败。"]
        (text,) = mail.got
        assert "To: ops@x.cn" in text
