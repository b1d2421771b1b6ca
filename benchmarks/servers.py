"""Real processes on free ports of loopback, stopped with certainty."""

import os
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass

import httpx

from huying.config import processes
from huying.config.processes import Process

HOST = "127.0.0.1"
READY_SECONDS = 40.0


@dataclass(frozen=True, slots=True)
class Site:
    """Where each of the processes answers; 0 = it does not run."""

    web: int = 0
    stream: int = 0
    hj212: int = 0


def free_port() -> int:
    with closing(socket.socket()) as found:
        found.bind((HOST, 0))
        return int(found.getsockname()[1])


@contextmanager
def running_site(names: Sequence[str]) -> Iterator[Site]:
    """The processes `names` (web, stream, worker, ingest) as `huying up` starts them."""
    site = Site(free_port(), free_port(), free_port())
    shared = {
        "HUYING_PUBLIC_URL": f"http://{HOST}:{site.web}",
        "HUYING_STREAM_URL": f"http://{HOST}:{site.stream}",
        "HUYING_HJ212_PORT": str(site.hj212),
        "DJANGO_SETTINGS_MODULE": "huying.config.settings",
    }
    commands = {
        "web": processes.web(HOST, site.web, workers=2),
        "stream": processes.stream(HOST, site.stream),
        "worker": processes.huying("worker"),
        "ingest": processes.huying("ingest"),
    }
    children = [Process(name, commands[name], shared) for name in names]
    try:
        for child in children:
            child.start()
        if "web" in names and not processes.wait_until_ready(f"http://{HOST}:{site.web}"):
            raise TimeoutError("the web process does not answer")
        if "stream" in names:
            _wait_for_stream(site.stream)
        if "ingest" in names:
            _wait_for_port(site.hj212)
        yield site
    finally:
        processes.stop_all(children)


@contextmanager
def running_wsgi(target: str) -> Iterator[int]:
    """Another WSGI application on the same server with the same settings; its port."""
    port = free_port()
    command = [*processes.web(HOST, port, workers=2)[:-1], target]
    child = Process("wsgi", command, {"PYTHONPATH": os.getcwd()})
    try:
        child.start()
        _wait_for_port(port)
        yield port
    finally:
        processes.stop_all([child])


def _wait_for_port(port: int) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        try:
            with socket.create_connection((HOST, port), timeout=1):
                return
        except OSError:
            time.sleep(0.1)
    raise TimeoutError(f"nothing listens on port {port}")


def _wait_for_stream(port: int) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        try:
            answer = httpx.get(f"http://{HOST}:{port}/healthz", timeout=2, trust_env=False)
            if answer.status_code == 200:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.1)
    raise TimeoutError("the live stream does not listen")
