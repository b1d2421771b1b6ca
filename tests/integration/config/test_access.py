"""Every endpoint × every role: who is let in, who is told to sign in, who is refused.

A new endpoint or page that is missing from these tables fails the test, so that nobody forgets
to decide who may use it.
"""

import re
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import pytest
from django.contrib.admin import site
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from huying.cases.models import Report
from huying.config.api import api
from huying.directory.permissions import Role
from tests.browser.addresses import ADDRESSES, STAFF
from tests.factories.cases import make_office, make_photo, make_report
from tests.factories.directory import GRIDS, VILLAGE, account_of, make_staff
from tests.factories.sensing import make_device

pytestmark = pytest.mark.django_db

ALL = frozenset(STAFF)
NOBODY: frozenset[str] = frozenset()
COUNTY = frozenset({"dispatcher", "intake_clerk", "leader", "auditor"})
SEES_CASE = COUNTY | {"officer", "unit_head", "grid_worker"}
SENSING = ALL - {"intake_clerk", "security_admin"}
MERGE = "merge"


@dataclass(frozen=True)
class Rule:
    """`staff`: roles that get in; `everybody`: also people who are not signed in."""

    staff: frozenset[str]
    everybody: bool = False
    body: Any = None


def _open(body: Any = None) -> Rule:
    return Rule(ALL, everybody=True, body=body)


ENDPOINTS: dict[tuple[str, str], Rule] = {
    ("GET", "/divisions"): _open(),
    ("GET", "/organisations"): _open(),
    ("GET", "/grids"): _open(),
    ("GET", "/places/at"): _open(),
    ("GET", "/me"): Rule(ALL),
    ("GET", "/notices"): Rule(ALL),
    ("POST", "/notices/read"): Rule(ALL, body={"ids": [1]}),
    ("POST", "/notices/read-all"): Rule(ALL, body={}),
    ("GET", "/notices/push-key"): _open(),
    ("POST", "/notices/push"): Rule(ALL, body={}),
    ("POST", "/notices/push/remove"): Rule(ALL, body={}),
    ("POST", "/observations"): Rule(
        frozenset({"system_admin"}),
        body={
            "device": "NO-SUCH-DEVICE",
            "time": "2026-11-22T08:00:00+08:00",
            "values": [{"property": "a34004", "value": 12.0, "unit": "µg/m³"}],
        },
    ),
    ("GET", "/observations?device={device}"): Rule(SENSING),
    ("GET", "/devices"): Rule(SENSING),
    ("GET", "/alerts"): Rule(SENSING),
    ("POST", "/reports"): _open(body={}),
    ("GET", "/reports/{receipt}"): _open(),
    ("POST", "/reports/{receipt}/photos"): _open(body={}),
    ("POST", "/reports/{receipt}/rating"): _open(body={}),
    ("POST", "/reports/{receipt}/follow-up"): _open(body={}),
    ("POST", "/reports/{receipt}/withdrawal"): _open(body={}),
    ("GET", "/public-reports"): _open(),
    ("POST", "/public-reports/{report_id}/join"): _open(body={"text": 1}),
    ("GET", "/categories"): _open(),
    ("GET", "/typical-answer"): _open(),
    ("GET", "/procedures"): Rule(ALL),  # which: those whose file names the role
    ("POST", "/cases"): Rule(
        frozenset({"dispatcher"}), body={"procedure": "environmental_alert", "title": "有人烧荒"}
    ),
    ("GET", "/cases"): Rule(ALL),  # whose rows: see below
    ("GET", "/cases/counts"): Rule(ALL),
    ("GET", "/cases/{case_id}"): Rule(SEES_CASE),
    ("POST", "/cases/{case_id}/acts"): Rule(
        SEES_CASE - {"auditor", "leader"}, body={"action": "remark", "note": "看过了"}
    ),
    ("POST", "/cases/{case_id}/acts-with-photos"): Rule(
        SEES_CASE - {"auditor", "leader"}, body={"action": "remark", "note": "看过了", "photos": ()}
    ),
    ("POST", "/cases/{case_id}/merge"): Rule(frozenset({"dispatcher"}), body=MERGE),
    ("POST", "/cases/{case_id}/split"): Rule(frozenset({"dispatcher"}), body={"reports": [1]}),
    ("POST", "/cases/{case_id}/references"): Rule(
        SEES_CASE - {"auditor", "leader"}, body={"system": "12345", "number": "A1"}
    ),
    ("GET", "/tasks"): Rule(ALL),
}


