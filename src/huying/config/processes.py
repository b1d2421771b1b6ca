"""The processes of one machine, started, watched and stopped together.

web     pages and REST (WSGI, granian)
stream  live updates (ASGI, granian)
worker  jobs (procrastinate) and the ledger's sequencer
ingest  listeners for devices
archive the database's log and new attachments, copied as they come (embedded server, after the
        first backup)
standby keeps the second server running, where there is one
"""

import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from huying.config import embedded, orphans
from huying.telemetry import shared

STOP_SECONDS = 8.0
STEADY_SECONDS = 10.0
FIRST_PAUSE = 0.5
LONGEST_PAUSE = 30.0

_logger = logging.getLogger(__name__)


@dataclass
class Process:
    """One supervised child; restarted with a growing pause when it dies by itself.

    With `once_there_is` it starts when this file or folder appears.
    """

    name: str
    command: list[str]
    environment: dict[str, str] = field(default_factory=dict)
    once_there_is: Path | None = None
    child: subprocess.Popen[bytes] | None = None
    restarts: int = 0
    due_at: float = 0.0
    started_at: float = 0.0

    def start(self) -> None:
        shared.begin(self.environment)
        self.child = subprocess.Popen(
            self.command,
            env={**os.environ, **self.environment},
            # Who supervises has no other thread that could hold a lock in the child: the one that
            # writes its log holds none.
            preexec_fn=orphans.end_with_parent,  # noqa: PLW1509 - see above
        )
        self.started_at = time.monotonic()

    def tend(self) -> None:
        """Restart the child if it has died, after half a second, a second, two … thirty.

        Who ran for ten seconds starts counting anew: a pause is for what cannot start, not for
        what was killed.
        """
        now = time.monotonic()
        if self.child is None:
            if now >= self.due_at and (self.once_there_is is None or self.once_there_is.exists()):
                self.start()
        elif self.child.poll() is not None:
            if now - self.started_at > STEADY_SECONDS:
                self.restarts = 0
            self.restarts += 1
            # What does not start for a night is not counted to where numbers end.
            pause = min(FIRST_PAUSE * 2 ** min(self.restarts - 1, 10), LONGEST_PAUSE)
            ended = self.child.returncode
            _logger.error("%s ended with %s; starting again in %.1f s", self.name, ended, pause)
            self.due_at = now + pause
            self.child = None

    @property
    def is_running(self) -> bool:
        return self.child is not None and self.child.poll() is None

    def stop(self) -> None:
        stop_all([self])


def huying(*arguments: str) -> list[str]:
    """The command line of another `huying` process."""
    return [sys.executable, "-m", "huying.config.cli", *arguments]


def web(host: str, port: int, workers: int) -> list[str]:
    return [
        *(sys.executable, "-m", "granian", "--interface", "wsgi", "--no-ws"),
        *("--host", host, "--port", str(port), "--workers", str(workers)),
        *("--blocking-threads", "2", "--backlog", "2048", "--log-level", "warning"),
        *("--workers-kill-timeout", "5", "--respawn-failed-workers"),
        "huying.config.wsgi:application",
    ]


def stream(host: str, port: int) -> list[str]:
    return [
        *(sys.executable, "-m", "granian", "--interface", "asgi", "--no-ws"),
        *("--host", host, "--port", str(port), "--workers", "1", "--loop", "uvloop"),
        *("--log-level", "warning", "--workers-kill-timeout", "2"),
        "huying.config.asgi:application",
    ]


def everything(host: str, port: int, *, hj212_port: int, workers: int = 2) -> list[Process]:
    """What `huying up` runs. The stream listens beside the web, on port + 1.

    Where HUYING_METRICS_PORT is set, they answer scrapes on that port and the next three.
    """
    common = {
        "HUYING_STREAM_URL": os.environ.get("HUYING_STREAM_URL", f"http://{host}:{port + 1}"),
        "HUYING_PUBLIC_URL": os.environ.get("HUYING_PUBLIC_URL", f"http://{host}:{port}"),
        "HUYING_HJ212_PORT": str(hj212_port),
    }
    return [
        Process(name, command, {**common, **watched(name, place)})
        for place, (name, command) in enumerate(
            {
                "web": web(host, port, workers),
                "stream": stream(host, port + 1),
                "worker": huying("worker"),
                "ingest": huying("ingest"),
            }.items()
        )
    ]


def of_embedded(data: Path, backups: Path) -> list[Process]:
    """What runs beside the embedded server, once there is a first backup or a standby."""
    second = embedded.standby_folder(data)
    return [
        Process("archive", huying("archive"), once_there_is=backups / embedded.WAL),
        Process("standby", huying("standby", "--watch"), once_there_is=second),
    ]


def watched(name: str, place: int) -> dict[str, str]:
    """How a process is seen from outside: its port for metrics, its name among traces."""
    first = int(os.environ.get(shared.PORT) or 0)
    named = {"OTEL_SERVICE_NAME": os.environ.get("OTEL_SERVICE_NAME", f"huying-{name}")}
    return {**named, **(shared.environment(first + place) if first else {})}


def wait_until_ready(url: str, *, seconds: float = 40) -> bool:
    """Whether url/readyz answers 200 within `seconds`."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if httpx.get(f"{url}/readyz", timeout=2, trust_env=False).status_code == 200:
                return True
        except httpx.HTTPError:
            pass
        time.sleep(0.1)
    return False


def supervise(
    processes: list[Process],
    *,
    beside: Callable[[], None] = lambda: None,
    stop_seconds: float = STOP_SECONDS,
) -> None:
    """Keep all of them running until SIGTERM or SIGINT, then stop all of them. `beside` is done
    with each look."""
    stopping = False

    def stop(*_: object) -> None:
        nonlocal stopping
        stopping = True

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    try:
        while not stopping:
            beside()
            for process in processes:
                process.tend()
            time.sleep(0.2)
    finally:
        stop_all(processes, seconds=stop_seconds)


def stop_all(processes: list[Process], *, seconds: float = STOP_SECONDS) -> None:
    """Ask all, wait together, then kill: after `seconds` nothing of it runs."""
    asked = [process.child for process in processes if process.is_running and process.child]
    for child in asked:
        child.terminate()
    deadline = time.monotonic() + seconds
    for child in asked:
        try:
            child.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
