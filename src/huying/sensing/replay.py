"""Recorded hourly series played as HJ 212 devices over TCP: real air, real frames, real acks.

The files are those of the UCI data set "Beijing Multi-Site Air-Quality Data" (CSV, perhaps
gzipped: No, year, month, day, hour, PM2.5, PM10, SO2, NO2, CO, O3, TEMP, PRES, DEWP, RAIN, wd,
WSPM, station). One file is one device. Each row becomes one frame of hourly data (CN 2061);
DataTime is the start of the hour. A frame not acknowledged (9014) within ten seconds is sent
again with the same QN, three times at most (HJ 212-2017, 6.4.3).
"""

import asyncio
import csv
import gzip
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import Final, TextIO

from huying.directory.permissions import Actor
from huying.sensing import actions, queries
from huying.sensing.actions import NewDevice
from huying.standards import hj212

ACK_SECONDS: Final = 10.0
TRIES: Final = 4
WINDOW: Final = 64
"""Frames of one device on their way at once when there is no pace to keep."""
_BEIJING: Final = timezone(timedelta(hours=8))
_POINTS: Final = (
    "N", "NNE", "NE", "ENE", "E", "ESE", "SE", "SSE",
    "S", "SSW", "SW", "WSW", "W", "WNW", "NW", "NNW",
)  # fmt: skip

# column: code on the wire, factor, unit the device sends
COLUMNS: Final[Mapping[str, tuple[str, float, str]]] = {
    "PM2.5": ("a34004", 1.0, "µg/m³"),
    "PM10": ("a34002", 1.0, "µg/m³"),
    "SO2": ("a21026", 1.0, "µg/m³"),
    "NO2": ("a21004", 1.0, "µg/m³"),
    "CO": ("a21005", 0.001, "mg/m³"),
    "O3": ("a05024", 1.0, "µg/m³"),
    "TEMP": ("a01001", 1.0, "℃"),
    "PRES": ("a01006", 0.1, "kPa"),
    "RAIN": ("a01020", 1.0, "mm"),
    "WSPM": ("a01007", 1.0, "m/s"),
}
UNITS: Final = {code: unit for code, _, unit in COLUMNS.values()}


@dataclass(frozen=True, slots=True)
class Hour:
    """One row: the start of the hour and the values that are there, as they are sent."""

    at: datetime
    items: tuple[hj212.Item, ...]


@dataclass(slots=True)
class ReplayResult:
    """What was played. `unanswered`: frames given up after three repetitions."""

    devices: int = 0
    frames: int = 0
    values: int = 0
    acknowledged: int = 0
    resent: int = 0
    unanswered: int = 0
    refused: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0

    def as_dict(self) -> dict[str, object]:
        return asdict(self)


def air(
    files: Sequence[Path],
    *,
    speed: float = 0,
    host: str = "127.0.0.1",
    port: int = 9212,
    since: str = "",
    until: str = "",
    register: bool = True,
    places: Sequence[tuple[float, float]] = (),
) -> ReplayResult:
    """Play the files; `speed` is hours of data a second, 0 as fast as it is acknowledged.

    `since` and `until` (YYYY-MM-DD, half-open) choose days of China's calendar. Devices that
    are not registered are, unless `register` is False; `places` gives them coordinates.
    """
    first = date.fromisoformat(since) if since else None
    last = date.fromisoformat(until) if until else None
    series = {mn_of(path): (path, list(hours(path, first, last))) for path in files}
    if register:
        _register({mn: path for mn, (path, _) in series.items()}, places)
    result = ReplayResult(devices=len(series))
    began = time.monotonic()
    asyncio.run(_play({mn: rows for mn, (_, rows) in series.items()}, speed, host, port, result))
    result.seconds = round(time.monotonic() - began, 3)
    return result


def station_of(path: Path) -> str:
    """The name of the station: that of the file."""
    return path.name.split(".")[0]


def mn_of(path: Path) -> str:
    """The device number a file is played under."""
    return f"REPLAY{station_of(path).upper()}"[:24]


def hours(path: Path, since: date | None = None, until: date | None = None) -> Iterator[Hour]:
    """The rows of a file, without gaps filled: a missing value (NA) is not sent."""
    with _open(path) as file:
        for row in csv.DictReader(file):
            at = datetime(
                int(row["year"]), int(row["month"]), int(row["day"]), int(row["hour"]),
                tzinfo=_BEIJING,
            )  # fmt: skip
            if (since and at.date() < since) or (until and at.date() >= until):
                continue
            items = tuple(_items(row))
            if items:
                yield Hour(at, items)


