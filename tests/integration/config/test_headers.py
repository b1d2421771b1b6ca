"""What every answer says to the browser, and what a browser may be made to ask."""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.conf import settings
from django.test import Client, RequestFactory, override_settings

from huying.cases.models import Act
from huying.directory.permissions import Role
from huying.ledger.models import Record
from huying.notices.models import Notice
from huying.notices.stream.face import build
from tests.browser.addresses import ADDRESSES
from tests.factories.cases import make_office, make_report
from tests.factories.directory import account_of, make_staff, make_token
from tests.factories.ledger import make_record, seal
from tests.integration.config.test_access import ENDPOINTS
from tests.integration.config.test_reach import _lists

pytestmark = pytest.mark.django_db

SITES = ("cross-site", "same-site")


def _policy(answer: Any) -> dict[str, str]:
    found = {}
    for part in answer.headers["Content-Security-Policy"].split("; "):
        name, _space, value = part.partition(" ")
        found[name] = value
    return found


def _public() -> list[str]:
    """A page, a file, data, an interface, errors of both kinds."""
    return [
        *("/", "/sign-in/", "/ledger/", "/grids.geojson", "/healthz"),
        *("/api/v1/divisions", "/api/v1/me", "/api/v1/openapi.json", "/open311/v2/services.xml"),
        *("/no-such-page/", "/api/v1/no-such-thing", "/static/directory/none.css"),
    ]


@pytest.mark.parametrize("path", [*_public(), "/static/directory/account.css"])
def test_every_answer_carries_the_headers(path: str, client: Client) -> None:
    # A file that is found would stay open: its headers are the same without it.
    answer = client.head(path, secure=True)
    policy = _policy(answer)
    assert policy["default-src"] == policy["script-src"] == policy["style-src"] == "'self'"
    for directive in ("object-src", "base-uri", "frame-ancestors"):
        assert policy[directive] == "'none'"
    assert policy["form-action"] == "'self'"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "same-origin"
    assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "Access-Control-Allow-Origin" not in answer.headers
    kind = answer.headers["Content-Type"]
    if kind.startswith(("text/", "application/xml")):
        assert "charset=utf-8" in kind.lower().replace('"', "")
    for name in ("Server", "X-Powered-By"):
        assert name not in answer.headers


@override_settings(SECURE_HSTS_SECONDS=31_536_000, SECURE_HSTS_INCLUDE_SUBDOMAINS=True)
@pytest.mark.parametrize("path", ["/", "/api/v1/divisions", "/no-such-page/"])
def test_over_tls_the_browser_is_told_to_stay_there(path: str) -> None:
    expected = "max-age=31536000; includeSubDomains"
    answer = Client().get(path, secure=True)
    assert answer.headers["Strict-Transport-Security"] == expected
    said = asyncio.run(_of_the_stream())
    assert said["strict-transport-security"] == expected
    assert said["x-content-type-options"] == "nosniff"
    assert said["cache-control"] == "no-store"
    assert "frame-ancestors 'none'" in said["content-security-policy"]


async def _of_the_stream() -> httpx.Headers:
    transport = httpx.ASGITransport(app=build())
    async with httpx.AsyncClient(transport=transport, base_url="https://testserver") as stream:
        return (await stream.get("/live/")).headers


_ASK = """
import json
from django.conf import settings as s
names = ("SESSION_COOKIE_NAME", "CSRF_COOKIE_NAME", "MESSAGES_COOKIE_NAME", "SESSION_COOKIE_SECURE",
    "CSRF_COOKIE_SECURE", "SESSION_COOKIE_HTTPONLY", "CSRF_COOKIE_HTTPONLY",
    "SESSION_COOKIE_SAMESITE", "CSRF_COOKIE_SAMESITE", "SESSION_COOKIE_DOMAIN", "CSRF_COOKIE_PATH",
    "SESSION_COOKIE_PATH", "SECURE_HSTS_SECONDS", "SECURE_HSTS_INCLUDE_SUBDOMAINS", "DEBUG",
    "SECOND_FACTOR_ROLES")
print(json.dumps({name: getattr(s, name) for name in names}))
"""


