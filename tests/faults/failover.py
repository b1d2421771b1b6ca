"""The database's server dies under load and its standby takes over.

    python -m tests.faults.failover [--seconds 20]

A small county runs with a standby. Programs hand in reports over HTTP and a device sends frames
over TCP; both repeat what was not confirmed. The first server is killed and its disk taken away,
`huying promote` is called, and nobody restarts anything else. Then every confirmed report must
be there once and every confirmed reading; ledger and rollups must be right. Exit status 1 if not.
"""

import argparse
import itertools
import os
import shutil
import signal
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import psycopg

from huying.config import embedded
from huying.config.processes import wait_until_ready
from huying.standards import hj212
from tests.browser.site import free_ports
from tests.integration.config.commands import County

PROGRAMS = 4
PATIENCE_SECONDS = 120.0
DEVICE = "QH0000000000000000099999"

PREPARE = """
from datetime import timedelta
from django.utils import timezone
from huying.directory import actions as directory
from huying.directory.models import Account
from huying.directory.permissions import Actor
from huying.sensing import actions as sensing
by = Actor.system("faults")
sensing.register_device(mn="{device}", by=by, name="监测点", password="123456",
                        units={{"a34004": "µg/m³"}}, frames_per_minute=1_000_000)
account = Account.objects.filter(username__startswith="clerk").first() or Account.objects.first()
print(directory.issue_token(account_id=account.pk, name="对接程序", scopes=["reports:write"],
                            expires_at=timezone.now() + timedelta(days=1), by=by)[1])
"""


@dataclass
class Load:
    """What was confirmed, and when."""

    reports: dict[str, str] = field(default_factory=dict)  # idempotency key → receipt
    readings: set[int] = field(default_factory=set)  # seconds since 1970
    confirmed_at: list[tuple[float, float, str]] = field(default_factory=list)
    failures: int = 0
    ended: threading.Event = field(default_factory=threading.Event)

    def confirm(self, began: float, what: str) -> None:
        self.confirmed_at.append((began, time.monotonic(), what))

    def outage(self, killed_at: float, what: str) -> float:
        """From the kill to the first confirmation of something sent after it."""
        return (
            min(
                ended
                for began, ended, kind in self.confirmed_at
                if kind == what and began > killed_at
            )
            - killed_at
        )


def report_for_ever(load: Load, url: str, token: str, program: int) -> None:
    headers = {"Authorization": f"Bearer {token}"}
    for number in itertools.count():
        key = f"{program}-{number}"
        while not load.ended.is_set():
            began = time.monotonic()
            with suppress(httpx.HTTPError):
                answer = httpx.post(
                    f"{url}/api/v1/reports",
                    json={"text": f"第 {key} 件：路灯不亮", "channel": "API"},
                    headers={**headers, "Idempotency-Key": key},
                    timeout=15,
                    trust_env=False,
                )
                if answer.status_code in (200, 201):
                    load.reports[key] = answer.json()["receipt"]
                    load.confirm(began, "report")
                    break
            load.failures += 1
            time.sleep(0.05)
        if load.ended.is_set():
            return


def measure_for_ever(load: Load, port: int) -> None:
    """One reading after the other; each again until it is confirmed."""
    at = int(time.time()) - 6 * 3600
    while not load.ended.is_set():
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
                deframer = hj212.Deframer()
                while not load.ended.is_set():
                    began = time.monotonic()
                    connection.sendall(frame_at(at))
                    while not (pieces := list(deframer.feed(_received(connection)))):
                        pass
                    if isinstance(pieces[0], hj212.Frame) and pieces[0].cn == "9014":
                        load.readings.add(at)
                        load.confirm(began, "reading")
                        at += 1
        except OSError:
            load.failures += 1
            time.sleep(0.05)


def _received(connection: socket.socket) -> bytes:
    data = connection.recv(65536)
    if not data:
        raise ConnectionResetError("the listener is gone")
    return data


def frame_at(at: int) -> bytes:
    local = datetime.fromtimestamp(at, UTC) + timedelta(hours=8)
    segment = (
        f"QN={local:%Y%m%d%H%M%S}000;ST=22;CN=2011;PW=123456;MN={DEVICE};Flag=9;"
        f"CP=&&DataTime={local:%Y%m%d%H%M%S};a34004-Rtd={at % 200}.0,a34004-Flag=N&&"
    )
    return hj212.encode_segment(segment.encode())


