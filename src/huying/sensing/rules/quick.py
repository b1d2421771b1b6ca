"""The quick way through an HJ 212 stream: frames of a shape seen before.

A device sends the same frame all its life; only QN, DataTime and the numbers change. From the
first such frame, read the thorough way, a pattern is made that takes the following ones in a
few microseconds, with the same result (a test holds one against the other). Whatever does not
fit exactly goes the thorough way: this one refuses nothing and repairs nothing.
"""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Final, NamedTuple

from huying.sensing.rules.frames import DATA_COMMANDS
from huying.sensing.rules.readings import Reading, aligned
from huying.standards import hj212

MOST_SHAPES: Final = 32
_LEARN_EVERY: Final = 100
"""With all places taken, only one miss in so many is worth the making of a pattern."""
_WHOLE: Final = re.compile(
    rb"QN=\d{17};ST=(\d\d);CN=(\d{4});PW=[^;=]*;MN=[^;=]{1,64};Flag=(\d{1,3});"
    rb"CP=&&DataTime=\d{14};([^&]*)&&"
)
_NUMBER: Final = rb"[-+]?\d{1,15}(?:\.\d{1,15})?"
_VALUE: Final = re.compile(rb"(-[A-Z][A-Za-z]*=)" + _NUMBER)


class Shape(NamedTuple):
    """Frames that differ in QN, PW, MN, DataTime and their numbers only."""

    match: Callable[[bytes], "re.Match[bytes] | None"]
    st: str
    cn: str
    flag: int
    kind: str
    codes: tuple[str, ...]
    flags: str


class Quick(NamedTuple):
    """A frame read the quick way."""

    header: hj212.Header
    reading: Reading


@lru_cache(maxsize=20_000)
def _seconds(digits: bytes) -> int | None:
    """Seconds since 1970 of 14 digits of China's time; None if there is no such time."""
    moment = hj212.parse_time(digits.decode("ascii"))
    return None if moment is None else int(moment.timestamp())


@lru_cache(maxsize=50_000)
def _text(data: bytes) -> str | None:
    """A name as text, the same object each time; None if it is not ASCII."""
    try:
        return data.decode("ascii")
    except UnicodeDecodeError:
        return None


def learn(frame: hj212.Frame, reading: Reading) -> Shape | None:
    """The shape of a frame that was read the thorough way, if it has a simple one."""
    header, segment = frame.header, frame.segment
    whole = _WHOLE.fullmatch(segment)
    plain = not (reading.troubles or reading.minima or frame.encrypted or header.is_packet)
    if whole is None or not plain or reading.flags != "N" * len(reading.codes):
        return None
    if header.cn not in DATA_COMMANDS or header.flag is None:
        return None
    items, last = [], 0
    text = whole[4]
    for value in _VALUE.finditer(text):
        items.append(re.escape(text[last : value.end(1)]) + b"(" + _NUMBER + b")")
        last = value.end()
    items.append(re.escape(text[last:]))
    pattern = re.compile(
        rb"QN=(\d{17});ST=%b;CN=%b;PW=([^;=]*);MN=([^;=]{1,64});Flag=%b;CP=&&DataTime=(\d{14});%b&&"
        % (whole[1], whole[2], whole[3], b"".join(items))
    )
    shape = Shape(
        pattern.fullmatch, header.st, header.cn, header.flag, reading.kind, reading.codes,
        reading.flags,
    )  # fmt: skip
    found = read(shape, segment, reading.peer)
    # It must say exactly what the thorough way said, or it is not learnt.
    return shape if found == Quick(header, reading._replace(raw=segment)) else None


def read(shape: Shape, segment: bytes, peer: str) -> Quick | None:
    """What a segment of this shape says; None if it has another shape or is not sound."""
    found = shape.match(segment)
    if found is None:
        return None
    qn, pw, mn, data_time, *numbers = found.groups()
    at, sent = _seconds(data_time), _seconds(qn[:14])
    device, password = _text(mn), _text(pw)
    if at is None or sent is None or device is None or password is None:
        return None
    header = hj212.Header(
        qn.decode("ascii"), shape.st, shape.cn, password, device, shape.flag, None, None, False
    )
    reading = Reading(
        device,
        shape.kind,
        at if shape.kind == "REALTIME" else aligned(shape.kind, at),
        shape.codes,
        tuple(map(float, numbers)),
        shape.flags,
        segment,
        peer,
        "HJ212",
        password,
    )
    return Quick(header, reading)


class Shapes:
    """The shapes of one listener, the latest used first."""

    def __init__(self) -> None:
        self._shapes: list[Shape] = []
        self._misses = 0

    def read(self, segment: bytes, peer: str) -> Quick | None:
        """The frame in a segment whose CRC is right, or None: take the thorough way."""
        for place, shape in enumerate(self._shapes):
            found = read(shape, segment, peer)
            if found is not None:
                if place:
                    self._shapes.insert(0, self._shapes.pop(place))
                return found
        return None

    def learn(self, frame: hj212.Frame, reading: Reading) -> None:
        self._misses += 1
        if len(self._shapes) >= MOST_SHAPES and self._misses % _LEARN_EVERY:
            return
        shape = learn(frame, reading)
        if shape is not None:
            self._shapes.insert(0, shape)
            del self._shapes[MOST_SHAPES:]
