"""The ways on which notices go out: files of JSON lines, webhooks and mail. Each sends one notice whole, or raises SendError in words.

No way waits for longer than its limit, whatever the other side does; no secret stands in an error.
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import os
import smtplib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from jobs import secret_values
from ordering import storage
from ordering.masking import masked
from ordering.notices import MANAGERS, OPERATORS, RETAILERS, Stored
from ordering.settings import Settings

Send = Callable[[Stored], None]


class SendError(Exception):
    """A notice was not received; says why, without any secret."""


@dataclass(frozen=True)
class Channel:
    """A way: its name, whom it reaches, and how it sends."""

    name: str
    audiences: tuple[str, ...]
    send: Send


def configured(settings: Settings) -> list[Channel]:
    """The ways that the settings open. Raises SettingsError where a secret is not where they say it is."""
    rules, alerts, city = settings.notices, settings.alerts, settings.city.name
    limit, found = rules.send_seconds, []
    if rules.folder:
        found.append(Channel("file", (RETAILERS, MANAGERS), lambda notice: drop(Path(rules.folder), message(notice, city))))
    for section, given, audiences in (("notices", rules, (RETAILERS, MANAGERS)), ("alerts", alerts, (OPERATORS,))):
        if given.webhook_url:
            url = secret_values.address(given.webhook_url, f"{section}.webhook_url")
            key = secret_values.found(given.webhook_secret, f"{section}.webhook_secret")
            found.append(Channel(f"{section}-webhook", audiences, _webhook(url, key, city, limit)))
        if given.mail_to and rules.smtp_host:
            password = secret_values.found(rules.smtp_password, "notices.smtp_password")
            audience = MANAGERS if section == "notices" else OPERATORS
            found.append(Channel(f"{section}-mail", (audience,), _mail(settings, given.mail_to, password)))
    return found


def message(notice: Stored, city: str) -> dict[str, Any]:
    """A notice as other systems read it; `id` is the same whenever it is sent again."""
    told = {
        "id": notice.uid,
        "city": city,
        "kind": notice.kind,
        "subject": notice.subject,
        "posted_at": f"{notice.posted_at:%Y-%m-%dT%H:%M:%SZ}",
    }
    return told | {"audience": notice.audience, "readers": list(notice.readers), "words": notice.words, "payload": dict(notice.payload)}


def drop(folder: Path, told: Mapping[str, Any]) -> None:
    """Write a notice as a file `TIME-ID.jsonl` of JSON lines, one per reader, or one where it is for all; whole or not at all."""
    name = f"{told['posted_at'].replace(':', '')}-{told['id']}.jsonl"
    plain = {key: value for key, value in told.items() if key != "readers"}
    lines = [json.dumps(plain | {"reader": reader}, ensure_ascii=False) for reader in told["readers"] or [None]]
    try:
        with storage.replacing(folder / name) as unfinished, unfinished.open("w", encoding="utf-8") as out:
            out.write("\n".join(lines) + "\n")
            out.flush()
            os.fsync(out.fileno())
    except OSError as error:
        raise SendError(f"{folder}: cannot be written ({error.strerror})") from error


def signature(key: str, sent_at: str, body: bytes) -> str:
    """What a receiver recomputes: SHA-256 HMAC over time, a full stop and the body."""
    return "sha256=" + hmac.new(key.encode(), sent_at.encode() + b"." + body, hashlib.sha256).hexdigest()


def _webhook(url: str, key: str, city: str, limit: float) -> Send:
    def send(notice: Stored) -> None:
        body = json.dumps(message(notice, city), ensure_ascii=False).encode()
        headers = {"Content-Type": "application/json; charset=utf-8", "X-TrueOrder-Id": notice.uid}
        if key:
            now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            headers |= {"X-TrueOrder-Time": now, "X-TrueOrder-Signature": signature(key, now, body)}
        try:
            status = _post(url, body, headers, limit)
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise SendError(f"webhook {urlsplit(url).hostname}: {_reason(error)}") from error
        if not 200 <= status < 300:
            raise SendError(f"webhook {urlsplit(url).hostname}: answered {status}")

    return send


def _post(url: str, body: bytes, headers: Mapping[str, str], limit: float) -> int:
    """POST and give the status; redirects are not followed, the answer's body is not read."""
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=limit)
    try:
        with _within(limit, lambda: connection.sock):
            connection.request("POST", (parts.path or "/") + (f"?{parts.query}" if parts.query else ""), body, dict(headers))
            return connection.getresponse().status
    finally:
        connection.close()


