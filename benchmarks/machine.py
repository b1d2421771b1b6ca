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


def usage(database: int | None = None) -> Usage:
    """Counted from the start of the machine; use `since`. `database`: its first process, else
    that of Django's connection.

    What a process took that has ended stands with whoever waited for it: a session of the
    database with its server, a server with this process.
    """
    own, session = os.getpid(), os.getsid(0)
    postmaster = _postmaster() if database is None else database
    generator = servers = of_database = 0.0
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            fields = (folder / "stat").read_text().rsplit(")", 1)[1].split()
        except OSError:  # it ended meanwhile
            continue
        parent, of_session = int(fields[1]), int(fields[3])
        itself = (int(fields[11]) + int(fields[12])) / _TICK
        ended = (int(fields[13]) + int(fields[14])) / _TICK
        if int(folder.name) == own:
            generator = itself
            servers += ended
        elif postmaster in (parent, int(folder.name)):
            of_database += itself + ended
        elif of_session == session:
            servers += itself + ended
    return Usage(time.monotonic(), generator, servers, of_database, _everybody())


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
