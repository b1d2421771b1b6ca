"""HJ 212 for the engineer in the field: one JSON line a frame, or why it was refused.

Needs no database: it runs on a laptop beside the cabinet, on a file or on standard input.
"""

from collections.abc import Iterator
from typing import BinaryIO, Final

import orjson

from huying.sensing.rules import refusals
from huying.standards import hj212

_PIECE: Final = 65_536


def lines(source: BinaryIO) -> Iterator[str]:
    """JSON lines for the frames in `source`, as they come."""
    deframer = hj212.Deframer()
    read = getattr(source, "read1", source.read)
    while data := read(_PIECE):
        for piece in deframer.feed(data):
            yield _line(piece)
    for piece in deframer.close():
        yield _line(piece)


def _line(piece: hj212.Frame | hj212.Refused) -> str:
    body = _refusal(piece) if isinstance(piece, hj212.Refused) else _frame(piece)
    return orjson.dumps(body).decode()


def _refusal(refused: hj212.Refused) -> dict[str, object]:
    reason = refused.reason.value
    told = {"mn": refused.header.mn} if refused.header else {}
    body: dict[str, object] = {
        "ok": False,
        "reason": reason,
        "zh": refusals.sentence(reason, told, "zh"),
        "en": refusals.sentence(reason, told, "en"),
        "offset": refused.offset,
        "raw": refused.raw[:2048].decode("utf-8", errors="backslashreplace"),
    }
    if refused.header is not None:
        body["mn"] = refused.header.mn
        body["cn"] = refused.header.cn
    if reason == "CRC_WRONG":
        segment, found = refused.raw.strip()[6:-4], refused.raw.strip()[-4:]
        body["crc_found"] = found.decode("ascii", errors="replace")
        body["crc_expected"] = hj212.crc_text(segment).decode()
    return body


def _frame(frame: hj212.Frame) -> dict[str, object]:
    header = frame.header
    command = hj212.COMMANDS.get(header.cn)
    system = hj212.SYSTEMS.get(header.st)
    body: dict[str, object] = {
        "ok": True,
        "mn": header.mn,
        "st": header.st,
        "st_name": system[0] if system else "",
        "cn": header.cn,
        "cn_name": command[0] if command else "",
        "version": header.version,
        "qn": header.qn,
        "pw": header.pw,
        "flag": header.flag,
        "reply_wanted": header.reply_wanted,
        "data_time": frame.data_time.isoformat() if frame.data_time else None,
        "values": [_value(reading, header.st) for reading in frame.readings],
        "fields": frame.fields,
    }
    if header.is_packet:
        body["packet"] = [header.pno, header.pnum]
    if frame.skipped:
        body["not_understood"] = frame.skipped
    return body


def _value(reading: hj212.Reading, st: str) -> dict[str, object]:
    code = hj212.modern_code(reading.code, st)
    substance = hj212.substance(code)
    body: dict[str, object] = {
        "code": reading.code,
        "name": substance.zh if substance else "",
        "field": reading.kind,
        "value": reading.value,
        "unit_of_annex_b": substance.unit if substance else "",
        "flag": reading.flag,
    }
    if code != reading.code:
        body["code_now"] = code
    if reading.sample_time is not None:
        body["sample_time"] = reading.sample_time.isoformat()
    return body
