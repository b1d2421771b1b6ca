"""Answers, commands and uploads, read back; encryption; messages of several packets."""

import datetime as dt

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from huying.standards.hj212 import (
    COMMANDS,
    SUBSTANCES,
    CannotEncode,
    Deframer,
    ExeRtn,
    Frame,
    Item,
    QnRtn,
    Reason,
    Reassembler,
    Refused,
    Sender,
    answer,
    building,
    decrypt_cp,
    encode_segment,
    encrypt_cp,
    execution_result,
    modern_code,
    parse_frame,
    request_answer,
    request_calibration,
    request_history,
    set_time,
    substance,
    upload,
)

NOW = dt.datetime(2026, 8, 1, 0, 58, 57, 223000, tzinfo=dt.UTC)
DEVICE = Sender(mn="010000A8900016F000169DC0", st="32", pw="100000")
KEY = bytes.fromhex("0123456789ABCDEFFEDCBA9876543210")


def test_the_official_example_is_built_to_the_letter() -> None:
    at = dt.datetime(2016, 8, 1, 0, 58, 57, 223000, tzinfo=dt.UTC)
    assert building.set_realtime_interval(DEVICE, at, 30) == (
        b"##0101QN=20160801085857223;ST=32;CN=1062;PW=100000;MN=010000A8900016F000169DC0;"
        b"Flag=5;CP=&&RtdInterval=30&&1C80\r\n"
    )


@pytest.mark.parametrize(
    ("built", "cn", "fields"),
    [
        (building.request_time(DEVICE, NOW), "1011", {}),
        (set_time(DEVICE, NOW, NOW), "1012", {"SystemTime": "20260801085857"}),
        (request_calibration(DEVICE, NOW), "1013", {}),
        (building.set_minute_interval(DEVICE, NOW, 10), "1064", {"MinInterval": "10"}),
        (building.set_password(DEVICE, NOW, "654321"), "1072", {"NewPW": "654321"}),
        (building.start_realtime(DEVICE, NOW), "2011", {}),
        (building.stop_realtime(DEVICE, NOW), "2012", {}),
        (
            request_history(DEVICE, NOW, "2061", NOW - dt.timedelta(hours=2), NOW),
            "2061",
            {"BeginTime": "20260801065857", "EndTime": "20260801085857"},
        ),
    ],
)
def test_commands(built: bytes, cn: str, fields: dict[str, str]) -> None:
    frame = parse_frame(built)
    assert (frame.cn, frame.fields) == (cn, fields)
    assert frame.header.qn == "20260801085857223"
    assert frame.header.reply_wanted
    assert cn in COMMANDS


def test_answers_carry_the_qn_and_version_they_answer() -> None:
    (sent,) = upload(DEVICE, "2011", NOW, [Item("w01018", {"Rtd": 12.5})], qn=NOW)
    header = parse_frame(sent).header
    reply = answer(header)
    assert reply is not None
    answered = parse_frame(reply).header
    assert (answered.cn, answered.st, answered.qn, answered.mn) == (
        "9014", "91", header.qn, header.mn,
    )  # fmt: skip
    assert answered.flag == 4
    assert answer(answered) is None
    notice = answer(parse_frame(request_calibration(DEVICE, NOW)).header)
    assert notice is not None
    assert parse_frame(notice).cn == "9013"
    (quiet,) = upload(DEVICE, "2011", NOW, [], qn=NOW, reply_wanted=False)
    assert answer(parse_frame(quiet).header) is None


def test_results_of_requests() -> None:
    header = parse_frame(building.start_realtime(DEVICE, NOW)).header
    assert parse_frame(request_answer(header, QnRtn.PW_WRONG)).fields == {"QnRtn": "3"}
    assert parse_frame(execution_result(header, ExeRtn.NO_DATA)).fields == {"ExeRtn": "100"}


def test_numbers_are_written_without_exponents() -> None:
    item = Item("a", {"Rtd": 1e-5, "Avg": 1200000.0, "Max": "0.500"}, flag="D")
    assert item.text() == "a-Rtd=0.00001,a-Avg=1200000,a-Max=0.500,a-Flag=D"


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(CannotEncode, match="拆分"):
        encode_segment(b"x" * 10000)
    with pytest.raises(CannotEncode):
        encode_segment(b"")


items = st.lists(
    st.tuples(
        st.sampled_from(sorted(SUBSTANCES)),
        st.floats(-1e6, 1e6).map(lambda v: round(v, 6)),
        st.sampled_from("NFMSDCTB"),
    ),
    max_size=120,
)


# Its CRC is right as it stands as well, once in 65,536.
RIGHT_TWICE = [
    ("w21019", -0.0, "S"), ("w22001", 88.4, "F"), ("a00000", 6.0, "C"), ("Leq", 88.4, "T"),
    ("a25002", -42849.796875, "F"), ("a21005", -42849.796875, "N"),
]  # fmt: skip


@example(rows=RIGHT_TWICE, version=2017, key=KEY)
@settings(max_examples=50)
@given(rows=items, version=st.sampled_from([2017, 2025]), key=st.sampled_from([None, KEY]))
def test_what_is_uploaded_is_what_is_read(
    rows: list[tuple[str, float, str]], version: int, key: bytes | None
) -> None:
    device = Sender("M1", "22", version=version, key=key)
    sent = upload(device, "2011", NOW, [Item(c, {"Rtd": v}, f) for c, v, f in rows], qn=NOW)
    deframer = Deframer(longest=1024, key_of={"M1": KEY}.get)
    reassembler = Reassembler()
    found = [f for packet in sent for f in deframer.feed(packet)]
    whole = None
    for frame in found:
        assert isinstance(frame, Frame)
        assert frame.header.version == version
        whole, given_up = reassembler.add(frame, 0.0)
        assert given_up == []
    assert whole is not None
    assert [(r.code, r.value, r.flag) for r in whole.readings] == rows
    assert whole.skipped == []
    assert whole.data_time == NOW.replace(microsecond=0)


