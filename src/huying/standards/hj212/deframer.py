"""Cutting a TCP byte stream into frames, whatever the line does to it.

Split packets, several frames in one segment of TCP, junk between frames, frames cut short
or with a wrong length: each is either read or refused with its bytes and the reason, and
reading goes on at the next ``##``. Memory is bounded by one longest frame.
"""

import re
from collections.abc import Callable
from typing import Final

from huying.standards.hj212.crc import crc
from huying.standards.hj212.frames import Frame, checked, peek_header
from huying.standards.hj212.refusals import Reason, Refused

STANDARD_SEGMENT: Final = 1024
"""The longest segment the standard allows."""
LONGEST_SEGMENT: Final = 9999
"""The longest the four digits can say; some loggers send such segments."""
_JUNK_EXCERPT: Final = 2048
_HEAD: Final = 6
_CHECK: Final = 4
_NEXT: Final = re.compile(rb"##\d{4}(?:QN|ST|CN|PW|MN)=")
# The same, of which the rest has not come yet.
_BEGUN: Final = re.compile(rb"(?:#|##\d{0,3}|##\d{4}(?:QN?|ST?|CN?|PW?|MN?)?)\Z")
_CLOSED: Final = re.compile(rb"&&([0-9A-Fa-f]{4})(?=\r|\n|##|\Z)")
_BLANK: Final = b" \r\n\t\x00"


