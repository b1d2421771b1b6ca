"""A listener in a thread, and devices that talk to it over real sockets."""

import asyncio
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from types import TracebackType

import uvloop

from huying.sensing.listeners.hj212 import Server
from huying.standards import hj212
from tests.factories.sensing import INGEST


class RunningListener:
    """An HJ 212 listener on a free port of loopback."""

    def __init__(self, **options: int) -> None:
        self._options = options
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="listener", daemon=True)
        self.port = 0
        self.server: Server

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        self.server = Server(host="127.0.0.1", port=0, by=INGEST, **self._options)
        self.port = await self.server.start()
        self.loop = asyncio.get_running_loop()
        self._ready.set()
        await self.server.run()

    def __enter__(self) -> "RunningListener":
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with suppress(RuntimeError):
            self.loop.call_soon_threadsafe(self.server.stop)
        self._thread.join(15)
        assert not self._thread.is_alive()

    def refresh(self) -> None:
        """Let the listener see what was registered or changed since it started."""
        asyncio.run_coroutine_threadsafe(self.server.batcher.refresh(), self.loop).result(10)

    def until(self, condition: Callable[[], bool], seconds: float = 10) -> None:
        """Wait until the listener has come so far."""
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, "the listener did not come so far"
            time.sleep(0.005)


class DeviceClient:
    """One TCP connection of a device."""

    def __init__(self, port: int, *, window: int = 0) -> None:
        self.socket = socket.socket()
        if window:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window)
        self.socket.settimeout(10)
        try:
            self.socket.connect(("127.0.0.1", port))
        except OSError:
            self.socket.close()
            raise
        self._deframer = hj212.Deframer()
        self._answers: list[hj212.Frame] = []

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def answer(self) -> hj212.Frame:
        """The next frame from the host."""
        while not self._answers:
            data = self.socket.recv(65536)
            assert data, "the host closed the connection"
            for piece in self._deframer.feed(data):
                assert isinstance(piece, hj212.Frame), piece
                self._answers.append(piece)
        return self._answers.pop(0)

    def bytes_until(self, mark: bytes) -> bytes:
        """What the host sends, as it comes, to the end of the frame with `mark` in it."""
        data = b""
        while mark not in data or not data.endswith(b"\r\n"):
            piece = self.socket.recv(65536)
            assert piece, "the host closed the connection"
            data += piece
        return data

    def ask(self, data: bytes) -> hj212.Frame:
        self.send(data)
        return self.answer()

    def close(self) -> None:
        self.socket.close()

    def __enter__(self) -> "DeviceClient":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def stamp(moment: datetime, *, milliseconds: bool = False) -> str:
    return hj212.format_time(moment, milliseconds=milliseconds)


def now() -> datetime:
    return datetime.now(UTC)


def segment(
    mn: str,
    items: str = "a34004-Rtd=35,a34004-Flag=N",
    *,
    cn: str = "2011",
    flag: int = 5,
    at: datetime | None = None,
    pw: str = "123456",
    qn: datetime | None = None,
    st: str = "22",
    packet: str = "",
) -> str:
    """A data segment as a device sends it, `##` and CRC still to come."""
    data_time = f"DataTime={stamp(at or now())}"
    body = f"{data_time};{items}" if items else data_time
    sent = stamp(qn or now(), milliseconds=True)
    return f"QN={sent};ST={st};CN={cn};PW={pw};MN={mn};Flag={flag};{packet}CP=&&{body}&&"
