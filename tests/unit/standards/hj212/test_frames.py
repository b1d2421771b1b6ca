"""Reading segments: the usual form, the odd forms, and what cannot be read."""

import csv
import datetime as dt
import os
import re
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from huying.standards.hj212 import (
    DATA_FLAGS,
    Reading,
    Reason,
    Refused,
    counts,
    crc_text,
    encode_segment,
    format_time,
    parse_frame,
    parse_segment,
    parse_time,
)

REPOSITORY = Path(__file__).parents[4]
FRAMES = (
    Path(os.environ.get("HUYING_SHARED_DATA", REPOSITORY.parent / "shared" / "data"))
    / "hj212"
    / "frames.csv"
)
HEAD = "QN=20160801085000001;ST=22;CN=2011;PW=123456;MN=010000A8900016F000169DC0;Flag=5;"


def cp(text: str, head: str = HEAD) -> bytes:
    return f"{head}CP=&&{text}&&".encode()


def test_the_usual_form() -> None:
    frame = parse_segment(
        cp(
            "DataTime=20160801084000;a34004-Rtd=35.5,a34004-Flag=N;a01001-Rtd=-3;a21026-Rtd=7,a21026-Flag=D;"
        )
    )
    header = frame.header
    assert (header.qn, header.st, header.cn, header.pw) == (
        "20160801085000001", "22", "2011", "123456",
    )  # fmt: skip
    assert frame.mn == "010000A8900016F000169DC0"
    assert (header.version, header.reply_wanted, header.is_packet) == (2017, True, False)
    assert frame.data_time == dt.datetime(2016, 8, 1, 0, 40, tzinfo=dt.UTC)
    assert frame.readings == [
        Reading("a34004", "Rtd", 35.5, "N", None),
        Reading("a01001", "Rtd", -3.0, "", None),
        Reading("a21026", "Rtd", 7.0, "D", None),
    ]
    assert frame.fields == {"DataTime": "20160801084000"}
    assert frame.skipped == []


def test_several_numbers_sample_times_and_device_texts() -> None:
    frame = parse_segment(
        cp(
            "DataTime=20240123123200;"
            "w01018-SampleTime=20240123110306,w01018-Rtd=4653.8,w01018-Flag=N,w01018-EFlag=A01;"
            "a21026-Min=1,a21026-Avg=1.5,a21026-Max=2E1,a21026-Cou=.5,a21026-Flag=C;"
            "SB1-RS=1;RestartTime=20231007130452"
        )
    )
    sampled = dt.datetime(2024, 1, 23, 3, 3, 6, tzinfo=dt.UTC)
    assert frame.readings == [
        Reading("w01018", "Rtd", 4653.8, "N", sampled),
        Reading("a21026", "Min", 1.0, "C", None),
        Reading("a21026", "Avg", 1.5, "C", None),
        Reading("a21026", "Max", 20.0, "C", None),
        Reading("a21026", "Cou", 0.5, "C", None),
        Reading("SB1", "RS", 1.0, "", None),
    ]
    assert frame.fields["RestartTime"] == "20231007130452"
    assert frame.fields["w01018-EFlag"] == "A01"
    assert frame.skipped == []


@pytest.mark.parametrize(
    "odd",
    [
        "a34004-Rtd=NaN",
        "a34004-Rtd=",
        "a34004-Rtd=12abc",
        "a34004-Rtd=1_000",
        "a34004-Rtd=" + "9" * 400,
        "a34004-Rtd",
        "(%&-Rtd=1",
        "臭氧-Rtd=1",
        "w01018-SampleTime=20249923110306",
    ],
)
def test_what_is_not_understood_is_reported_and_the_rest_is_read(odd: str) -> None:
    frame = parse_segment(cp(f"DataTime=20160801084000;{odd},x-Flag=N;a01001-Rtd=1,a01001-Flag=N"))
    assert frame.skipped == [odd]
    assert frame.readings == [Reading("a01001", "Rtd", 1.0, "N", None)]


@pytest.mark.parametrize("text", ["20161301000000", "2016", "20160801", "abc", "00010101000000"])
def test_an_impossible_data_time_is_reported(text: str) -> None:
    frame = parse_segment(cp(f"DataTime={text};a01001-Rtd=1"))
    assert frame.data_time is None
    assert frame.skipped == [f"DataTime={text}"]
    assert frame.values == [1.0]


