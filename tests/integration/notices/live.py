"""The live stream as it runs: granian in a process of its own, read by a real HTTP client."""

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import orjson
import psycopg
from django.db import connection
from django.test import Client
from psycopg.conninfo import make_conninfo

from huying.config import processes
from huying.directory.models import Account

ORIGIN = "http://site.test"


@dataclass(frozen=True)
class Event:
    kind: str
    id: str
    data: dict[str, Any]


class Reader:
    """Reads one stream, event by event."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self._lines = response.iter_lines()

    def next(self) -> Event:
        """The next event; fails after the client's time limit."""
        found = {"id": "", "event": "", "data": ""}
        for line in self._lines:
            name, _, value = line.partition(": ")
            if name in found:
                found[name] = value
            elif not line and found["data"]:
                return Event(found["event"], found["id"], orjson.loads(found["data"]))
        raise EOFError("the stream ended")

    def ends(self) -> bool:
        """Whether the server closes the stream."""
        try:
            self.next()
        except EOFError:
            return True
        return False


@dataclass(frozen=True)
class Live:
    url: str
    process: subprocess.Popen[bytes]

    @contextmanager
    def reading(self, account: Account, last: str = "", path: str = "/live/") -> Iterator[Reader]:
        """A browser of a signed-in account, connected; `last` as its Last-Event-ID."""
        headers = {"Cookie": cookie_of(account), "Origin": ORIGIN}
        if last:
            headers["Last-Event-ID"] = last
        with (
            httpx.Client(timeout=8, trust_env=False) as client,
            client.stream("GET", self.url + path, headers=headers) as response,
        ):
            assert response.status_code == 200
            yield Reader(response)

    def get(self, path: str = "/live/", **headers: str) -> httpx.Response:
        return httpx.get(self.url + path, headers=headers, timeout=8, trust_env=False)


def cookie_of(account: Account) -> str:
    """The session cookie of an account that signed in."""
    client = Client()
    client.force_login(account)
    return f"sessionid={client.cookies['sessionid'].value}"


def database_url() -> str:
    """The database of the running test."""
    known = connection.get_connection_params()
    parts = {key: known.get(key) for key in ("dbname", "user", "password", "host", "port")}
    return make_conninfo(**{key: value for key, value in parts.items() if value})


def second_connection() -> psycopg.Connection[Any]:
    """Another session of the database, in the county's schema."""
    return psycopg.connect(database_url(), options=connection.get_connection_params()["options"])


@contextmanager
def running_live() -> Iterator[Live]:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    process = subprocess.Popen(
        processes.stream("127.0.0.1", port),
        env={
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "huying.config.settings",
            "HUYING_DATABASE_URL": database_url(),
            "HUYING_PUBLIC_URL": ORIGIN,
        },
    )
    try:
        live = Live(f"http://127.0.0.1:{port}", process)
        wait_until_listening(live)
        yield live
    finally:
        process.terminate()
        try:
            process.wait(8)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_until_listening(live: Live, seconds: float = 30) -> None:
    """Until the process answers and listens to the database."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if live.get("/healthz").status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.05)
    raise TimeoutError("the stream does not listen")
