"""What is new, read once a process and fanned out to the connected browsers.

A NOTIFY says that there is something to read; where none comes, the process looks every second.
"""

import asyncio
import logging
import random
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any, Final

import orjson
import psycopg
from psycopg import sql

from huying.directory.permissions import Actor, Permission
from huying.notices import wire
from huying.notices.rules.cursor import Snapshot
from huying.telemetry import metrics

_logger = logging.getLogger(__name__)

QUEUE: Final = 256
"""Events waiting for one browser; beyond that it is dropped, and resumes when it is back."""

LOOK_SECONDS: Final = 1.0
MOST_READ: Final = 5_000
"""New notices read at once; beyond that every browser asks for its own."""

_FIRST_PAUSE: Final = 0.2
_LONGEST_PAUSE: Final = 10.0

# One statement, hence one snapshot: the rows and what it had belong together. Rows of
# transactions that the last snapshot had were handed out with it.
_NEW = """
SELECT seen.snapshot, notice.*
FROM (SELECT pg_current_snapshot()::text AS snapshot) seen LEFT JOIN LATERAL (
    SELECT id, account_id, tx::text, kind, urgency, title, left(body, %(body)s) AS body, link,
        created_at
    FROM notices_notice
    WHERE tx >= %(high)s::text::xid8 OR tx = ANY (%(running)s::text[]::xid8[])
    ORDER BY id LIMIT %(limit)s
) notice ON true
"""


@dataclass(frozen=True, slots=True)
class NoticeEvent:
    notice_id: int
    transaction: int
    low: int
    data: bytes


@dataclass(frozen=True, slots=True)
class CaseEvent:
    data: bytes


class CatchUp:
    """Notifications may have been missed: ask the database."""


class Dropped:
    """This browser is too slow."""


Event = NoticeEvent | CaseEvent | CatchUp | Dropped


@dataclass(eq=False, slots=True)
class Browser:
    """One connected browser: its events, and the actor who watches (renewed now and then)."""

    account_id: int
    actor: Actor
    waiting: asyncio.Queue[Event] = field(default_factory=lambda: asyncio.Queue(QUEUE + 1))
    is_dropped: bool = False

    def give(self, event: Event) -> None:
        """Queue an event, without waiting. What does not fit ends the stream."""
        if self.is_dropped:
            return
        if self.waiting.qsize() >= QUEUE:
            self.is_dropped = True
            metrics.BROWSERS_DROPPED.inc()
            while not self.waiting.empty():
                self.waiting.get_nowait()
            event = Dropped()
        self.waiting.put_nowait(event)


def may_see_case(actor: Actor, news: dict[str, Any]) -> bool:
    """Whether a changed case lies in the actor's territory, units or grids: the same bounds
    as the lists of cases have."""
    territories = actor.reach(Permission.CASE_VIEW_ALL)
    if territories is None:
        return True
    units = actor.organisations_with(Permission.CASE_VIEW_OWN_UNIT)
    return (
        any(news["division_code"].startswith(prefix) for prefix in territories)
        or not units.isdisjoint(news["organisation_ids"])
        or news["grid_code"] in actor.grids_with(Permission.CASE_VIEW_OWN_GRID)
    )


class Hub:
    """Who is connected, and what reaches them. Belongs to one event loop."""

    def __init__(self) -> None:
        self.by_account: dict[int, set[Browser]] = defaultdict(set)
        self.is_listening = False
        self.low = 0
        """Every notice of a transaction below this was handed to its browsers."""

    @property
    def browsers(self) -> int:
        return sum(map(len, self.by_account.values()))

    def join(self, browser: Browser) -> None:
        self.by_account[browser.account_id].add(browser)
        metrics.BROWSERS.set(self.browsers)

    def leave(self, browser: Browser) -> None:
        mine = self.by_account.get(browser.account_id)
        if mine is not None:
            mine.discard(browser)
            if not mine:
                del self.by_account[browser.account_id]
        metrics.BROWSERS.set(self.browsers)

    def dispatch(self, payload: str) -> None:
        """Hand one payload to those it is for. New notices are `read`, not carried."""
        try:
            found = wire.decoded(payload)
        except ValueError:
            _logger.warning("a payload on the live channel is not ours; ignored")
            return
        if found["k"] == "case":
            self._dispatch_case(found)

    async def read(self, connection: psycopg.AsyncConnection, last: Snapshot | None) -> Snapshot:
        """Hand out the notices that `last` did not have; what this reading could see."""
        cursor = await connection.execute(
            _NEW,
            {
                "body": wire.BODY_SHOWN,
                # Without a last one nothing is handed out: the browsers ask for themselves.
                "high": str(last.high if last else 2**63),
                "running": [str(one) for one in last.running] if last else [],
                "limit": MOST_READ + 1,
            },
            # A plan for all values would not know that only the newest rows are asked for.
            prepare=False,
        )
        rows = await cursor.fetchall()
        seen = Snapshot.of(rows[0][0])
        if len(rows) > MOST_READ:
            self._all_catch_up()
        elif last is not None:
            for row in rows:
                if row[1] is not None:
                    self._hand_out(row, last.low)
        self.low = max(self.low, seen.low)
        return seen

    def _hand_out(self, row: tuple[Any, ...], low: int) -> None:
        notice_id, account_id, transaction = row[1], row[2], int(row[3])
        browsers = self.by_account.get(account_id)
        if browsers:
            kind, urgency, title, body, link, at = row[4:]
            data = {"id": notice_id, "kind": kind, "urgency": urgency, "title": title,
                    "body": body, "link": link, "at": at}  # fmt: skip
            event = NoticeEvent(notice_id, transaction, low, orjson.dumps(data))
            for browser in browsers:
                browser.give(event)

    def _dispatch_case(self, found: dict[str, Any]) -> None:
        event = CaseEvent(orjson.dumps({key: found[key] for key in ("case_id", "number", "state")}))
        for browsers in self.by_account.values():
            for browser in browsers:
                if may_see_case(browser.actor, found):
                    browser.give(event)

    async def listen(self, parameters: dict[str, Any]) -> None:
        """Listen and read until cancelled; a lost connection is made anew with back-off, and
        then every browser asks the database what it missed meanwhile."""
        pause = _FIRST_PAUSE
        while True:
            try:
                async with (
                    await psycopg.AsyncConnection.connect(**parameters, autocommit=True) as ear,
                    await psycopg.AsyncConnection.connect(**parameters, autocommit=True) as eye,
                ):
                    await ear.execute(
                        sql.SQL("LISTEN {}").format(sql.Identifier(wire.channel_name()))
                    )
                    seen = await self.read(eye, None)
                    self.is_listening = True
                    metrics.LISTENING.set(1)
                    pause = _FIRST_PAUSE
                    self._all_catch_up()
                    while True:
                        async for heard in ear.notifies(timeout=LOOK_SECONDS, stop_after=1):
                            self.dispatch(heard.payload)
                        seen = await self.read(eye, seen)
            except psycopg.Error as fault:
                _logger.warning("live channel lost (%s); listening again", type(fault).__name__)
            finally:
                self.is_listening = False
                metrics.LISTENING.set(0)
            # Spreading the processes' attempts needs no unpredictable numbers.
            await asyncio.sleep(pause * (0.5 + random.random() / 2))  # noqa: S311 - jitter
            pause = min(pause * 2, _LONGEST_PAUSE)

    def _all_catch_up(self) -> None:
        for browsers in self.by_account.values():
            for browser in browsers:
                browser.give(CatchUp())
