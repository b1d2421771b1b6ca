"""Records sealed a second, from `actions.record` to a signed checkpoint over them.

Writers are processes of their own, as is the sequencer; the clock stops when the last record
written is under a signed checkpoint. The reference is the same bytes put into a plain table with
one index, with as many connections and as many rows a transaction, and nothing proven.
"""

import multiprocessing
import tempfile
import threading
import time
from bisect import bisect_left
from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import sha256
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from django.db import connection, connections, transaction

from benchmarks.rows import BenchRow, row
from huying.ledger import actions, keys, queries, sequencer, verify
from huying.ledger.rules import entries, merkle, notes, tiles
from huying.ledger.rules.entries import Entry, prepare

BULK_WRITERS = 2
BULK_ROWS = 100
SINGLE_WRITERS = 8
PACED_PER_SECOND = 200

# Fork, so that children find Django set up; each opens connections of its own.
_fork = multiprocessing.get_context("fork")


def run(*, quick: bool) -> list[BenchRow]:
    seconds = 4.0 if quick else 15.0
    _prepare()
    try:
        plain = _rate(_write_plain_many, BULK_WRITERS, seconds, seal=False)
        bulk = _rate(_write_many, BULK_WRITERS, seconds, seal=True)
        plain_single = _rate(_write_plain_one, SINGLE_WRITERS, seconds, seal=False)
        single = _rate(_write_one, SINGLE_WRITERS, seconds, seal=True)
        waits = sorted(_checkpoint_waits(seconds))
        size, proofs = _proof_times()
        verified, hashed = _verify_rates(100_000 if quick else 1_000_000)
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP TABLE IF EXISTS bench_plain")
    p99 = waits[int(len(waits) * 0.99)] * 1000
    proof_p99 = proofs[int(len(proofs) * 0.99)] * 1000
    return [
        row("ledger", bulk, "records/s", "plain INSERT, 100 a transaction", plain),
        row("ledger_single", single, "records/s", "plain INSERT, 1 a transaction", plain_single),
        row("ledger_checkpoint_p99", p99, "ms", f"limit, {PACED_PER_SECOND} records/s", 1000.0),
        row("ledger_proof_p99", proof_p99, "ms", f"limit, in a tree of {size:,}", 5.0),
        row("ledger_verify", verified, "entries/s", "hashing alone", hashed),
    ]


def _prepare() -> None:
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS bench_plain")
        cursor.execute(
            "CREATE TABLE bench_plain (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,"
            " entry bytea NOT NULL)"
        )
    sequencer.seal_all()


def _entry(number: int) -> Entry:
    """An act as the house writes them, about 330 bytes sealed."""
    return Entry(
        kind="case.act",
        subject=f"case:{number % 5000}",
        by="staff:17",
        body={
            "action": "resolve",
            "from": "IN_PROGRESS",
            "to": "RESOLVED",
            "act": number,
            "organisation": 12,
            "clock": {"name": "handling", "due_at": "2026-11-25T10:00:00Z"},
            "photos": ["b5bb9d8014a0f9b1d61e21e796d78dccdf1250f4a8e5d5c3d1c3c6e2a1a3a7a1"],
        },
    )


def _write_many(number: int) -> int:
    with transaction.atomic():
        actions.record_many([_entry(number + one) for one in range(BULK_ROWS)])
    return BULK_ROWS


def _write_one(number: int) -> int:
    entry = _entry(number)
    with transaction.atomic():
        actions.record(kind=entry.kind, subject=entry.subject, by=entry.by, body=entry.body)
    return 1


_PLAIN = prepare(_entry(1), datetime(2026, 11, 22, tzinfo=UTC)).data


def _write_plain_many(number: int) -> int:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO bench_plain (entry) SELECT * FROM unnest(%s::bytea[])",
            [[_PLAIN] * BULK_ROWS],
        )
    return BULK_ROWS


def _write_plain_one(number: int) -> int:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("INSERT INTO bench_plain (entry) VALUES (%s)", [_PLAIN])
    return 1


def _writer(write: Callable[[int], int], seconds: float, start: Any, answer: Connection) -> None:
    connections.close_all()
    write(0)
    start.wait()
    written = 0
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        written += write(written)
    answer.send(written)
    connections.close_all()


def _sequencer(stop: Any) -> None:
    connections.close_all()
    sequencer.run(stop)


