"""A crew does its tasks as one process would, and ends as one."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from huying.config import checking, cli, crew

_begun = 0


def _begin() -> None:
    global _begun
    _begun = os.getpid()


def _later_is_faster(task: int) -> tuple[int, bool]:
    time.sleep(0.02 * (4 - task % 5))
    return task * task, _begun == os.getpid()


def _fails_at_five(task: int) -> int:
    return 1 // (5 - task)


def _dies_at_five(task: int) -> int:
    if task == 5:
        os.kill(os.getpid(), signal.SIGKILL)
    return task


@pytest.mark.parametrize("processes", [1, 3])
def test_results_come_in_the_order_of_the_tasks(processes: int) -> None:
    with crew.crew(processes, _begin) as spread:
        for count in (20, 0, 2):
            results = list(spread(_later_is_faster, range(count)))
            assert results == [(task * task, True) for task in range(count)]
    assert multiprocessing.active_children() == []


def test_tasks_are_taken_as_they_are_needed() -> None:
    taken: list[int] = []

    def tasks() -> Iterator[int]:
        for task in range(1000):
            taken.append(task)
            yield task

    with crew.crew(2, _begin) as spread:
        for done in spread(abs, tasks()):
            assert taken[-1] - done <= 2 * crew.AHEAD
    assert len(taken) == 1000


@pytest.mark.parametrize(
    ("work", "said"), [(_dies_at_five, "SIGKILL"), (_fails_at_five, "ZeroDivisionError")]
)
def test_where_one_fails_all_end(work: Callable[[int], int], said: str) -> None:
    taken: list[int] = []
    with pytest.raises(crew.CrewFailed) as caught:
        _do(work, taken)
    assert said in caught.value.en
    assert len(taken) < 100
    assert multiprocessing.active_children() == []


def _do(work: Callable[[int], int], taken: list[int]) -> None:
    with crew.crew(3, _begin) as spread:
        taken.extend(spread(work, range(100)))


# Work that never ends, by two processes that say who they are.
AT_WORK = """
import os, signal, sys, time
from pathlib import Path
import django
django.setup()
from huying.config import crew

# As on a terminal, even where these tests were started in the background and ignore it.
signal.signal(signal.SIGINT, signal.default_int_handler)

def work(task):
    (Path(sys.argv[1]) / f"worker{task}").write_text(str(os.getpid()))
    time.sleep(60)

with crew.crew(2, int) as spread:
    list(spread(work, range(2)))
"""


@pytest.mark.parametrize("how", ["Ctrl-C", "SIGTERM", "SIGKILL"])
def test_nobody_outlives_the_command(how: str, tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", AT_WORK, str(tmp_path)],
        env={
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "huying.config.settings",
            "HUYING_DATABASE_URL": "postgresql://nobody@127.0.0.1:9/none",
        },
        start_new_session=True,
        stderr=subprocess.PIPE,
    ) as command:
        try:
            _wait(lambda: len([one for one in tmp_path.iterdir() if one.stat().st_size]) == 2)
            workers = [Path("/proc") / one.read_text() for one in tmp_path.iterdir()]
            assert all(one.exists() for one in workers)
            if how == "Ctrl-C":
                os.killpg(command.pid, signal.SIGINT)
            else:
                command.send_signal(signal.Signals[how])
            _out, said = command.communicate(timeout=30)
        finally:
            command.kill()
    assert command.returncode < 0
    assert said.count(b"Traceback") == (how == "Ctrl-C")  # of the command itself
    _wait(lambda: not any(map(_lives, workers)))


def _wait(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def _lives(process: Path) -> bool:
    try:
        return (process / "stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize(
    ("outcome", "status", "said"),
    [
        (checking.Report(), 0, "一致"),
        (checking.Report({"TALLY": 1}), 1, "1 处不一致"),
        (crew.CrewFailed("一个核对进程中途退出", "ended"), 2, "中途退出"),
        (KeyboardInterrupt(), 130, "已停止"),
    ],
)
def test_how_fsck_ends(
    outcome: object, status: int, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    def check(*, processes: int, **_options: Any) -> object:
        asked.append(processes)
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    monkeypatch.setattr("huying.config.cli_copies.setup", lambda: None)
    monkeypatch.setattr(checking, "check", check)
    result = CliRunner().invoke(cli.app, ["fsck", "--processes", "3"])
    assert (result.exit_code, asked) == (status, [3])
    assert said in result.output
