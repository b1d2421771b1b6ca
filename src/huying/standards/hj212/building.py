"""Writing HJ 212 frames: answers and commands of the host, uploads of a device.

Commands and their fields: HJ 212-2017, clause 6.5 and annex C.
"""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from huying.standards.errors import InvalidInput
from huying.standards.hj212.cipher import encrypt_cp
from huying.standards.hj212.crc import crc_text
from huying.standards.hj212.frames import Header, format_time
from huying.standards.hj212.refusals import ExeRtn, QnRtn

SYSTEM_INTERACTION: Final = "91"
LONGEST_CP: Final = 950
_VERSION_BITS: Final = {2005: 0, 2017: 4, 2025: 8}


class CannotEncode(InvalidInput):
    """Something that does not fit into a frame."""

    code = "CANNOT_ENCODE"


def encode_segment(segment: bytes, *, key: bytes | None = None) -> bytes:
    """A whole frame around a data segment; with an SM4 ``key`` its CP is encrypted."""
    if not 0 < len(segment) <= 9999:
        raise CannotEncode(
            f"数据段长 {len(segment)} 字节，超出 1 至 9999 的范围，请拆分成多包。",
            f"The segment has {len(segment)} bytes, not 1 to 9999; split it into packets.",
        )
    body = segment if key is None else encrypt_cp(segment, key)
    return b"##%04d%b%b\r\n" % (len(segment), body, crc_text(segment))


@dataclass(frozen=True, slots=True)
class Sender:
    """What every frame of one device, or to one device, has in common."""

    mn: str
    st: str
    pw: str = "123456"
    version: int = 2017
    key: bytes | None = None

    def frame(
        self,
        cn: str,
        cp: str,
        *,
        qn: str,
        reply_wanted: bool = False,
        packet: tuple[int, int] | None = None,
        st: str | None = None,
    ) -> bytes:
        """A frame with this command and CP; ``packet`` is (PNUM, PNO)."""
        flag = _VERSION_BITS[self.version] | (2 if packet else 0) | int(reply_wanted)
        numbers = f"PNUM={packet[0]};PNO={packet[1]};" if packet else ""
        segment = (
            f"QN={qn};ST={st or self.st};CN={cn};PW={self.pw};MN={self.mn};"
            f"Flag={flag};{numbers}CP=&&{cp}&&"
        )
        return encode_segment(segment.encode("ascii"), key=self.key)


def _answer(header: Header, cn: str, cp: str, key: bytes | None) -> bytes:
    """An answer carries the QN it answers, and ST 91."""
    version = {0: 0, 1: 4}.get((header.flag or 0) >> 2, 8)
    segment = (
        f"QN={header.qn};ST={SYSTEM_INTERACTION};CN={cn};PW={header.pw};MN={header.mn};"
        f"Flag={version};CP=&&{cp}&&"
    )
    return encode_segment(segment.encode("utf-8"), key=key)


def request_answer(header: Header, result: QnRtn, *, key: bytes | None = None) -> bytes:
    """9011: whether a request can be carried out; also tells a sender what was wrong."""
    return _answer(header, "9011", f"QnRtn={result.value}", key)


def execution_result(header: Header, result: ExeRtn, *, key: bytes | None = None) -> bytes:
    """9012, device to host: how a request went."""
    return _answer(header, "9012", f"ExeRtn={result.value}", key)


def notice_answer(header: Header, *, key: bytes | None = None) -> bytes:
    """9013: a notice was received."""
    return _answer(header, "9013", "", key)


def data_answer(header: Header, *, key: bytes | None = None) -> bytes:
    """9014: data was received (and, here, is safely stored)."""
    return _answer(header, "9014", "", key)


def heartbeat(header: Header, *, key: bytes | None = None) -> bytes:
    """9015 (2025): a heartbeat for a heartbeat; it asks for none itself."""
    return _answer(header, "9015", "", key)


def answer(header: Header, *, key: bytes | None = None) -> bytes | None:
    """What a host owes for an upload: 9014 for data, 9013 for a notice, 9015 for a heartbeat.

    Nothing if no reply is wanted, or if it is itself an answer (9011 … 9014).
    """
    if not header.reply_wanted:
        return None
    if header.cn == "9015":
        return heartbeat(header, key=key)
    if header.cn.startswith("9"):
        return None
    is_notice = header.cn.startswith("1")
    return notice_answer(header, key=key) if is_notice else data_answer(header, key=key)


