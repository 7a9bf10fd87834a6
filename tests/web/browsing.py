"""Somebody before the pages: logs in by the form, follows no redirect, and sends what htmx sends."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

from starlette.testclient import TestClient

from ordering.database import accounts
from tests.web.conftest import PASSWORD, House

PAGE = {"Accept": "text/html"}


def with_password(house: House, *names: str) -> None:
    """Give people the password of the tests."""
    for name in names:
        accounts.set_password(house.db, name, PASSWORD, by="tester", at=house.at, rules=house.settings.accounts)


def log_in(client: TestClient, name: str, password: str = PASSWORD, next: str = "/", **headers: str) -> Any:
    """Send the form of the log-in."""
    said = {"name": name, "password": password}
    return client.post("/login", params={"next": next}, data=said, headers=PAGE | headers, follow_redirects=False)


class Browser:
    """A person who is logged in."""

    def __init__(self, client: TestClient, name: str) -> None:
        assert log_in(client, name).status_code == 303
        self.client, self.csrf = client, ""

    def get(self, path: str, status: int = 200, **headers: str) -> str:
        """A page; its token is kept for what is sent from it."""
        found = self.client.get(path, headers=PAGE | headers, follow_redirects=False)
        assert found.status_code == status, found.text
        token = re.search(r'"X-CSRF-Token": "(\w+)"', found.text)
        self.csrf = token.group(1) if token else self.csrf
        return unescape(found.text)

    def send(self, path: str, said: dict[str, Any] | None = None, status: int = 200, **headers: str) -> str:
        """A form, as htmx sends it from the page that was seen last."""
        own = {"HX-Request": "true", "X-CSRF-Token": self.csrf} | headers
        found = self.client.post(path, data=said or {}, headers=own, follow_redirects=False)
        assert found.status_code == status, found.text
        return unescape(found.text)