def test_encryption_keeps_length_and_a_short_tail_and_the_crc_of_the_plaintext() -> None:
    segment = b"ST=22;CN=2011;PW=1;MN=M1;Flag=8;CP=&&0123456789abcdefTAIL&&"
    closed = encrypt_cp(segment, KEY)
    assert len(closed) == len(segment)
    assert closed.endswith(b"TAIL&&")
    assert b"0123456789abcdef" not in closed
    assert decrypt_cp(closed, KEY) == segment
    assert decrypt_cp(b"no CP at all", KEY) is None
    assert decrypt_cp(b"CP=&&", KEY) is None
    sealed = encode_segment(segment, key=KEY)
    assert sealed[-6:] == encode_segment(segment)[-6:]
    with pytest.raises(Refused) as caught:
        parse_frame(sealed)
    assert caught.value.reason is Reason.CRC_WRONG
    assert caught.value.header is not None
    assert caught.value.header.mn == "M1"
    frame = parse_frame(sealed, key=KEY)
    assert frame.encrypted
    assert frame.segment == segment
    assert not parse_frame(encode_segment(segment), key=KEY).encrypted


def test_noise_is_not_taken_for_a_wrong_key() -> None:
    other = bytes(reversed(KEY))
    segment = b"ST=22;CN=2011;PW=1;MN=M1;Flag=8;CP=&&" + b"a34004-Rtd=35,a34004-Flag=N;" * 3 + b"&&"
    plain, sealed = encode_segment(segment), encode_segment(segment, key=KEY)
    cases = [
        (plain, None, Reason.CRC_WRONG), (plain, KEY, Reason.CRC_WRONG),
        (sealed, KEY, Reason.CRC_WRONG), (sealed, None, Reason.WRONG_KEY),
        (sealed, other, Reason.WRONG_KEY),
    ]  # fmt: skip
    for whole, key, reason in cases:
        damaged = whole[:50] + bytes([whole[50] ^ 0x80]) + whole[51:]
        with pytest.raises(Refused) as caught:
            parse_frame(damaged, key=key)
        assert caught.value.reason is reason


def test_sm4_vector_of_gbt_32907() -> None:
    segment = b"CP=&&" + bytes.fromhex("0123456789ABCDEFFEDCBA9876543210") + b"&&"
    assert encrypt_cp(segment, KEY)[5:21].hex().upper() == "681EDF34D206965E86B3E94F536E4246"


def packets(count: int = 3) -> list[Frame]:
    rows = [Item(f"a{i:05d}", {"Rtd": float(i)}) for i in range(count * 25)]
    found = [parse_frame(p) for p in upload(DEVICE, "2011", NOW, rows, qn=NOW)]
    assert len(found) == count
    return found


def test_packets_in_any_order_and_twice_make_one_message() -> None:
    reassembler = Reassembler()
    first, second, third = packets()
    assert reassembler.add(third, 0.0) == (None, [])
    assert reassembler.add(first, 1.0) == (None, [])
    assert reassembler.add(first, 1.0) == (None, [])
    whole, _ = reassembler.add(second, 2.0)
    assert whole is not None
    assert [r.value for r in whole.readings] == [float(i) for i in range(75)]
    assert reassembler.expire(1000.0) == []


def test_packets_that_stop_coming_are_given_back() -> None:
    reassembler = Reassembler(patience=60)
    first, second, _ = packets()
    reassembler.add(second, 0.0)
    reassembler.add(first, 0.0)
    assert reassembler.expire(60.0) == []
    late = reassembler.expire(61.0)
    assert [r.raw for r in late] == [first.segment, second.segment]
    assert {r.reason for r in late} == {Reason.PACKETS_MISSING}


def test_reassembly_is_bounded() -> None:
    reassembler = Reassembler(capacity=2)
    given_up: list[Refused] = []
    for minute in range(5):
        at = NOW + dt.timedelta(minutes=minute)
        rows = [Item(f"a{i:05d}", {"Rtd": 1.0}) for i in range(50)]
        sent = upload(DEVICE, "2011", at, rows, qn=at)
        given_up += reassembler.add(parse_frame(sent[0]), 0.0)[1]
    assert len(given_up) == 3
    monstrous = parse_frame(DEVICE.frame("2011", "", qn="20260801085857223", packet=(5000, 1)))
    assert reassembler.add(monstrous, 0.0)[1][0].reason is Reason.FLAG_WRONG


def test_names_of_substances() -> None:
    pm = substance("a34004")
    assert pm is not None
    assert (pm.en, pm.unit) == ("PM2.5", "ng/m³")
    assert substance("a99949") is None
    assert all(s.zh and s.en and s.code == code for code, s in SUBSTANCES.items())
    assert modern_code("011", "32") == "w01018"
    assert modern_code("02", "31") == "a21026"
    assert modern_code("02", "32") == "02"
    assert modern_code("112", "31") == "112"
    assert all(modern_code(c, "22") == c for c in SUBSTANCES)
