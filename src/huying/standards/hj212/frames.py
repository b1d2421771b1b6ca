"""Data segments of HJ 212-2017 (clause 6.3) and HJ 212-2025, and those of HJ/T 212-2005.

A frame is ``##`` + length (4 digits) + segment + CRC (4 hex digits) + CR LF. This module
reads a segment whose CRC is known to be right; ``parse_frame`` checks a whole frame.
"""

import datetime as dt
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, NamedTuple

from huying.standards.hj212.cipher import decrypt_cp, looks_encrypted
from huying.standards.hj212.crc import crc
from huying.standards.hj212.refusals import Reason, Refused

LONGEST_MN: Final = 64
"""The standard says 24; longer ones are seen and harm nobody."""


class Reading(NamedTuple):
    """One number a device reported.

    ``kind`` is the field's name: Rtd, Avg, Min, Max, Cou, ZsRtd, … ``flag`` is the data
    flag (``""`` if none was sent). ``value`` is in the device's own unit.
    """

    code: str
    kind: str
    value: float
    flag: str
    sample_time: dt.datetime | None


class Header(NamedTuple):
    """Who sends what; ``""`` and ``None`` where a field is absent."""

    qn: str
    st: str
    cn: str
    pw: str
    mn: str
    flag: int | None
    pnum: int | None
    pno: int | None
    resent: bool

    @property
    def version(self) -> int:
        """2005, 2017 or 2025, from bits 7–2 of Flag; no Flag is the form of 2005."""
        number = 0 if self.flag is None else self.flag >> 2
        return {0: 2005, 1: 2017}.get(number, 2025)

    @property
    def reply_wanted(self) -> bool:
        """Bit 0 of Flag."""
        return self.flag is not None and bool(self.flag & 1)

    @property
    def is_packet(self) -> bool:
        """Whether this is one of several packets of one message."""
        return self.pnum is not None and self.pnum > 1


@dataclass(slots=True)
class Frame:
    """A segment that was understood.

    Readings are kept as columns of equal length (``codes``, ``kinds``, ``values``,
    ``flags``; ``sample_times`` is empty or as long), the form a table of arrays takes;
    ``readings`` gives them one by one. ``fields`` holds what in CP is not a reading
    (``DataTime``, ``RestartTime``, ``QnRtn`` …), ``skipped`` what was not understood,
    verbatim. ``data_time`` (aware, UTC) is ``None`` if absent or impossible (then it is in
    ``skipped``). ``segment`` is in plaintext.
    """

    header: Header
    segment: bytes
    encrypted: bool = False
    data_time: dt.datetime | None = None
    codes: list[str] = field(default_factory=list)
    kinds: list[str] = field(default_factory=list)
    values: list[float] = field(default_factory=list)
    flags: list[str] = field(default_factory=list)
    sample_times: list[dt.datetime | None] = field(default_factory=list)
    fields: dict[str, str] = field(default_factory=dict)
    skipped: list[str] = field(default_factory=list)

    @property
    def readings(self) -> list[Reading]:
        """The readings one by one, in the order they were sent."""
        times = self.sample_times or [None] * len(self.codes)
        return [
            Reading(*row)
            for row in zip(self.codes, self.kinds, self.values, self.flags, times, strict=True)
        ]

    @property
    def mn(self) -> str:
        """The identity of the device."""
        return self.header.mn

    @property
    def cn(self) -> str:
        """The command, for example ``"2011"``."""
        return self.header.cn


_QN_FORM: Final = r"\d{4}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?:[01]\d|2[0-3])[0-5]\d[0-5]\d{4}"
_HEADER: Final = re.compile(
    rf"(?:QN=({_QN_FORM});)?ST=(\d\d);CN=(\d{{4}});PW=([^;=]*+);MN=([^;=]{{1,{LONGEST_MN}}}+);"
    r"(?:Flag=(\d|\d\d|1\d\d);)?CP=&&(?:DataTime=(\d{14}(?:\d{3})?)(?=[;&]))?",
    re.ASCII,
)
"""Most headers; whatever it does not take is read field by field."""
_CP_START: Final = "CP=&&"
_PLAIN_ITEM: Final = re.compile(
    r";([A-Za-z0-9_]++)-(?!Info)([A-Z][a-z]++)=([-+]?\d{1,15}+(?:\.\d{1,15}+)?+)"
    r"(?:,\1-Flag=([A-Z]))?+(?![^;])",
    re.ASCII,
)
"""An item in its usual form. Every match begins at a ``;`` and ends before the next one, so
as many matches as there are ``;`` means that nothing was passed over."""
_ANY_NUMBER: Final = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d{1,3})?", re.ASCII)
_CODE_FIELD: Final = re.compile(r"([A-Za-z0-9_]+)-([A-Za-z][A-Za-z0-9]*)", re.ASCII)
_TEXT_KINDS: Final = frozenset({"EFlag", "Info", "SN"})
_QN: Final = re.compile(_QN_FORM, re.ASCII)
_ST: Final = re.compile(r"\d\d", re.ASCII)
_CN: Final = re.compile(r"\d{4}", re.ASCII)
_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]*", re.ASCII)


