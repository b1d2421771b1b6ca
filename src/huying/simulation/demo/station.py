"""Stations of the story, speaking HJ 212 over TCP to the real listener."""

import datetime as dt
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass

from huying.simulation.demo.telling import NotClosed
from huying.standards import hj212
from huying.standards.deadlines import SHANGHAI

_TIMEOUT = 10.0


@dataclass(frozen=True, slots=True)
class Sent:
    """One frame: when its last byte left, when the answer was there (time.perf_counter)."""

    frame: bytes
    sent_at: float
    answered_at: float

    @property
    def ms(self) -> float:
        return (self.answered_at - self.sent_at) * 1000


class Station:
    """One device on one connection."""

    def __init__(self, host: str, port: int, mn: str, password: str) -> None:
        self._sender = hj212.Sender(mn=mn, st="22", pw=password)
        self._socket = socket.create_connection((host, port), timeout=_TIMEOUT)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._deframer = hj212.Deframer()

    def send_hour(self, hour: dt.datetime, values: Mapping[str, float]) -> Sent:
        """Hourly means (CN 2061) of the hour that began at `hour`; waits for the answer 9014."""
        frames = hj212.upload(
            self._sender,
            "2061",
            hour.astimezone(SHANGHAI),
            [hj212.Item(code, {"Avg": value}) for code, value in values.items()],
            qn=dt.datetime.now(SHANGHAI),
        )
        (frame,) = frames
        self._socket.sendall(frame)
        sent_at = time.perf_counter()
        self._wait_for_answer()
        return Sent(frame, sent_at, time.perf_counter())

    def _wait_for_answer(self) -> None:
        deadline = time.perf_counter() + _TIMEOUT
        while time.perf_counter() < deadline:
            data = self._socket.recv(4096)
            if not data:
                break
            for answer in self._deframer.feed(data):
                if isinstance(answer, hj212.Refused):
                    raise NotClosed(f"监听端回了看不懂的报文 / unreadable answer: {answer}")
                if answer.header.cn == "9014":
                    return
        raise NotClosed("监听端没有应答 9014 / no answer 9014 from the listener")

    def close(self) -> None:
        self._socket.close()
