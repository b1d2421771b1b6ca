"""A small county, run by `huying up`, and what loads it meanwhile.

Programs hand in reports over HTTP and live each matter to its answer; a device sends moments
over TCP, another one hours of which every second one alerts. Each repeats what was not confirmed
and writes down what was: `reckoning` looks for it afterwards.
"""

import itertools
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final, LiteralString

import httpx
import psutil
import psycopg

from huying.config import embedded
from huying.config.processes import wait_until_ready
from huying.standards import hj212
from tests.browser.site import free_ports
from tests.integration.config.commands import ROOT, County

FOLDER: Final = Path(os.environ.get("HUYING_DATA_DIR", ROOT / "var"))
"""Where the table goes, and what was said where something was wrong."""
PROGRAMS: Final = 4
PATIENCE_SECONDS: Final = 180.0
DEVICE: Final = "QH0000000000000000099999"
ALERTING: Final = "QH0000000000000000099998"
HIGH, LOW = 180.0, 60.0
"""Hourly PM2.5 above the county's warning value, and back below the value that clears it."""
ALERT_PAUSE: Final = 0.5
# What a child of `huying up` is known by on its command line.
KINDS: Final = {
    "web": "huying.config.wsgi",
    "stream": "huying.config.asgi",
    "worker": "worker",
    "ingest": "ingest",
}

_UNPLACED: Final = """
SELECT count(*) FROM county.ledger_record record
WHERE NOT EXISTS (SELECT FROM county.ledger_position WHERE record_id = record.id)
"""
_UNSENT: Final = "SELECT count(*) FROM county.sensing_alert WHERE handed_over_at IS NULL"
_PREPARE: Final = """
from datetime import timedelta
from django.utils import timezone
from huying.directory import actions as directory
from huying.directory.models import Account
from huying.directory.permissions import Actor
from huying.sensing import actions as sensing
by = Actor.system("faults")
for mn in ("{device}", "{alerting}"):
    sensing.register_device(mn=mn, by=by, name="监测点", password="123456",
                            units={{"a34004": "µg/m³"}}, frames_per_minute=1_000_000)
account = Account.objects.filter(username__startswith="clerk").first() or Account.objects.first()
print(directory.issue_token(account_id=account.pk, name="对接程序",
                            scopes=["reports:write", "cases:read", "cases:act"],
                            expires_at=timezone.now() + timedelta(days=300), by=by)[1])
"""
_STEPS: Final[tuple[tuple[str, dict[str, str]], ...]] = (
    ("take", {}),
    ("answer", {"reply": "已派人到现场处理完毕。", "outcome": "SOLVED"}),
)


@dataclass(frozen=True, slots=True)
class Act:
    case_id: int
    seq: int
    action: str
    record_id: int


@dataclass(slots=True)
class Load:
    """What was confirmed to the programs and devices, and how often something was repeated."""

    reports: dict[str, tuple[str, int]] = field(default_factory=dict)
    """key: (receipt, number of its ledger record)"""
    acts: dict[int, Act] = field(default_factory=dict)
    readings: set[int] = field(default_factory=set)
    """of DEVICE, in seconds since 1970"""
    hours: dict[int, float] = field(default_factory=dict)
    """of ALERTING: start and value"""
    confirmed_at: list[tuple[float, float, str]] = field(default_factory=list)
    """(when it was first sent, when confirmed, "report", "act", "reading" or "hour")"""
    answers: Counter[str] = field(default_factory=Counter)
    """What came instead of a confirmation: a status, or the kind of error."""
    ended: threading.Event = field(default_factory=threading.Event)
    began_at: int = field(default_factory=lambda: int(time.time()))

    def confirm(self, began: float, what: str) -> None:
        self.confirmed_at.append((began, time.monotonic(), what))

    @property
    def failures(self) -> int:
        return self.answers.total()

    @property
    def counts(self) -> dict[str, int]:
        return {
            "reports": len(self.reports),
            "acts": len(self.acts),
            "readings": len(self.readings) + len(self.hours),
        }

    def outage(self, since: float, what: str) -> float:
        """From a moment to the first confirmation of something sent after it."""
        return (
            min(ended for began, ended, kind in self.confirmed_at if kind == what and began > since)
            - since
        )