@lru_cache(maxsize=8192)
def parse_time(text: str) -> dt.datetime | None:
    """``YYYYMMDDhhmmss`` (or with milliseconds) of Beijing time as aware UTC, else ``None``."""
    if len(text) not in (14, 17) or not (text.isascii() and text.isdigit()):
        return None
    try:
        local = dt.datetime.fromisoformat(f"{text[:8]}T{text[8:14]}.{text[14:] or '000'}+08:00")
    except ValueError:
        return None
    return local.astimezone(dt.UTC) if local.year > 1 else None


def format_time(moment: dt.datetime, *, milliseconds: bool = False) -> str:
    """An aware time as Beijing time, 14 digits, or 17 as in QN."""
    text = moment.astimezone(_BEIJING).strftime("%Y%m%d%H%M%S%f")
    return text[:17] if milliseconds else text[:14]


_BEIJING: Final = dt.timezone(dt.timedelta(hours=8))


def parse_segment(segment: bytes, *, encrypted: bool = False) -> Frame:
    """Read a data segment (what the length counts). ``Refused`` if it is not one."""
    try:
        text = segment.decode("ascii")
    except UnicodeDecodeError:
        text = _decode_foreign(segment)
    matched = _HEADER.match(text)
    if matched is None:
        header, start = _read_header(text, segment)
        reason = _header_fault(header)
        if reason is not None:
            raise Refused(reason, segment, header)
        data_time = None
    else:
        qn, st, cn, pw, mn, flag, data_time = matched.groups("")
        header = Header(qn, st, cn, pw, mn, int(flag) if flag else None, None, None, False)
        start = matched.end()
    end = text.rfind("&&")
    if end < start:
        raise Refused(Reason.NOT_READABLE, segment, header)
    frame = Frame(header, segment, encrypted)
    if data_time:
        _read_data_time(frame, "DataTime", data_time)
        items = text[start:end]
    else:
        items = ";" + text[start:end]
    if len(text) > end + 2 and text[end + 2 :].strip():
        frame.skipped.append(text[end + 2 :])
    while items.endswith(";"):
        items = items[:-1]
    if items:
        _read_items(frame, items)
    return frame


def parse_frame(packet: bytes, *, key: bytes | None = None) -> Frame:
    """Check and read one whole frame, ``##`` … CRC, with or without CR LF.

    With the device's SM4 ``key`` an encrypted CP (2025) is opened first. Raises ``Refused``.
    """
    packet = packet.strip(b"\r\n")
    if packet[:2] != b"##" or not packet[2:6].isdigit():
        raise Refused(Reason.JUNK, packet)
    length = int(packet[2:6])
    if len(packet) != length + 10:
        short = len(packet) < length + 10
        raise Refused(
            Reason.TRUNCATED if short else Reason.LENGTH_WRONG, packet, peek_header(packet[6:])
        )
    return checked(packet[6:-4], packet[-4:], key, packet)


def checked(segment: bytes, check: bytes, key: bytes | None, packet: bytes) -> Frame:
    """Read a segment if its CRC (as it stands or, with ``key``, decrypted) is right.

    Once in 65,536 frames both are, by chance; then what is no text as it stands was encrypted.
    If neither is, and CP is text neither as it stands nor decrypted, the key is missing or wrong.
    """
    try:
        expected = int(check, 16) if check.isalnum() else -1
    except ValueError:
        expected = -1
    try:
        sound = crc(segment) == expected
        if sound and (key is None or not looks_encrypted(segment)):
            return parse_segment(segment)
        plain = None if key is None else decrypt_cp(segment, key)
        if plain is not None and crc(plain) == expected:
            return parse_segment(plain, encrypted=True)
        if sound:
            return parse_segment(segment)
    except Refused as refusal:
        raise Refused(refusal.reason, packet, refusal.header) from None
    sealed = looks_encrypted(segment) and (plain is None or looks_encrypted(plain))
    raise Refused(Reason.WRONG_KEY if sealed else Reason.CRC_WRONG, packet, peek_header(segment))


def peek_header(segment: bytes) -> Header | None:
    """Who seems to be sending, from a segment that may be damaged; ``None`` if unclear."""
    text = segment.decode("ascii", errors="replace")
    try:
        header, _ = _read_header(text, segment)
    except Refused as refusal:
        return refusal.header
    return header


def _decode_foreign(segment: bytes) -> str:
    """Text fields written by Chinese devices: UTF-8 or, more often, GBK."""
    try:
        return segment.decode("utf-8")
    except UnicodeDecodeError:
        return segment.decode("gb18030", errors="replace")


