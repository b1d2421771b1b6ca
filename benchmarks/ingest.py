"""HJ 212 frames over TCP to durable rows: checked, de-duplicated, ruled on, acknowledged.

Two listener processes share a port; devices send as fast as they are read, and the clock stops
with the last acknowledgement, which follows the commit. The reference is a raw COPY of the very
same rows into the same table with the same index over the same number of connections, in
batches of the size the listener made, from bytes encoded beforehand: no socket, no parsing, no
checks, no hours, no rules. The reference's table holds one round, ours all of them.

At the end the numbers of the frames are read back from what is stored. The full form sends 50
million values, round after round, and looks at the listeners' memory after each.
"""

import multiprocessing
import selectors
import socket
import time
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection
from multiprocessing.context import ForkProcess
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any, Final

from django.db import connection, connections
from rich.console import Console

from benchmarks.rows import BenchRow, row
from benchmarks.servers import wait_for_port
from huying.directory.permissions import Actor
from huying.sensing import actions, listeners
from huying.sensing.actions import NewDevice, RuleWording
from huying.sensing.actions.checking import check
from huying.sensing.actions.storing import encode
from huying.sensing.queries import registry
from huying.sensing.rules.readings import Reading
from huying.standards import hj212

LISTENERS: Final = 2
DEVICES: Final = 400
SOCKETS: Final = 40
BY: Final = Actor.system("bench")
VALUES: Final = {
    "a34004": 35.0, "a34002": 58.0, "a21026": 8.0, "a21004": 31.0, "a21005": 0.8,
    "a05024": 62.0, "a01001": 6.4, "a01002": 51.0, "a01006": 101.2, "a01007": 2.3,
}  # fmt: skip
UNITS: Final = dict.fromkeys(("a34004", "a34002", "a21026", "a21004", "a05024"), "µg/m³")

# Fork, so that children find Django set up; each opens connections of its own.
_fork = multiprocessing.get_context("fork")
_console = Console(stderr=True)


def run(*, quick: bool) -> list[BenchRow]:
    rounds, frames = (1, 120_000) if quick else (10, 500_000)
    prepare()
    copied = _reference(frames)
    ours, memory = _ours(rounds, frames)
    rows = [row("ingest", ours, "observations/s", "raw COPY of the same rows", copied)]
    if rounds > 1:
        # By then the keys that are remembered against repeats are as many as they may be.
        full = rounds // 3
        values = (full + 1) * frames * len(VALUES)
        after = f"after {values:,} of {rounds * frames * len(VALUES):,} values"
        rows.append(row("ingest_memory", memory[-1], "MB", after, memory[full]))
    return rows


def prepare() -> None:
    """Devices, and rules on real-time values that every frame is held against."""
    actions.ensure_catalogue(by=BY)
    actions.register_devices(
        devices=[
            NewDevice(
                mn=mn(number), name=f"{number}", password="123456", units=UNITS,
                frames_per_minute=10**9,
            )
            for number in range(DEVICES)
        ],
        by=BY,
    )  # fmt: skip
    for code, threshold in (("a34004", 300.0), ("a05024", 400.0), ("a21026", 500.0)):
        actions.save_rule(
            code=f"bench_{code}",
            wording=RuleWording(
                name=code, test="THRESHOLD", property_code=code, period="REALTIME",
                threshold=threshold, for_seconds=60,
            ),
            by=BY,
        )  # fmt: skip


def mn(number: int) -> str:
    return f"BENCH{number:019d}"