class _Ended(Exception):
    """The load is over."""


class _Refused(Exception):
    """An answer that repeating would not change."""


class _Program:
    """Hands in one report after the other and lives it to its answer."""

    def __init__(self, load: Load, url: str, token: str, number: int) -> None:
        self._load = load
        self._number = number
        self._client = httpx.Client(
            base_url=url,
            headers={"Authorization": f"Bearer {token}"},
            timeout=15,
            trust_env=False,
        )

    def run(self) -> None:
        with self._client:
            for number in itertools.count():
                try:
                    self._live(f"{self._load.began_at}-{self._number}-{number}")
                except _Ended:
                    return
                except _Refused as refusal:
                    self._load.answers[f"refused: {refusal}"] += 1

    def _live(self, key: str) -> None:
        load = self._load
        began = time.monotonic()
        body = {"text": f"第 {key} 件：路灯不亮", "category": "STREET_LIGHT", "channel": "API"}
        received = self._call("POST", "/api/v1/reports", body, {"Idempotency-Key": f"faults-{key}"})
        load.reports[key] = (received["receipt"], received["record_id"])
        load.confirm(began, "report")
        found = self._call("GET", f"/api/v1/cases?text={received['case_number']}")["rows"]
        case_id, version = found[0]["id"], found[0]["version"]
        for action, data in _STEPS:
            began = time.monotonic()
            act = {"action": action, "version": version, "data": data}
            try:
                done = self._call("POST", f"/api/v1/cases/{case_id}/acts", act)
            except _Refused:
                # Done by an earlier try whose answer was lost: the version tells.
                version = self._call("GET", f"/api/v1/cases/{case_id}")["case"]["version"]
                continue
            load.acts[done["act_id"]] = Act(case_id, done["seq"], action, done["record_id"])
            load.confirm(began, "act")
            version = done["version"]

    def _call(
        self,
        method: str,
        path: str,
        body: object = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """The answer, once one comes."""
        while not self._load.ended.is_set():
            try:
                answer = self._client.request(method, path, json=body, headers=headers)
            except httpx.HTTPError as error:
                self._load.answers[type(error).__name__] += 1
            else:
                if answer.is_success:
                    return answer.json()
                if answer.status_code < 500 and answer.status_code != 429:
                    raise _Refused(f"{method} {path.partition('?')[0]} {answer.status_code}")
                self._load.answers[str(answer.status_code)] += 1
            time.sleep(0.05)
        raise _Ended


class _Device:
    """Sends one frame after the other; each again until it is confirmed."""

    def __init__(
        self, load: Load, port: int, frames: Iterator[tuple[bytes, Callable[[], None]]], what: str
    ) -> None:
        self._load, self._port, self._frames, self._what = load, port, frames, what
        self._pause = ALERT_PAUSE if what == "hour" else 0.0

    def run(self) -> None:
        data, confirmed = next(self._frames)
        while not self._load.ended.is_set():
            try:
                with socket.create_connection(("127.0.0.1", self._port), timeout=12) as line:
                    while not self._load.ended.is_set():
                        began = time.monotonic()
                        line.sendall(data)
                        if _is_confirmed(line):
                            confirmed()
                            self._load.confirm(began, self._what)
                            data, confirmed = next(self._frames)
                            self._load.ended.wait(self._pause)
            except OSError as error:
                self._load.answers[type(error).__name__] += 1
                time.sleep(0.05)


def _is_confirmed(line: socket.socket) -> bool:
    """Whether 9014 comes; the server setting the device's clock in between is passed over."""
    deframer = hj212.Deframer()
    while True:
        data = line.recv(65536)
        if not data:
            raise ConnectionResetError("the listener is gone")
        for piece in deframer.feed(data):
            if isinstance(piece, hj212.Frame) and piece.cn in ("9014", "9011"):
                return piece.cn == "9014"


def frame(mn: str, cn: str, at: int, items: str) -> bytes:
    local = datetime.fromtimestamp(at, UTC) + timedelta(hours=8)
    sent = datetime.now(UTC) + timedelta(hours=8)
    segment = (
        f"QN={sent:%Y%m%d%H%M%S}000;ST=22;CN={cn};PW=123456;MN={mn};Flag=9;"
        f"CP=&&DataTime={local:%Y%m%d%H%M%S};{items}&&"
    )
    return hj212.encode_segment(segment.encode())


def _moments(load: Load) -> Iterator[tuple[bytes, Callable[[], None]]]:
    # Of the last half day, one a second, and none before its time: what a clock that is half a day
    # slow must take for the future.
    for at in itertools.count(int(time.time()) - 12 * 3600):
        time.sleep(max(0.0, at - time.time()))
        items = f"a34004-Rtd={at % 140}.0,a34004-Flag=N"
        yield frame(DEVICE, "2011", at, items), lambda at=at: load.readings.add(at)  # type: ignore[misc]  # its default is not inferred


def _hours(load: Load) -> Iterator[tuple[bytes, Callable[[], None]]]:
    first = int(time.time()) // 3600 * 3600 - 4_000 * 3600
    for at, value in zip(itertools.count(first, 3600), itertools.cycle((HIGH, LOW)), strict=False):
        items = f"a34004-Avg={value},a34004-Flag=N"
        yield (
            frame(ALERTING, "2061", at, items),
            lambda at=at, value=value: load.hours.__setitem__(at, value),  # type: ignore[misc]  # as above
        )


@dataclass(frozen=True, slots=True)
class Site:
    """A county that runs: where its faces are, and `huying up` itself."""

    county: County
    token: str
    url: str
    stream_url: str
    port: int
    up: int
    log: Path

    def processes(self, kind: str) -> list[psutil.Process]:
        """The processes of one kind below `huying up`, workers of a server included."""
        found = []
        for child in psutil.Process(self.up).children(recursive=True):
            try:
                known = any(word.startswith(KINDS[kind]) for word in child.cmdline())
                if known and child.status() != psutil.STATUS_ZOMBIE:
                    found.append(child)
            except psutil.Error:
                continue
        return found

    def memory(self, kind: str) -> int:
        """What they hold together, in MiB."""
        return int(sum(one.memory_info().rss for one in self.processes(kind)) // 2**20)


@contextmanager
def running(county: County, token: str, **environment: str) -> Iterator[Site]:
    """`huying up` of this county; what it says goes to a file beside its data."""
    web, stream, port = free_ports(3)
    log = county.folder / "up.log"
    with log.open("ab") as output:
        child = subprocess.Popen(
            [
                *(sys.executable, "-m", "huying.config.cli", "up", "--port", str(web)),
                *("--hj212-port", str(port), "--workers", "2"),
            ],
            env=county.full_environment(
                HUYING_STREAM_URL=f"http://127.0.0.1:{stream}", **environment
            ),
            stdout=output,
            stderr=output,
        )
    url = f"http://127.0.0.1:{web}"
    try:
        if not wait_until_ready(url, seconds=PATIENCE_SECONDS):
            raise TimeoutError(f"the county did not start: {log.read_text()[-2000:]}")
        yield Site(county, token, url, f"http://127.0.0.1:{stream}", port, child.pid, log)
    finally:
        child.send_signal(signal.SIGTERM)
        child.wait()


@contextmanager
def loading(site: Site, *, url: str = "", port: int = 0) -> Iterator[Load]:
    """Load on a site, by another address where one is given. It is under way when this begins; when
    it ends, all that was committed has its place in the ledger, and each alert was handed over: one
    that could not be is sent again by the job of the minute."""
    load = Load()
    runs: list[Callable[[], None]] = [
        _Program(load, url or site.url, site.token, number).run for number in range(PROGRAMS)
    ]
    runs.append(_Device(load, port or site.port, _moments(load), "reading").run)
    runs.append(_Device(load, port or site.port, _hours(load), "hour").run)
    threads = [threading.Thread(target=run) for run in runs]
    for thread in threads:
        thread.start()
    try:
        go_on(load, 5)
        yield load
    finally:
        load.ended.set()
        for thread in threads:
            thread.join()
    _settled(site.county)


def _settled(county: County) -> None:
    with psycopg.connect(county.url, autocommit=True) as connection:
        for left in (_UNSENT, _UNPLACED):
            wait_for(partial(_is_none, connection, left))


def _is_none(connection: psycopg.Connection[tuple[int]], left: LiteralString) -> bool:
    return connection.execute(left).fetchone() == (0,)


def go_on(load: Load, more: int = 3, seconds: float = PATIENCE_SECONDS) -> float:
    """Wait until so many more of each kind are confirmed; how many seconds that took."""
    before, began = load.counts, time.monotonic()
    answered = load.answers.copy()
    try:
        wait_for(
            lambda: all(load.counts[kind] >= number + more for kind, number in before.items()),
            seconds,
        )
    except TimeoutError:
        raise TimeoutError(
            f"{before} were confirmed, {seconds:.0f} s later {load.counts}; "
            f"instead came {dict(load.answers - answered)}"
        ) from None
    return time.monotonic() - began


def wait_for(what: Callable[[], bool], seconds: float = PATIENCE_SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        if time.monotonic() > deadline:
            raise TimeoutError("waited in vain")
        time.sleep(0.05)


@dataclass(frozen=True, slots=True)
class Template:
    """A county as it is before each fault: built once, copied."""

    county: County
    token: str

    @contextmanager
    def copied(self, *, to: Path | None = None) -> Iterator[County]:
        """A copy of its own, whose server does not run yet; gone in the end."""
        # Short: the address of a Unix socket has at most 107 bytes.
        folder = to or Path(tempfile.mkdtemp(prefix="hy-"))
        folder.chmod(0o755)
        county = County("", folder / "data", "county")
        embedded.copy_tree(self.county.data_dir, county.data_dir)
        embedded.forget_running(county.data_dir / "postgres")
        try:
            yield county
        except BaseException:
            with suppress(OSError):
                shutil.copyfile(county.folder / "up.log", FOLDER / "faults.log")
            raise
        finally:
            embedded.stop_all(county.data_dir)
            shutil.rmtree(folder, ignore_errors=to is not None)


@contextmanager
def template() -> Iterator[Template]:
    """Build the county that every fault happens to."""
    folder = Path(tempfile.mkdtemp(prefix="hy-"))
    county = County("", folder / "data", "county")
    try:
        county.do("simulate", "--residents", "300", "--cases", "12", "--days", "3")
        said = county.shell(_PREPARE.format(device=DEVICE, alerting=ALERTING))
        embedded.stop_all(county.data_dir)
        yield Template(county, said.strip().splitlines()[-1])
    finally:
        embedded.stop_all(county.data_dir)
        shutil.rmtree(folder)


def kill(process: psutil.Process) -> bool:
    """SIGKILL; whether it was still there."""
    try:
        os.kill(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


def server_of(county: County) -> psutil.Process | None:
    """The embedded database's first process, where it runs."""
    try:
        first = (county.data_dir / "postgres" / "postmaster.pid").read_text().split()[0]
        return psutil.Process(int(first))
    except (OSError, ValueError, IndexError, psutil.Error):
        return None
