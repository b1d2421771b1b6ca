"""Processes and the database die at random under load, and nothing confirmed is lost.

    python -m tests.faults.kill_loop [--rounds 100] [--seed N]

`huying up` runs a small county. Programs hand in reports over HTTP and a device sends frames over
TCP; both repeat what was not confirmed. Each round one of web, stream, worker, ingest or the
database's server gets SIGKILL; the next round begins when reports and readings are confirmed
again. Then every confirmed report must be there once, and every confirmed reading; rollups, clocks
and ledger must equal what is derived anew (`huying fsck`). Exit status 1 if not.
"""

import argparse
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import psutil

from huying.config import embedded
from tests.faults.failover import (
    DEVICE,
    PREPARE,
    Load,
    loading,
    missing,
    running,
    wait_for,
)
from tests.integration.config.commands import County

# What a child of `huying up` is known by on its command line.
KINDS = {
    "web": "huying.config.wsgi",
    "stream": "huying.config.asgi",
    "worker": "worker",
    "ingest": "ingest",
}
DATABASE = "database"
ROUND_SECONDS = 180.0


def victims(up: int) -> dict[str, list[int]]:
    """{kind: processes} below `huying up`, workers of the web server included."""
    found: dict[str, list[int]] = {}
    for child in psutil.Process(up).children(recursive=True):
        try:
            words = child.cmdline()
        except psutil.Error:
            continue
        for kind, word in KINDS.items():
            if word in " ".join(words).split() or any(one.startswith(word) for one in words):
                found.setdefault(kind, []).append(child.pid)
    return found


def kill(kind: str, county: County, up: int, dice: random.Random) -> bool:
    if kind == DATABASE:
        pids = [int((county.data_dir / "postgres/postmaster.pid").read_text().split()[0])]
    else:
        pids = victims(up).get(kind, [])
    if not pids:
        return False
    try:
        os.kill(dice.choice(pids), signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


def drill(county: County, rounds: int, seed: int) -> int:
    dice = random.Random(seed)
    county.do("simulate", "--residents", "300", "--cases", "12", "--days", "3")
    token = county.shell(PREPARE.format(device=DEVICE)).strip().splitlines()[-1]
    load = Load()
    killed: Counter[str] = Counter()
    slowest = 0.0
    with running(county) as (url, port, up), loading(load, url, port, token):
        wait_for(lambda: len(load.reports) > 20 and len(load.readings) > 20)
        for number in range(rounds):
            kind = dice.choice([*KINDS, DATABASE])
            before = len(load.reports), len(load.readings)
            began = time.monotonic()
            try:
                killed[kind] += kill(kind, county, up, dice)
            except (OSError, ValueError, IndexError):
                continue  # it is just coming back
            wait_for(
                lambda: len(load.reports) > before[0] + 3 and len(load.readings) > before[1] + 3,  # noqa: B023 - asked at once
                ROUND_SECONDS,
            )
            slowest = max(slowest, time.monotonic() - began)
            print(
                f"round {number + 1}: {kind}, {time.monotonic() - began:.1f} s,"
                f" {len(load.reports)} reports, {len(load.readings)} readings confirmed",
                flush=True,
            )
            time.sleep(dice.random())
    lost = missing(county, load)
    checked = county.run("fsck")
    print(
        f"killed: {dict(killed)}; slowest round {slowest:.1f} s\n"
        f"confirmed: {len(load.reports)} reports, {len(load.readings)} readings; "
        f"attempts that failed and were repeated: {load.failures}\n"
        f"confirmed and not there: {len(lost)} {lost[:5]}\n"
        f"fsck: {checked.stdout.strip()}"
    )
    return 1 if lost or checked.returncode else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--seed", type=int, default=2026)
    arguments = parser.parse_args()
    # Short: the address of a Unix socket has at most 107 bytes.
    folder = Path(tempfile.mkdtemp(prefix="hy-"))
    county = County("", folder / "data", "county")
    try:
        return drill(county, arguments.rounds, arguments.seed)
    finally:
        embedded.stop_all(county.data_dir)
        shutil.rmtree(folder)


if __name__ == "__main__":
    sys.exit(main())