def _moment(begin: datetime, number: int) -> datetime:
    """When the device of frame `number` took its reading: one a second for each device."""
    return begin + timedelta(seconds=number // DEVICES)


def frame(number: int, begin: datetime, sent: datetime) -> bytes:
    """One frame of ten values from one of the devices."""
    items = ";".join(
        f"{code}-Rtd={value + number % 7:g},{code}-Flag=N" for code, value in VALUES.items()
    )
    qn = hj212.format_time(sent + timedelta(milliseconds=number // DEVICES), milliseconds=True)
    segment = (
        f"QN={qn};ST=22;CN=2011;PW=123456;MN={mn(number % DEVICES)};Flag=5;"
        f"CP=&&DataTime={hj212.format_time(_moment(begin, number))};{items}&&"
    )
    return hj212.encode_segment(segment.encode())


def _start_of(frames: int) -> datetime:
    """So long ago that the last frame is not of the future."""
    return datetime.now(UTC).replace(microsecond=0) - timedelta(seconds=frames // DEVICES + 60)


def _empty() -> None:
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE sensing_observation, sensing_hour_tally")
        cursor.execute("CHECKPOINT")


# Ours


def _ours(rounds: int, frames: int) -> tuple[float, list[float]]:
    """Observations a second over all rounds of so many frames, and the memory of the listeners
    after each, MB. Making the frames of a round is not part of the time."""
    _empty()
    total = rounds * frames
    begin, sent = _start_of(total), datetime.now(UTC)
    actions.ensure_partitions_ahead(now=begin, by=BY)
    port = _free_port()
    connections.close_all()
    processes = [
        _fork.Process(target=listeners.serve, args=("127.0.0.1", port, ""))
        for _ in range(LISTENERS)
    ]
    for process in processes:
        process.start()
    seconds, memory = 0.0, []
    try:
        for first in range(0, total, frames):
            load = [
                b"".join(
                    frame(number, begin, sent)
                    for number in range(first + place, first + frames, SOCKETS)
                )
                for place in range(SOCKETS)
            ]
            seconds += _send(port, load, frames)
            memory.append(sum(map(_resident, processes)))
            if rounds > 1:
                _console.print(f"    {(first + frames) * len(VALUES):,}: {memory[-1]:.0f} MB")
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.join(20)
    _reconcile(begin, total)
    return total * len(VALUES) / seconds, memory


def _resident(process: ForkProcess) -> float:
    """Resident memory, MB."""
    status = Path(f"/proc/{process.pid}/status").read_text(encoding="utf-8")
    (line,) = (line for line in status.splitlines() if line.startswith("VmRSS:"))
    return int(line.split()[1]) / 1024


def _reconcile(begin: datetime, frames: int) -> None:
    """Each frame was acknowledged: each is there, once, and nothing else."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT (extract(epoch FROM at)::bigint - %s) * %s + right(mn, 19)::bigint"
            " FROM sensing_observation JOIN sensing_device ON sensing_device.id = device_id"
            " WHERE values[1] = %s + ((extract(epoch FROM at)::bigint - %s) * %s"
            " + right(mn, 19)::bigint) %% 7",
            [int(begin.timestamp()), DEVICES, VALUES["a34004"], int(begin.timestamp()), DEVICES],
        )
        stored = sorted(number for (number,) in cursor)
    if stored != list(range(frames)):
        there = set(stored)
        missing = [number for number in range(frames) if number not in there]
        raise AssertionError(
            f"{frames} frames acknowledged, {len(stored)} rows stored with the value sent;"
            f" missing {len(missing)}, first {missing[:5]}"
        )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _send(port: int, load: list[bytes], frames: int) -> float:
    """Send everything over all sockets as fast as it is read; seconds to the last answer."""
    # The kernel spreads connections over the processes that listen by then.
    wait_for_port(port, LISTENERS)
    sockets = [socket.create_connection(("127.0.0.1", port)) for _ in load]
    selector = selectors.DefaultSelector()
    rest: dict[socket.socket, memoryview] = {}
    for opened, data in zip(sockets, load, strict=True):
        opened.setblocking(False)
        rest[opened] = memoryview(data)
        selector.register(opened, selectors.EVENT_READ | selectors.EVENT_WRITE)
    answered = 0
    tails = dict.fromkeys(sockets, b"")
    began = time.perf_counter()
    last = began
    while answered < frames:
        for key, events in selector.select(5):
            ready: Any = key.fileobj
            if events & selectors.EVENT_READ:
                data = ready.recv(262_144)
                answered += (tails[ready] + data).count(b"CN=9014")
                tails[ready] = data[-6:]
                last = time.perf_counter()
            if events & selectors.EVENT_WRITE:
                view = rest[ready]
                if view:
                    rest[ready] = view[ready.send(view[:131_072]) :]
                if not rest[ready]:
                    selector.modify(ready, selectors.EVENT_READ)
        if time.perf_counter() - last > 30:
            raise AssertionError(f"only {answered} of {frames} frames were acknowledged")
    for ready in sockets:
        ready.close()
    return last - began


# The reference


def _reference(frames: int) -> float:
    """Raw COPY of the same rows, encoded beforehand, over as many connections."""
    _empty()
    begin = _start_of(frames)
    actions.ensure_partitions_ahead(now=begin, by=BY)
    batch = 2_000
    known = registry()
    parts: list[list[bytes]] = [[] for _ in range(LISTENERS)]
    for place, first in enumerate(range(0, frames, batch)):
        rows = []
        for number in range(first, min(first + batch, frames)):
            at = int(_moment(begin, number).timestamp())
            values = [value + number % 7 for value in VALUES.values()]
            reading = Reading(
                mn(number % DEVICES), "REALTIME", at, tuple(VALUES), values, "N" * len(VALUES),
                listener="HJ212",
            )  # fmt: skip
            made, _refusals = check(known, 0, reading, time.time())
            if made is None:
                raise AssertionError("a reading of the benchmark was refused")
            rows.append(made)
        rows.sort(key=lambda made: made.key)
        parts[place % LISTENERS].append(encode(rows, time.time()))
    connections.close_all()
    go = _fork.Event()
    writers = []
    for part in parts:
        ours, theirs = _fork.Pipe()
        process = _fork.Process(target=_copy, args=(part, go, theirs))
        process.start()
        writers.append((process, ours))
    for _process, pipe in writers:
        pipe.recv()
    began = time.perf_counter()
    go.set()
    for process, pipe in writers:
        pipe.recv()
        process.join()
    return frames * len(VALUES) / (time.perf_counter() - began)


def _copy(batches: list[bytes], go: Event, pipe: Connection) -> None:
    statement = (
        "COPY sensing_observation (device_id, kind, at, received_at, properties, values, flags,"
        " minima, maxima) FROM STDIN (FORMAT BINARY)"
    )
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        pipe.send("ready")
        go.wait()
        for data in batches:
            # One transaction a batch, as the listeners commit.
            with cursor.copy(statement) as copy:
                copy.write(data)
    pipe.send("done")
    connections.close_all()