@contextmanager
def _within(limit: float, current: Callable[[], socket.socket | None]) -> Iterator[None]:
    """Cut the line after `limit` seconds in all, also where the other side answers a byte at a time; then TimeoutError."""
    over = threading.Event()

    def cut() -> None:
        over.set()
        line = current()
        if line is not None:
            try:
                socket.socket.shutdown(line, socket.SHUT_RDWR)
            except OSError:
                return

    timer = threading.Timer(limit, cut)
    timer.daemon = True
    timer.start()
    try:
        yield
    except (OSError, http.client.HTTPException, smtplib.SMTPException) as error:
        if over.is_set():
            raise TimeoutError(f"no answer within {limit:g} s") from error
        raise
    finally:
        timer.cancel()
    if over.is_set():
        raise TimeoutError(f"no answer within {limit:g} s")


def _reason(error: Exception) -> str:
    return masked(str(error)) or type(error).__name__


def _mail(settings: Settings, to: tuple[str, ...], password: str) -> Send:
    rules, city = settings.notices, settings.city.name

    def send(notice: Stored) -> None:
        mail = written(notice, city, rules.smtp_from, to)
        try:
            _submit(settings, mail, password)
        except (OSError, smtplib.SMTPException, ValueError) as error:
            raise SendError(f"mail server {rules.smtp_host}: {_reason(error)}") from error

    return send


def written(notice: Stored, city: str, sender: str, to: tuple[str, ...]) -> EmailMessage:
    """A notice as a mail in both languages; its Message-ID is the same whenever it is sent again."""
    mail = EmailMessage()
    mail["From"], mail["To"] = sender, ", ".join(to)
    mail["Subject"] = " ".join(f"TrueOrder {city}: {notice.words['zh']}".split())[:200]
    mail["Message-ID"] = f"<{notice.uid}@trueorder>"
    mail["Date"] = notice.posted_at.replace(tzinfo=UTC)
    mail.set_content(f"{notice.words['zh']}\n\n{notice.words['en']}\n\n{notice.kind} {notice.subject}\n")
    return mail


class _Plain(smtplib.SMTP):
    """A mail server's line that can be cut from its first moment on."""

    def __init__(self, lines: list[smtplib.SMTP], *given: Any, **more: Any) -> None:
        lines.append(self)
        super().__init__(*given, **more)


class _Secure(smtplib.SMTP_SSL):
    """The same under TLS."""

    def __init__(self, lines: list[smtplib.SMTP], *given: Any, **more: Any) -> None:
        lines.append(self)
        super().__init__(*given, **more)


def _submit(settings: Settings, mail: EmailMessage, password: str) -> None:
    rules, secure = settings.notices, ssl.create_default_context()
    lines: list[smtplib.SMTP] = []
    where = (rules.smtp_host, rules.smtp_port)
    with _within(rules.send_seconds, lambda: lines[0].sock if lines else None):
        more = {"timeout": rules.send_seconds}
        tls = rules.smtp_security == "tls"
        with _Secure(lines, *where, context=secure, **more) if tls else _Plain(lines, *where, **more) as server:
            if rules.smtp_security == "starttls":
                server.starttls(context=secure)
            if rules.smtp_user:
                server.login(rules.smtp_user, password)
            refused = server.send_message(mail)
    if refused:
        raise smtplib.SMTPRecipientsRefused(refused)
