"""Schemathesis over the whole API: whatever is sent, by whomever, the answer is one that the description knows, and never a 5xx.

TRUEORDER_CONTRACT_EXAMPLES sets how many requests each route gets from each role (3 in the suite; 200 for a long night).
"""

from __future__ import annotations

import os
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import checks
from schemathesis.specs.openapi import checks as openapi

from tests.web.conftest import House, bearer

EXAMPLES = int(os.environ.get("TRUEORDER_CONTRACT_EXAMPLES", "3"))
CHECKS = (
    checks.not_a_server_error, openapi.status_code_conformance, openapi.content_type_conformance, openapi.response_schema_conformance,
)  # fmt: skip


def breaches(house: House, who: str | None, examples: int = EXAMPLES) -> list[str]:
    """What a person's requests to every route brought to light."""
    schema = schemathesis.openapi.from_asgi("/api/v1/openapi.json", house.app)
    headers = bearer(house, who) if who else {}
    found: list[str] = []
    for result in schema.get_all_operations():
        operation = result.ok()
        seen: list[str] = []
        _tried(operation, house.own, headers, examples, seen)
        found += seen[:1]
    return found


def _tried(operation: Any, retailer_id: str, headers: dict[str, str], examples: int, seen: list[str]) -> None:
    """Requests to one route; what breaks its description goes into `seen`."""

    @settings(
        max_examples=examples, deadline=None, database=None, derandomize=examples <= 10, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(operation.as_strategy())
    def ask(case: Any) -> None:
        if "retailer_id" in case.path_parameters and len(case.path_parameters["retailer_id"]) % 2:
            case.path_parameters["retailer_id"] = retailer_id  # half of them to a shop that is there
        try:
            case.call_and_validate(headers=headers, checks=list(CHECKS))
        except AssertionError as error:
            seen.append(f"{operation.label}: {error}")
        except BaseExceptionGroup as group:
            seen.extend(f"{operation.label}: {error}" for error in group.exceptions)

    ask()


@pytest.mark.parametrize("role", ["own", "manager", "headquarters", "administrator", "service", None])
def test_every_answer_is_one_that_the_description_knows(house: House, role: str | None) -> None:
    who = house.own if role == "own" else role
    found = breaches(house, who)
    assert not found, "\n".join(found)


def test_a_route_that_breaks_its_word_would_be_noticed(house: House) -> None:
    @house.app.get("/api/v1/liar", response_model=None)
    def liar() -> dict[str, int]:
        raise ZeroDivisionError

    found = breaches(house, None, 1)
    assert [one.partition(":")[0] for one in found] == ["GET /api/v1/liar"]
