"""Messages sent in several packets (HJ 212-2017, clause 6.3.2: PNUM, PNO)."""

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Final

from huying.standards.hj212.frames import Frame
from huying.standards.hj212.refusals import Reason, Refused

MOST_PACKETS: Final = 999
"""More packets than this in one message are refused; real messages have a handful."""

_Key = tuple[str, str, str, str]


@dataclass(slots=True)
class _Message:
    began_at: float
    packets: dict[int, Frame] = field(default_factory=dict)


class Reassembler:
    """One per connection; holds at most ``capacity`` packets altogether.

    Times are seconds of any monotonic clock, passed in.
    """

    def __init__(self, *, capacity: int = 1000, patience: float = 60.0) -> None:
        self._messages: OrderedDict[_Key, _Message] = OrderedDict()
        self._capacity = capacity
        self._patience = patience
        self._held = 0

    def add(self, frame: Frame, now: float) -> tuple[Frame | None, list[Refused]]:
        """The message ``frame`` completes, if any, and packets given up to make room.

        A frame that is not one of several comes straight back. A packet sent twice
        replaces the first.
        """
        header = frame.header
        if not header.is_packet or header.pnum is None or header.pno is None:
            return frame, []
        if header.pnum > MOST_PACKETS:
            return None, [Refused(Reason.FLAG_WRONG, frame.segment, header)]
        key = (header.mn, header.st, header.cn, header.qn or frame.fields.get("DataTime", ""))
        message = self._messages.setdefault(key, _Message(now))
        self._held += header.pno not in message.packets
        message.packets[header.pno] = frame
        if len(message.packets) >= header.pnum:
            del self._messages[key]
            self._held -= len(message.packets)
            return merge([message.packets[number] for number in sorted(message.packets)]), []
        given_up: list[Refused] = []
        while self._held > self._capacity:
            given_up += self._drop(next(iter(self._messages)))
        return None, given_up

    def expire(self, now: float) -> list[Refused]:
        """Give up messages whose packets stopped coming; each packet back as a refusal."""
        late = [k for k, m in self._messages.items() if now - m.began_at > self._patience]
        return [refusal for key in late for refusal in self._drop(key)]

    def _drop(self, key: _Key) -> list[Refused]:
        message = self._messages.pop(key)
        self._held -= len(message.packets)
        return [
            Refused(Reason.PACKETS_MISSING, frame.segment, frame.header)
            for _, frame in sorted(message.packets.items())
        ]


def merge(packets: list[Frame]) -> Frame:
    """One frame with everything the packets hold; the header is the first one's."""
    first = packets[0]
    fields: dict[str, str] = {}
    for packet in reversed(packets):
        fields.update(packet.fields)
    sampled = any(packet.sample_times for packet in packets)
    readings = [reading for packet in packets for reading in packet.readings]
    return Frame(
        header=first.header,
        segment=b"\r\n".join(packet.segment for packet in packets),
        encrypted=any(packet.encrypted for packet in packets),
        data_time=next((p.data_time for p in packets if p.data_time is not None), None),
        codes=[r.code for r in readings],
        kinds=[r.kind for r in readings],
        values=[r.value for r in readings],
        flags=[r.flag for r in readings],
        sample_times=[r.sample_time for r in readings] if sampled else [],
        fields=fields,
        skipped=[text for packet in packets for text in packet.skipped],
    )
