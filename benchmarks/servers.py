"""Real processes on free ports of loopback, stopped with certainty."""

import os
import socket
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from huying.config import processes
from huying.config.processes import Process

HOST = "127.0.0.1"
READY_SECONDS = 40.0
WORKERS = 2
_LISTENING = "0A"  # in /proc/net/tcp


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
        "web": processes.web(HOST, site.web, workers=WORKERS),
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
        if "web" in names:
            wait_for_port(site.web, WORKERS)
        if "stream" in names:
            _wait_for_stream(site.stream)
        if "ingest" in names:
            wait_for_port(site.hj212)
        yield site
    finally:
        processes.stop_all(children)


@contextmanager
def running_wsgi(target: str) -> Iterator[int]:
    """Another WSGI application on the same server with the same settings; its port."""
    port = free_port()
    command = [*processes.web(HOST, port, workers=WORKERS)[:-1], target]
    child = Process("wsgi", command, {"PYTHONPATH": os.pathsep.join([os.getcwd(), *sys.path])})
    try:
        child.start()
        wait_for_port(port, WORKERS)
        yield port
    finally:
        processes.stop_all([child])


def wait_for_port(port: int, listeners: int = 1) -> None:
    """Until so many processes listen on the port.

    Each web worker has a listening socket of its own: connections made before the last one
    listens would stay with the others.
    """
    deadline = time.monotonic() + READY_SECONDS
    local = f":{port:04X}"
    while time.monotonic() < deadline:
        lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
        states = [line.split()[3] for line in lines if line.split()[1].endswith(local)]
        if states.count(_LISTENING) >= listeners:
            return
        time.sleep(0.1)
    raise TimeoutError(f"{listeners} processes should listen on port {port}")


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
