"""Who used the processors meanwhile: what a figure means on a machine that others use too."""

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from django.db import connection

_TICK: Final = float(os.sysconf("SC_CLK_TCK"))


@dataclass(frozen=True, slots=True)
class Usage:
    """Seconds of processor time. `servers`: our processes but this one and the database."""

    wall: float
    generator: float
    servers: float
    database: float
    everybody: float

    def since(self, earlier: "Usage") -> "Usage":
        return Usage(
            self.wall - earlier.wall,
            self.generator - earlier.generator,
            self.servers - earlier.servers,
            self.database - earlier.database,
            self.everybody - earlier.everybody,
        )

    def in_words(self, done: int) -> str:
        """For `done` pieces of work: milliseconds each, and the share others took."""
        cores = os.cpu_count() or 1
        others = self.everybody - self.generator - self.servers - self.database
        each = 1000 / max(done, 1)
        return (
            f"CPU ms each: servers {self.servers * each:.1f}, database {self.database * each:.1f},"
            f" load generator {self.generator * each:.1f}; other users took"
            f" {max(0.0, others) / (self.wall * cores):.0%} of the machine"
        )


def usage() -> Usage:
    """Counted from the start of the machine; use `since`."""
    own, postmaster, session = os.getpid(), _postmaster(), os.getsid(0)
    generator = servers = database = 0.0
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            fields = (folder / "stat").read_text().rsplit(")", 1)[1].split()
        except OSError:  # it ended meanwhile
            continue
        parent, of_session = int(fields[1]), int(fields[3])
        used = (int(fields[11]) + int(fields[12])) / _TICK
        if int(folder.name) == own:
            generator = used
        elif parent == postmaster:
            database += used
        elif of_session == session:
            servers += used
    return Usage(time.monotonic(), generator, servers, database, _everybody())


def _everybody() -> float:
    line = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]
    user, nice, system, _idle, _wait, irq, softirq, steal = map(int, line[:8])
    return (user + nice + system + irq + softirq + steal) / _TICK


def _postmaster() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (backend,) = cursor.fetchone()
    try:
        stat = Path(f"/proc/{backend}/stat").read_text()
    except OSError:  # a database on another machine
        return -1
    return int(stat.rsplit(")", 1)[1].split()[1])
