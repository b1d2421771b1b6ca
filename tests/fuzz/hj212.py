"""`make fuzz`: whatever a line sends, the HJ 212 reader answers with frames and refusals.

Coverage leads (atheris); the first byte says what the rest is, so that not every input dies at
its CRC: raw bytes, a segment that is wrapped rightly, the items of a good header, good frames with
damage, or a segment under an SM4 key. An exception, a hang or a buffer that grows ends the run and
leaves the input in `crash-*`.
"""

import math
import sys

import atheris  # type: ignore[import-untyped,import-not-found,unused-ignore]  # of make fuzz

with atheris.instrument_imports(include=["huying.standards.hj212"]):
    from huying.standards import hj212
    from huying.standards.hj212.deframer import LONGEST_SEGMENT

KEY = bytes(range(16))
HEADER = b"QN=20260801085000001;ST=22;CN=2011;PW=123456;MN=M1;Flag=5;CP=&&"
GOOD = hj212.encode_segment(HEADER + b"DataTime=20260801085000;a34004-Rtd=12.5,a34004-Flag=N&&")
DAMAGE = {
    hj212.Reason.JUNK,
    hj212.Reason.TRUNCATED,
    hj212.Reason.CRC_WRONG,
    hj212.Reason.LENGTH_WRONG,
    hj212.Reason.TOO_LONG,
}
MOST_HELD = 2 * (LONGEST_SEGMENT + 16)


def _wrapped(segment: bytes) -> bytes:
    return b"##%04d" % (len(segment) % 10_000) + segment + b"%04X\r\n" % hj212.crc(segment)


def _stream(mode: int, rest: bytes) -> bytes:
    if mode == 1:
        return _wrapped(rest)
    if mode == 2:
        return _wrapped(HEADER + rest + b"&&")
    if mode == 3:
        half = len(rest) // 2
        return GOOD[: half % len(GOOD)] + rest + GOOD + rest[half:] + GOOD
    if mode == 4:
        return _wrapped(hj212.encrypt_cp(HEADER + rest + b"&&", KEY))
    return rest


def one_input(data: bytes) -> None:
    if len(data) < 2:
        return
    mode, cut = data[0] % 5, data[1]
    stream = _stream(mode, data[2:])
    reader = hj212.Deframer(key_of=lambda mn: KEY if mode == 4 else None)
    joiner = hj212.Reassembler(capacity=8)
    found: list[hj212.Frame | hj212.Refused] = []
    step = cut + 1
    for start in range(0, len(stream), step):
        found += reader.feed(stream[start : start + step])
        assert reader.pending <= MOST_HELD, reader.pending
    found += reader.close()
    assert reader.pending == 0
    for number, one in enumerate(found):
        if isinstance(one, hj212.Refused):
            assert one.code in hj212.Reason.__members__
            continue
        for reading in one.readings:
            assert (
                reading.value is None
                or isinstance(reading.value, str)
                or math.isfinite(reading.value)
            )
        whole, refused = joiner.add(one, float(number))
        assert whole is None or isinstance(whole, hj212.Frame)
        assert all(isinstance(each, hj212.Refused) for each in refused)
    if mode == 3 and all(isinstance(one, hj212.Frame) or one.reason in DAMAGE for one in found):
        # No damage eats a good frame. (What has a right CRC of its own may hold one inside.)
        assert any(isinstance(one, hj212.Frame) for one in found)


def main() -> None:
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
