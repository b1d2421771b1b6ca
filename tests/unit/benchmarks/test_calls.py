"""The load generator's client reads answers however they are cut, and says when one is missing."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import pytest

from benchmarks.calls import Caller, CallFailed
from benchmarks.lifecycle import percentile


def _against(
    pieces: list[bytes], question: Callable[[Caller], Awaitable[object]], *, ends: bool = False
) -> object:
    """What `question` gives against a server that answers each request with these pieces."""

    served: list[asyncio.Task[None]] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        served.append(task)
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while await reader.readuntil(b"\r\n\r\n"):
                for piece in pieces:
                    writer.write(piece)
                    await writer.drain()
                if ends:
                    break
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()

    async def run() -> object:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        caller = Caller("127.0.0.1", server.sockets[0].getsockname()[1], "hy_x")
        try:
            return await asyncio.wait_for(question(caller), 5)
        finally:
            caller.close()
            server.close()
            await asyncio.gather(*served)

    return asyncio.run(run())


@pytest.mark.parametrize("cut", [1, 7, 20, 48, 55, 200])
def test_an_answer_is_read_however_it_is_cut(cut: int) -> None:
    whole = b'HTTP/1.1 201 Created\r\nContent-Length: 12\r\nX-A: 1\r\n\r\n{"id": 1234}'
    pieces = [whole[start : start + cut] for start in range(0, len(whole), cut)]
    assert _against(pieces, lambda caller: caller.json("GET", "/x")) == (201, {"id": 1234})


def test_the_connection_is_kept_for_the_next_call() -> None:
    async def twice(caller: Caller) -> object:
        first = await caller.call("GET", "/x")
        return first == await caller.call("POST", "/x", b"")

    assert _against([b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"], twice)


@pytest.mark.parametrize(
    "piece", [b"", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"HTTP/1.1 200 OK\r\n"]
)
def test_an_answer_that_does_not_come_whole_fails_the_call(piece: bytes) -> None:
    with pytest.raises(CallFailed):
        _against([piece] if piece else [], lambda caller: caller.call("GET", "/x"), ends=True)


def test_percentiles_are_milliseconds() -> None:
    times = [number / 1000 for number in range(1, 101)]
    assert percentile(times, 50) == pytest.approx(50.5)
    assert percentile(times, 95) == pytest.approx(95.95)
    assert percentile([0.25], 99) == 250.0
