"""The published definitions against the running interfaces, by generated requests.

Each operation gets valid and invalid requests, as a system with every scope (the inbox: as a
signed-in person) and as nobody; an answer must be one that the definition lists, of the content
type and shape it says, never a server error, and a wrong request must be refused. And each
operation is entered: a good request gets a good answer.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import pytest
import schemathesis
from django.conf import settings as django_settings
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from django.test import Client
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi import checks as openapi_checks

from huying.cases import actions
from huying.cases.actions import Received
from huying.config.wsgi import application
from huying.directory.permissions import SCOPE_PERMISSIONS
from huying.notices.models import Notice
from tests.factories.cases import (
    IN_FIRST_GRID,
    RESIDENT,
    Office,
    account,
    make_answered,
    make_office,
    make_photo,
    make_report,
)
from tests.factories.directory import GRIDS, VILLAGE, account_of, make_token
from tests.factories.sensing import make_device

# Left out: positive_data_acceptance (a request of the right form still names a case there is
# not), and the two about links between operations, of which the definitions have none.
SHAPE: Final = [
    not_a_server_error,
    openapi_checks.status_code_conformance,
    openapi_checks.content_type_conformance,
    openapi_checks.response_headers_conformance,
    openapi_checks.response_schema_conformance,
]
CHECKS: Final = [
    *SHAPE,
    openapi_checks.negative_data_rejection,
    openapi_checks.missing_required_header,
    openapi_checks.unsupported_method,
    openapi_checks.allow_header_conformance,
    openapi_checks.ignored_auth,
]
API = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", application)
OPEN311 = schemathesis.openapi.from_wsgi("/open311/v2/openapi.json", application)
for one in (API, OPEN311):
    # Who calls is each test's to say: nothing of it is made up.
    one.config.generation.update(with_security_parameters=False)
PUSH: Final = "https://fcm.googleapis.com/fcm/send/abc"
KEYS: Final = {
    "p256dh": "BNcRdreALRFXTkOOUHK1EtK2wtaz5Ry4YfYCA_0QTpQtUbVlUls0VJXg7A8u-Ts1"
    "XbjhazAkj7I99e8QcYP7DkM",
    "auth": "tBHItJI5svbpez7KI4CCXg",
}
quick = settings(
    max_examples=12, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True
)


@pytest.fixture(autouse=True)
def _keep_the_connection() -> Iterator[None]:
    """Requests here run inside the test's transaction: Django must not close its connection."""
    signals = (request_started, request_finished)
    for signal in signals:
        signal.disconnect(close_old_connections)
    yield
    for signal in signals:
        signal.connect(close_old_connections)


@dataclass(frozen=True)
class World:
    """What there is to ask for, and with what right."""

    token: dict[str, Any]
    session: dict[str, Any]
    office: Office
    open: Received
    other: Received
    mistaken: Received
    joined: Received
    answered: Received
    rated: Received
    notice: int
    device: str

    def rights(self, path: str) -> dict[str, Any]:
        """Headers and cookies of a caller who may: the inbox is a person's, all else a system's."""
        return self.session if "/notices" in path else self.token


@pytest.fixture
def world(db: None, client: Client) -> World:
    office = make_office()
    client.force_login(account_of(office.dispatcher))
    cookies = {name: morsel.value for name, morsel in client.cookies.items()}
    csrf = "c" * 32
    cookies[django_settings.CSRF_COOKIE_NAME] = csrf
    first = make_report()
    rated = make_answered(office, text="已经评价过的一件")
    actions.rate(receipt=rated.receipt, rating=5, by=RESIDENT)
    notice = Notice.objects.create(
        account_id=account(office.dispatcher),
        kind="case.open",
        urgency="NORMAL",
        title="新事项",
        glance_title="新事项",
        body="",
        link="/",
        subject="case:1",
        sent_by="system:tests",
        batch="0b6f7d52-8a34-4c1e-9d70-5e2f1a3c4b6d",
    )
    return World(
        token={"headers": {"Authorization": f"Bearer {make_token(*SCOPE_PERMISSIONS)}"}},
        session={"headers": {"X-CSRFToken": csrf}, "cookies": cookies},
        office=office,
        open=first,
        other=make_report(text="另一处没人清运"),
        mistaken=make_report(text="看错了"),
        joined=actions.join_report(by=RESIDENT, receipt=first.receipt, text="我家门口也是"),
        answered=make_answered(office, text="等着评价的一件"),
        rated=rated,
        notice=notice.pk,
        device=make_device(division_code=VILLAGE, grid_code=GRIDS[0]).mn,
    )


@API.parametrize()
@quick
def test_api(case: "schemathesis.Case[Any]", world: World) -> None:
    # The check of wrong credentials takes a cookie given by hand for one made up; the run as
    # nobody puts that question to the inbox.
    left_out = [openapi_checks.ignored_auth] if "/notices" in case.operation.path else []
    case.call_and_validate(
        **world.rights(case.operation.path), checks=CHECKS, excluded_checks=left_out
    )


@API.parametrize()
@quick
def test_api_as_nobody(case: "schemathesis.Case[Any]", world: World) -> None:
    case.call_and_validate(checks=CHECKS)


@OPEN311.parametrize()
@quick
def test_open311(case: "schemathesis.Case[Any]", world: World) -> None:
    case.call_and_validate(checks=CHECKS)