@contextmanager
def running(county: County) -> Iterator[tuple[str, int, int]]:
    """`huying up`; its address, the port of devices, its process."""
    web, stream, port = free_ports(3)
    child = county.background(
        [
            *(sys.executable, "-m", "huying.config.cli", "up", "--port", str(web)),
            *("--hj212-port", str(port), "--workers", "2"),
        ],
        HUYING_STREAM_URL=f"http://127.0.0.1:{stream}",
    )
    try:
        assert wait_until_ready(f"http://127.0.0.1:{web}", seconds=PATIENCE_SECONDS)
        yield f"http://127.0.0.1:{web}", port, child.pid
    finally:
        child.send_signal(signal.SIGTERM)
        child.wait()


@contextmanager
def loading(load: Load, url: str, port: int, token: str) -> Iterator[None]:
    """Programs that report and a device that measures, until the end."""
    threads = [
        threading.Thread(target=report_for_ever, args=(load, url, token, program))
        for program in range(PROGRAMS)
    ]
    threads.append(threading.Thread(target=measure_for_ever, args=(load, port)))
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        load.ended.set()
        for thread in threads:
            thread.join()


def wait_for(what: Callable[[], bool], seconds: float = PATIENCE_SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        if time.monotonic() > deadline:
            raise TimeoutError("waited in vain")
        time.sleep(0.05)


def fail_over(county: County, load: Load) -> tuple[float, float]:
    """Kill the first server, take its disk away, promote; (when killed, seconds promoting)."""
    first = county.data_dir / "postgres"
    killed_at = time.monotonic()
    os.kill(int((first / "postmaster.pid").read_text().split()[0]), signal.SIGKILL)
    first.rename(county.folder / "broken-disk")
    county.do("promote")
    return killed_at, time.monotonic() - killed_at


def missing(county: County, load: Load) -> list[str]:
    """What was confirmed and is not there, or is there twice."""
    with psycopg.connect(county.url) as connection:
        kept: dict[str, str] = dict(
            connection.execute(
                "SELECT split_part(idempotency_key, ':', -1), receipt FROM county.cases_report"
                " WHERE idempotency_key IS NOT NULL"
            ).fetchall()
        )
        readings = {
            row[0]
            for row in connection.execute(
                "SELECT extract(epoch FROM o.at)::bigint FROM county.sensing_observation o"
                " JOIN county.sensing_device d ON d.id = o.device_id WHERE d.mn = %s",
                [DEVICE],
            ).fetchall()
        }
    wrong = [f"report {key}" for key, receipt in load.reports.items() if kept.get(key) != receipt]
    return wrong + [f"reading {at}" for at in sorted(load.readings - readings)]


def drill(county: County, seconds: float) -> int:
    county.do("simulate", "--residents", "300", "--cases", "12", "--days", "3")
    token = county.shell(PREPARE.format(device=DEVICE)).strip().splitlines()[-1]
    county.do("standby")
    load = Load()
    with running(county) as (url, port, _up), loading(load, url, port, token):
        wait_for(lambda: len(load.reports) > 20 and len(load.readings) > 20)
        time.sleep(seconds / 2)
        before = len(load.reports), len(load.readings)
        killed_at, promoting = fail_over(county, load)
        wait_for(lambda: len(load.reports) > before[0] + 20 and len(load.readings) > before[1] + 20)
        time.sleep(seconds / 2)
    lost = missing(county, load)
    checked = county.run("fsck")
    print(
        f"confirmed before: {before[0]} reports, {before[1]} readings; "
        f"after: {len(load.reports) - before[0]} and {len(load.readings) - before[1]}\n"
        f"outage: reports {load.outage(killed_at, 'report'):.1f} s, "
        f"readings {load.outage(killed_at, 'reading'):.1f} s "
        f"(of which `huying promote`, its start included: {promoting:.1f} s)\n"
        f"attempts that failed and were repeated: {load.failures}\n"
        f"confirmed and not there: {len(lost)} {lost[:5]}\n"
        f"fsck: {checked.stdout.strip()}"
    )
    return 1 if lost or checked.returncode else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20, help="of load besides the failover")
    arguments = parser.parse_args()
    # Short: the address of a Unix socket has at most 107 bytes.
    folder = Path(tempfile.mkdtemp(prefix="hy-"))
    county = County("", folder / "data", "county")
    try:
        return drill(county, arguments.seconds)
    finally:
        embedded.stop_all(county.data_dir)
        shutil.rmtree(folder)


if __name__ == "__main__":
    sys.exit(main())