@pytest.fixture
def client_of(client: Client) -> Any:
    """client_of(role) → a client signed in as that role, and the id of a case of the bureau."""
    office = make_office()
    received, other = make_report(), make_report(text="另一处垃圾没人清")
    device = make_device(division_code=VILLAGE, grid_code=GRIDS[0]).mn
    actors = {
        "dispatcher": office.dispatcher,
        "intake_clerk": office.clerk,
        "officer": office.officer,
        "unit_head": office.head,
        "grid_worker": office.grid_worker,
        "leader": office.leader,
        "auditor": office.auditor,
    }

    def sign_in(role: str) -> tuple[Client, Any]:
        if role:
            actor = actors.get(role) or make_staff(Role(role.upper()))
            client.force_login(account_of(actor))
        return client, (received, other, device)

    return sign_in


def _call(client: Client, method: str, path: str, reports: Any, body: Any) -> Any:
    received, other, device = reports
    if body == MERGE:
        body = {"merged": [other.case_id]}
    path = path.format(
        receipt=received.receipt,
        report_id=received.report_id,
        case_id=received.case_id,
        device=device,
    )
    if method == "GET":
        return client.get(f"/api/v1{path}")
    if path.endswith("with-photos"):
        return client.post(f"/api/v1{path}", {**body, "photos": BytesIO(make_photo().content)})
    return client.post(f"/api/v1{path}", body, content_type="application/json")


def test_the_table_names_every_endpoint() -> None:
    published = {
        (method.upper(), path.removeprefix("/api/v1"))
        for path, operations in api.get_openapi_schema()["paths"].items()
        for method in operations
    }
    assert published == {(method, path.partition("?")[0]) for method, path in ENDPOINTS}


# In no description for programs, with the test that asks for them.
UNPUBLISHED = {
    "openapi.json": "the description",
    "docs": "the description, to read",
    "": "the description's root",
    "attachments/{}": "test_reach.py: whoever sees the case or holds the receipt",
}


def test_no_endpoint_is_hidden_from_the_table() -> None:
    listed = {re.sub(r"{[^}]+}", "{}", path.partition("?")[0]).strip("/") for _, path in ENDPOINTS}
    routed = {
        route.removeprefix("api/v1").strip("/")
        for route in _routes(get_resolver())
        if route.startswith("api/v1")
    }
    assert routed == listed | set(UNPUBLISHED)


@pytest.mark.parametrize("role", ["", *STAFF])
def test_endpoints(role: str, client_of: Any) -> None:
    client, reports = client_of(role)
    wrong = []
    for (method, path), rule in ENDPOINTS.items():
        status = _call(client, method, path, reports, rule.body).status_code
        let_in = status not in (401, 403)
        if rule.everybody:
            fine = let_in
        elif not role:
            fine = status == 401
        elif role in rule.staff:
            fine = let_in and status != 404
        else:
            # Who may not see a case is not told whether it exists.
            # 409: the procedure does not offer this step to the role.
            fine = status in (403, 404, 409)
        if not fine:
            wrong.append((method, path, status))
    assert not wrong


@pytest.mark.parametrize(
    ("role", "options"),
    [
        (Role.OFFICER, {}),
        (Role.UNIT_HEAD, {}),
        (Role.GRID_WORKER, {"grid": GRIDS[2]}),
        (Role.SYSTEM_ADMIN, {}),
        (Role.SECURITY_ADMIN, {}),
    ],
)
def test_lists_counts_and_search_show_nothing_of_others(
    role: Role, options: dict[str, Any], client: Client
) -> None:
    make_office()
    received = make_report()
    stranger = make_staff(role, **options)
    client.force_login(account_of(stranger))
    for query in ({}, {"text": "垃圾"}, {"text": received.case_number}, {"text": received.receipt}):
        answer = client.get("/api/v1/cases", query)
        assert answer.status_code == 403 or answer.json()["rows"] == []
    counts = client.get("/api/v1/cases/counts")
    assert counts.status_code == 403 or counts.json()["open"] == 0
    assert client.get(f"/api/v1/cases/{received.case_id}").status_code in (403, 404)
    assert client.get(f"/desk/{received.case_id}/").status_code in (403, 404)
    assert client.get(f"/work/{received.case_id}/").status_code in (403, 404)


