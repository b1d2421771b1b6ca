"""What a live stream does in time: heartbeats, checking the session anew, dropping the slow.

The application runs in the test's own process, so that its periods can be shortened.
"""

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any

import orjson
import psycopg
import pytest
from django.contrib.sessions.models import Session
from django.db import OperationalError, connection, connections
from django.test import Client
from starlette.requests import Request

from huying.directory.permissions import Actor, PostScope, Role, actor_from_posts
from huying.notices.rules.cursor import parsed
from huying.notices.stream import face, hub
from huying.notices.stream.face import Live
from huying.notices.stream.hub import Browser, CaseEvent, CatchUp, Dropped, Hub, may_see_case
from huying.notices.stream.visitors import visitor
from tests.factories.notices import make_reader, tell
from tests.integration.notices.live import database_url

pytestmark = pytest.mark.django_db(transaction=True)


class Watcher:
    """One browser of an application in this process."""

    def __init__(self, live: Live, session_key: str) -> None:
        self.live = live
        # One thread, so that its one connection can be closed at the end.
        live._threads = ThreadPoolExecutor(1)
        self.session_key = session_key

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[AsyncIterator[bytes]]:
        actor = await self.live.ask(visitor, self.session_key)
        assert actor is not None
        assert actor.account_id is not None
        browser = Browser(actor.account_id, actor)
        events = face._Stream(self.live, browser, self.session_key, "").events()
        try:
            yield events
        finally:
            await events.aclose()  # type: ignore[attr-defined]  # an async generator
            await self.live.ask(connections.close_all)
            self.live._threads.shutdown()


def session_of(account: Any) -> str:
    client = Client()
    client.force_login(account)
    return str(client.cookies["sessionid"].value)


def watcher(account: Any) -> Watcher:
    return Watcher(Live(), session_of(account))


