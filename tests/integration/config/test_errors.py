"""One translator: problem details for programs, a page for people, each in their language."""

from typing import Any

import pytest
from django.test import Client

from huying.directory import throttle
from huying.directory.models import Account
from tests.factories.cases import account, make_office
from tests.factories.directory import make_token

pytestmark = pytest.mark.django_db


def _get(client: Client, path: str, language: str = "zh-CN", **headers: str) -> Any:
    return client.get(path, headers={"accept-language": language, **headers})


def _problem(answer: Any, status: int, code: str) -> dict[str, Any]:
    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    assert body["status"] == status
    assert body["code"] == code
    assert body["type"] == f"urn:huying:problem:{code.lower().replace('_', '-')}"
    assert body["title"]
    assert body["detail"]
    return body


def _is_chinese(text: str) -> bool:
    return any("\u4e00" <= character <= "\u9fff" for character in text)


@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_a_domain_error_is_told_in_the_callers_language(client: Client, language: str) -> None:
    token = {"authorization": f"Bearer {make_token('cases:read')}"}
    body = _problem(_get(client, "/api/v1/cases/999999", language, **token), 404, "CASE_NOT_FOUND")
    assert _is_chinese(body["title"]) == (language == "zh-CN")
    assert _is_chinese(body["title_zh"])
    assert not _is_chinese(body["title_en"])


@pytest.mark.parametrize("language", ["zh-CN", "en"])
@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/api/v1/me", 401, "NOT_SIGNED_IN"),
        ("/api/v1/no-such-thing", 404, "NOT_FOUND"),
        ("/api/v1/places/at?lon=999&lat=0", 422, "INVALID_INPUT"),
    ],
)
def test_other_refusals_have_the_same_shape(
    client: Client, language: str, path: str, status: int, code: str
) -> None:
    answer = _get(client, path, language)
    body = _problem(answer, status, code)
    assert _is_chinese(body["title"]) == (language == "zh-CN")
    if status == 401:
        assert answer.headers["WWW-Authenticate"] == "Bearer"
    if status == 422:
        assert body["errors"][0]["pointer"].endswith("lon")


def test_a_token_without_the_scope_is_told_which(client: Client) -> None:
    token = {"authorization": f"Bearer {make_token('reports:write')}"}
    body = _problem(_get(client, "/api/v1/cases", "en", **token), 403, "NOT_ALLOWED")
    assert "cases:read" in body["title"]


def test_what_cannot_be_read_is_a_problem_too(client: Client) -> None:
    answer = client.post("/api/v1/reports", b"{not json", content_type="application/json")
    assert answer.status_code == 400
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_too_often_says_when_to_come_back(client: Client) -> None:
    for _ in range(120):
        throttle.allow("progress", "127.0.0.1", limit=120, seconds=60)
    answer = _get(client, "/api/v1/reports/0000-0000-0000")
    _problem(answer, 429, "TOO_OFTEN")
    assert 1 <= int(answer.headers["Retry-After"]) <= 61


@pytest.mark.parametrize(("language", "shown"), [("zh-CN", "没有"), ("en", "no such")])
def test_a_domain_error_on_a_page_is_a_page(client: Client, language: str, shown: str) -> None:
    office = make_office()
    client.force_login(Account.objects.get(pk=account(office.dispatcher)))
    answer = _get(client, "/desk/999999/", language)
    assert answer.status_code == 404
    assert answer.headers["Content-Type"].startswith("text/html")
    page = answer.content.decode()
    assert "<html" in page
    assert shown in page.lower()
    assert "Content-Security-Policy" in answer.headers


def test_too_often_on_a_page_says_so_too(client: Client) -> None:
    for _ in range(30):
        throttle.allow("sign-in", "127.0.0.1", limit=30, seconds=60)
    for _ in range(200):
        answer = client.get("/r/0000-0000-0000/")
        if answer.status_code == 429:
            break
    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) >= 1
    assert "频繁" in answer.content.decode()


def test_a_form_without_its_token_is_told_what_to_do() -> None:
    answer = Client(enforce_csrf_checks=True).post("/sign-in/", {"username": "x"})
    assert answer.status_code == 403
    assert "<html" in answer.content.decode()


def test_a_wrong_host_is_refused_without_a_trace(client: Client) -> None:
    page = client.get("/", headers={"host": "evil.example"})
    assert page.status_code == 400
    answer = client.get("/api/v1/divisions", headers={"host": "evil.example"})
    assert answer.status_code == 400
    assert answer.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("path", ["/services/", "/api/v1/categories"])
def test_a_fault_of_ours_tells_the_caller_nothing_and_the_log_all(
    path: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("the secret of the machine room")

    monkeypatch.setattr("huying.cases.queries.categories", broken)
    monkeypatch.setattr("huying.directory.queries.organisations", broken)
    answer = _get(Client(raise_request_exception=False), path)
    assert answer.status_code == 500
    said = answer.content.decode()
    for inner in ("machine room", "Traceback", "RuntimeError", "huying.cases", ".py"):
        assert inner not in said
    if path.startswith("/api/"):
        _problem(answer, 500, "SERVER_ERROR")
    else:
        assert "<html" in said
    assert "machine room" in caplog.text