def _items(row: Mapping[str, str]) -> Iterator[hj212.Item]:
    for column, (code, factor, _unit) in COLUMNS.items():
        text = row.get(column, "NA")
        if text not in ("", "NA"):
            yield hj212.Item(code, {"Avg": round(float(text) * factor, 4)})
    if row.get("wd") in _POINTS:
        yield hj212.Item("a01008", {"Avg": _POINTS.index(row["wd"]) * 22.5})


def _open(path: Path) -> TextIO:
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8", newline="")
    return path.open(encoding="utf-8", newline="")


def _register(files: Mapping[str, Path], places: Sequence[tuple[float, float]]) -> None:
    known = queries.registry().devices
    devices = []
    for number, (mn, path) in enumerate(sorted(files.items())):
        if mn in known:
            continue
        lon, lat = places[number % len(places)] if places else (None, None)
        devices.append(
            NewDevice(
                mn=mn,
                name=f"{station_of(path)} 站",
                kind="AIR",
                password="123456",  # noqa: S106  # HJ 212's own example, sent in the clear
                units=UNITS,
                lon=lon,
                lat=lat,
                frames_per_minute=1_000_000,
            )
        )
    if devices:
        actions.register_devices(devices=devices, by=Actor.system("replay"))


async def _play(
    series: Mapping[str, Sequence[Hour]], speed: float, host: str, port: int, result: ReplayResult
) -> None:
    starts = [rows[0].at for rows in series.values() if rows]
    if not starts:
        return
    begin, clock = min(starts), time.monotonic()
    players = [_Player(mn, rows, result) for mn, rows in series.items()]
    await asyncio.gather(*(player.play(speed, host, port, begin, clock) for player in players))


class _Player:
    """One device: sends its hours, counts its acknowledgements, repeats what gets none."""

    def __init__(self, mn: str, rows: Sequence[Hour], result: ReplayResult) -> None:
        self._rows = rows
        self._result = result
        self._sender = hj212.Sender(mn, "22", "123456")
        self._waiting: dict[str, asyncio.Future[hj212.Frame]] = {}
        self._window = asyncio.Semaphore(WINDOW)
        self._last_qn = datetime.fromtimestamp(0, UTC)
        self._writer: asyncio.StreamWriter

    async def play(self, speed: float, host: str, port: int, begin: datetime, clock: float) -> None:
        reader, self._writer = await asyncio.open_connection(host, port)
        listening = asyncio.create_task(self._listen(reader))
        sending: set[asyncio.Task[None]] = set()
        for row in self._rows:
            if speed > 0:
                due = clock + (row.at - begin).total_seconds() / 3600 / speed
                await asyncio.sleep(max(0.0, due - time.monotonic()))
            await self._window.acquire()
            task = asyncio.create_task(self._send(row))
            sending.add(task)
            task.add_done_callback(sending.discard)
        if sending:
            await asyncio.gather(*sending)
        listening.cancel()
        self._writer.close()

    async def _send(self, row: Hour) -> None:
        result = self._result
        qn = self._next_qn()
        frames = hj212.upload(self._sender, "2061", row.at, row.items, qn=qn)
        number = hj212.format_time(qn, milliseconds=True)
        result.frames += len(frames)
        result.values += len(row.items)
        try:
            for attempt in range(TRIES):
                answer: asyncio.Future[hj212.Frame] = asyncio.get_running_loop().create_future()
                self._waiting[number] = answer
                self._writer.write(b"".join(frames))
                await self._writer.drain()
                try:
                    found = await asyncio.wait_for(answer, ACK_SECONDS)
                except TimeoutError:
                    result.resent += attempt < TRIES - 1
                    continue
                if found.cn == "9014":
                    result.acknowledged += 1
                else:
                    code = found.fields.get("QnRtn", found.cn)
                    result.refused[code] = result.refused.get(code, 0) + 1
                return
            result.unanswered += 1
        finally:
            self._waiting.pop(number, None)
            self._window.release()

    def _next_qn(self) -> datetime:
        """Now, but never the same millisecond twice: QN tells requests apart."""
        self._last_qn = max(datetime.now(UTC), self._last_qn + timedelta(milliseconds=1))
        return self._last_qn

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        deframer = hj212.Deframer()
        while data := await reader.read(65_536):
            for piece in deframer.feed(data):
                if isinstance(piece, hj212.Frame):
                    answer = self._waiting.get(piece.header.qn)
                    if answer is not None and not answer.done():
                        answer.set_result(piece)
