"""Notices on both databases: posted with what they tell or not at all, delivered at least once and in order, by real receivers."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from email import message_from_string, policy
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs import channels, outbox
from jobs.channels import Channel, SendError
from ordering import database, tables
from ordering import settings as rules
from ordering.database import outbox as kept
from ordering.errors import SettingsError, StateError, TrueOrderError
from ordering.notices import MANAGERS, RETAILERS, WORDS, Notice, Stored, words
from tests.jobs import receivers

AT = datetime(2026, 3, 2, 4, 0)
WEEK = {"week": "2026-03-02", "brands": 3, "plan_id": 1}


def with_notices(**more: Any) -> rules.Settings:
    found = rules.load()
    return found.model_copy(update={"notices": found.notices.model_copy(update={"send_seconds": 0.5, **more})})


def post(db: database.Database, unique: str, *, audience: kept.Audience = kept.managers, at: datetime = AT) -> int | None:
    with db.writing() as tx:
        told = {"subject": "week", "payload": WEEK, "at": at, "unique": unique}
        return kept.post(tx, kind=Notice.STRATEGY_PUBLISHED, audience=audience, **told)


class Clock:
    """A clock that tests set."""

    def __init__(self) -> None:
        self.now = AT

    def __call__(self) -> datetime:
        return self.now


def deliver(db: database.Database, given: rules.Settings, clock: Callable[[], datetime] = Clock(), **more: Any) -> outbox.Round:  # noqa: B008
    return outbox.deliver(db, given, now=clock, **more)


def states(db: database.Database) -> list[str]:
    return [row["state"] for row in db.rows(sa.select(kept.SENDING.c.state).order_by(kept.SENDING.c.notice_id, kept.SENDING.c.channel))]


# posting


def test_a_notice_stands_with_what_it_tells_or_not_at_all(db: database.Database) -> None:
    with pytest.raises(ZeroDivisionError), db.writing() as tx:  # noqa: PT012
        kept.post(tx, kind=Notice.NIGHT_READY, subject="x", audience=kept.managers, payload={}, at=AT)
        raise ZeroDivisionError
    assert kept.listed(db) == []


def test_posting_twice_is_once_and_nobody_is_told_nothing(db: database.Database) -> None:
    assert [post(db, "a"), post(db, "a"), post(db, "b")][1] is None
    nobody = kept.Audience(RETAILERS, [])
    assert post(db, "c", audience=nobody) is None
    empty = sa.select(tables.contract["retailers"].c.retailer_id)
    assert post(db, "d", audience=kept.Audience(RETAILERS, empty)) is None
    assert len(kept.listed(db)) == 2
    with pytest.raises(TrueOrderError, match='audience "cats": there is none; use retailers, managers, operators'):
        post(db, "e", audience=kept.Audience("cats"))


def test_a_reader_finds_what_is_for_it_and_nothing_else(db: database.Database) -> None:
    post(db, "one", audience=kept.Audience(RETAILERS, ["R1", "R2"]))
    post(db, "all", audience=kept.retailers)
    post(db, "staff", audience=kept.managers)
    post(db, "other", audience=kept.Audience(RETAILERS, ["R2"]))
    assert [len(kept.of_reader(db, RETAILERS, reader)) for reader in ("R1", "R2", "R3")] == [2, 3, 1]
    assert kept.of_reader(db, RETAILERS, "R1", since=AT + timedelta(seconds=1)) == []
    newest = kept.of_reader(db, RETAILERS, "R1")[0]
    assert newest.words["zh"] == "2026-03-02当周的投放策略已公布，涉及3个品规。"


@pytest.mark.parametrize("kind", Notice)
def test_every_kind_has_words_in_both_languages(kind: Notice) -> None:
    import string

    names = [{name for _, name, _, _ in string.Formatter().parse(text) if name} for text in WORDS[kind]]
    assert names[0] == names[1] or kind.startswith("alert")
    told = words(kind, dict.fromkeys(names[0] | names[1], "7"))
    assert set(told) == {"en", "zh"}
    assert "{" not in "".join(told.values())


# delivery


def test_files_are_whole_and_a_repetition_takes_the_place_of_the_first(db: database.Database, tmp_path: Path) -> None:
    given = with_notices(folder=str(tmp_path / "out"))
    post(db, "a", audience=kept.Audience(RETAILERS, ["R2", "R1"]))
    assert deliver(db, given) == outbox.Round(1, 0, 0)
    (file,) = (tmp_path / "out").iterdir()
    lines = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    assert [line["reader"] for line in lines] == ["R1", "R2"]
    assert lines[0]["words"]["en"].startswith("What each star level can order in the week of 2026-03-02")
    with db.writing() as tx:
        tx.execute(kept.SENDING.update().values(state=kept.WAITING))
    deliver(db, given)
    assert [path.name for path in (tmp_path / "out").iterdir()] == [file.name]


def test_a_webhook_gets_the_notice_signed_and_once(db: database.Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOK_KEY", "the key of the hook")
    post(db, "a", audience=kept.Audience(RETAILERS, ["R1"]))
    with receivers.web() as web:
        given = with_notices(webhook_url=web.url, webhook_secret="env:HOOK_KEY")
        assert deliver(db, given) == outbox.Round(1, 0, 0)
        assert deliver(db, given) == outbox.Round(0, 0, 0)
    ((headers, body),) = web.got
    expected = channels.signature("the key of the hook", headers["X-TrueOrder-Time"], body["raw"])
    assert headers["X-TrueOrder-Signature"] == expected
    assert headers["X-TrueOrder-Signature"] != channels.signature("another key", headers["X-TrueOrder-Time"], body["raw"])
    assert (headers["X-TrueOrder-Id"], body["readers"], body["kind"]) == (body["id"], ["R1"], "strategy_published")


@pytest.mark.parametrize("manner", ["fail", "cut", "redirect", "hang", "dribble"])
def test_a_webhook_that_misbehaves_is_tried_again_in_order_and_within_its_time(db: database.Database, manner: str) -> None:
    clock = Clock()
    with receivers.web() as web:
        given = with_notices(webhook_url=web.url, first_pause_seconds=30)
        post(db, "a")
        post(db, "b")
        web.manner, web.late = manner, 2.0
        begun = time.perf_counter()
        assert deliver(db, given, clock) == outbox.Round(0, 1, 0)  # the second waits behind the first
        assert time.perf_counter() - begun < 1.5
        (error,) = [row["error"] for row in db.rows(sa.select(kept.SENDING.c.error).where(kept.SENDING.c.attempts == 1))]
        assert error.startswith("webhook 127.0.0.1: ")
        assert "s3cret" not in error
        web.manner = "well"
        clock.now += timedelta(seconds=29)
        assert deliver(db, given, clock) == outbox.Round(0, 0, 0)
        clock.now += timedelta(seconds=2)
        assert deliver(db, given, clock) == outbox.Round(2, 0, 0)
        first, *rest = web.ids
        assert len(set(web.ids)) == 2
        assert rest == [first, web.ids[-1]]  # the same id again, so that the receiver can drop it


def test_after_the_last_attempt_a_notice_is_left_for_a_person_and_the_next_goes_on(db: database.Database) -> None:
    clock, tried = Clock(), []

    def send(notice: Stored) -> None:
        tried.append(notice.notice_id)
        if notice.notice_id == 1 and len(tried) < 5:
            raise SendError("away")

    ways = [Channel("test", (MANAGERS,), send)]
    given = with_notices(attempts=3)
    post(db, "a")
    post(db, "b")
    found = []
    for _ in range(3):
        found.append(deliver(db, given, clock, channels=ways))
        clock.now += timedelta(hours=6)
    assert found == [outbox.Round(0, 1, 0), outbox.Round(0, 1, 0), outbox.Round(1, 0, 1)]
    assert states(db) == ["dead", "delivered"]
    assert [row["notice"].notice_id for row in kept.listed(db, dead=True)] == [1]
    with pytest.raises(StateError, match="notice 2: no channel gave it up"):
        kept.retry(db, 2, by="Li", at=clock.now)
    assert kept.retry(db, 1, by="Li", at=clock.now) == 1
    assert deliver(db, given, clock, channels=ways) == outbox.Round(1, 0, 0)
    assert [row["action"] for row in db.rows(sa.select(tables.audit.c.action))] == ["notice.retry"]


@given(st.integers(1, 60), st.integers(1, 600))
@settings(max_examples=200, deadline=None)
def test_pauses_grow_and_never_beyond_the_longest(failures: int, first: int) -> None:
    given = with_notices(first_pause_seconds=first).notices
    shorter, longer = outbox.pause(failures, given), outbox.pause(failures + 1, given)
    assert timedelta(seconds=min(first, 21600)) <= shorter <= longer <= timedelta(hours=given.longest_pause_hours)


def test_several_senders_send_each_notice_once_and_in_order(db: database.Database) -> None:
    for number in range(30):
        audience = (kept.managers, kept.retailers, kept.operators)[number % 3]
        post(db, str(number), audience=audience)
    sent: list[tuple[str, int]] = []

    def send(notice: Stored) -> None:
        time.sleep(0.002)
        sent.append((notice.audience, notice.notice_id))

    ways = [Channel("test", (MANAGERS, RETAILERS, "operators"), send)]
    given = with_notices()

    def many() -> None:
        for _ in range(40):
            deliver(db, given, channels=ways)

    threads = [threading.Thread(target=many) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(notice for _, notice in sent) == list(range(1, 31))
    for audience in (MANAGERS, RETAILERS, "operators"):
        of_audience = [notice for whose, notice in sent if whose == audience]
        assert of_audience == sorted(of_audience)


def test_a_sender_that_dies_leaves_its_notice_to_the_next_when_its_lease_ends(db: database.Database) -> None:
    post(db, "a")
    named = {"test": (MANAGERS,)}
    held = kept.claim(db, named, holder="first", at=AT, seconds=40, fresh_since=AT)
    assert held is not None
    assert kept.claim(db, named, holder="second", at=AT + timedelta(seconds=39), seconds=40, fresh_since=AT) is None
    taken = kept.claim(db, named, holder="second", at=AT + timedelta(seconds=40), seconds=40, fresh_since=AT)
    assert taken is not None
    assert kept.delivered(db, held, at=AT) is False  # its lease is over: it may not speak for the notice
    assert states(db) == ["waiting"]
    assert kept.delivered(db, taken, at=AT) is True
    assert kept.delivered(db, replace(taken, holder="third"), at=AT) is False
    assert states(db) == ["delivered"]


def test_a_new_channel_begins_with_what_is_fresh(db: database.Database) -> None:
    post(db, "old", at=AT - timedelta(days=4))
    post(db, "new")
    sent: list[Stored] = []
    deliver(db, with_notices(), channels=[Channel("test", (MANAGERS,), sent.append)])
    assert [notice.notice_id for notice in sent] == [2]


def test_old_notices_go_and_waiting_ones_stay(db: database.Database) -> None:
    for unique in ("a", "b"):
        post(db, unique, audience=kept.Audience(MANAGERS, ["M1"]))
    clock, sent = Clock(), []

    def send(notice: Stored) -> None:
        if sent:
            raise SendError("away")
        sent.append(notice)

    ways = [Channel("test", (MANAGERS,), send)]
    deliver(db, with_notices(), clock, channels=ways)
    clock.now += timedelta(days=200)
    deliver(db, with_notices(), clock, channels=[])
    assert [row["notice"].notice_id for row in kept.listed(db)] == [2]
    assert [row["notice_id"] for row in db.rows(sa.select(kept.READERS.c.notice_id))] == [2]


@pytest.mark.parametrize("manner", ["well", "busy", "refuse", "hang", "dribble"])
def test_staff_get_mail_in_both_languages_again_until_it_is_taken(db: database.Database, manner: str) -> None:
    post(db, "a")
    clock = Clock()
    with receivers.mail() as mail:
        host = {"smtp_host": "127.0.0.1", "smtp_port": mail.port, "smtp_security": "none", "mail_to": ("staff@city.example",)}
        given, mail.manner = with_notices(**host), manner
        begun = time.perf_counter()
        found = deliver(db, given, clock)
        assert time.perf_counter() - begun < 2
        assert found == (outbox.Round(1, 0, 0) if manner == "well" else outbox.Round(0, 1, 0))
        mail.manner = "well"
        clock.now += timedelta(minutes=1)
        deliver(db, given, clock)
    got = [message_from_string(text, policy=policy.default) for text in mail.got]
    assert len({mail["Message-ID"] for mail in got}) == 1
    assert states(db) == ["delivered"]
    text = got[-1].get_body().get_content()  # type: ignore[union-attr]
    assert "投放策略已公布" in text
    assert "is published, for 3 brands" in text


def test_a_secret_that_is_not_there_is_told_by_its_setting(db: database.Database, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("NOT_SET", raising=False)
    given = with_notices(webhook_url="https://example.org/x", webhook_secret="env:NOT_SET")
    with pytest.raises(SettingsError, match=r"^notices.webhook_secret: the environment variable NOT_SET is not set"):
        deliver(db, given)
    (tmp_path / "wrong.toml").write_text('[notices]\nwebhook_secret = "written here"\n')
    with pytest.raises(SettingsError, match="no secret stands in a settings file"):
        rules.load(tmp_path / "wrong.toml")
