"""The house of tests/web."""

from __future__ import annotations

from tests.web.conftest import client, house, loaded, made, peopled, planned, rules  # noqa: F401