@pytest.mark.parametrize("role", ["", *STAFF])
def test_pages(role: str, client_of: Any) -> None:
    client, (received, _, device) = client_of(role)
    known = {
        "receipt": received.receipt,
        "open_receipt": received.receipt,
        "case": received.case_id,
        "grid_case": received.case_id,
        "procedure": "environmental_alert",
        "division": VILLAGE,
        "grid": GRIDS[0],
        "device": device,
        "person": Report.objects.values_list("reporter_id", flat=True).get(pk=received.report_id),
    }
    wrong = []
    for address in ADDRESSES:
        try:
            path = address.path.format(**known)
        except KeyError:
            continue
        answer = client.get(path)
        if path == "/sign-in/" and role:
            fine = answer.status_code == 302  # signed in already
        elif role in address.may:
            fine = answer.status_code == 200
        elif not role:
            fine = answer.status_code == 302 and answer.headers["Location"].startswith(
                ("/sign-in/", "/admin/login/")
            )
        else:
            sent_away = answer.headers.get("Location", "")
            fine = answer.status_code in (403, 404) or "/admin/login/" in sent_away
        if not fine:
            wrong.append((path, answer.status_code))
    assert not wrong


def _routes(resolver: URLResolver, before: str = "") -> dict[str, str]:
    """{route with {} for what varies: name of its view} of everything under a resolver."""
    found: dict[str, str] = {}
    for item in resolver.url_patterns:
        path = before + str(item.pattern)
        if isinstance(item, URLResolver):
            found |= _routes(item, path)
        elif isinstance(item, URLPattern):
            found[re.sub(r"<[^>]+>", "{}", path).strip("/")] = item.name or ""
    return found


# What is no page of its own, by the name of its route.
POSTS = {
    *("demo_sign_in", "sign_out", "start", "account_end_session", "account_sign_out_everywhere"),
    *("inbox_read_all", "open_notice", "inbox_remove_address", "remove_notice_address"),
    *("resend_dead_letters", "sensing_window", "sensing_replay", "sensing_dismiss"),
    *("receipt_rate", "receipt_follow_up", "receipt_add", "work_do", "leader_supervise"),
    *("desk_reveal", "case_link"),
}
DIALOGS_AND_PARTS = {
    *("report_before", "desk_queues", "desk_news", "desk_bulk_dispatch", "desk_merge"),
    *("intake_help", "desk_case_news", "desk_do", "desk_reference", "desk_people"),
    *("desk_papers", "desk_rate", "desk_split", "desk_repeat", "desk_places"),
}
FILES_AND_DATA = {
    *("grids_geojson", "place_at", "ledger-checkpoint", "ledger-keys", "ledger-tile"),
    *("ledger-proof-json", "ledger-proof-file", "sensing_chart", "receipt_file", "work_around"),
    *("work_place", "work_file", "desk_export", "desk_map_grids", "desk_map_points"),
    *("desk_alert", "desk_around", "desk_around_points", "desk_file", "audit_export"),
    *("service_worker", "command_grids", "command_alerts", "command_air"),
}
# Only in the middle of a sign-in: tests/browser/directory walks through it.
ON_THE_WAY = {"sign_in_second_factor"}
# REST, Open311 and probes have the tables above; of the admin the lists and forms of its own
# models are in ADDRESSES, and Django's are open to nobody.
ELSEWHERE = ("api/v1", "open311/v2", "healthz", "readyz", "admin")


def test_no_page_stands_outside_the_list() -> None:
    listed = {re.sub(r"{[^}]+}", "{}", address.path).strip("/") for address in ADDRESSES}
    known = POSTS | DIALOGS_AND_PARTS | FILES_AND_DATA | ON_THE_WAY
    routes = {
        route: name
        for route, name in _routes(get_resolver()).items()
        if not route.startswith(ELSEWHERE)
    }
    loose = {route for route, name in routes.items() if route not in listed and name not in known}
    assert not loose
    assert not known - set(routes.values()), "named here, but there is no such route"


def test_no_master_data_stands_outside_the_list() -> None:
    listed = {address.path for address in ADDRESSES}
    lists = {
        f"/admin/{model._meta.app_label}/{model._meta.model_name}/" for model in site._registry
    }
    ours = {
        path for path in lists if not path.startswith(("/admin/auth/", "/admin/procrastinate/"))
    }
    assert ours <= listed
