"""From the last byte of a frame to the notice in a connected browser, while devices keep sending.

Real processes (web, stream, worker, ingest). A thousand devices send ten values a second each
through the one listener; beside them other devices send hourly means of PM2.5 above the rule,
one after another, each of which opens an alert, a case with its clocks and two notices: to the
officers of the bureau and to the worker of the grid. Browsers of all of them are connected with
their sessions. The clock starts when the last byte of the frame is written to its socket and
stops when the server-sent event has arrived whole.
"""

import asyncio
import gc
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

import orjson
import uvloop
from django.conf import settings
from django.test import Client
from rich.console import Console

from benchmarks import county
from benchmarks.lifecycle import percentile
from benchmarks.machine import usage
from benchmarks.rows import BenchRow, row
from benchmarks.servers import HOST, Site, running_site
from huying.directory.models import Account
from huying.sensing import actions as sensing
from huying.sensing.rules.catalogue import RULE
from huying.standards import hj212

OBSERVATIONS_PER_SECOND: Final = 10_000
VALUES: Final = 10
BACKGROUND_DEVICES: Final = OBSERVATIONS_PER_SECOND // VALUES
GATEWAYS: Final = 100
ALERTS_PER_SECOND: Final = 8
P50_LIMIT_MS: Final = 30.0
P99_LIMIT_MS: Final = 100.0
PASSWORD: Final = "123456"
_CODES: Final = (
    "a34004", "a34002", "a21026", "a21004", "a21005", "a05024", "a01001", "a01002", "a01006",
    "a01007",
)  # fmt: skip
_UNITS: Final = dict.fromkeys(("a34004", "a34002", "a21026", "a21004", "a05024"), "µg/m³")
_console = Console(stderr=True, width=160)


@dataclass(slots=True)
class Seen:
    """What was sent and what came of it, in `time.perf_counter` seconds, by device name."""

    sent: dict[str, float] = field(default_factory=dict)
    acknowledged: dict[str, float] = field(default_factory=dict)
    told: dict[str, list[float]] = field(default_factory=dict)
    background_acks: list[float] = field(default_factory=list)
    late: list[float] = field(default_factory=list)


def run(*, quick: bool) -> list[BenchRow]:
    seconds = 15 if quick else 60
    place = county.build()
    names = _register(place, seconds * ALERTS_PER_SECOND)
    watching = [*place.environment_officers, *(grid.worker for grid in place.grids)]
    # Each alert is told to every officer of the bureau and to one worker.
    expected = len(names) * (len(place.environment_officers) + 1)
    cookies = [_cookie(account) for account in watching]
    gc.freeze()
    with running_site(["web", "stream", "worker", "ingest"]) as site:
        before = usage()
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            seen = runner.run(_measure(site, cookies, names, seconds, expected))
        used = usage().since(before)
    waits = [at - seen.sent[name] for name, found in seen.told.items() for at in found]
    acks = [at - seen.sent[name] for name, at in seen.acknowledged.items()]
    _report(seen, waits, acks, expected)
    _console.print(f"    {used.in_words(len(names))} (an alert; observations included)")
    if len(waits) < expected or len(acks) < len(names):
        raise AssertionError(
            f"{len(waits)} of {expected} notices and {len(acks)} of {len(names)} answers arrived"
        )
    ack = f"frame → answer of the same frame, limit {P50_LIMIT_MS:.0f}"
    return [
        row("alert_latency_p50", percentile(waits, 50), "ms", ack, percentile(acks, 50)),
        row("alert_latency_p99", percentile(waits, 99), "ms", "limit", P99_LIMIT_MS),
        row(
            "frame_to_ack_p99",
            percentile(seen.background_acks, 99),
            "ms",
            f"limit, {OBSERVATIONS_PER_SECOND:,} observations/s",
            P99_LIMIT_MS,
        ),
    ]