Sample = Callable[[World], Mapping[str, Any]]
LON, LAT = IN_FIRST_GRID


def _case(world: World) -> dict[str, Any]:
    return {"case_id": world.open.case_id}


def _remark(world: World, **more: Any) -> dict[str, Any]:
    return {"path_parameters": _case(world), "body": {"action": "remark", "note": "看过了", **more}}


# A good request of every operation.
SAMPLES: Final[Mapping[str, Sample]] = {
    "GET /divisions": lambda _: {},
    "GET /organisations": lambda _: {},
    "GET /grids": lambda _: {},
    "GET /places/at": lambda _: {"query": {"lon": LON, "lat": LAT}},
    "GET /me": lambda _: {},
    "GET /notices": lambda _: {},
    "POST /notices/read": lambda w: {"body": {"ids": [w.notice]}},
    "POST /notices/read-all": lambda w: {"body": {"up_to": w.notice}},
    "GET /notices/push-key": lambda _: {},
    "POST /notices/push": lambda _: {"body": {"endpoint": PUSH, "keys": KEYS}},
    "POST /notices/push/remove": lambda _: {"body": {"endpoint": PUSH}},
    "POST /observations": lambda w: {
        "body": {
            "device": w.device,
            "time": "2026-11-22T08:00:00+08:00",
            "values": [{"property": "a34004", "value": 12.0, "unit": "µg/m³"}],
        }
    },
    "GET /observations": lambda w: {"query": {"device": w.device}},
    "GET /devices": lambda _: {},
    "GET /alerts": lambda _: {},
    "POST /reports": lambda _: {"body": {"text": "路灯不亮"}},
    "GET /reports/{receipt}": lambda w: {"path_parameters": {"receipt": w.open.receipt}},
    "POST /reports/{receipt}/photos": lambda w: {
        "path_parameters": {"receipt": w.open.receipt},
        "body": {"photo": make_photo().content},
        "media_type": "multipart/form-data",
    },
    "POST /reports/{receipt}/rating": lambda w: {
        "path_parameters": {"receipt": w.answered.receipt},
        "body": {"rating": "SATISFIED"},
    },
    "POST /reports/{receipt}/follow-up": lambda w: {
        "path_parameters": {"receipt": w.rated.receipt},
        "body": {"comment": "后来又好了"},
    },
    "POST /reports/{receipt}/withdrawal": lambda w: {
        "path_parameters": {"receipt": w.mistaken.receipt},
        "body": {"reason": "已经解决"},
    },
    "GET /public-reports": lambda _: {"query": {"lon": LON, "lat": LAT}},
    "POST /public-reports/{report_id}/join": lambda w: {
        "path_parameters": {"report_id": w.open.report_id},
        "body": {"text": "我也是"},
    },
    "GET /categories": lambda _: {},
    "GET /typical-answer": lambda _: {"query": {"category": "GARBAGE"}},
    "GET /procedures": lambda _: {},
    "POST /cases": lambda _: {"body": {"procedure": "environmental_alert", "title": "烧荒"}},
    "GET /cases": lambda _: {},
    "GET /cases/counts": lambda _: {},
    "GET /cases/{case_id}": lambda w: {"path_parameters": _case(w)},
    "POST /cases/{case_id}/acts": lambda w: _remark(w),
    "POST /cases/{case_id}/acts-with-photos": lambda w: (
        _remark(w, photos=[make_photo().content]) | {"media_type": "multipart/form-data"}
    ),
    "POST /cases/{case_id}/merge": lambda w: {
        "path_parameters": _case(w),
        "body": {"merged": [w.other.case_id]},
    },
    "POST /cases/{case_id}/split": lambda w: {
        "path_parameters": _case(w),
        "body": {"reports": [w.joined.report_id]},
    },
    "POST /cases/{case_id}/references": lambda w: {
        "path_parameters": _case(w),
        "body": {"system": "12345", "number": "A-1"},
    },
    "GET /tasks": lambda _: {},
    "GET /services.{form}": lambda _: {"path_parameters": {"form": "xml"}},
    "GET /services/{service_code}.{form}": lambda _: {
        "path_parameters": {"service_code": "GARBAGE", "form": "json"}
    },
    "POST /requests.{form}": lambda _: {
        "path_parameters": {"form": "json"},
        "body": {"service_code": "GARBAGE", "description": "没人清运", "lat": LAT, "long": LON},
        "media_type": "application/x-www-form-urlencoded",
    },
    "GET /requests.{form}": lambda _: {"path_parameters": {"form": "json"}},
    "GET /requests/{request_id}.{form}": lambda w: {
        "path_parameters": {"request_id": str(w.open.report_id), "form": "json"}
    },
}


def test_every_operation_is_entered(world: World) -> None:
    refused, missing = [], []
    for schema in (API, OPEN311):
        for result in schema.get_all_operations():
            assert isinstance(result, Ok)
            operation = result.ok()
            path = operation.path.removeprefix("/api/v1").removeprefix("/open311/v2")
            name = f"{operation.method.upper()} {path}"
            if name not in SAMPLES:
                missing.append(name)
                continue
            case = operation.Case(**SAMPLES[name](world))
            response = case.call(**world.rights(path))
            if not 200 <= response.status_code < 300:
                refused.append((name, response.status_code, response.text[:200]))
                continue
            case.validate_response(response, checks=SHAPE)
    assert not missing, "a new operation needs a good request here"
    assert not refused