def test_data_time_with_milliseconds_or_in_another_place() -> None:
    expected = dt.datetime(2021, 3, 4, 16, 38, 17, tzinfo=dt.UTC)
    assert parse_segment(cp("DataTime=20210305003817000;e-Rtd=1")).data_time == expected
    assert parse_segment(cp("e-Rtd=1;DataTime=20210305003817")).data_time == expected


def test_the_form_of_2005_and_fields_in_another_order() -> None:
    frame = parse_segment(b"ST=32;CN=2011;PW=1;MN=LD1;CP=&&DataTime=20160824003817;B01-Rtd=36.91&&")
    assert (frame.header.qn, frame.header.flag, frame.header.version) == ("", None, 2005)
    assert not frame.header.reply_wanted
    frame = parse_segment(
        b"MN=LD1;ST=32;CN=2011;RF=1;Flag=9;QN=20160801085000001;CP=&&B01-Rtd=36.91&&"
    )
    assert (frame.header.resent, frame.header.version, frame.header.pw) == (True, 2025, "")
    assert frame.values == [36.91]


@pytest.mark.parametrize(
    ("flag", "version", "reply"),
    [(0, 2005, False), (1, 2005, True), (4, 2017, False), (5, 2017, True), (7, 2017, True),
     (8, 2025, False), (9, 2025, True), (11, 2025, True)],
)  # fmt: skip
def test_flag_bits(flag: int, version: int, reply: bool) -> None:
    head = HEAD.replace("Flag=5", f"Flag={flag}")
    header = parse_segment(cp("", head)).header
    assert (header.version, header.reply_wanted) == (version, reply)


def test_packet_numbers() -> None:
    head = HEAD.replace("Flag=5;", "Flag=7;PNUM=3;PNO=2;")
    header = parse_segment(cp("a-Rtd=1", head)).header
    assert (header.pnum, header.pno, header.is_packet) == (3, 2, True)


@pytest.mark.parametrize(
    ("segment", "reason", "answer"),
    [
        (b"", Reason.NOT_READABLE, 100),
        (b"hello", Reason.NOT_READABLE, 100),
        (cp("", HEAD.replace("ST=22;", "")), Reason.NOT_READABLE, 100),
        (HEAD.encode() + b"CP=&&DataTime=20160801084000", Reason.NOT_READABLE, 100),
        (cp("", HEAD.replace("20160801085000001", "2016080108500000")), Reason.QN_WRONG, 7),
        (cp("", HEAD.replace("20160801085000001", "20161301085000001")), Reason.QN_WRONG, 7),
        (cp("", HEAD.replace("ST=22", "ST=2x")), Reason.ST_WRONG, 5),
        (cp("", HEAD.replace("CN=2011", "CN=201")), Reason.CN_WRONG, 8),
        (cp("", HEAD.replace("010000A8900016F000169DC0", "")), Reason.MN_WRONG, 4),
        (cp("", HEAD.replace("010000A8900016F000169DC0", "A" * 65)), Reason.MN_WRONG, 4),
        (cp("", HEAD.replace("Flag=5", "Flag=300")), Reason.FLAG_WRONG, 6),
        (cp("", HEAD.replace("Flag=5", "Flag=x")), Reason.FLAG_WRONG, 6),
        (cp("", HEAD.replace("Flag=5;", "Flag=7;PNUM=2;PNO=3;")), Reason.FLAG_WRONG, 6),
    ],
)
def test_refusals_carry_reason_answer_and_words(
    segment: bytes, reason: Reason, answer: int
) -> None:
    with pytest.raises(Refused) as caught:
        parse_segment(segment)
    refusal = caught.value
    assert (refusal.reason, refusal.qn_rtn, refusal.code) == (reason, answer, reason.value)
    assert refusal.zh.endswith("。")
    assert refusal.en.endswith(".")


def test_a_wrong_crc_names_the_sender_and_keeps_the_bytes() -> None:
    packet = encode_segment(cp("a34004-Rtd=1"))
    damaged = packet.replace(b"Rtd=1", b"Rtd=2")
    with pytest.raises(Refused) as caught:
        parse_frame(damaged)
    assert caught.value.reason is Reason.CRC_WRONG
    assert caught.value.qn_rtn == 9
    assert caught.value.header is not None
    assert caught.value.header.mn == "010000A8900016F000169DC0"
    assert caught.value.raw == damaged.strip()