class Deframer:
    """One per connection. ``feed`` bytes as they come; it gives what they held, in order.

    ``key_of(mn)`` gives a device's SM4 key, or ``None``. ``longest`` lowers the limit on
    segments (``STANDARD_SEGMENT`` to be strict).
    """

    def __init__(
        self,
        *,
        longest: int = LONGEST_SEGMENT,
        key_of: Callable[[str], bytes | None] | None = None,
    ) -> None:
        self._buffer = bytearray()
        self._offset = 0
        self._longest = min(longest, LONGEST_SEGMENT)
        self._key_of = key_of

    @property
    def pending(self) -> int:
        """How many bytes wait for the rest of their frame."""
        return len(self._buffer)

    def feed(self, data: bytes) -> list[Frame | Refused]:
        """Frames and refusals completed by ``data``."""
        found: list[Frame | Refused] = []
        buffer = self._buffer
        # In pieces, so that a caller's large read cannot make the buffer large.
        for start in range(0, len(data), LONGEST_SEGMENT):
            buffer += data[start : start + LONGEST_SEGMENT]
            position = 0
            while (step := self._take(position, found)) is not None:
                position = step
            position = self._give_up_junk(position, found)
            self._offset += position
            del buffer[:position]
        return found

    def close(self) -> list[Refused]:
        """The connection ended: what is left is a frame cut short, or junk."""
        rest = bytes(self._buffer)
        self._buffer.clear()
        if not rest.strip(_BLANK):
            return []
        reason = Reason.TRUNCATED if rest.startswith(b"##") else Reason.JUNK
        return [Refused(reason, rest, peek_header(rest[_HEAD:]), self._offset)]

    def _take(self, position: int, found: list[Frame | Refused]) -> int | None:
        """Take one frame or refusal from ``position``; where to go on, ``None`` to wait."""
        buffer = self._buffer
        start = buffer.find(b"##", position)
        if start > position:
            self._refuse(Reason.JUNK, position, start, found)
            return start
        if start < 0 or len(buffer) < start + _HEAD:
            return None
        if not buffer[start + 2 : start + _HEAD].isdigit():
            # "###0123…": the frame may begin at the second sign.
            self._refuse(Reason.JUNK, start, start + 1, found)
            return start + 1
        length = int(buffer[start + 2 : start + _HEAD])
        if length > self._longest:
            after = _NEXT.search(buffer, start + 2)
            closed = _CLOSED.search(buffer, start, after.start() if after else len(buffer))
            end = closed.end() if closed else after.start() if after else None
            if end is None and len(buffer) - start < _HEAD + length + _CHECK:
                return None
            end = end or start + _HEAD + length + _CHECK
            self._refuse(Reason.TOO_LONG, start, end, found)
            return end
        end = start + _HEAD + length + _CHECK
        if len(buffer) < end:
            return self._take_unfinished(start, found)
        packet = bytes(buffer[start:end])
        segment, check = packet[_HEAD:-_CHECK], packet[-_CHECK:]
        try:
            found.append(checked(segment, check, self._key(segment), packet))
        except Refused as refusal:
            if refusal.reason in (Reason.CRC_WRONG, Reason.WRONG_KEY):
                return self._take_damaged(start, end, refusal, found)
            refusal.offset = self._offset + start
            found.append(refusal)
        return end

    def _take_unfinished(self, start: int, found: list[Frame | Refused]) -> int | None:
        """Fewer bytes than the length says: wait, unless a new frame has begun meanwhile."""
        after = _NEXT.search(self._buffer, start + 2)
        if after is None:
            return None
        return self._take_misfit(start, after.start(), found)

    def _take_damaged(
        self, start: int, end: int, refusal: Refused, found: list[Frame | Refused]
    ) -> int | None:
        """The CRC is wrong: perhaps only because the length is."""
        after = _NEXT.search(self._buffer, start + 2)
        if after is not None and after.start() < end:
            return self._take_misfit(start, after.start(), found)
        limit = after.start() if after else len(self._buffer)
        true_end = self._true_end(start, limit)
        if true_end is not None and true_end != end:
            self._refuse(Reason.LENGTH_WRONG, start, true_end, found)
            return true_end
        begun = _BEGUN.search(self._buffer, start + 2)
        if begun is not None and begun.start() < end:
            # Its last bytes may be the first of a good frame: only what comes next will tell.
            self._refuse(refusal.reason, start, begun.start(), found)
            return begun.start()
        refusal.offset = self._offset + start
        found.append(refusal)
        return end

    def _take_misfit(self, start: int, limit: int, found: list[Frame | Refused]) -> int:
        """A new frame begins before this one should have ended."""
        true_end = self._true_end(start, limit)
        if true_end is not None:
            self._refuse(Reason.LENGTH_WRONG, start, true_end, found)
            return true_end
        self._refuse(Reason.TRUNCATED, start, limit, found)
        return limit

    def _true_end(self, start: int, limit: int) -> int | None:
        """Where the frame ends if its CRC proves that only its length is wrong."""
        closed = _CLOSED.search(self._buffer, start + _HEAD, limit)
        if closed is None:
            return None
        segment = bytes(self._buffer[start + _HEAD : closed.start(1)])
        return closed.end() if crc(segment) == int(closed[1], 16) else None

    def _give_up_junk(self, position: int, found: list[Frame | Refused]) -> int:
        """Without a ``##`` in sight nothing needs keeping but one ``#`` at the end."""
        buffer = self._buffer
        if buffer.find(b"##", position) >= 0:
            return position
        end = len(buffer) - (1 if buffer.endswith(b"#") else 0)
        if end > position and not buffer[position:end].strip(_BLANK):
            return end
        if end - position >= _JUNK_EXCERPT:
            self._refuse(Reason.JUNK, position, end, found)
            return end
        return position

    def _refuse(self, reason: Reason, start: int, end: int, found: list[Frame | Refused]) -> None:
        raw = bytes(self._buffer[start:end])
        if reason is Reason.JUNK and not raw.strip(_BLANK):
            return
        offset = self._offset + start
        if reason is Reason.JUNK:
            last = found[-1] if found else None
            if (
                isinstance(last, Refused)
                and last.reason is Reason.JUNK
                and last.offset + len(last.raw) == offset
                and len(last.raw) < _JUNK_EXCERPT
            ):
                last.raw += raw
            else:
                found.append(Refused(reason, raw, None, offset))
            return
        found.append(Refused(reason, raw, peek_header(raw[_HEAD:]), offset))

    def _key(self, segment: bytes) -> bytes | None:
        if self._key_of is None:
            return None
        begin = segment.find(b"MN=")
        if begin < 0:
            return None
        mn = segment[begin + 3 : segment.find(b";", begin)]
        return self._key_of(mn.decode("ascii", errors="replace"))
