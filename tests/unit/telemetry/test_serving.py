"""One scrape at a time: who is stuck in it is let go, and the next is answered."""

import socket
import threading
import time
from collections.abc import Iterator

import httpx
import pytest
from prometheus_client import CollectorRegistry, Gauge

from huying.telemetry import serving

CLIENT_SECONDS = 1.0
PLACES = 5_000


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Of a server whose answer is larger than what the sockets between hold."""
    monkeypatch.setattr(serving, "CLIENT_SECONDS", CLIENT_SECONDS)
    registry = CollectorRegistry()
    many = Gauge("huying_test", "Very many", ["place"], registry=registry)
    for place in range(PLACES):
        many.labels(f"{place:01000d}").set(1)
    with serving._Server(("127.0.0.1", 0), serving._handler(registry)) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("words", [b"", b"GET /met", b"GET /metrics HTTP/1.0\r\n\r\n"])
def test_a_scrape_that_is_stuck_holds_up_the_next_for_its_time_alone(
    port: int, words: bytes
) -> None:
    with socket.socket() as stuck:
        stuck.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        stuck.connect(("127.0.0.1", port))
        # It says nothing, or half of what it wants, or reads nothing of its answer.
        stuck.sendall(words)
        began = time.monotonic()
        answer = httpx.get(f"http://127.0.0.1:{port}/metrics", trust_env=False, timeout=60)
        waited = time.monotonic() - began
    assert answer.status_code == 200
    assert answer.text.count("\nhuying_test{") == PLACES
    assert waited > CLIENT_SECONDS * 0.9
