"""make bench: every figure beside its reference, measured in the same run.

Prints a table and writes var/bench.json. Each benchmark is a process with a database of its own
on an embedded server (HUYING_BENCH_DIR, default var/bench) whose durability settings are those
of production. One that fails is named and the others go on; the exit code then is 1. Nothing
started here outlives it.
"""

import argparse
import importlib
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path

import psycopg
from psycopg.conninfo import make_conninfo
from rich.console import Console
from rich.table import Table

from benchmarks.rows import BenchRow
from huying.config import embedded

ROOT = Path(__file__).resolve().parents[1]
FOLDER = Path(os.environ.get("HUYING_BENCH_DIR", ROOT / "var" / "bench"))
QUICK = ("start", "ledger", "ingest", "alert_latency", "lifecycle")
FULL = (*QUICK, "lists", "board")
ON_DEMAND = ("watching",)
MOST_SECONDS = {False: 120, True: 7200}
TEMPLATE = "bench_template"
_console = Console(stderr=True)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--full", action="store_true", help="longer runs, and the million")
    parser.add_argument("--only", nargs="*", choices=(*FULL, *ON_DEMAND))
    parser.add_argument("--one", choices=(*FULL, *ON_DEMAND), help=argparse.SUPPRESS)
    parser.add_argument("--to", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        return _measure(arguments.one, arguments.to, full=arguments.full)

    chosen = arguments.only or (FULL if arguments.full else QUICK)
    # Being asked to end is an error like another: what was started is stopped on the way out.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    began = time.monotonic()
    server = _server()
    rows: list[BenchRow] = []
    failed: list[str] = []
    try:
        for number, name in enumerate(chosen, 1):
            load = os.getloadavg()[0]
            _console.print(f"[{number}/{len(chosen)}] {name} (load {load:.1f} before) …")
            at = time.monotonic()
            found = _in_a_process(name, server, full=arguments.full)
            _console.print(f"  {time.monotonic() - at:.0f} s")
            if found is None:
                failed.append(name)
            else:
                rows += found
    finally:
        embedded.stop(FOLDER / "postgres")
    _print(rows)
    target = ROOT / "var" / "bench.json"
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps([asdict(row) for row in rows], indent=1), encoding="utf-8")
    _console.print(f"{time.monotonic() - began:.0f} s in all; figures in {target}")
    if failed:
        _console.print(f"failed: {', '.join(failed)}")
    return 1 if failed else 0


def _server() -> str:
    """The URL of a server with a migrated template database."""
    server = embedded.start(FOLDER / "postgres")
    _recreate(server, TEMPLATE, "template0")
    _console.print("migrating …")
    subprocess.run(
        [sys.executable, "-m", "huying.config.cli", "migrate"],
        env=_environment(make_conninfo(server, dbname=TEMPLATE)),
        check=True,
        stdout=subprocess.DEVNULL,
    )
    return server


def _recreate(server: str, name: str, template: str) -> None:
    with psycopg.connect(make_conninfo(server, dbname="postgres"), autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        connection.execute(
            f"CREATE DATABASE {name} TEMPLATE {template} ENCODING 'UTF8' LOCALE 'C.UTF-8'"
        )


def _environment(database: str) -> dict[str, str]:
    return {
        **os.environ,
        "HUYING_DATA_DIR": str(FOLDER),
        "HUYING_DATABASE_URL": database,
        # A fresh database each time, with the same keys.
        "HUYING_LEDGER_MARK": "",
        "DJANGO_SETTINGS_MODULE": "huying.config.settings",
        # A line an act would drown the table; `watching` measures what it costs.
        "HUYING_TRAIL": "0",
    }


def _in_a_process(name: str, server: str, *, full: bool) -> list[BenchRow] | None:
    """The rows of one benchmark, or None where it failed or took too long."""
    database = f"bench_{name}"
    _recreate(server, database, TEMPLATE)
    answer = FOLDER / f"{name}.json"
    answer.unlink(missing_ok=True)
    command = [sys.executable, "-m", "benchmarks", "--one", name, "--to", str(answer)]
    child = subprocess.Popen(
        [*command, *(["--full"] if full else [])],
        env=_environment(make_conninfo(server, dbname=database)),
        cwd=ROOT,
        start_new_session=True,
    )
    try:
        code = child.wait(MOST_SECONDS[full])
    except subprocess.TimeoutExpired:
        _console.print(f"  {name} did not end within {MOST_SECONDS[full]} s")
        code = 1
    finally:
        _end(child)
        if not full:
            _drop(server, database)
    if code != 0 or not answer.exists():
        return None
    return [BenchRow(**row) for row in json.loads(answer.read_text(encoding="utf-8"))]


def _end(child: subprocess.Popen[bytes]) -> None:
    """End a benchmark and everything it started: they are one process group."""
    for number, seconds in ((signal.SIGTERM, 10), (signal.SIGKILL, 2)):
        try:
            os.killpg(child.pid, number)
        except ProcessLookupError:
            break
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and _lives(child):
            time.sleep(0.05)
    child.wait()


def _lives(child: subprocess.Popen[bytes]) -> bool:
    child.poll()
    try:
        os.killpg(child.pid, 0)
    except ProcessLookupError:
        return False
    return True


def _drop(server: str, name: str) -> None:
    with psycopg.connect(make_conninfo(server, dbname="postgres"), autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


def _measure(name: str, answer: Path | None, *, full: bool) -> int:
    """What the process of one benchmark does."""
    import django

    django.setup()
    rows = importlib.import_module(f"benchmarks.{name}").run(quick=not full)
    if answer is None:
        _print(rows)
    else:
        answer.write_text(json.dumps([asdict(row) for row in rows]), encoding="utf-8")
    return 0


def _print(rows: list[BenchRow]) -> None:
    table = Table(title="make bench")
    for heading in ("name", "value", "unit", "reference", "reference value", "ratio"):
        table.add_column(heading, justify="left" if heading in ("name", "reference") else "right")
    for row in rows:
        table.add_row(
            row.name,
            f"{row.value:,.1f}",
            row.unit,
            row.reference,
            f"{row.reference_value:,.1f}",
            f"{row.ratio:.2f}",
        )
    Console(width=None if sys.stdout.isatty() else 150).print(table)


if __name__ == "__main__":
    sys.exit(main())