def command(to: Sender, cn: str, qn: dt.datetime, fields: Mapping[str, str] | None = None) -> bytes:
    """Any request of a host: ``fields`` make up CP; ``qn`` is the (aware) time of sending."""
    cp = ";".join(f"{name}={value}" for name, value in (fields or {}).items())
    return to.frame(cn, cp, qn=format_time(qn, milliseconds=True), reply_wanted=True)


def request_time(to: Sender, qn: dt.datetime) -> bytes:
    """1011: what time does the device have?"""
    return command(to, "1011", qn)


def set_time(to: Sender, qn: dt.datetime, at: dt.datetime) -> bytes:
    """1012: set the device's clock to ``at``."""
    return command(to, "1012", qn, {"SystemTime": format_time(at)})


def set_realtime_interval(to: Sender, qn: dt.datetime, seconds: int) -> bytes:
    """1062: report real-time data every so many seconds."""
    return command(to, "1062", qn, {"RtdInterval": str(seconds)})


def set_minute_interval(to: Sender, qn: dt.datetime, minutes: int) -> bytes:
    """1064: report minute data every so many minutes."""
    return command(to, "1064", qn, {"MinInterval": str(minutes)})


def set_password(to: Sender, qn: dt.datetime, new: str) -> bytes:
    """1072: the device shall use another PW."""
    return command(to, "1072", qn, {"NewPW": new})


def start_realtime(to: Sender, qn: dt.datetime) -> bytes:
    """2011: begin to send real-time data."""
    return command(to, "2011", qn)


def stop_realtime(to: Sender, qn: dt.datetime) -> bytes:
    """2012: stop sending real-time data."""
    return command(to, "2012", qn)


def request_history(
    to: Sender, qn: dt.datetime, cn: str, begin: dt.datetime, end: dt.datetime
) -> bytes:
    """2031, 2041, 2051 or 2061 of a period: how gaps are filled after an outage."""
    return command(to, cn, qn, {"BeginTime": format_time(begin), "EndTime": format_time(end)})


def request_calibration(device: Sender, qn: dt.datetime) -> bytes:
    """1013, device to host: my clock is off, please set it."""
    return command(device, "1013", qn)


@dataclass(frozen=True, slots=True)
class Item:
    """One pollutant in an upload: its numbers by kind (Rtd, Avg, …) and its data flag."""

    code: str
    values: Mapping[str, float | str] = field(default_factory=dict)
    flag: str = "N"

    def text(self) -> str:
        """As it stands in CP."""
        parts = [f"{self.code}-{kind}={_number(value)}" for kind, value in self.values.items()]
        if self.flag:
            parts.append(f"{self.code}-Flag={self.flag}")
        return ",".join(parts)


def _number(value: float | str) -> str:
    if isinstance(value, str):
        return value
    text = f"{value:.6f}"
    return text.rstrip("0").rstrip(".")


def upload(
    device: Sender,
    cn: str,
    data_time: dt.datetime,
    items: Iterable[Item],
    *,
    qn: dt.datetime,
    reply_wanted: bool = True,
) -> list[bytes]:
    """Frames of a data upload; more than one if CP would exceed 950 bytes."""
    head = f"DataTime={format_time(data_time)}"
    groups: list[list[str]] = [[]]
    size = len(head)
    for text in (item.text() for item in items):
        if groups[-1] and size + 1 + len(text) > LONGEST_CP:
            groups.append([])
            size = len(head)
        groups[-1].append(text)
        size += 1 + len(text)
    return _packets(device, cn, [";".join([head, *group]) for group in groups], qn, reply_wanted)


def _packets(
    device: Sender, cn: str, parts: Sequence[str], qn: dt.datetime, reply_wanted: bool
) -> list[bytes]:
    number = format_time(qn, milliseconds=True)
    count = len(parts)
    return [
        device.frame(
            cn,
            part,
            qn=number,
            reply_wanted=reply_wanted,
            packet=(count, index) if count > 1 else None,
        )
        for index, part in enumerate(parts, 1)
    ]
