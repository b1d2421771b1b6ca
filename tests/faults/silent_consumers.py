"""Consumers that read nothing: browsers on the live stream, devices that want answers.

Each connects, says what it wants, and never reads. Memory stays bounded, the silent are let go,
and a browser and a device beside them get everything.
"""

import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

import httpx
import psycopg

from tests.faults.county_under_load import (
    Site,
    Template,
    frame,
    go_on,
    loading,
    running,
    wait_for,
)
from tests.faults.reckoning import Outcome, reckon

SILENT: Final = "QH0000000000000000099996"
BROWSERS: Final = 10
DEVICES: Final = 10
SECONDS: Final = 80.0
"""Longer than a device may leave its answers unread."""
MOST_GROWTH_MIB: Final = 60
"""What 20 silent consumers may cost in memory, with the growth of the load itself."""

_REGISTER: Final = f"""
from huying.directory.permissions import Actor
from huying.sensing import actions
actions.register_device(mn="{SILENT}", by=Actor.system("faults"), name="监测点", password="123456",
                        units={{"a34004": "µg/m³"}}, frames_per_minute=2_000_000_000)
"""
_READER: Final = """
from django.conf import settings
from django.test import Client
from huying.directory.models import Account
client = Client()
client.force_login(Account.objects.get(pk={account}))
print(client.cookies[settings.SESSION_COOKIE_NAME].OutputString(attrs=[]))
"""
_TELL: Final = """
from django.db import transaction
from huying.directory.permissions import Actor
from huying.notices import actions
for number in range({number}):
    with transaction.atomic():
        actions.notify(to=[{account}], kind="case.told", title=f"通知 {{number}}", body="话" * 290,
                       glance=actions.Glance("通知"), link="/", urgency="NORMAL",
                       subject="faults", by=Actor.system("faults"))
"""
TOLD: Final = 4_000


def run(template: Template, *, seconds: float = SECONDS) -> Outcome:
    began, outcome = time.monotonic(), Outcome("silent_consumers")
    with template.copied() as county:
        county.shell(_REGISTER)
        with running(county, template.token) as site, loading(site) as load:
            account = _somebody_told(site)
            cookie = site.county.shell(_READER.format(account=account)).split()[-1]
            before = {kind: site.memory(kind) for kind in ("stream", "ingest")}
            with _silent_browsers(site, cookie), _silent_devices(site) as sent:
                with _reading_browser(site, cookie) as read:
                    site.county.shell(_TELL.format(account=account, number=TOLD))
                    until = time.monotonic() + seconds
                    while time.monotonic() < until:
                        go_on(load)
                    wait_for(lambda: len(read) >= TOLD, 60)
                after = {kind: site.memory(kind) for kind in before}
                health = httpx.get(f"{site.stream_url}/healthz", trust_env=False).json()
            outcome.remarks.append(
                f"memory MiB {before} → {after}; silent browsers still held "
                f"{health['browsers'] - 1} of {BROWSERS}; {sent['bytes'] // 2**20} MiB of frames "
                f"taken from {DEVICES} silent devices, {sent['resets']} of them reset; "
                f"a reading browser got {len(read)} of {TOLD}"
            )
            for kind, size in before.items():
                if after[kind] - size > MOST_GROWTH_MIB:
                    outcome.wrong.append(f"{kind} grew from {size} to {after[kind]} MiB")
        return reckon(county, load, outcome, began)


def _somebody_told(site: Site) -> int:
    with psycopg.connect(site.county.url) as connection:
        row = connection.execute(
            "SELECT account_id FROM county.notices_notice ORDER BY id DESC LIMIT 1"
        ).fetchone()
    assert row is not None
    return int(row[0])


def _connected(port: int) -> socket.socket:
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    made.settimeout(10)
    made.connect(("127.0.0.1", port))
    return made


def _asking(site: Site, cookie: str) -> bytes:
    return f"GET /live/ HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: {cookie}\r\n\r\n".encode()


@contextmanager
def _silent_browsers(site: Site, cookie: str) -> Iterator[None]:
    port = int(site.stream_url.rpartition(":")[2])
    opened = [_connected(port) for _ in range(BROWSERS)]
    for one in opened:
        one.sendall(_asking(site, cookie))
    try:
        yield
    finally:
        for one in opened:
            one.close()


@contextmanager
def _reading_browser(site: Site, cookie: str) -> Iterator[set[str]]:
    """The titles of the notices it was sent; it comes back where it is let go."""
    titles: set[str] = set()
    ended = threading.Event()
    last = ""

    def read() -> None:
        nonlocal last
        while not ended.is_set():
            headers = {"Cookie": cookie, **({"Last-Event-ID": last} if last else {})}
            with (
                suppress(httpx.HTTPError),
                httpx.stream(
                    "GET", f"{site.stream_url}/live/", headers=headers, timeout=20, trust_env=False
                ) as answer,
            ):
                for line in answer.iter_lines():
                    if line.startswith("id: "):
                        last = line[4:]
                    if '"title":"通知' in line:
                        titles.add(line.partition('"title":"')[2].partition('"')[0])
                    if ended.is_set():
                        return

    thread = threading.Thread(target=read)
    thread.start()
    try:
        yield titles
    finally:
        ended.set()
        thread.join()


@contextmanager
def _silent_devices(site: Site) -> Iterator[Counter[str]]:
    """Devices that send without end, want an answer to each frame, and read none of them."""
    ended = threading.Event()
    count: Counter[str] = Counter()
    lines: dict[int, socket.socket] = {}
    first = int(time.time()) - 3 * 3600
    frames = b"".join(
        frame(SILENT, "2011", at, f"a34004-Rtd={at % 140}.0,a34004-Flag=N")
        for at in range(first, first + 200)
    )

    def send(number: int) -> None:
        while not ended.is_set():
            with suppress(OSError), _connected(site.port) as line:
                line.settimeout(None)
                lines[number] = line
                while not ended.is_set():
                    line.sendall(frames)
                    count["bytes"] += len(frames)
            count["resets"] += not ended.is_set()

    threads = [threading.Thread(target=send, args=(number,)) for number in range(DEVICES)]
    for thread in threads:
        thread.start()
    try:
        yield count
    finally:
        ended.set()
        for line in lines.values():
            with suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)
        for thread in threads:
            thread.join()
