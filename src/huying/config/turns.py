"""Who may start, stop and exchange the embedded servers of a data directory, one at a time.

Two locks of the operating system: they end with the process that holds them, so that nothing
is left to clear away.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

PATIENCE_SECONDS: Final = 30.0
_SERVERS: Final = ".servers.lock"
_UP: Final = ".up.lock"


class Busy(Exception):
    """Somebody else is at it; `zh` and `en` say what to do."""

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(en)
        self.zh, self.en = zh, en


@contextmanager
def servers(data: Path, *, patience: float = PATIENCE_SECONDS) -> Iterator[None]:
    """While this lasts nobody else starts, stops or exchanges a server of `data`. Raises Busy."""
    words = Busy(
        "另一个 huying 命令正在启停或替换数据库，请等它做完再试",
        "Another huying command is starting, stopping or replacing the database; try again when "
        "it is done",
    )
    with _held(data / _SERVERS, fcntl.LOCK_EX, patience, words):
        yield


@contextmanager
def up(data: Path) -> Iterator[None]:
    """While this lasts the county's processes run and nobody replaces its data. Raises Busy."""
    words = Busy(
        "正在恢复数据，请等 huying restore 做完再启动",
        "The county is being restored: start it when `huying restore` is done",
    )
    with _held(data / _UP, fcntl.LOCK_SH, 0, words):
        yield


@contextmanager
def stopped(data: Path) -> Iterator[None]:
    """While this lasts `huying up` does not run and does not start. Raises Busy."""
    words = Busy(
        "呼应还在运行，请先停止（systemctl stop huying），再恢复",
        "Huying is still running: stop it first (systemctl stop huying), then restore",
    )
    with _held(data / _UP, fcntl.LOCK_EX, 0, words):
        yield


@contextmanager
def _held(path: Path, how: int, patience: float, otherwise: Busy) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    # To be read is enough: root and the county's own user may come one after the other.
    file = os.open(path, os.O_RDONLY | os.O_CREAT, 0o644)
    try:
        deadline = time.monotonic() + patience
        while True:
            try:
                fcntl.flock(file, how | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    raise otherwise from None
                time.sleep(0.1)
        yield
    finally:
        os.close(file)
