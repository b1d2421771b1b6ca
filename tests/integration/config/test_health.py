"""Alive, ready, and what is said while the database is away."""

import errno
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from django.db import InterfaceError, OperationalError, connection
from django.test import Client, RequestFactory

from huying.config import errors, health
from tests.browser.site import free_ports

ROOT = Path(__file__).resolve().parents[3]

ASK = """
import json, sys, django
django.setup()
from django.test import Client
client = Client(raise_request_exception=False)
answers = {}
for path in sys.argv[1:]:
    answer = client.get(path, HTTP_HOST="localhost")
    answers[path] = [answer.status_code, answer.headers["Content-Type"], answer.content.decode()]
print(json.dumps(answers))
"""


@pytest.fixture(autouse=True)
def _forget() -> Iterator[None]:
    health._require_migrated.cache_clear()
    yield
    health._require_migrated.cache_clear()


def test_alive_needs_no_database(client: Client) -> None:
    answer = client.get("/healthz")
    assert answer.status_code == 200
    assert answer.json() == {"alive": True, "county": "county"}


def test_what_is_broken_is_no_matter_of_waiting(rf: RequestFactory) -> None:
    """Only a database that is away or full, and a full disk, are 503."""
    refused = psycopg.OperationalError()
    for error, cause, status in (
        (OperationalError(), refused, 503),
        (OperationalError(), psycopg.errors.AdminShutdown(), 503),
        (OperationalError(), psycopg.errors.TooManyConnections(), 503),
        (OperationalError(), psycopg.errors.DiskFull(), 503),
        (OSError(errno.ENOSPC, "No space left on device"), None, 503),
        (OSError(errno.EACCES, "Permission denied"), None, 500),
        (InterfaceError(), None, 503),
        (OperationalError(), psycopg.errors.QueryCanceled(), 500),
        (OperationalError(), psycopg.errors.DeadlockDetected(), 500),
        (KeyError(), None, 500),
    ):
        try:
            raise error from cause
        except Exception:
            answer = errors.server_error(rf.get("/api/v1/divisions"))
        assert answer.status_code == status
        assert ("Retry-After" in answer.headers) is (status == 503)


def test_while_the_database_is_away_people_are_asked_to_wait(rf: RequestFactory) -> None:
    """Who looked is brought back by the page itself; who sent something is told to send again."""
    pages = {}
    for request in (rf.get("/progress/"), rf.post("/report/")):
        try:
            raise OperationalError from psycopg.OperationalError()
        except OperationalError:
            pages[request.method] = errors.server_error(request).content.decode()
    assert 'http-equiv="refresh"' in pages["GET"]
    assert 'http-equiv="refresh"' not in pages["POST"]
    assert "不会重复登记" in pages["POST"]
    assert all("系统正在恢复" in page for page in pages.values())


@pytest.mark.django_db
def test_ready_once_everything_is_migrated(client: Client) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'cases' RETURNING name, applied")
        rows = cursor.fetchall()
        assert rows
        answer = client.get("/readyz")
        assert answer.status_code == 503
        assert answer.json() == {"ready": False, "reason": "run: huying migrate"}
        for name, applied in rows:
            cursor.execute(
                "INSERT INTO django_migrations (app, name, applied) VALUES ('cases', %s, %s)",
                [name, applied],
            )
    assert client.get("/readyz").status_code == 200
    assert client.get("/readyz").json() == {"ready": True}


def test_without_a_database_every_answer_still_says_what_to_do(tmp_path: Path) -> None:
    (port, _) = free_ports(2)
    done = subprocess.run(
        [
            *(sys.executable, "-c", ASK),
            *("/healthz", "/readyz", "/", "/sign-in/", "/api/v1/divisions", "/no-such-page/"),
        ],
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT / "src"),
            "DJANGO_SETTINGS_MODULE": "huying.config.settings",
            "HUYING_DATABASE_URL": f"postgresql://nobody@127.0.0.1:{port}/none",
            "HUYING_DATA_DIR": str(tmp_path),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answers = json.loads(done.stdout)
    assert answers["/healthz"][0] == 200
    status, _, body = answers["/readyz"]
    assert status == 503
    assert json.loads(body)["reason"] == "the database does not answer"
    status, kind, body = answers["/"]
    assert status == 503
    assert kind.startswith("text/html")
    assert "系统" in body
    assert "<html" in body
    status, kind, body = answers["/api/v1/divisions"]
    assert status == 503, "a program comes again"
    assert kind == "application/problem+json"
    assert json.loads(body)["code"] == "NOT_READY"
    # Each failure is one JSON line in the log.
    assert all(json.loads(line)["level"] for line in done.stderr.splitlines() if line)
