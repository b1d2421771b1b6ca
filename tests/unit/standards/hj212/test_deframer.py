"""A byte stream in any pieces and with any damage gives the frames that are in it."""

import csv
import os
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from huying.standards.hj212 import Deframer, Frame, Refused, encode_segment
from huying.standards.hj212.deframer import LONGEST_SEGMENT

REPOSITORY = Path(__file__).parents[4]
FRAMES = (
    Path(os.environ.get("HUYING_SHARED_DATA", REPOSITORY.parent / "shared" / "data"))
    / "hj212"
    / "frames.csv"
)


def segment(number: int, items: int = 3) -> bytes:
    readings = ";".join(f"a{i:05d}-Rtd={number}.{i},a{i:05d}-Flag=N" for i in range(items))
    return (
        f"QN=20260801085000{number:03d};ST=22;CN=2011;PW=123456;MN=M{number};Flag=5;"
        f"CP=&&DataTime=20260801085000;{readings}&&"
    ).encode()


def packet(number: int, items: int = 3) -> bytes:
    return encode_segment(segment(number, items))


def run(*pieces: bytes, **options: int) -> list[str]:
    """What came out, in short: MN of frames, reasons of refusals."""
    deframer = Deframer(**options)  # type: ignore[arg-type]  # only ``longest`` is passed
    out = [found for piece in pieces for found in deframer.feed(piece)]
    return short([*out, *deframer.close()])


def short(found: list[Frame | Refused] | list[Refused]) -> list[str]:
    return [f.mn if isinstance(f, Frame) else f.code for f in found]


def test_several_frames_in_one_piece_and_one_in_several() -> None:
    stream = packet(1) + packet(2) + packet(3)
    assert run(stream) == ["M1", "M2", "M3"]
    assert run(*(stream[i : i + 1] for i in range(len(stream)))) == ["M1", "M2", "M3"]
    assert run((packet(1) + packet(2)).replace(b"\r\n", b"")) == ["M1", "M2"]


def test_junk_before_between_and_after() -> None:
    stream = b"\x00\xffhello\r\n" + packet(1) + b"AT+CSQ\r\n" + packet(2) + b"#oops"
    assert run(stream) == ["JUNK", "M1", "JUNK", "M2", "JUNK"]
    assert run(b"#" + packet(1) + b"\r\n\r\n\x00 " + packet(2)) == ["JUNK", "M1", "M2"]
    assert run(b"##12" + packet(1)) == ["JUNK", "M1"]
    assert run(b"#####" * 1000 + packet(1))[-1] == "M1"
    assert len(run(b"#####" * 1000 + packet(1))) < 10


@pytest.mark.parametrize("cut", [8, 40, 120, 180])
@pytest.mark.parametrize("ending", [b"", b"\r\n"])
def test_a_half_frame_does_not_take_the_next_one_with_it(cut: int, ending: bytes) -> None:
    assert run(packet(1)[:cut] + ending + packet(2) + packet(3)) == ["TRUNCATED", "M2", "M3"]
    assert run(packet(1)[:cut] + ending, packet(2), packet(3)) == ["TRUNCATED", "M2", "M3"]
    assert run(packet(1), packet(2)[:cut]) == ["M1", "TRUNCATED"]


@pytest.mark.parametrize("said", [b"0005", b"0100", b"0500", b"9999"])
def test_a_wrong_length_costs_one_frame(said: bytes) -> None:
    wrong = packet(1)[:2] + said + packet(1)[6:]
    deframer = Deframer()
    found = deframer.feed(wrong + packet(2) + packet(3))
    assert short(found) == ["LENGTH_WRONG", "M2", "M3"]
    assert isinstance(found[0], Refused)
    assert found[0].raw == wrong.strip()
    assert found[0].header is not None
    assert found[0].header.mn == "M1"


def test_a_wrong_crc_costs_one_frame() -> None:
    damaged = packet(1).replace(b"Rtd=1.0", b"Rtd=9.0")
    assert run(damaged + packet(2)) == ["CRC_WRONG", "M2"]
    assert run(packet(1).replace(b"&&\r\n", b"") + packet(2)) == ["M1", "M2"]