def _settings(tmp_path: Path, **environment: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-c", _ASK],
        env={
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "huying.config.settings",
            "HUYING_DATABASE_URL": "postgresql:///none",
            "HUYING_DATA_DIR": str(tmp_path),
            **environment,
        },
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_over_tls_cookies_belong_to_this_host_alone(tmp_path: Path) -> None:
    found = _settings(tmp_path, HUYING_PUBLIC_URL="https://county.example")
    for cookie in ("SESSION", "CSRF"):
        assert found[f"{cookie}_COOKIE_NAME"].startswith("__Host-")
        assert found[f"{cookie}_COOKIE_SECURE"] is found[f"{cookie}_COOKIE_HTTPONLY"] is True
        assert found[f"{cookie}_COOKIE_SAMESITE"] == "Lax"
        assert found[f"{cookie}_COOKIE_PATH"] == "/"
    assert found["MESSAGES_COOKIE_NAME"].startswith("__Host-")
    assert found["SESSION_COOKIE_DOMAIN"] is None
    assert found["SECURE_HSTS_SECONDS"] >= 31_536_000
    assert found["SECURE_HSTS_INCLUDE_SUBDOMAINS"] is True
    assert found["DEBUG"] is False
    assert set(found["SECOND_FACTOR_ROLES"]) == {"SYSTEM_ADMIN", "SECURITY_ADMIN", "AUDITOR"}
    plain = _settings(tmp_path, HUYING_PUBLIC_URL="http://127.0.0.1:8000")
    assert plain["SESSION_COOKIE_NAME"] == "sessionid", "loopback has no TLS"
    demo = _settings(tmp_path, HUYING_PUBLIC_URL="https://county.example", HUYING_DEMO="1")
    assert demo["SECOND_FACTOR_ROLES"] == []


def test_every_cookie_that_is_set_says_how_far_it_goes(client: Client) -> None:
    staff = make_staff(Role.OFFICER, username="li", password="Qinghe-2026-ok")
    assert staff.account_id
    client.get("/sign-in/")
    client.post("/sign-in/", {"username": "li", "password": "Qinghe-2026-ok"})
    client.post("/account/sessions/999/end/")
    set_ones = dict(client.cookies)
    assert {settings.SESSION_COOKIE_NAME, settings.CSRF_COOKIE_NAME, "messages"} <= set(set_ones)
    for name, cookie in set_ones.items():
        assert cookie["samesite"] == "Lax", name
        assert cookie["httponly"], name
        assert cookie["path"] == "/"
        assert not cookie["domain"]


@pytest.mark.django_db(transaction=True)
def test_any_page_may_check_the_ledger(client: Client) -> None:
    record = make_record()
    seal()
    headers = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty"}
    for path in ("/ledger/checkpoint", "/ledger/keys", f"/verify/{record}/proof.json"):
        answer = client.get(path, headers=headers)
        assert answer.status_code == 200, path
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert client.post(path, headers=headers).status_code == 403


def test_nothing_of_somebody_is_kept_by_the_browser(client: Client) -> None:
    """Every page and endpoint asked for with a session or a token, and the pages of a receipt."""
    office = make_office()
    received = make_report()
    known = {
        "receipt": received.receipt,
        "open_receipt": received.receipt,
        "case": received.case_id,
        "case_id": received.case_id,
        "report_id": received.report_id,
        "device": "990101",
    }
    staff = {
        "dispatcher": office.dispatcher,
        "officer": office.officer,
        "auditor": office.auditor,
        "leader": office.leader,
        "grid_worker": office.grid_worker,
    }
    kept = []
    for address in ADDRESSES:
        try:
            path = address.path.format(**known)
        except KeyError:
            continue
        if address.shown_to in staff:
            client.force_login(account_of(staff[address.shown_to]))
        elif not path.startswith("/r/"):
            continue
        answer = client.get(path)
        if "no-store" not in answer.headers.get("Cache-Control", ""):
            kept.append((path, answer.status_code, answer.headers.get("Cache-Control")))
    token = Client(headers={"Authorization": f"Bearer {make_token('cases:read')}"})
    for method, pattern in ENDPOINTS:
        if method == "GET" and not ENDPOINTS[method, pattern].everybody:
            path = "/api/v1" + pattern.format(**known)
            for caller in (token, client):
                if "no-store" not in caller.get(path).headers.get("Cache-Control", ""):
                    kept.append((path, 0, None))
    path = f"/api/v1/reports/{received.receipt}"
    assert "no-store" in Client().get(path).headers["Cache-Control"]
    assert not kept


def test_signing_out_empties_the_browsers_cache(client: Client) -> None:
    client.force_login(account_of(make_staff(Role.OFFICER)))
    assert client.post("/sign-out/").headers["Clear-Site-Data"] == '"cache"'


@pytest.mark.parametrize("method", ["TRACE", "TRACK", "CONNECT", "PROPFIND"])
@pytest.mark.parametrize("path", ["/", "/api/v1/divisions", "/static/directory/none.css"])
def test_methods_nobody_needs_are_refused(client: Client, method: str, path: str) -> None:
    answer = client.generic(method, path, headers={"X-Told": "secret-of-a-header"})
    assert answer.status_code == 405
    assert b"secret-of-a-header" not in answer.content


@pytest.mark.parametrize("site", SITES)
@pytest.mark.parametrize(
    ("method", "path", "mode", "dest"),
    [
        ("POST", "/sign-in/", "navigate", "document"),
        ("POST", "/api/v1/reports", "cors", "empty"),
        ("POST", "/api/v1/reports", "no-cors", "empty"),
        ("GET", "/desk/export.csv", "no-cors", "image"),
        ("GET", "/desk/", "navigate", "iframe"),
        ("GET", "/api/v1/me", "cors", "empty"),
        ("GET", "/", "no-cors", "script"),
        ("GET", "/", "navigate", "object"),
    ],
)
def test_another_site_makes_no_browser_ask(
    client: Client, site: str, method: str, path: str, mode: str, dest: str
) -> None:
    client.force_login(account_of(make_office().dispatcher))
    headers = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": mode, "Sec-Fetch-Dest": dest}
    answer = client.generic(method, path, headers=headers)
    assert answer.status_code == 403
    own = client.generic(method, path, headers={**headers, "Sec-Fetch-Site": "same-origin"})
    assert own.status_code != 403


@pytest.mark.parametrize("site", [*SITES, "none", "same-origin"])
def test_a_link_from_elsewhere_is_followed(client: Client, site: str) -> None:
    headers = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    for path in ("/", "/report/", f"/r/{make_office() and make_report().receipt}/"):
        assert client.get(path, headers=headers).status_code == 200


def test_a_forwarded_scheme_is_believed_behind_our_proxy_alone() -> None:
    request = RequestFactory().get("/", headers={"X-Forwarded-Proto": "https"})
    with override_settings(SECURE_PROXY_SSL_HEADER=None):
        assert not request.is_secure()


# What leaves a record though it is only read: that it was read is what is recorded.
_RECORDED = {"/desk/export.csv", "/audit/export.csv"}


def test_reading_changes_nothing() -> None:
    """No address that is only asked for acts, tells or seals anything."""
    office = make_office()
    received = make_report()
    known = {"receipt": received.receipt, "open_receipt": received.receipt}
    known |= {name: str(received.case_id) for name in ("case", "grid_case")}
    paths = {*_lists(), *(one.path for one in ADDRESSES if "{person}" not in one.path)}
    wrote = []
    for actor in (office.dispatcher, office.auditor, office.grid_worker):
        client = Client()
        client.force_login(account_of(actor))
        client.get("/account/")
        for path in sorted(paths - _RECORDED):
            try:
                path = path.format(**known)
            except KeyError:
                continue
            before = Record.objects.count(), Act.objects.count(), Notice.objects.count()
            client.get(path)
            if (Record.objects.count(), Act.objects.count(), Notice.objects.count()) != before:
                wrote.append((actor.ref, path))
    assert not wrote