def _rate(write: Callable[[int], int], writers: int, seconds: float, *, seal: bool) -> float:
    """Rows a second over all writers; with `seal`, until the last is under a checkpoint."""
    connections.close_all()
    stop = _fork.Event()
    sealing = _fork.Process(target=_sequencer, args=(stop,))
    if seal:
        sealing.start()
    start = _fork.Barrier(writers + 1)
    pipes = [_fork.Pipe(duplex=False) for _ in range(writers)]
    processes = [
        _fork.Process(target=_writer, args=(write, seconds, start, sending)) for _, sending in pipes
    ]
    for process in processes:
        process.start()
    start.wait()
    began = time.perf_counter()
    written: int = sum(receiving.recv() for receiving, _ in pipes)
    for process in processes:
        process.join()
    if seal:
        _wait_until_sealed()
        elapsed = time.perf_counter() - began
        stop.set()
        sealing.join()
        return written / elapsed
    return written / (time.perf_counter() - began)


def _wait_until_sealed() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM ledger_record")
        total = cursor.fetchone()[0]
    while queries.ledger_health().size < total:
        time.sleep(0.005)


def _checkpoint_waits(seconds: float) -> list[float]:
    """Seconds from the commit of a record to a signed checkpoint over it, at a steady pace."""
    connections.close_all()
    stop = _fork.Event()
    sealing = _fork.Process(target=_sequencer, args=(stop,))
    sealing.start()
    finished = threading.Event()
    seen: list[tuple[int, float]] = []
    watching = threading.Thread(target=_watch, args=(finished, seen))
    watching.start()
    committed: dict[int, float] = {}
    began = time.perf_counter()
    for number in range(int(seconds * PACED_PER_SECOND)):
        time.sleep(max(0.0, began + number / PACED_PER_SECOND - time.perf_counter()))
        entry = _entry(number)
        with transaction.atomic():
            record_id = actions.record(
                kind=entry.kind, subject=entry.subject, by=entry.by, body=entry.body
            )
        committed[record_id] = time.perf_counter()
    _wait_until_sealed()
    time.sleep(0.05)
    finished.set()
    watching.join()
    stop.set()
    sealing.join()
    sizes = [size for size, _ in seen]
    waits = []
    for record_id, found in queries.records_by_id(committed).items():
        assert found.position is not None
        at = seen[bisect_left(sizes, found.position + 1)][1]
        waits.append(max(0.0, at - committed[record_id]))
    return waits


def _watch(finished: threading.Event, seen: list[tuple[int, float]]) -> None:
    last = -1
    while not finished.is_set():
        size = queries.ledger_health().size
        if size != last:
            seen.append((size, time.perf_counter()))
            last = size
        time.sleep(0.002)
    connection.close()


def _proof_times() -> tuple[int, list[float]]:
    """The size of the tree, and seconds to prove each of 500 records spread over all of it,
    as the page of a receipt asks for them."""
    size = queries.ledger_health().size
    times = []
    for (record_id,) in _every(max(1, size // 500)):
        began = time.perf_counter()
        document = queries.proof_document(record_id)
        times.append(time.perf_counter() - began)
        assert document is not None
    return size, sorted(times)


def _every(step: int) -> list[tuple[int]]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT record_id FROM ledger_position WHERE position %% %s = 0", [step])
        found: list[tuple[int]] = cursor.fetchall()
    return found


def _verify_rates(count: int) -> tuple[float, float]:
    """Entries a second: `verify` on a folder of tiles, and the bare hashes it must compute."""
    found = [prepare(_entry(one), datetime(2026, 11, 22, tzinfo=UTC)).data for one in range(count)]
    with tempfile.TemporaryDirectory() as name:
        _write_tiles(Path(name), found)
        report = verify.verify(name)
        assert report.ok, report.in_words()
    began = time.perf_counter()
    level = [sha256(b"\x00" + one).digest() for one in found]
    while len(level) > 1:
        level = [
            sha256(b"\x01" + left + right).digest()
            for left, right in zip(level[::2], level[1::2], strict=False)
        ]
    return count / report.seconds, count / (time.perf_counter() - began)


def _write_tiles(folder: Path, found: list[bytes]) -> None:
    """A signed log of these entries as files."""
    grown = merkle.grow(0, (), merkle.leaf_hashes(found))
    for level in (tiles.ENTRIES, *grown.appended):
        for address in tiles.addresses(level, len(found)):
            part = slice(address.number * 256, address.number * 256 + address.width)
            file = folder / address.path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(
                entries.pack_bundle(found[part])
                if level == tiles.ENTRIES
                else b"".join(grown.appended[level][part])
            )
    signing = keys.log_keys("bench/ledger")
    body = notes.CheckpointBody("bench/ledger", grown.size, grown.root)
    (folder / "checkpoint").write_text(str(notes.sign(body.text, signing)), encoding="utf-8")
    lines = "".join(f"{key.line}\n" for key, _ in signing)
    (folder / "keys").write_text(lines, encoding="utf-8")
