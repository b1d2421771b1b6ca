"""What is pinned is asked for at OSV; the real service is stood in for by one on this machine."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from deploy import audit

TODAY = datetime.now(UTC).date()
DJANGO = next(one for one in audit.of_python() if one.name == "django")
HTMX = next(one for one in audit.of_the_front_end() if one.name == "htmx.org")
# As https://ossf.github.io/osv-schema/ says, what the audit reads of it.
ADVISORY: dict[str, Any] = {
    "id": "PYSEC-2026-7",
    "aliases": ["CVE-2026-11111", "GHSA-aaaa-bbbb-cccc"],
    "summary": "SQL injection\nin a filter",
    "affected": [
        {
            "package": {"ecosystem": "PyPI", "name": "Django"},
            "ranges": [
                {"type": "GIT", "events": [{"introduced": "0"}, {"fixed": "c0ffee"}]},
                {"type": "ECOSYSTEM", "events": [{"introduced": "5.2"}, {"fixed": "5.2.99"}]},
            ],
        },
        {
            "package": {"ecosystem": "npm", "name": "django"},
            "ranges": [{"type": "SEMVER", "events": [{"introduced": "0"}, {"fixed": "9.9.9"}]}],
        },
    ],
}
TWIN = {**ADVISORY, "id": "GHSA-aaaa-bbbb-cccc", "aliases": ["CVE-2026-11111"]}
OF_HTMX = {
    "id": "GHSA-dddd-eeee-ffff",
    "details": "Script in an answer",
    "affected": [
        {
            "package": {"ecosystem": "npm", "name": "htmx.org"},
            "ranges": [{"type": "SEMVER", "events": [{"introduced": "0"}]}],
        }
    ],
}


class Osv:
    """What the service knows: advisories, and of which packages. `pages` cuts its answers."""

    def __init__(self) -> None:
        self.advisories: dict[str, dict[str, Any]] = {}
        self.holds: dict[audit.Package, list[str]] = {}
        self.status = 200
        self.asked: list[audit.Package] = []
        self.one_a_page = False

    def know(self, package: audit.Package, *advisories: dict[str, Any]) -> None:
        self.holds[package] = [one["id"] for one in advisories]
        self.advisories |= {one["id"]: one for one in advisories}

    def batch(self, query: dict[str, Any]) -> dict[str, Any]:
        asked = query["package"]
        package = audit.Package(asked["ecosystem"], asked["name"], query["version"])
        self.asked.append(package)
        known = self.holds.get(package, [])
        if not self.one_a_page:
            return {"vulns": [{"id": one} for one in known]} if known else {}
        at = int(query.get("page_token", 0))
        page: dict[str, Any] = {"vulns": [{"id": one} for one in known[at : at + 1]]}
        return page | ({"next_page_token": str(at + 1)} if at + 1 < len(known) else {})


def _handler(osv: Osv) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = osv.advisories.get(self.path.rpartition("/v1/vulns/")[2])
            self._answer(200 if found else 404, found or {})

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            results = [osv.batch(query) for query in body["queries"]]
            self._answer(osv.status, {"results": results})

        def _answer(self, status: int, body: dict[str, Any]) -> None:
            text = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: Any) -> None:
            """Nothing to say."""

    return Handler


@pytest.fixture
def osv(monkeypatch: pytest.MonkeyPatch) -> Iterator[Osv]:
    known = Osv()
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with ThreadingHTTPServer(("127.0.0.1", 0), _handler(known)) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        monkeypatch.setattr(audit, "SERVICE", f"http://127.0.0.1:{server.server_port}")
        yield known
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("arguments", [[], ["--if-reachable"]])
def test_what_is_known_fails_with_its_mend(
    osv: Osv, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    osv.know(DJANGO, ADVISORY)
    osv.know(HTMX, OF_HTMX)
    assert audit.main(arguments) == audit.FOUND
    first, second, last = capsys.readouterr().out.splitlines()
    assert first == (
        f"django {DJANGO.version}: PYSEC-2026-7 (CVE-2026-11111, GHSA-aaaa-bbbb-cccc):"
        " SQL injection in a filter; fixed in 5.2.99"
    )
    assert second == (
        f"htmx.org {HTMX.version}: GHSA-dddd-eeee-ffff: Script in an answer;"
        " no fixed version is known"
    )
    assert last.endswith("2 objections")


def test_everything_pinned_that_runs_is_asked_for_and_nothing_passes(
    osv: Osv, capsys: pytest.CaptureFixture[str]
) -> None:
    assert audit.main([]) == 0
    assert capsys.readouterr().out == f"audit: {len(osv.asked)} packages, 0 objections\n"
    assert len(set(osv.asked)) == len(osv.asked)
    names = {(one.ecosystem, one.name) for one in osv.asked}
    assert names > {("PyPI", "cryptography"), ("PyPI", "pillow"), ("npm", "echarts")}
    assert not names & {("PyPI", "pytest"), ("npm", "typescript")}, "what only tests or builds"
    assert all(one.version[0].isdigit() for one in osv.asked)


def test_one_advisory_under_two_names_is_one_and_a_withdrawn_one_none(osv: Osv) -> None:
    osv.know(DJANGO, ADVISORY, TWIN, {**OF_HTMX, "withdrawn": "2026-01-01T00:00:00Z"})
    assert [one.names[0] for one in audit.findings([DJANGO])] == ["PYSEC-2026-7"]


def test_an_advisory_without_details_counts_all_the_same(osv: Osv) -> None:
    osv.holds[DJANGO] = ["PYSEC-2026-8"]
    (one,) = audit.findings([DJANGO])
    assert one.in_words().startswith(f"django {DJANGO.version}: PYSEC-2026-8: no details")


def test_answers_in_pages_and_many_questions(osv: Osv, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "MOST_AT_ONCE", 2)
    osv.one_a_page = True
    osv.know(DJANGO, ADVISORY, OF_HTMX)
    found = audit.findings([HTMX, audit.of_python()[0], DJANGO])
    assert [one.names[0] for one in found] == ["PYSEC-2026-7", "GHSA-dddd-eeee-ffff"]


def _excepted(monkeypatch: pytest.MonkeyPatch, until: date) -> None:
    one = audit.Excepted("CVE-2026-11111", "we have no such filter", until)
    monkeypatch.setattr(audit, "EXCEPTIONS", (one,))


def test_an_exception_holds_to_its_last_day_and_fails_after_it(
    osv: Osv, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    osv.know(DJANGO, ADVISORY)
    _excepted(monkeypatch, TODAY + timedelta(days=1))
    assert audit.main([]) == 0
    ended = TODAY - timedelta(days=1)
    _excepted(monkeypatch, ended)
    assert audit.main([]) == audit.FOUND
    said = capsys.readouterr().out
    assert "PYSEC-2026-7" in said
    assert f"the exception for CVE-2026-11111 ended on {ended}: we have no such filter" in said


@contextmanager
def _silent() -> Iterator[str]:
    """A service that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        yield f"http://127.0.0.1:{silent.getsockname()[1]}"


