"""Children are restarted with growing pauses, and a stop always ends."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from huying.config import processes
from huying.config.processes import LONGEST_PAUSE, Process, stop_all

ROOT = Path(__file__).resolve().parents[3]
WAITS = [sys.executable, "-c", "import signal; signal.pause()"]
IGNORES = [
    *(sys.executable, "-c"),
    "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True);"
    " signal.pause(); signal.pause()",
]
CHILD = """
import os, signal, sys
with open(sys.argv[1], "a") as file:
    print(os.getpid(), file=file)
signal.pause()
"""
SUPERVISOR = """
import sys
from huying.config.processes import Process, supervise
folder, script = sys.argv[1:]
supervise(
    [Process(name, [sys.executable, "-c", script, f"{folder}/{name}"]) for name in "ab"],
    stop_seconds=5,
)
"""


def _until(condition: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    running = subprocess.Popen(
        [sys.executable, "-c", SUPERVISOR, str(tmp_path), CHILD],
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        stderr=subprocess.PIPE,
    )
    yield running
    running.kill()
    running.communicate()


def test_a_killed_child_is_started_again_and_all_stop_together(
    supervisor: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    def pids(name: str) -> list[int]:
        path = tmp_path / name
        return [int(line) for line in path.read_text().split()] if path.exists() else []

    _until(lambda: len(pids("a")) == 1 and len(pids("b")) == 1)
    os.kill(pids("a")[0], signal.SIGKILL)
    killed_at = time.monotonic()
    _until(lambda: len(pids("a")) == 2)
    assert time.monotonic() - killed_at > 0.4, "the first pause is half a second"
    assert len(pids("b")) == 1, "the other one was left alone"

    supervisor.send_signal(signal.SIGTERM)
    _, said = supervisor.communicate(timeout=8)
    assert supervisor.returncode == 0
    assert b"a ended with -9" in said
    assert not any(_is_alive(pid) for pid in (*pids("a"), *pids("b")))


def test_no_child_outlives_a_supervisor_that_was_killed(
    supervisor: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    paths = [tmp_path / name for name in "ab"]
    _until(lambda: all(path.exists() and path.read_text().strip() for path in paths))
    children = [psutil.Process(int(path.read_text())) for path in paths]
    supervisor.kill()
    _until(
        lambda: all(
            not child.is_running() or child.status() == psutil.STATUS_ZOMBIE for child in children
        )
    )


def test_the_pauses_grow_and_then_stay() -> None:
    process = Process("brief", [sys.executable, "-c", ""])
    pauses: list[float] = []
    for _ in range(8):
        process.due_at = 0.0
        process.tend()
        assert process.child is not None
        process.child.wait()
        process.tend()
        assert process.child is None
        pauses.append(process.due_at - time.monotonic())
        process.tend()
        assert process.child is None, "not before its pause is over"
    assert pauses == pytest.approx([0.5, 1, 2, 4, 8, 16, LONGEST_PAUSE, LONGEST_PAUSE], abs=0.4)


def test_what_does_not_start_for_a_night_is_tried_on() -> None:
    process = Process("hopeless", [sys.executable, "-c", ""], restarts=5_000)
    process.tend()
    assert process.child is not None
    process.child.wait()
    process.tend()
    assert process.due_at - time.monotonic() == pytest.approx(LONGEST_PAUSE, abs=0.4)


def test_who_ran_steadily_starts_counting_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "STEADY_SECONDS", -1.0)
    process = Process("steady", [sys.executable, "-c", ""], restarts=5)
    process.tend()
    assert process.child is not None
    process.child.wait()
    process.tend()
    assert process.restarts == 1


def test_who_does_not_listen_is_killed_in_the_time_all_have_together() -> None:
    deaf = [Process(f"deaf {n}", IGNORES) for n in range(3)]
    polite = Process("polite", WAITS)
    for process in (*deaf, polite):
        process.child = subprocess.Popen(process.command, stdout=subprocess.PIPE)
    for process in deaf:
        assert process.child is not None
        assert process.child.stdout is not None
        process.child.stdout.readline()
    began = time.monotonic()
    stop_all([*deaf, polite, Process("never started", WAITS)], seconds=0.5)
    assert time.monotonic() - began < 2
    for process in (*deaf, polite):
        assert process.child is not None
        assert process.child.stdout is not None
        process.child.stdout.close()
    codes = [process.child.returncode for process in (*deaf, polite) if process.child]
    assert codes == [-signal.SIGKILL] * 3 + [-signal.SIGTERM]


def test_the_stream_is_told_where_it_is_unless_the_operator_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("HUYING_STREAM_URL", raising=False)
    alone = processes.everything("127.0.0.1", 8000, hj212_port=9212)
    assert {one.environment["HUYING_STREAM_URL"] for one in alone} == {"http://127.0.0.1:8001"}
    monkeypatch.setenv("HUYING_STREAM_URL", "")
    behind_a_proxy = processes.everything("127.0.0.1", 8000, hj212_port=9212)
    assert {one.environment["HUYING_STREAM_URL"] for one in behind_a_proxy} == {""}
