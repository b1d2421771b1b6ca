"""Setting a device's clock: sent again where no answer comes, and what became of it.

HJ 212-2017: the device answers a request (9011) and then says how it went (9012); who hears
nothing within ten seconds sends again, three times at most, under the same QN.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from huying.standards import hj212
from huying.standards.hj212 import ExeRtn, QnRtn

ANSWER_SECONDS: Final = 10.0
REPETITIONS: Final = 3

Note = Callable[[str, str, int | None], None]


@dataclass(slots=True)
class _Command:
    qn: str
    send: Callable[[], None]
    sent: int
    timer: asyncio.TimerHandle


class ClockCommands:
    """The clock commands on their way, at most one a device. In the event loop alone.

    `note` is told of each step: the device, SENT, ACCEPTED, DONE, REFUSED, FAILED or NO_ANSWER,
    and the code the device gave (QnRtn with REFUSED, ExeRtn with FAILED).
    """

    def __init__(self, note: Note) -> None:
        self._note = note
        self._waiting: dict[str, _Command] = {}

    def send(self, mn: str, qn: str, send: Callable[[], None]) -> None:
        """Send a command, and again until it is answered; it takes the place of a former one."""
        self._drop(mn)
        send()
        self._note(mn, "SENT", None)
        self._waiting[mn] = _Command(qn, send, 1, self._in_time(self._again, mn))

    def hear(self, frame: hj212.Frame) -> None:
        """A 9011 or 9012; what answers no command of ours is passed over."""
        mn = frame.mn
        command = self._waiting.get(mn)
        if command is None or command.qn != frame.header.qn:
            return
        if frame.cn == "9012":
            code = _code(frame, "ExeRtn")
            self._drop(mn)
            done = code == ExeRtn.DONE
            self._note(mn, "DONE" if done else "FAILED", None if done else code)
            return
        code = _code(frame, "QnRtn")
        self._drop(mn)
        if code != QnRtn.READY:
            self._note(mn, "REFUSED", code)
            return
        self._note(mn, "ACCEPTED", None)
        self._waiting[mn] = command
        # Some devices never say how it went: then it stays at that.
        command.timer = self._in_time(self._drop, mn)

    def close(self) -> None:
        for mn in list(self._waiting):
            self._drop(mn)

    def _again(self, mn: str) -> None:
        command = self._waiting[mn]
        if command.sent > REPETITIONS:
            self._drop(mn)
            self._note(mn, "NO_ANSWER", None)
            return
        command.sent += 1
        command.send()
        command.timer = self._in_time(self._again, mn)

    def _drop(self, mn: str) -> None:
        command = self._waiting.pop(mn, None)
        if command is not None:
            command.timer.cancel()

    @staticmethod
    def _in_time(act: Callable[[str], None], mn: str) -> asyncio.TimerHandle:
        return asyncio.get_running_loop().call_later(ANSWER_SECONDS, act, mn)


def _code(frame: hj212.Frame, name: str) -> int:
    """The code in an answer; 100, unknown, where it has none of the standard's form."""
    text = frame.fields.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 3 else 100