@contextmanager
def _closed() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as found:
        port = found.getsockname()[1]
    yield f"http://127.0.0.1:{port}"


@pytest.mark.parametrize("nobody", [_silent, _closed])
def test_a_service_that_is_not_reached_is_said_in_one_line_soon(
    nobody: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(audit, "REACHED_WITHIN", 0.5)
    with nobody() as address:
        monkeypatch.setattr(audit, "SERVICE", address)
        began = time.monotonic()
        assert audit.main([]) == audit.NOT_REACHED
        assert audit.main(["--if-reachable"]) == 0
        assert time.monotonic() - began < 10
        _excepted(monkeypatch, TODAY - timedelta(days=1))
        assert audit.main(["--if-reachable"]) == audit.FOUND, "an end needs no service"
    first, second, *_ = capsys.readouterr().out.splitlines()
    assert first.startswith(f"audit: {address} was not reached, ")
    assert "packages were not looked up" in first
    assert first == second


@pytest.mark.parametrize("status", [403, 405, 503])
def test_who_answers_there_but_is_not_the_service_says_nothing_is_well(
    osv: Osv, status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    osv.status = status
    assert audit.main([]) == audit.NOT_REACHED
    assert str(status) in capsys.readouterr().out


def test_a_page_of_a_network_that_asks_to_sign_in_is_no_answer(
    osv: Osv, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(osv, "batch", lambda _query: "please sign in")
    assert audit.main([]) == audit.NOT_REACHED