def _read_header(text: str, segment: bytes) -> tuple[Header, int]:
    """Fields in any order, unknown ones passed over; what the quick pattern does not take."""
    start = text.find(_CP_START)
    head = text[:start] if start >= 0 else text
    found: dict[str, str] = {}
    for pair in head.split(";"):
        name, equals, value = pair.partition("=")
        if equals:
            found.setdefault(name.strip(), value.strip())
    numbers = {name: _small_number(found.get(name)) for name in ("Flag", "PNUM", "PNO")}
    header = Header(
        found.get("QN", ""),
        found.get("ST", ""),
        found.get("CN", ""),
        found.get("PW", ""),
        found.get("MN", ""),
        numbers["Flag"],
        numbers["PNUM"],
        numbers["PNO"],
        found.get("RF") == "1",
    )
    if start < 0 or not {"ST", "CN", "MN"} <= found.keys():
        raise Refused(Reason.NOT_READABLE, segment, header if header.mn else None)
    return header, start + len(_CP_START)


def _small_number(text: str | None) -> int | None:
    if text is None:
        return None
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 4 else -1


def _header_fault(header: Header) -> Reason | None:
    if header.qn and not _QN.fullmatch(header.qn):
        return Reason.QN_WRONG
    if not _ST.fullmatch(header.st):
        return Reason.ST_WRONG
    if not _CN.fullmatch(header.cn):
        return Reason.CN_WRONG
    if not 0 < len(header.mn) <= LONGEST_MN:
        return Reason.MN_WRONG
    if header.flag is not None and not 0 <= header.flag <= 255:
        return Reason.FLAG_WRONG
    pnum, pno = header.pnum or 0, header.pno or 0
    if (pnum or pno) and not 1 <= pno <= pnum:
        return Reason.FLAG_WRONG
    return None


def _read_items(frame: Frame, items: str) -> None:
    """Fill in readings, fields and what was passed over; ``items`` begins with ``;``."""
    found = _PLAIN_ITEM.findall(items)
    if len(found) == items.count(";"):
        codes, kinds, values, flags = zip(*found, strict=True)
        frame.codes = list(codes)
        frame.kinds = list(kinds)
        frame.values = list(map(float, values))
        frame.flags = list(flags)
        return
    for item in items.split(";"):
        if item:
            _read_item(frame, item)
    if not any(frame.sample_times):
        frame.sample_times = []


def _read_item(frame: Frame, item: str) -> None:
    """One item in any form: numbers, flags, sample times and texts, joined by commas."""
    numbers: list[tuple[str, str, float]] = []
    flags: dict[str, str] = {}
    times: dict[str, dt.datetime] = {}
    for pair in item.split(","):
        name, equals, value = (part.strip() for part in pair.partition("="))
        if not equals:
            if pair.strip():
                frame.skipped.append(pair)
            continue
        matched = _CODE_FIELD.fullmatch(name)
        if matched is None:
            if not _NAME.fullmatch(name):
                frame.skipped.append(pair)
            elif name == "DataTime":
                _read_data_time(frame, name, value)
            else:
                frame.fields[name] = value
            continue
        code, kind = matched.groups()
        if kind == "Flag":
            flags[code] = value
        elif kind in _TEXT_KINDS:
            frame.fields[name] = value
        elif kind == "SampleTime":
            at = parse_time(value)
            if at is None:
                frame.skipped.append(pair)
            else:
                times[code] = at
        elif _ANY_NUMBER.fullmatch(value) and math.isfinite(number := float(value)):
            numbers.append((code, kind, number))
        else:
            frame.skipped.append(pair)
    for code, kind, number in numbers:
        frame.codes.append(code)
        frame.kinds.append(kind)
        frame.values.append(number)
        frame.flags.append(flags.get(code, ""))
        frame.sample_times.append(times.get(code))


def _read_data_time(frame: Frame, name: str, value: str) -> None:
    at = parse_time(value)
    if at is None:
        frame.skipped.append(f"{name}={value}")
    elif frame.data_time is None:
        frame.data_time = at
    frame.fields.setdefault(name, value)


def counts(flag: str, *, manual: bool = False) -> bool:
    """Whether a reading with this data flag enters statistics and alarms.

    Only N does (and no flag at all, as in 2005); S, entered by hand, where allowed.
    """
    return flag in ("N", "") or (manual and flag == "S")


DATA_FLAGS: Final[Mapping[str, tuple[str, str]]] = {
    "N": ("正常", "normal"),
    "F": ("停运", "stopped"),
    "M": ("维护", "maintenance"),
    "S": ("手工输入", "entered by hand"),
    "D": ("故障", "fault"),
    "C": ("校准", "calibration"),
    "T": ("超量程", "over range"),
    "B": ("通讯异常", "no communication"),
}
"""Data flags and their names (HJ 212-2017, table 8): Chinese, English."""