def _register(place: county.BenchCounty, alerts: int) -> list[str]:
    """Register all devices; the names of those that will open an alert."""
    background = [
        sensing.NewDevice(
            mn=f"BG{number:022d}", name=f"背景 {number}", password=PASSWORD, units=_UNITS
        )
        for number in range(BACKGROUND_DEVICES)
    ]
    alerting = []
    for number in range(alerts):
        grid = place.grids[number % len(place.grids)]
        alerting.append(
            sensing.NewDevice(
                mn=f"AL{number:022d}",
                name=f"预警点 {number:05d}",
                password=PASSWORD,
                units=_UNITS,
                lon=grid.lon,
                lat=grid.lat,
            )
        )
    sensing.register_devices(devices=[*background, *alerting], by=county.BENCH)
    return [device.name for device in alerting]


def _cookie(account_id: int) -> str:
    client = Client()
    client.force_login(Account.objects.get(pk=account_id))
    name = settings.SESSION_COOKIE_NAME
    return f"{name}={client.cookies[name].value}"


async def _measure(
    site: Site, cookies: Sequence[str], names: list[str], seconds: int, expected: int
) -> Seen:
    seen = Seen()
    browsers = [asyncio.create_task(_browse(site.stream, cookie, seen)) for cookie in cookies]
    async with asyncio.timeout(30):
        await asyncio.gather(*(_connected(browser) for browser in browsers))
    gateways = [await _connect(site.hj212, seen) for _ in range(GATEWAYS)]
    alerting = await _connect(site.hj212, seen)
    warm_up = 3
    # Frames are made beforehand: while it is measured, bytes are only written.
    starts_at = time.time() + 0.5
    background = _background(starts_at, seconds + warm_up)
    alerts = _alerts(names)
    starts = time.perf_counter() + max(0.0, starts_at - time.time())
    await asyncio.gather(
        _pace(gateways, background, starts, seen),
        _alert(alerting, names, alerts, starts + warm_up, seen),
    )
    deadline = time.perf_counter() + 5
    while time.perf_counter() < deadline and sum(map(len, seen.told.values())) < expected:
        await asyncio.sleep(0.05)
    for browser in browsers:
        browser.cancel()
    await asyncio.gather(*browsers, return_exceptions=True)
    for connection in (*gateways, alerting):
        connection.close()
    return seen


async def _connected(browser: asyncio.Task[None]) -> None:
    while browser.get_name() != "connected":
        if browser.done():
            await browser
        await asyncio.sleep(0.01)


async def _browse(port: int, cookie: str, seen: Seen) -> None:
    """A browser's EventSource: notes when each notice has arrived, by the device it names."""
    reader, writer = await asyncio.open_connection(HOST, port)
    writer.write(
        f"GET /live/ HTTP/1.1\r\nHost: {HOST}:{port}\r\nCookie: {cookie}\r\n"
        "Accept: text/event-stream\r\n\r\n".encode()
    )
    head = await reader.readuntil(b"\r\n\r\n")
    if b" 200 " not in head.split(b"\r\n", 1)[0]:
        raise AssertionError(f"the stream refused: {head[:200]!r}")
    event = b""
    try:
        async for line in reader:
            if line.startswith(b"event: "):
                event = line[7:].strip()
                if event == b"sync":
                    task = asyncio.current_task()
                    assert task is not None
                    task.set_name("connected")
            elif line.startswith(b"data: ") and event == b"notice":
                at = time.perf_counter()
                title = orjson.loads(line[6:])["title"]
                place = title.find("预警点 ")
                if place >= 0:
                    seen.told.setdefault(title[place : place + 9], []).append(at)
    finally:
        writer.close()


