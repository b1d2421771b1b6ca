"""A TCP proxy that resets connections at random, in the middle of whatever they carry."""

import asyncio
import random
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


class ResettingProxy:
    """Forwards to a port of loopback or to a Unix socket. Every `every` seconds on average one of
    its connections is reset (RST) on both sides."""

    def __init__(self, upstream: int | Path, *, every: float, dice: random.Random) -> None:
        self._upstream, self._every, self._dice = upstream, every, dice
        self._pairs: set[tuple[asyncio.StreamWriter, asyncio.StreamWriter]] = set()
        self._pumps: set[asyncio.Task[None]] = set()
        self._ready = threading.Event()
        self.port = 0
        self.resets = 0
        self.is_calm = False
        """While True nothing is reset."""

    async def serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._ended = asyncio.Event()
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        resetting = asyncio.create_task(self._reset_for_ever())
        await self._ended.wait()
        resetting.cancel()
        server.close()
        for pump in self._pumps:
            pump.cancel()
        for pair in list(self._pairs):
            _reset(pair)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if isinstance(self._upstream, Path):
                far_reader, far_writer = await asyncio.open_unix_connection(self._upstream)
            else:
                far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._upstream)
        except OSError:
            writer.transport.abort()
            return
        pair = (writer, far_writer)
        self._pairs.add(pair)
        there = asyncio.create_task(_pump(reader, far_writer))
        back = asyncio.create_task(_pump(far_reader, writer))
        self._pumps |= {there, back}
        await asyncio.wait((there, back), return_when=asyncio.FIRST_COMPLETED)
        # What was on its way back when one side had ended still arrives.
        await asyncio.wait((there, back), timeout=1)
        self._pumps -= {there, back}
        self._pairs.discard(pair)
        for one in pair:
            one.close()

    async def _reset_for_ever(self) -> None:
        while True:
            await asyncio.sleep(self._dice.expovariate(1 / self._every))
            if self._pairs and not self.is_calm:
                pair = self._dice.choice(sorted(self._pairs, key=id))
                self._pairs.discard(pair)
                _reset(pair)
                self.resets += 1

    def run(self) -> None:
        asyncio.run(self.serve())

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._ended.set)

    def wait_until_ready(self) -> None:
        assert self._ready.wait(10)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()


def _reset(pair: tuple[asyncio.StreamWriter, asyncio.StreamWriter]) -> None:
    for writer in pair:
        connected = writer.get_extra_info("socket")
        if connected is not None and connected.family != socket.AF_UNIX:
            with suppress(OSError):
                connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()


@contextmanager
def resetting(
    upstream: int | Path, *, every: float, dice: random.Random
) -> Iterator[ResettingProxy]:
    proxy = ResettingProxy(upstream, every=every, dice=dice)
    thread = threading.Thread(target=proxy.run, name="proxy")
    thread.start()
    proxy.wait_until_ready()
    try:
        yield proxy
    finally:
        proxy.stop()
        thread.join()
