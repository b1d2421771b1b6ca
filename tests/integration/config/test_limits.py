"""Every address open to everybody has a limit a client; a new one without fails here."""

from collections.abc import Iterator, Mapping
from io import BytesIO
from typing import Any, Final

import pytest
from django.conf import settings
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from huying.config.limits import LARGEST_BODY, PAGES
from huying.directory import throttle
from huying.directory.throttle import TooOften
from tests.factories.cases import make_office, make_report

pytestmark = pytest.mark.django_db

# What needs no limit, each for its reason.
UNLIMITED: Final[Mapping[str, str]] = {
    "healthz": "asks nothing",
    "readyz": "the probe of whatever restarts us; the proxy keeps it from outside",
    "sw.js": "a file",
    "offline/": "a page without data",
    "design/": "a page without data",
    "sign-out/": "only ends one's own session",
    "api/v1/openapi.json": "a document",
    "api/v1/docs": "a page without data",
    "api/v1/": "the document's root: nothing there",
    "open311/v2/openapi.json": "a document",
    "open311/v2/docs": "a page without data",
    "open311/v2/": "the document's root: nothing there",
}
KNOWN: Final[Mapping[str, str]] = {
    "<path:rest>": "0/000",
    "<form>": "json",
    "<service_code>": "GARBAGE",
    "<str:role>": "officer",
    "<str:action>": "take",
    "<str:code>": "{receipt}",
    "<receipt>": "{receipt}",
    "<str:mn>": "990101",
}
# What a valid first step of a POST looks like: the count comes after the fields are read.
BODIES: Final[Mapping[str, Mapping[str, Any]]] = {
    "api/v1/reports": {"text": "路灯不亮"},
    "api/v1/reports/<receipt>/rating": {"rating": "SATISFIED"},
    "api/v1/reports/<receipt>/follow-up": {"comment": "好"},
    "api/v1/reports/<receipt>/withdrawal": {"reason": "已经解决"},
    "api/v1/public-reports/<report_id>/join": {"text": "我也是"},
}
QUERIES: Final[Mapping[str, str]] = {
    "api/v1/public-reports": "?lon=117&lat=39",
    "api/v1/places/at": "?lon=117&lat=39",
    "api/v1/typical-answer": "?category=GARBAGE",
    "report/before/": "?lon=117&lat=39",
}


def patterns(resolver: URLResolver, before: str = "") -> Iterator[str]:
    for item in resolver.url_patterns:
        path = before + str(item.pattern)
        if isinstance(item, URLResolver) and path != "admin/":
            yield from patterns(item, path)
        elif isinstance(item, URLPattern):
            yield path


def _address(pattern: str, receipt: str) -> str:
    path = pattern
    for name, value in KNOWN.items():
        path = path.replace(name, value.format(receipt=receipt))
    while "<" in path:
        start, end = path.index("<"), path.index(">")
        path = path[:start] + "1" + path[end + 1 :]
    return "/" + path + QUERIES.get(pattern, "")


def _ask(client: Client, pattern: str, receipt: str) -> list[Any]:
    """The answers to every method the address takes."""
    path = _address(pattern, receipt)
    answers = [client.get(path)]
    if pattern in BODIES:
        answers.append(client.post(path, BODIES[pattern], content_type="application/json"))
    elif pattern.endswith("/photos") or pattern.startswith("open311/v2/requests.<"):
        photo = {"photo": BytesIO(b"x"), "service_code": "GARBAGE", "description": "路灯不亮"}
        answers.append(client.post(path, photo))
    else:
        answers.append(client.post(path, {}))
    return [answer for answer in answers if answer.status_code != 405]


def _is_closed(answer: Any) -> bool:
    """Nobody gets in without signing in."""
    to = answer.headers.get("Location", "")
    return answer.status_code in (401, 403) or to.startswith(("/sign-in/", "/admin/login/"))


def test_every_open_address_counts(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    make_office()
    receipt = make_report().receipt

    def refuse(name: str, key: str, *, limit: int, seconds: int) -> None:
        raise TooOften(7)

    monkeypatch.setattr(throttle, "allow", refuse)
    loose = []
    for pattern in sorted(set(patterns(get_resolver()))):
        if pattern in UNLIMITED:
            continue
        for answer in _ask(client, pattern, receipt):
            counted = answer.status_code == 429 and answer.headers.get("Retry-After") == "7"
            if not (counted or _is_closed(answer)):
                loose.append((pattern, answer.request["REQUEST_METHOD"], answer.status_code))
    assert not loose


def test_the_table_names_addresses_that_are() -> None:
    assert set(PAGES) <= set(patterns(get_resolver()))
    assert set(UNLIMITED) <= set(patterns(get_resolver()))


def test_beyond_the_limit_a_page_says_when_to_come_back(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huying.config.limits.PAGES", {"services/": 2})
    for _again in range(2):
        assert client.get("/services/").status_code == 200
    browser = client.get("/services/", headers={"Accept": "text/html"})
    assert browser.status_code == 429
    assert "秒后再试" in browser.content.decode()
    assert int(browser.headers["Retry-After"]) > 0
    program = client.get("/services/", headers={"Accept": "application/json"})
    assert program.status_code == 429
    assert program.headers["Content-Type"] == "application/problem+json"
    assert program.json()["code"] == "TOO_OFTEN"
    elsewhere = client.get("/services/", REMOTE_ADDR="10.9.8.7")
    assert elsewhere.status_code == 200, "each address has its own"


@pytest.mark.parametrize("form", ["json", "xml"])
def test_open311_says_it_in_its_own_words(
    client: Client, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    def refuse(name: str, key: str, *, limit: int, seconds: int) -> None:
        raise TooOften(7)

    monkeypatch.setattr(throttle, "allow", refuse)
    answer = client.get(f"/open311/v2/services.{form}")
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "7")
    assert "429" in answer.content.decode()


@pytest.mark.parametrize("said", [str(LARGEST_BODY + 1), str(10**15)])
def test_a_request_that_brings_too_much_is_refused_before_it_is_read(
    client: Client, said: str
) -> None:
    page = client.post("/report/", headers={"Accept": "text/html"}, CONTENT_LENGTH=said)
    assert page.status_code == 413
    assert "120 MB" in page.content.decode()
    program = client.post(
        "/api/v1/reports", headers={"Accept": "application/json"}, CONTENT_LENGTH=said
    )
    assert program.status_code == 413
    assert program.json()["code"] == "BODY_TOO_LARGE"


def test_a_body_in_memory_has_a_smaller_limit(client: Client) -> None:
    body = b'{"text": "' + b"x" * (settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1) + b'"}'
    answer = client.post("/api/v1/reports", body, content_type="application/json")
    assert answer.status_code == 400
