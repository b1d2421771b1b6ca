"""The published definitions against the running interfaces, by generated requests.

Each operation gets valid and invalid requests; an answer must be one that the definition
lists, of the content type and shape it says, and never a server error.
"""

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from huying.config.wsgi import application
from tests.factories.cases import make_office, make_report
from tests.factories.directory import make_token

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
API = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", application)
OPEN311 = schemathesis.openapi.from_wsgi("/open311/v2/openapi.json", application)
SCOPES = ("reports:write", "observations:write", "cases:read", "cases:act")


@pytest.fixture(autouse=True)
def _keep_the_connection() -> Iterator[None]:
    """Requests here run inside the test's transaction: Django must not close its connection."""
    signals = (request_started, request_finished)
    for signal in signals:
        signal.disconnect(close_old_connections)
    yield
    for signal in signals:
        signal.connect(close_old_connections)


@pytest.fixture
def token(db: None) -> str:
    make_office()
    make_report()
    return make_token(*SCOPES)


@API.parametrize()
@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    derandomize=True,
)
def test_api(case: "schemathesis.Case[Any]", token: str) -> None:
    case.call_and_validate(headers={"Authorization": f"Bearer {token}"}, checks=CHECKS)


@OPEN311.parametrize()
@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    derandomize=True,
)
def test_open311(case: "schemathesis.Case[Any]", token: str) -> None:
    case.call_and_validate(checks=CHECKS)
