"""`/metrics`: for Prometheus alone, on a port of its own, only where HUYING_METRICS_PORT is set.

On 127.0.0.1 unless HUYING_METRICS_HOST says otherwise; with HUYING_METRICS_TOKEN only for who
brings it as a bearer token. The site itself has no such address.
"""

import hmac
import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Iterable
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

import psutil
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.registry import REGISTRY, Collector

from huying.telemetry import metrics, shared

_logger = logging.getLogger(__name__)
PATH: Final = "/metrics"
CLIENT_SECONDS: Final = 5.0

Gauges = Callable[[], Iterable[Metric]]


def release() -> str:
    """The version that runs: of the installed package, or of the offline bundle's folder."""
    try:
        return version("huying")
    except PackageNotFoundError:
        written = Path(__file__).resolve().parents[3] / "VERSION"
        return written.read_text(encoding="ascii").strip() if written.exists() else "unknown"


def start(*, county: str, gauges: Gauges | None = None) -> int:
    """Answer scrapes in a thread of this process; the port, 0 where none is set.

    Several processes of one kind listen on the same port, and each answers for all of them.
    `gauges` are added by the one process that reads them.
    """
    metrics.BUILD.labels(release(), county).set(1)
    metrics.STARTED.set(time.time())
    port = int(os.environ.get(shared.PORT) or 0)
    if not port:
        return 0
    host = os.environ.get("HUYING_METRICS_HOST") or "127.0.0.1"
    try:
        server = _Server((host, port), _handler(_registry(gauges)))
    except OSError as fault:
        # Not to be watched is no reason not to work.
        _logger.error("/metrics cannot listen on %s:%d: %s", host, port, fault)
        return 0
    threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()
    return port


class _Server(HTTPServer):
    allow_reuse_address = True

    def server_bind(self) -> None:
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        super().server_bind()

    def handle_error(self, request: Any, client_address: Any) -> None:
        _logger.warning("a scrape ended early")


def _handler(registry: CollectorRegistry) -> type[BaseHTTPRequestHandler]:
    token = os.environ.get("HUYING_METRICS_TOKEN", "")

    class Handler(BaseHTTPRequestHandler):
        timeout = CLIENT_SECONDS

        def do_GET(self) -> None:
            if self.path.partition("?")[0] != PATH:
                self.send_error(404)
                return
            given = self.headers.get("Authorization", "")
            if token and not hmac.compare_digest(given.encode(), f"Bearer {token}".encode()):
                self.send_error(401)
                return
            encode, kind = choose_encoder(self.headers.get("Accept", ""))
            body = encode(registry)
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Scrapes are no news."""

    return Handler


def _registry(gauges: Gauges | None) -> CollectorRegistry:
    folder = os.environ.get(shared.FOLDER)
    if folder:
        registry = CollectorRegistry()
        registry.register(_Alive(Path(folder)))
        MultiProcessCollector(registry, folder)  # type: ignore[no-untyped-call]  # the library has no types
    else:
        registry = REGISTRY
    if gauges is not None:
        registry.register(_Read(gauges))
    return registry


class _Alive(Collector):
    """The processes that write here; what those that died said of the present is forgotten."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def collect(self) -> Iterable[Metric]:
        numbers = {file.stem.rpartition("_")[2] for file in self._folder.glob("*.db")}
        memory, alive = 0, 0
        for number in filter(str.isdigit, numbers):
            try:
                process = psutil.Process(int(number))
                if process.status() == psutil.STATUS_ZOMBIE:
                    raise psutil.NoSuchProcess(process.pid)
                memory += process.memory_info().rss
                alive += 1
            except psutil.NoSuchProcess:
                mark_process_dead(int(number), str(self._folder))  # type: ignore[no-untyped-call]  # the library has no types
        yield GaugeMetricFamily("huying_processes", "Processes that answer together", alive)
        yield GaugeMetricFamily(
            "huying_process_resident_memory_bytes", "Their memory, added up", memory
        )


class _Read(Collector):
    def __init__(self, gauges: Gauges) -> None:
        self._gauges = gauges

    def collect(self) -> Iterable[Metric]:
        return self._gauges()

    def describe(self) -> Iterable[Metric]:
        """Nothing is read to be registered."""
        return ()
