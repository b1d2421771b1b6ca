"""The REST interface of cases: what residents' applications and other systems do."""

from typing import Any

import pytest
from django.test import Client

from huying.cases import queries
from huying.directory.permissions import Actor
from tests.factories.cases import make_office, make_photo, make_report
from tests.factories.directory import account_of, make_token

pytestmark = pytest.mark.django_db

REPORT = {
    "text": "小区门口垃圾堆了三天没人清运",
    "category": "GARBAGE",
    "place_text": "东门社区南门",
    "lon": 117.005,
    "lat": 39.005,
    "contact": {"name": "李秀英", "phone": "19900000001"},
}


def _post(client: Client, path: str, body: Any, **headers: str) -> Any:
    return client.post(f"/api/v1{path}", body, content_type="application/json", headers=headers)


def _bearer(*scopes: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {make_token(*scopes)}"}


def test_a_resident_reports_follows_and_is_told_no_names(client: Client) -> None:
    make_office()
    answer = _post(client, "/reports", REPORT)
    assert answer.status_code == 201, answer.content
    receipt = answer.json()["receipt"]
    progress = client.get(f"/api/v1/reports/{receipt}").json()
    assert progress["headline"]
    assert progress["unit_name"] == "住建局"
    assert "李秀英" not in str(progress)


def test_the_same_key_gives_the_same_receipt(client: Client) -> None:
    make_office()
    headers = {"Idempotency-Key": "0b6f7d52-8a34-4c1e-9d70-k-1"}
    first = _post(client, "/reports", REPORT, **headers)
    second = _post(client, "/reports", REPORT, **headers)
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json()["receipt"] == second.json()["receipt"]
    other = _post(client, "/reports", {**REPORT, "text": "另一件事，完全不同"}, **headers)
    assert other.status_code == 409
    assert other.headers["Content-Type"] == "application/problem+json"


def test_an_unknown_receipt_is_a_problem_that_says_what_to_do(client: Client) -> None:
    answer = client.get("/api/v1/reports/AAAA-AAAA-AAAA")
    assert answer.status_code == 404
    problem = answer.json()
    assert {"type", "title", "status", "detail", "code"} <= set(problem)


def test_only_recorders_may_take_down_for_others(client: Client) -> None:
    make_office()
    body = {**REPORT, "channel": "PHONE"}
    assert _post(client, "/reports", body).status_code == 403
    assert _post(client, "/reports", body, **_bearer("reports:write")).status_code == 201


def test_a_case_goes_its_way_over_the_interface(client: Client) -> None:
    make_office()
    received = make_report()
    headers = _bearer("cases:read", "cases:act")
    page = client.get("/api/v1/cases", headers=headers).json()
    assert [row["id"] for row in page["rows"]] == [received.case_id]
    case = client.get(f"/api/v1/cases/{received.case_id}", headers=headers).json()
    version = case["case"]["version"]
    taken = _post(
        client,
        f"/cases/{received.case_id}/acts",
        {"action": "take", "version": version},
        **headers,
    )
    assert taken.status_code == 200, taken.content
    stale = _post(
        client,
        f"/cases/{received.case_id}/acts",
        {"action": "remark", "version": version, "note": "晚了一步"},
        **headers,
    )
    assert stale.status_code == 409
    assert stale.json()["code"] == "STALE_CASE"


@pytest.mark.parametrize("path", ["/cases", "/cases/counts", "/cases/1", "/tasks"])
def test_cases_are_closed_to_strangers(client: Client, path: str) -> None:
    assert client.get(f"/api/v1{path}").status_code == 401
    assert client.get(f"/api/v1{path}", headers=_bearer("reports:write")).status_code == 403
    wrong = {"Authorization": "Bearer hy_wrong"}
    assert client.get(f"/api/v1{path}", headers=wrong).status_code == 401


def test_signed_in_staff_need_no_token_but_the_csrf_token() -> None:
    office = make_office()
    received = make_report()
    client = Client(enforce_csrf_checks=True)
    _sign_in(client, office.officer)
    assert client.get("/api/v1/cases").json()["rows"]
    act = {"action": "take"}
    refused = _post(client, f"/cases/{received.case_id}/acts", act)
    assert refused.status_code == 403


def _sign_in(client: Client, actor: Actor) -> None:
    client.force_login(account_of(actor))


def test_photographs_are_served_to_the_holder_of_the_receipt_only(client: Client) -> None:
    make_office()
    received = make_report(photos=[make_photo()])
    progress = client.get(f"/api/v1/reports/{received.receipt}").json()
    assert progress["receipt"] == received.receipt
    (photo,) = queries.progress(received.receipt).attachments
    path = f"/api/v1/attachments/{photo.id}"
    assert client.get(path).status_code in (403, 404)
    shown = client.get(path, {"receipt": received.receipt})
    assert shown.status_code == 200
    assert shown.headers["X-Content-Type-Options"] == "nosniff"
    shown.close()


@pytest.mark.parametrize("moment", [0, "0", "2026-11-22T08:00:00", "yesterday"])
def test_a_time_without_an_offset_is_refused(client: Client, moment: object) -> None:
    make_office()
    given = {"text": "路灯不亮", "discovered_at": moment}
    answer = client.post("/api/v1/reports", given, content_type="application/json")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"].endswith("/discovered_at")


@pytest.mark.parametrize(
    ("field", "value"),
    [("contact", "李梅 13900000001"), ("submitter", []), ("secret", "0"), ("people_involved", "3")],
)
def test_what_is_of_another_kind_is_refused_and_not_dropped(
    client: Client, field: str, value: object
) -> None:
    make_office()
    given = {"text": "路灯不亮", field: value}
    answer = client.post("/api/v1/reports", given, content_type="application/json")
    assert answer.status_code == 422
    assert f"/{field}" in answer.json()["errors"][0]["pointer"]