def test_a_heartbeat_carries_the_position(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(face, "HEARTBEAT_SECONDS", 0.01)
    one = watcher(make_reader())

    async def run() -> list[bytes]:
        async with one.watching() as events:
            blocks = [await anext(events) for _ in range(3)]
            one.live.hub.low = parsed(_identity(blocks[1])).low + 5
            blocks += [await anext(events), await anext(events)]
        return blocks

    retry, sync, heartbeat, *later = asyncio.run(run())
    assert retry == b"retry: 2000\n\n"
    assert b"event: sync" in sync
    assert heartbeat.startswith(b": \nid: ")
    assert parsed(_identity(later[-1])).low == parsed(_identity(sync)).low + 5


def _identity(block: bytes) -> str:
    return next(
        line.removeprefix("id: ") for line in block.decode().split("\n") if line[:4] == "id: "
    )


def test_a_session_that_ended_ends_its_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(face, "HEARTBEAT_SECONDS", 0.01)
    monkeypatch.setattr(face, "RECHECK_SECONDS", 0.0)
    one = watcher(make_reader())

    async def run() -> int:
        async with one.watching() as events:
            for _ in range(3):
                await anext(events)
            await one.live.ask(Session.objects.all().delete)
            return len([block async for block in events])

    assert asyncio.run(run()) == 0
    assert one.live.hub.browsers == 0, "it has left the hub"


def test_a_database_away_for_a_moment_ends_no_session(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(face, "HEARTBEAT_SECONDS", 0.01)
    monkeypatch.setattr(face, "RECHECK_SECONDS", 0.0)
    one = watcher(make_reader())

    def away(_: str) -> Actor | None:
        raise OperationalError

    async def run() -> bytes:
        async with one.watching() as events:
            for _ in range(3):
                await anext(events)
            monkeypatch.setattr(face, "visitor", away)
            return await anext(events)

    assert asyncio.run(run()).startswith(b": ")


def test_the_slow_are_dropped_and_lose_nothing() -> None:
    reader = make_reader()
    one = watcher(reader)
    told = tell(reader)

    async def run() -> bool:
        async with one.watching() as events:
            await anext(events)
            await anext(events)
            for _ in range(hub.QUEUE + 2):
                one.live.hub.dispatch(_case("990101001001"))
                [browser] = one.live.hub.by_account[reader.pk]
                browser.give(CaseEvent(b"{}"))
            assert browser.waiting.qsize() == 1, "what waited for it takes no more room"
            return [block async for block in events] == []

    assert told
    assert asyncio.run(run())


def test_what_is_not_ours_on_the_channel_is_ignored() -> None:
    fresh = Hub()
    for payload in ("", "nonsense", "[]", '{"k": "other"}'):
        fresh.dispatch(payload)
    assert fresh.low == 0


def _case(division: str, units: tuple[int, ...] = (), grid: str = "") -> str:
    news = {
        "k": "case", "case_id": 1, "number": "n", "state": "OPEN",
        "division_code": division, "organisation_ids": units, "grid_code": grid,
    }  # fmt: skip
    return orjson.dumps(news).decode()


GRID = "990101001001001"


@pytest.mark.parametrize(
    ("posts", "sees"),
    [
        ([PostScope(Role.DISPATCHER, 1, "990101")], True),
        ([PostScope(Role.DISPATCHER, 1, "990101001")], True),
        ([PostScope(Role.DISPATCHER, 3, "990101002", GRID)], False),
        ([PostScope(Role.DISPATCHER, 1)], True),
        ([PostScope(Role.OFFICER, 3, "990101")], True),
        ([PostScope(Role.OFFICER, 4, "990101", GRID)], False),
        ([PostScope(Role.GRID_WORKER, 3, "", GRID)], True),
        ([PostScope(Role.GRID_WORKER, 3, "", "990101001001002")], False),
        ([PostScope(Role.SYSTEM_ADMIN, 3, "990101", GRID)], False),
        # What one post may does not hold where another one lies.
        ([PostScope(Role.DISPATCHER, 1, "990101002"), PostScope(Role.OFFICER, 4, "990101")], False),
    ],
)
def test_a_case_is_seen_within_one_s_bounds(posts: list[PostScope], sees: bool) -> None:
    actor = actor_from_posts(1, "林晓雯", posts)
    news = orjson.loads(_case("990101001001", (3,), GRID))
    assert may_see_case(actor, news) is sees
    news["grid_code"] = ""
    if posts[0].role is Role.GRID_WORKER:
        assert not may_see_case(actor, news), "a case without a grid is in nobody's grid"


def test_a_new_connection_has_every_browser_catch_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Connections fail twice, then work: the browsers are told to ask."""
    fresh, browser = Hub(), Browser(1, Actor.resident())
    real = psycopg.AsyncConnection.connect
    attempts = []

    async def connect(**parameters: Any) -> Any:
        attempts.append(parameters)
        if len(attempts) < 3:
            raise psycopg.OperationalError
        return await real(**parameters)

    monkeypatch.setattr(psycopg.AsyncConnection, "connect", connect)
    monkeypatch.setattr(hub, "_FIRST_PAUSE", 0.001)
    options = connection.get_connection_params()["options"]
    conninfo = {"conninfo": database_url(), "options": options}

    async def run() -> object:
        fresh.join(browser)
        listening = asyncio.create_task(fresh.listen(conninfo))
        event = await asyncio.wait_for(browser.waiting.get(), 5)
        assert fresh.is_listening
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
        return event

    assert isinstance(asyncio.run(run()), CatchUp)
    assert len(attempts) == 4, "two that failed, one that listens, one that reads"
    assert not fresh.is_listening


def test_a_dropped_browser_is_given_nothing_more() -> None:
    async def run() -> list[object]:
        browser = Browser(1, Actor.resident())
        for _ in range(hub.QUEUE + 10):
            browser.give(CaseEvent(b"{}"))
        found: list[object] = []
        while not browser.waiting.empty():
            found.append(browser.waiting.get_nowait())
        return found

    [event] = asyncio.run(run())
    assert isinstance(event, Dropped)


@pytest.mark.parametrize("bound", ["MOST_BROWSERS", "MOST_OF_ONE_ACCOUNT"])
def test_one_stream_too_many_is_told_to_come_later(
    bound: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(face, bound, 1)
    reader = make_reader()
    one = watcher(reader)
    one.live.hub.join(Browser(reader.pk, Actor.resident()))

    async def ask() -> Any:
        request = Request(
            {
                "type": "http",
                "method": "GET",
                "path": "/live/",
                "query_string": b"",
                "headers": [(b"cookie", f"sessionid={one.session_key}".encode())],
            }
        )
        try:
            return await one.live.live(request)
        finally:
            await one.live.ask(connections.close_all)
            one.live._threads.shutdown()

    answer = asyncio.run(ask())
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "30")


def test_more_news_than_can_be_read_at_once_has_every_browser_ask_for_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(hub, "MOST_READ", 2)
    reader = make_reader()
    here = Hub()
    browser = Browser(reader.pk, Actor.resident())
    here.join(browser)

    async def read() -> None:
        async with await psycopg.AsyncConnection.connect(
            database_url(),
            options=connection.get_connection_params()["options"],
            autocommit=True,
        ) as eye:
            seen = await here.read(eye, None)
            for _ in range(4):
                await asyncio.to_thread(_tell, reader)
            await here.read(eye, seen)

    asyncio.run(read())
    assert isinstance(browser.waiting.get_nowait(), CatchUp)
    assert browser.waiting.empty()


def _tell(reader: Any) -> None:
    tell(reader)
    connections.close_all()
