"""The leader's dashboard and the desk's queue over a county of any size, as pages.

A simulated county is built twice, whole and at a tenth, each in a database of its own; every page
is asked for again and again as the person whose page it is. Rows: the slowest page's p95 beside
the limit of 100 ms, and the page that grew most beside itself at a tenth of the data. No server is
between: "load generator" in what is printed meanwhile is the page's own processor time.

    python -c "import django; django.setup(); from benchmarks import board; board.main()"

measures the county that HUYING_DATABASE_URL holds already.
"""

import json
import os
import subprocess
import sys
import time
from typing import Final

import psycopg
from django.test import Client
from psycopg.conninfo import make_conninfo
from rich.console import Console

from benchmarks.lifecycle import percentile
from benchmarks.machine import usage
from benchmarks.rows import BenchRow, row
from huying.directory import queries
from huying.directory.models import Account
from huying.simulation import county

LIMIT_MS: Final = 100.0
PAGES: Final = (
    ("leader", "LEADER", "/leader/"),
    ("command", "LEADER", "/command/"),
    ("air of the screen", "LEADER", "/command/air.json"),
    ("alerts of the screen", "LEADER", "/command/alerts.geojson"),
    ("desk as dispatcher", "DISPATCHER", "/desk/"),
    ("desk as officer", "OFFICER", "/desk/"),
)
_ASKED: Final = 60
_OBSERVATIONS_A_CASE: Final = 100
_console = Console(stderr=True, width=160)


def run(*, quick: bool = True) -> list[BenchRow]:
    size = 4_000 if quick else 1_000_000
    tenth, whole = _measured_apart(size // 10), _measured_apart(size)
    for name, value in whole.items():
        _console.print(f"  {name:24} p95 {value:7.1f} ms  (a tenth: {tenth[name]:.1f})")
    worst = max(whole, key=whole.__getitem__)
    grown = max(whole, key=lambda name: whole[name] / tenth[name])
    return [
        row("board_p95", whole[worst], "ms", f"limit; {worst}, {size:,} cases", LIMIT_MS),
        row("board_growth", whole[grown], "ms", f"{grown} at a tenth", tenth[grown]),
    ]


def _measured_apart(size: int) -> dict[str, float]:
    """The figures of a county of this size, in a process and a database of its own."""
    server = os.environ["HUYING_DATABASE_URL"]
    name = f"bench_board_{size}"
    with psycopg.connect(make_conninfo(server, dbname="postgres"), autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        connection.execute(f"CREATE DATABASE {name} TEMPLATE bench_template")
    try:
        answer = subprocess.run(
            [
                sys.executable,
                "-c",
                "import django, sys; django.setup(); from benchmarks import board;"
                " board.main(int(sys.argv[1]))",
                str(size),
            ],
            env={**os.environ, "HUYING_DATABASE_URL": make_conninfo(server, dbname=name)},
            check=True,
            stdout=subprocess.PIPE,
        ).stdout
    finally:
        with psycopg.connect(make_conninfo(server, dbname="postgres"), autocommit=True) as c:
            c.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
    found: dict[str, float] = json.loads(answer)
    return found


def measured(size: int) -> dict[str, float]:
    """p95 of each page, ms, over the county that is there, or one of this size."""
    if county.is_empty() or county.is_unfinished():
        county.build(
            residents=size, cases=size, observations=size * _OBSERVATIONS_A_CASE, console=_console
        )
    return {name: _p95(role, address) for name, role, address in PAGES}


def _p95(role: str, address: str) -> float:
    client = _signed_in(role)
    times = []
    before = usage()
    for number in range(_ASKED + 3):
        began = time.perf_counter()
        answer = client.get(address)
        # A page may be sent while it is made: it is there when its last byte is.
        body = b"".join(answer) if answer.streaming else answer.content
        times.append(time.perf_counter() - began)
        if answer.status_code != 200 or not body:
            raise RuntimeError(f"{address} as {role}, request {number}: {answer.status_code}")
    _console.print(f"  {address:24} as {role}: {usage().since(before).in_words(len(times))}")
    return percentile(times[3:], 95)


def _signed_in(role: str) -> Client:
    card = next(card for card in queries.demo_accounts() if card.role == role)
    client = Client(SERVER_NAME="127.0.0.1")
    client.force_login(Account.objects.get(id=card.account_id))
    return client


def main(size: int = 0) -> None:
    """Print the figures as JSON; a county of this size is built first where there is none."""
    print(json.dumps(measured(size)))
