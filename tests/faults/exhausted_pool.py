"""Connections run out: strangers hold all of the database's, and browsers all of the site's.

Meanwhile the site says so (503 and when to come again, for people in words); afterwards it goes
on by itself.
"""

import socket
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, Final

import httpx
import psycopg

from tests.faults.county_under_load import Site, Template, go_on, loading, running
from tests.faults.reckoning import Outcome, reckon

SECONDS: Final = 15.0
BROWSERS: Final = 600
HOLDING: Final = 300
_OURS: Final = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND application_name LIKE 'huying%' AND pid <> pg_backend_pid()
"""


def run(template: Template, *, seconds: float = SECONDS) -> Outcome:
    began, outcome = time.monotonic(), Outcome("exhausted_pool")
    with template.copied() as county:
        with running(county, template.token) as site, loading(site) as load:
            strangers = _strangers(site)
            try:
                struck_at, said = time.monotonic(), Counter[str]()
                while time.monotonic() - struck_at < seconds:
                    _take_theirs(strangers, site)
                    _ask(site, said, outcome)
                    time.sleep(0.2)
            finally:
                for one in strangers:
                    one.close()
            freed_at = time.monotonic()
            go_on(load)
            outcome.remarks.append(
                f"{len(strangers)} connections of strangers for {freed_at - struck_at:.0f} s: "
                f"answers {dict(said)}; going on {time.monotonic() - freed_at:.1f} s after"
            )
            if not said["503"]:
                outcome.wrong.append(f"nobody was told 503: {dict(said)}")
            outcome.remarks.append(_many_browsers(site, outcome))
            go_on(load)
        return reckon(county, load, outcome, began)


def _strangers(site: Site) -> list[psycopg.Connection[Any]]:
    opened: list[psycopg.Connection[Any]] = []
    _fill(opened, site)
    return opened


def _fill(opened: list[psycopg.Connection[Any]], site: Site) -> None:
    with suppress(psycopg.OperationalError):
        while True:
            opened.append(
                psycopg.connect(site.county.url, autocommit=True, application_name="stranger")
            )


def _take_theirs(opened: list[psycopg.Connection[Any]], site: Site) -> None:
    """End the connections of our processes, and be there before they are back."""
    opened[0].execute(_OURS)
    _fill(opened, site)


def _ask(site: Site, said: Counter[str], outcome: Outcome) -> None:
    for path, kind in (
        ("/api/v1/categories", "application/problem+json"),
        ("/progress/?receipt=000000000000", "text/html"),
        ("/readyz", "application/json"),
    ):
        try:
            answer = httpx.get(f"{site.url}{path}", timeout=15, trust_env=False)
        except httpx.HTTPError as error:
            said[type(error).__name__] += 1
            continue
        said[str(answer.status_code)] += 1
        if answer.status_code == 503:
            told = answer.headers["Content-Type"].startswith(kind)
            again = "Retry-After" in answer.headers or path == "/readyz"
            if not (told and again):
                outcome.wrong.append(f"{path}: 503 without words or without when to come again")
        elif answer.status_code >= 500:
            outcome.wrong.append(f"{path}: {answer.status_code}")


def _many_browsers(site: Site, outcome: Outcome) -> str:
    """More requests at once than there are threads, and connections that say nothing."""
    port = int(site.url.rpartition(":")[2])
    silent = []
    for _ in range(HOLDING):
        one = socket.create_connection(("127.0.0.1", port), timeout=10)
        one.sendall(b"GET / HTTP/1.1\r\n")
        silent.append(one)
    limits = httpx.Limits(max_connections=BROWSERS)
    answers: Counter[str] = Counter()
    with httpx.Client(timeout=60, trust_env=False, limits=limits) as client:

        def ask(_: int) -> str:
            try:
                return str(client.get(f"{site.url}/api/v1/categories").status_code)
            except httpx.HTTPError as error:
                return type(error).__name__

        with ThreadPoolExecutor(BROWSERS) as threads:
            answers.update(threads.map(ask, range(BROWSERS)))
    for one in silent:
        one.close()
    if not set(answers) <= {"200", "429", "503"}:
        outcome.wrong.append(f"{BROWSERS} requests at once: {dict(answers)}")
    return f"{BROWSERS} requests at once beside {HOLDING} silent connections: {dict(answers)}"
