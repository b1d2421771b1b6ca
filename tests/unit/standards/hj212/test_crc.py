"""The quick check value is the standard's bitwise one, for every segment."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from huying.standards.hj212 import crc, crc_bitwise, crc_text

OFFICIAL = (
    b"QN=20160801085857223;ST=32;CN=1062;PW=100000;MN=010000A8900016F000169DC0;Flag=5;"
    b"CP=&&RtdInterval=30&&"
)


def test_official_vector() -> None:
    assert len(OFFICIAL) == 101
    assert crc_text(OFFICIAL) == b"1C80"
    assert crc_bitwise(OFFICIAL) == 0x1C80


@given(segment=st.binary(max_size=1100))
def test_fold_equals_bits(segment: bytes) -> None:
    assert crc(segment) == crc_bitwise(segment)


@pytest.mark.parametrize("size", [0, 1, 7, 8, 9, 16, 17, 1024, 9999, 32768, 32769])
def test_fold_equals_bits_at_the_edges(size: int) -> None:
    segment = bytes((i * 37 + 11) % 256 for i in range(size))
    assert crc(segment) == crc_bitwise(segment)