class Device(asyncio.Protocol):
    """A connection of devices: writes frames, notes when each was answered, in their order."""

    def __init__(self, seen: Seen) -> None:
        self._seen = seen
        self._deframer = hj212.Deframer()
        self._transport: asyncio.Transport | None = None
        self.waiting: dict[str, tuple[float, str]] = {}

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]  # uvloop's own class

    def send(self, frame: bytes, key: str, name: str = "") -> None:
        assert self._transport is not None
        self._transport.write(frame)
        at = time.perf_counter()
        self.waiting[key] = (at, name)
        if name:
            self._seen.sent[name] = at

    def data_received(self, data: bytes) -> None:
        at = time.perf_counter()
        for piece in self._deframer.feed(data):
            if isinstance(piece, hj212.Frame) and piece.header.cn == "9014":
                sent, name = self.waiting.pop(piece.header.mn + piece.header.qn, (0.0, ""))
                if name:
                    self._seen.acknowledged[name] = at
                elif sent:
                    self._seen.background_acks.append(at - sent)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


async def _connect(port: int, seen: Seen) -> Device:
    loop = asyncio.get_running_loop()
    _, device = await loop.create_connection(lambda: Device(seen), HOST, port)
    return device


Frame = tuple[bytes, str]


def _frame(mn: str, cn: str, at: datetime, items: list[hj212.Item], qn: datetime) -> Frame:
    sender = hj212.Sender(mn, "22", PASSWORD)
    (frame,) = hj212.upload(sender, cn, at, items, qn=qn)
    return frame, mn + hj212.format_time(qn, milliseconds=True)


def _background(starts_at: float, seconds: int) -> list[Frame]:
    """A frame of ten values from each device for each second, in the order of sending."""
    frames = []
    for second in range(seconds):
        at = datetime.fromtimestamp(int(starts_at) + second, UTC)
        items = [hj212.Item(code, {"Rtd": 20 + (second + n) % 9}) for n, code in enumerate(_CODES)]
        for number in range(BACKGROUND_DEVICES):
            frames.append(_frame(f"BG{number:022d}", "2011", at, items, at))
    return frames


def _alerts(names: list[str]) -> list[Frame]:
    """Each device's hourly mean of PM2.5, twice the rule's threshold."""
    now = datetime.now(UTC)
    hour = now.replace(minute=0, second=0, microsecond=0) - timedelta(hours=1)
    items = [hj212.Item("a34004", {"Avg": 2 * RULE["threshold"]})]
    return [_frame(f"AL{number:022d}", "2061", hour, items, now) for number in range(len(names))]


async def _pace(gateways: list[Device], frames: list[Frame], starts: float, seen: Seen) -> None:
    """Send the frames at an even pace, in slices of ten milliseconds."""
    slice_seconds = 0.01
    step = max(1, int(BACKGROUND_DEVICES * slice_seconds))
    for number, first in enumerate(range(0, len(frames), step)):
        due = starts + number * slice_seconds
        wait = due - time.perf_counter()
        if wait > 0:
            await asyncio.sleep(wait)
        else:
            seen.late.append(-wait)
        for place, (frame, key) in enumerate(frames[first : first + step], first):
            gateways[place % len(gateways)].send(frame, key)


async def _alert(
    device: Device, names: list[str], frames: list[Frame], starts: float, seen: Seen
) -> None:
    for number, (name, (frame, key)) in enumerate(zip(names, frames, strict=True)):
        await asyncio.sleep(max(0.0, starts + number / ALERTS_PER_SECOND - time.perf_counter()))
        device.send(frame, key, name)


def _report(seen: Seen, waits: list[float], acks: list[float], expected: int) -> None:
    def shown(times: list[float]) -> str:
        return "/".join(f"{percentile(times, percent):.0f}" for percent in (50, 95, 99))

    _console.print(
        f"  {len(waits)} of {expected} notices of {len(seen.sent)} alerts; p50/p95/p99 ms: notice "
        f"{shown(waits)}, answer to the alert's frame {shown(acks)}, answer to a background frame "
        f"{shown(seen.background_acks)} ({len(seen.background_acks):,} of them); "
        f"late slices {len(seen.late)}"
    )
