"""`huying hj212 decode`: one JSON line a frame, in pieces as they come."""

import io
import json

from hypothesis import given
from hypothesis import strategies as st

from huying.sensing import decode

VECTOR = (
    b"##0101QN=20160801085857223;ST=32;CN=1062;PW=100000;MN=010000A8900016F000169DC0;Flag=5;"
    b"CP=&&RtdInterval=30&&1C80\r\n"
)
DATA = (
    b"##0136ST=32;CN=2011;PW=123456;MN=LD130133000015;CP=&&DataTime=20160824003817;"
    b"B01-Rtd=36.91;011-Rtd=231.0,011-Flag=N;060-Rtd=1.803,060-Flag=N&&3C00\r\n"
)


def decoded(data: bytes) -> list[dict[str, object]]:
    return [json.loads(line) for line in decode.lines(io.BytesIO(data))]


def test_the_standards_own_vector() -> None:
    (line,) = decoded(VECTOR)

    assert line["ok"] is True
    assert (line["mn"], line["cn"], line["cn_name"]) == (
        "010000A8900016F000169DC0", "1062", "设置实时数据间隔",
    )  # fmt: skip
    assert line["fields"] == {"RtdInterval": "30"}


def test_a_frame_of_2005_is_named_in_todays_codes() -> None:
    (line,) = decoded(DATA)

    values = line["values"]
    assert isinstance(values, list)
    assert line["version"] == 2005
    assert values[1] == {
        "code": "011", "name": "化学需氧量", "field": "Rtd", "value": 231.0,
        "unit_of_annex_b": "mg/L", "flag": "N", "code_now": "w01018",
    }  # fmt: skip


def test_a_wrong_crc_says_what_it_should_be() -> None:
    (line,) = decoded(VECTOR.replace(b"1C80", b"1C81"))

    assert (line["ok"], line["reason"]) == (False, "CRC_WRONG")
    assert (line["crc_found"], line["crc_expected"]) == ("1C81", "1C80")
    assert line["zh"]
    assert line["en"]


def test_good_frames_around_bad_ones_are_read() -> None:
    lines = decoded(VECTOR + b"\xff\xfejunk" + VECTOR[:50] + DATA + b"##00")

    assert [line["ok"] for line in lines].count(True) == 2
    assert {line.get("reason") for line in lines if not line["ok"]} >= {"JUNK", "TRUNCATED"}


@given(st.binary(max_size=400))
def test_anything_at_all_gives_json(data: bytes) -> None:
    for line in decoded(data):
        assert "ok" in line
