"""From `huying up` to ready, on a county that is there already.

A county of its own in an embedded server, stopped before each run. Ready: `/readyz` answers 200
for the first time and devices can connect to the port of HJ 212. Beside it PostgreSQL's own
start on the same folder, and the seconds of processor that all processes took until ready: two
cores share these, so on a busy machine they say more than the clock.
"""

import os
import signal
import socket
import statistics
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Final

import httpx
import psutil
from django.conf import settings
from rich.console import Console

from benchmarks.rows import BenchRow, row
from benchmarks.servers import HOST, free_port
from huying.config import embedded

LIMIT_MS: Final = 5_000.0
RUNS: Final = {True: 2, False: 7}
MOST_SECONDS: Final = 60.0
_console = Console(stderr=True, width=160)


def run(*, quick: bool) -> list[BenchRow]:
    folder = Path(settings.DATA_DIR) / "start"
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("HUYING_")
    } | {"HUYING_DATA_DIR": str(folder), "HUYING_TRAIL": "0"}
    if not (folder / "postgres").exists():
        _huying(environment, "begin", "990101", "清和县")
    _huying(environment, "migrate")
    _huying(environment, "down")
    alone, ready = [], []
    try:
        for _number in range(RUNS[quick]):
            alone.append(_database_alone(folder / "postgres"))
            ready.append(_until_ready(environment))
    finally:
        _huying(environment, "down")
    took = statistics.median(seconds for seconds, _processor in ready) * 1000
    processor = statistics.median(processor for _seconds, processor in ready)
    _console.print(
        f"  ready after {', '.join(f'{seconds:.1f}' for seconds, _ in ready)} s; "
        f"{processor:.1f} s of processor in all processes"
    )
    own = statistics.median(alone) * 1000
    return [
        row("start", took, "ms", "limit: 5 s", LIMIT_MS),
        row("start_database", took, "ms", "PostgreSQL's own start", own),
    ]


def _huying(environment: dict[str, str], *arguments: str) -> None:
    subprocess.run(
        [sys.executable, "-m", "huying.config.cli", *arguments],
        env=environment,
        check=True,
        stdout=subprocess.DEVNULL,
    )


def _database_alone(pgdata: Path) -> float:
    began = time.monotonic()
    embedded.start(pgdata)
    took = time.monotonic() - began
    embedded.stop(pgdata)
    return took


def _until_ready(environment: dict[str, str]) -> tuple[float, float]:
    """Seconds by the clock and of processor."""
    web, hj212 = free_port(), free_port()
    command = [sys.executable, "-m", "huying.config.cli", "up"]
    command += ["--port", str(web), "--hj212-port", str(hj212)]
    began = time.monotonic()
    up = subprocess.Popen(
        command,
        env={**environment, "HUYING_PUBLIC_URL": f"http://{HOST}:{web}"},
        stdout=subprocess.DEVNULL,
    )
    try:
        while not (_listens(hj212) and _answers(web)):
            if up.poll() is not None or time.monotonic() - began > MOST_SECONDS:
                raise TimeoutError("huying up does not get ready")
            time.sleep(0.02)
        return time.monotonic() - began, _processor_seconds(up.pid)
    finally:
        up.send_signal(signal.SIGTERM)
        up.wait()
        embedded.stop_all(Path(environment["HUYING_DATA_DIR"]))


def _listens(port: int) -> bool:
    with closing(socket.socket()) as tried:
        return tried.connect_ex((HOST, port)) == 0


def _answers(port: int) -> bool:
    try:
        answer = httpx.get(f"http://{HOST}:{port}/readyz", timeout=2, trust_env=False)
    except httpx.HTTPError:
        return False
    return answer.status_code == 200


def _processor_seconds(pid: int) -> float:
    total = 0.0
    for process in (psutil.Process(pid), *psutil.Process(pid).children(recursive=True)):
        times = process.cpu_times()
        total += times.user + times.system
    return total
