"""A whole running site for the browser: its own database, its own processes, free ports.

Built once a session with a small simulated county and the one-click demo sign-ins.
"""

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from huying.config import embedded, processes

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Site:
    url: str
    hj212_port: int
    data_dir: Path
    database_url: str


def free_ports(count: int) -> list[int]:
    """Ports that were free a moment ago; the first two are neighbours (web and stream)."""
    while True:
        sockets = [socket.socket() for _ in range(count)]
        try:
            sockets[0].bind(("127.0.0.1", 0))
            first = sockets[0].getsockname()[1]
            try:
                sockets[1].bind(("127.0.0.1", first + 1))
            except OSError:
                continue
            for other in sockets[2:]:
                other.bind(("127.0.0.1", 0))
            return [s.getsockname()[1] for s in sockets]
        finally:
            for opened in sockets:
                opened.close()


@contextmanager
def running_site(
    name: str, *, residents: int = 3000, cases: int = 300, days: int = 60
) -> Iterator[Site]:
    """Start the site called `name` on a fresh database; stop all of it at the end."""
    server = os.environ.get("HUYING_TEST_DATABASE_URL") or embedded.start(
        ROOT / "var" / "test" / "postgres", throw_away=True
    )
    # Two runs on one server, or two workers, must not drop each other's database nor keys.
    own = f"{name}_{os.getpid()}"
    database = f"huying_site_{own}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)')
        connection.execute(
            f"CREATE DATABASE \"{database}\" TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C.UTF-8'"
        )
    web, stream, hj212 = free_ports(3)
    url = f"http://127.0.0.1:{web}"
    data_dir = ROOT / "var" / "test" / f"site_{own}"
    environment = {
        **os.environ,
        "HUYING_DATABASE_URL": psycopg.conninfo.make_conninfo(server, dbname=database),
        "HUYING_DATA_DIR": str(data_dir),
        "HUYING_DEMO": "1",
        "HUYING_PUBLIC_URL": url,
        "HUYING_STREAM_URL": f"http://127.0.0.1:{stream}",
        "HUYING_HJ212_PORT": str(hj212),
        "DJANGO_SETTINGS_MODULE": "huying.config.settings",
    }
    subprocess.run(
        [
            *(sys.executable, "-m", "huying.config.cli", "simulate"),
            *("--residents", str(residents), "--cases", str(cases), "--days", str(days)),
        ],
        env=environment,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    children = processes.everything("127.0.0.1", web, hj212_port=hj212, workers=1)
    for child in children:
        child.environment = environment
        child.start()
    try:
        if not processes.wait_until_ready(url, seconds=60):
            raise RuntimeError("the site did not become ready")
        yield Site(url, hj212, data_dir, environment["HUYING_DATABASE_URL"])
    finally:
        processes.stop_all(children)
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)')
        shutil.rmtree(data_dir, ignore_errors=True)