@pytest.mark.parametrize(
    ("packet", "reason"),
    [
        (b"", Reason.JUNK),
        (b"#0101QN", Reason.JUNK),
        (b"##01a1QN", Reason.JUNK),
        (b"##0101QN=2016", Reason.TRUNCATED),
        (b"##0001QN=2016ABCD", Reason.LENGTH_WRONG),
        (b"##0003QN=+1_2", Reason.CRC_WRONG),
    ],
)
def test_whole_frames_that_are_none(packet: bytes, reason: Reason) -> None:
    with pytest.raises(Refused) as caught:
        parse_frame(packet)
    assert caught.value.reason is reason


def test_lower_case_crc_is_accepted() -> None:
    segment = cp("DataTime=20160801084000;a34004-Rtd=1,a34004-Flag=D")
    check = crc_text(segment)
    assert check.lower() != check
    packet = b"##%04d" % len(segment) + segment + check.lower()
    assert parse_frame(packet).values == [1.0]


def test_texts_in_gbk_and_utf8_do_not_stop_the_numbers() -> None:
    for encoding in ("gb18030", "utf-8"):
        segment = cp("DataTime=20160801084000;a34004-Rtd=1;i-Info=校准中").decode().encode(encoding)
        frame = parse_segment(segment)
        assert frame.values == [1.0]
        assert frame.fields["i-Info"] == "校准中"


def test_times_are_beijing_time() -> None:
    moment = dt.datetime(2026, 1, 1, 0, 0, 0, 123000, tzinfo=dt.UTC)
    assert format_time(moment) == "20260101080000"
    assert format_time(moment, milliseconds=True) == "20260101080000123"
    assert parse_time("20260101080000123") == moment
    assert parse_time("２0260101080000") is None


def test_only_normal_data_counts() -> None:
    assert [flag for flag in DATA_FLAGS if counts(flag)] == ["N"]
    assert counts("")
    assert not counts("S")
    assert counts("S", manual=True)
    assert not counts("D", manual=True)


@given(segment=st.binary(max_size=300))
def test_no_bytes_crash_the_reader(segment: bytes) -> None:
    with suppress(Refused):
        parse_segment(segment)
    with suppress(Refused):
        parse_frame(encode_segment(segment or b"x"))


@given(
    text=st.lists(
        st.sampled_from(
            [
                "a1",
                "b",
                "-Rtd",
                "-Avg",
                "-Flag",
                "-SampleTime",
                "=",
                "=1",
                "=N",
                "=20260101000000",
                ",",
                ";",
                "DataTime",
                "Quality",
                "?",
            ]
        ),
        max_size=25,
    ).map("".join)
)
def test_nothing_in_cp_is_silently_lost(text: str) -> None:
    """Whatever is not a reading, a field, or said about a reading, is in ``skipped``."""
    frame = parse_segment(cp(text))
    for pair in text.replace(",", ";").split(";"):
        name, _, value = pair.partition("=")
        code, _, kind = name.rpartition("-")
        said_of_a_reading = kind in ("Flag", "SampleTime")
        assert (
            not pair
            or pair in frame.skipped
            or name in frame.fields
            or said_of_a_reading
            or (code, kind, float(value))
            in zip(frame.codes, frame.kinds, frame.values, strict=True)
        )


@pytest.mark.skipif(not FRAMES.is_file(), reason="the shared data is not here")
def test_frames_seen_in_the_wild() -> None:
    with FRAMES.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert rows
    for row in rows:
        packet = row["packet"].encode()
        wanted = row["valid"].strip().lower() in ("true", "1")
        if not wanted:
            with pytest.raises(Refused) as caught:
                parse_frame(packet)
            crc_only = (row["len_ok"], row["crc_ok"]) == ("1", "0")
            assert (caught.value.reason is Reason.CRC_WRONG) == crc_only
            assert caught.value.header is not None
            continue
        frame = parse_frame(packet)
        assert frame.skipped == []
        assert frame.data_time is not None
        numbers = re.findall(r"-(?!Flag|SampleTime)\w+=", row["packet"])
        assert len(frame.codes) == len(numbers)
        assert crc_text(frame.segment).decode() == row["crc_calc"].upper()
