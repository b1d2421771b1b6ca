"""Wake the live streams once an act has committed, without a lock on its way.

A transaction that notifies takes a lock of the whole server until its commit is on disk, so
that acts would commit one after another. Here a thread of each process notifies afterwards, in
transactions of its own that wait for no disk, as many payloads at once as have come together.

Should the process die before it did, nothing is lost: a notice is a row, and the streams look
for new ones every second anyway.
"""

import atexit
import logging
import os
import queue
import threading
from functools import partial
from typing import Final

import psycopg
from django.db import connection, transaction

from huying.notices import wire

_logger = logging.getLogger(__name__)

MOST_WAITING: Final = 10_000
"""Payloads that wait for a database that is away; more are let go, for nothing depends on them."""
MOST_AT_ONCE: Final = 500


def after_commit(payload: str) -> None:
    """Send a payload on the county's live channel when this transaction commits."""
    transaction.on_commit(partial(_announce, payload))


@atexit.register
def close() -> None:
    """Send what waits and end this process's thread and its connection.

    A command that acts and ends at once is heard, too."""
    with _lock:
        announcer = _of_process.pop(os.getpid(), None)
    if announcer is not None:
        announcer.close()


class _Announcer:
    def __init__(self) -> None:
        self._waiting: queue.Queue[str | None] = queue.Queue(MOST_WAITING)
        self._parameters = {
            **connection.get_connection_params(),
            "cursor_factory": None,
            "application_name": "huying announce",
        }
        self._connection: psycopg.Connection | None = None
        self._thread = threading.Thread(target=self._run, name="announce", daemon=True)
        self._thread.start()

    def put(self, payload: str) -> None:
        try:
            self._waiting.put_nowait(payload)
        except queue.Full:
            return

    def close(self) -> None:
        self._waiting.put(None)
        self._thread.join(3)

    def _run(self) -> None:
        goes_on = True
        while goes_on:
            payloads = [self._waiting.get()]
            while len(payloads) < MOST_AT_ONCE and not self._waiting.empty():
                payloads.append(self._waiting.get_nowait())
            goes_on = None not in payloads
            # The same news twice is one: a payload says what to look at, not how often.
            self._send([one for one in dict.fromkeys(payloads) if one is not None])
        if self._connection is not None:
            self._connection.close()

    def _send(self, payloads: list[str]) -> None:
        if not payloads:
            return
        try:
            if self._connection is None or self._connection.closed:
                self._connection = psycopg.connect(**self._parameters, autocommit=True)
                self._connection.execute("SET synchronous_commit = off")
            self._connection.execute(
                "SELECT pg_notify(%s, payload) FROM unnest(%s::text[]) payload",
                [wire.channel_name(), payloads],
            )
        except psycopg.Error as fault:
            _logger.warning("the live streams were not woken: %s", type(fault).__name__)
            if self._connection is not None:
                self._connection.close()


_lock = threading.Lock()
# By process: a forked child has the parent's object, but not its thread.
_of_process: dict[int, _Announcer] = {}


def _announce(payload: str) -> None:
    announcer = _of_process.get(os.getpid())
    if announcer is None:
        with _lock:
            announcer = _of_process.setdefault(os.getpid(), _Announcer())
    announcer.put(payload)
