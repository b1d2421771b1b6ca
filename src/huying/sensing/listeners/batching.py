"""From event loop to database: readings gather while the last batch commits, then go at once.

A batch waits a few milliseconds for company, never for long. The queue is bounded: when it is
full the listener stops reading its sockets, and TCP makes the senders wait. Nothing is
acknowledged before its commit. A batch that fails is tried again while the database is away;
one that cannot be stored for its own sake is cut in halves until the culprit stands alone, and
that goes to quarantine.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final, Generic, TypeVar

from django.db import Error, InterfaceError, OperationalError, connection

from huying.directory.permissions import Actor
from huying.sensing import actions, queries
from huying.sensing.actions import Counters, Kept, Outcome, Reading
from huying.sensing.listeners.seen import Seen
from huying.sensing.rules.readings import DUPLICATE, QUARANTINED, STORED
from huying.telemetry import metrics
from huying.telemetry.spans import span

_logger = logging.getLogger(__name__)
Token = TypeVar("Token")

LINGER_SECONDS: Final = 0.004
NOTE_SECONDS: Final = 5.0
REFRESH_SECONDS: Final = 1.0
_PAUSES: Final = (0.05, 0.2, 0.5, 1.0, 2.0, 4.0)


class Batcher(Generic[Token]):
    """One for each listener process. `settle` is called in the event loop after each commit
    with the tokens and outcomes of its readings; an outcome of None means: not stored, let the
    sender repeat."""

    def __init__(
        self,
        *,
        name: str,
        kind: str,
        by: Actor,
        settle: Callable[[Sequence[tuple[Reading, Token]], Sequence[Outcome | None]], None],
        on_full: Callable[[], None] = lambda: None,
        on_room: Callable[[], None] = lambda: None,
        batch_limit: int = 4_000,
        queue_limit: int = 20_000,
    ) -> None:
        self.counters = Counters()
        self._seen = Seen(kind)
        self._name = name
        self._kind = kind
        self._by = by
        self._settle = settle
        self._on_full = on_full
        self._on_room = on_room
        self._batch_limit = batch_limit
        self._queue_limit = queue_limit
        self._readings: list[tuple[Reading, Token]] = []
        self._kept: list[Kept] = []
        self._news = asyncio.Event()
        self._full = False
        self._stopping = False
        self._started_at = datetime.now(UTC)
        self._noted = 0.0
        # One thread: one connection, and batches commit in the order they came.
        self._writer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="ingest")

    @property
    def waiting(self) -> int:
        return len(self._readings)

    @property
    def is_full(self) -> bool:
        return self._full

    def put(self, reading: Reading, token: Token) -> None:
        """Queue a reading."""
        self._readings.append((reading, token))
        self._wake()

    def keep(self, kept: Kept) -> None:
        """Queue something for quarantine."""
        self._kept.append(kept)
        self.counters.quarantined += 1
        self._wake()

    def _wake(self) -> None:
        if not self._news.is_set():
            self._news.set()
        if not self._full and len(self._readings) + len(self._kept) >= self._queue_limit:
            self._full = True
            self._seen.full.inc()
            self._on_full()

    async def prepare(self) -> None:
        """Let the writer be ready before the first frame comes."""
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._writer, partial(actions.make_ready, by=self._by))
        await self._note()

    async def run(self) -> None:
        """Commit batches until `stop`, then what is left."""
        loop = asyncio.get_running_loop()
        while not self._stopping or self._readings or self._kept:
            try:
                await asyncio.wait_for(self._news.wait(), REFRESH_SECONDS)
            except TimeoutError:
                await self.refresh()
                continue
            if len(self._readings) < self._batch_limit and not self._stopping:
                await asyncio.sleep(LINGER_SECONDS)
            batch, kept = self._take()
            if batch or kept:
                outcomes = await loop.run_in_executor(self._writer, self._commit, batch, kept)
                self._count(outcomes)
                self._seen.batch(self.counters, outcomes, self.waiting)
                self._settle(batch, outcomes)
                # What a batch was made of is gone before the next one is built.
                del batch, kept, outcomes
            if self._full and len(self._readings) + len(self._kept) < self._queue_limit // 2:
                self._full = False
                self._on_room()
            if time.monotonic() - self._noted > NOTE_SECONDS:
                await self._note()
        await loop.run_in_executor(self._writer, self._close)
        self._writer.shutdown()

    async def refresh(self) -> None:
        """Read the registry anew if it changed: a device just registered is known at once."""
        if time.monotonic() - self._noted > NOTE_SECONDS:
            await self._note()
        else:
            loop = asyncio.get_running_loop()
            await loop.run_in_executor(self._writer, self._read_registry)

    def stop(self) -> None:
        """Commit what is queued, then end."""
        self._stopping = True
        self._news.set()

    def _take(self) -> tuple[list[tuple[Reading, Token]], list[Kept]]:
        if len(self._readings) <= self._batch_limit:
            batch, self._readings = self._readings, []
        else:
            batch = self._readings[: self._batch_limit]
            del self._readings[: self._batch_limit]
        kept, self._kept = self._kept[: self._batch_limit], self._kept[self._batch_limit :]
        if not self._readings and not self._kept and not self._stopping:
            self._news.clear()
        return batch, kept

    def _count(self, outcomes: Sequence[Outcome | None]) -> None:
        counters = self.counters
        for outcome in outcomes:
            if outcome is None:
                continue
            if outcome.result == STORED:
                counters.stored += 1
            elif outcome.result == DUPLICATE:
                counters.duplicates += 1
            else:
                counters.quarantined += 1

    # In the writer's thread.

    def _commit(
        self, batch: Sequence[tuple[Reading, Token]], kept: Sequence[Kept]
    ) -> Sequence[Outcome | None]:
        began = time.perf_counter()
        readings = [reading for reading, _ in batch]
        with span("sensing.batch", readings=len(readings), refused=len(kept)):
            outcomes = self._commit_readings(readings, kept)
        took = time.perf_counter() - began
        metrics.BATCH_SECONDS.observe(took)
        self.counters.commit_ms = round(took * 1000, 1)
        return outcomes

    def _commit_readings(
        self, readings: Sequence[Reading], kept: Sequence[Kept]
    ) -> Sequence[Outcome | None]:
        for pause in (*_PAUSES, None):
            try:
                return actions.ingest_batch(readings=readings, by=self._by, refused=kept).outcomes
            except (OperationalError, InterfaceError) as error:
                self._failed(error)
                if pause is None:
                    # Not stored and not acknowledged: the devices send it again.
                    return [None] * len(readings)
                time.sleep(pause)
            except Exception as error:
                self._failed(error)
                return self._halves(readings, kept, error)
        raise AssertionError("unreachable")

    def _halves(
        self, readings: Sequence[Reading], kept: Sequence[Kept], error: Exception
    ) -> Sequence[Outcome | None]:
        """Find what cannot be stored, so that it does not take others with it."""
        _logger.error("a batch of %d could not be stored: %r", len(readings), error)
        if len(readings) > 1:
            middle = len(readings) // 2
            return [
                *self._commit_readings(readings[:middle], kept),
                *self._commit_readings(readings[middle:], ()),
            ]
        if len(readings) == 1 and kept:
            return self._commit_readings(readings, ())
        if not readings:
            return []
        reading = readings[0]
        culprit = Kept(
            "NOT_STORED", reading.raw, reading.mn, {"problem": type(error).__name__},
            reading.listener, reading.peer,
        )  # fmt: skip
        try:
            actions.ingest_batch(readings=[], by=self._by, refused=[culprit])
        except Error as again:
            self._failed(again)
            return [None]
        return [Outcome(QUARANTINED)]

    def _failed(self, error: Exception) -> None:
        self.counters.last_error = f"{type(error).__name__}: {error}"
        # A broken connection must not be used again; the next query opens a new one.
        connection.close()

    async def _note(self) -> None:
        self._noted = time.monotonic()
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._writer, self._write_notes, False)

    def _write_notes(self, stopped: bool) -> None:
        self.counters.waiting = self.waiting
        self._seen.now(self.counters, self.waiting)
        try:
            queries.registry()
            actions.heard_log.write(time.time(), all_of_it=stopped)
            actions.note_listener(
                name=self._name,
                kind=self._kind,
                started_at=self._started_at,
                counters=self.counters,
                by=self._by,
                stopped=stopped,
            )
        except Error as error:
            self._failed(error)

    def _read_registry(self) -> None:
        try:
            queries.registry()
        except Error as error:
            self._failed(error)

    def _close(self) -> None:
        self.counters.connections = 0
        self._write_notes(True)
        connection.close()


Settled = Sequence[tuple[Reading, Any]]
