"""A lean HTTP/1.1 client: one kept connection, one request at a time, next to no work a call.

The load generator shares the cores with what it measures, so it must not be what is measured.
"""

import asyncio
from typing import Final

import orjson

_END: Final = b"\r\n\r\n"
_LENGTH: Final = b"content-length:"


class CallFailed(Exception):
    """The server closed the connection, or answered what this client cannot read."""


class Caller(asyncio.Protocol):
    """One client. `call` gives status and body."""

    def __init__(self, host: str, port: int, token: str = "") -> None:
        self._host = host
        self._port = port
        authorization = f"Authorization: Bearer {token}\r\n" if token else ""
        self._headers = (
            f" HTTP/1.1\r\nHost: {host}:{port}\r\n{authorization}"
            "Content-Type: application/json\r\nAccept: application/json\r\nContent-Length: "
        ).encode()
        self._transport: asyncio.Transport | None = None
        self._waiting: asyncio.Future[tuple[int, bytes]] | None = None
        self._received = bytearray()
        self._needed = 0
        self._head_ends = 0

    async def call(self, method: str, path: str, body: bytes = b"") -> tuple[int, bytes]:
        """One request; raises CallFailed when no whole answer comes."""
        if self._transport is None or self._transport.is_closing():
            loop = asyncio.get_running_loop()
            await loop.create_connection(lambda: self, self._host, self._port)
        assert self._transport is not None
        self._waiting = asyncio.get_running_loop().create_future()
        self._transport.write(
            b"%s %s%s%d\r\n\r\n%s"
            % (method.encode(), path.encode(), self._headers, len(body), body)
        )
        return await self._waiting

    async def json(self, method: str, path: str, body: object = None) -> tuple[int, object]:
        status, answer = await self.call(method, path, b"" if body is None else orjson.dumps(body))
        return status, orjson.loads(answer) if answer else None

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]  # uvloop's own class
        self._received.clear()
        self._needed = 0

    def connection_lost(self, error: Exception | None) -> None:
        self._transport = None
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(CallFailed(f"connection lost: {error}"))

    def data_received(self, data: bytes) -> None:
        received = self._received
        received += data
        if not self._needed:
            end = received.find(_END)
            if end < 0:
                return
            self._head_ends = end + len(_END)
            head = bytes(received[:end]).lower()
            place = head.find(_LENGTH)
            if place >= 0:
                line = head[place + len(_LENGTH) :].split(b"\r\n", 1)[0]
                self._needed = self._head_ends + int(line)
            elif head.startswith(b"http/1.1 204"):
                self._needed = self._head_ends
            else:
                self._fail("an answer without Content-Length")
                return
        if len(received) < self._needed:
            return
        answer = (int(received[9:12]), bytes(received[self._head_ends : self._needed]))
        received.clear()
        self._needed = 0
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(answer)

    def _fail(self, why: str) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(CallFailed(why))
        self.close()