def test_a_segment_with_a_right_crc_that_cannot_be_read() -> None:
    deframer = Deframer()
    found = deframer.feed(b"xx" + encode_segment(b"ST=22;CN=20;PW=1;MN=M9;CP=&&&&") + packet(2))
    assert short(found) == ["JUNK", "CN_WRONG", "M2"]
    assert [f.offset for f in found if isinstance(f, Refused)] == [0, 2]


def test_long_segments_are_taken_unless_strict() -> None:
    long = packet(1, items=60)
    assert 1024 < len(long) < LONGEST_SEGMENT
    assert run(long + packet(2)) == ["M1", "M2"]
    assert run(long + packet(2), longest=1024) == ["TOO_LONG", "M2"]
    assert run(*(long[i : i + 7] for i in range(0, len(long), 7)), packet(2), longest=1024) == [
        "TOO_LONG",
        "M2",
    ]


def test_memory_is_bounded_whatever_comes() -> None:
    for flood in (b"x" * 3_000_000, b"##9999" + b"y" * 3_000_000, b"#" * 300_000):
        deframer = Deframer()
        kept = 0
        for start in range(0, len(flood), 65536):
            kept += sum(
                len(f.raw)
                for f in deframer.feed(flood[start : start + 65536])
                if isinstance(f, Refused)
            )
            assert deframer.pending < 2 * LONGEST_SEGMENT + 100
        assert short(deframer.feed(b"\r\n" + packet(7)))[-1] == "M7"
        assert kept > len(flood) * 0.9


def test_close_forgets() -> None:
    deframer = Deframer()
    assert deframer.feed(packet(1)[:50]) == []
    assert deframer.pending == 50
    assert short(deframer.close()) == ["TRUNCATED"]
    assert deframer.pending == 0
    assert deframer.close() == []


@given(
    numbers=st.lists(st.integers(0, 999), max_size=6),
    junk=st.lists(st.binary(max_size=30).filter(lambda b: b"#" not in b), max_size=7),
    cuts=st.lists(st.integers(0, 2500), max_size=12),
)
def test_any_pieces_and_any_junk_between_give_every_frame(
    numbers: list[int], junk: list[bytes], cuts: list[int]
) -> None:
    parts = []
    for index, number in enumerate(numbers):
        parts.append(junk[index] if index < len(junk) else b"")
        parts.append(packet(number))
    stream = b"".join(parts)
    edges = sorted({0, len(stream), *(min(cut, len(stream)) for cut in cuts)})
    pieces = [stream[a:b] for a, b in pairwise(edges)]
    out = run(*pieces)
    assert [x for x in out if x != "JUNK"] == [f"M{n}" for n in numbers]


@given(
    stream=st.lists(
        st.sampled_from([b"##", b"0136", b"#", b"&&1C80", b"QN=", b"\r\n", b"x" * 50, b"ST=22;"]),
        max_size=60,
    )
)
def test_every_byte_that_is_not_blank_is_given_back(stream: list[bytes]) -> None:
    deframer = Deframer()
    found = [*deframer.feed(b"".join(stream)), *deframer.close()]
    given_back = b"".join(f.raw for f in found if isinstance(f, Refused))
    assert given_back.translate(None, b" \r\n\t\x00") == b"".join(stream).translate(
        None, b" \r\n\t\x00"
    )


@pytest.mark.skipif(not FRAMES.is_file(), reason="the shared data is not here")
def test_the_wild_frames_as_one_stream() -> None:
    with FRAMES.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    for ending in (b"\r\n", b""):
        deframer = Deframer()
        stream = b"".join(row["packet"].encode() + ending for row in rows)
        found = [f for i in range(0, len(stream), 333) for f in deframer.feed(stream[i : i + 333])]
        assert [isinstance(f, Frame) for f in found] == [row["valid"] == "True" for row in rows]


@pytest.mark.parametrize("stub", [b"##0000", b"##0000##", b"##0004", b"##0007#", b"##0009ST=##"])
def test_a_stub_before_a_frame_does_not_eat_its_head(stub: bytes) -> None:
    """Found by `make fuzz`: byte by byte, the frame's first bytes were taken for the stub's CRC."""
    stream = stub + packet(1) + packet(2)
    for step in (1, 2, 3, 5, len(stream)):
        pieces = [stream[i : i + step] for i in range(0, len(stream), step)]
        assert run(*pieces)[-2:] == ["M1", "M2"], (stub, step)
