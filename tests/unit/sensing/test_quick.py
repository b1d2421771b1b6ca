"""The quick way says exactly what the thorough way says, or nothing."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from huying.sensing.rules import frames, quick
from huying.sensing.rules.readings import Reading
from huying.standards import hj212

CODES = ["a34004", "a34002", "a21026", "a05024", "a01001", "LA", "w01018", "011"]
VALUES = st.one_of(
    st.integers(-999, 99_999).map(str),
    st.decimals(-999, 99_999, places=3, allow_nan=False).map(str),
    st.sampled_from(["NaN", "1e5", "", "+3.5", ".5", "00012", "1.", "--1"]),
)
FLAGS = st.sampled_from(["N", "N", "N", "D", "S", "", "n"])
BEGIN = datetime(2026, 11, 22, tzinfo=UTC)


@st.composite
def segments(draw: st.DrawFn) -> bytes:
    """Segments as devices send them, most of them sound, some not."""
    codes = draw(st.lists(st.sampled_from(CODES), min_size=1, max_size=5))
    cn, field = draw(st.sampled_from([("2011", "Rtd"), ("2061", "Avg"), ("2051", "Avg")]))
    items = []
    for code in codes:
        flag = draw(FLAGS)
        text = f"{code}-{field}={draw(VALUES)}"
        items.append(f"{text},{code}-Flag={flag}" if flag else text)
    at = hj212.format_time(BEGIN + timedelta(seconds=draw(st.integers(0, 10**6))))
    time = draw(st.sampled_from([at, at, at, "20261399999999", at + "000", ""]))
    qn = draw(st.sampled_from([f"{at}123", f"{at}123", "99999999999999999"]))
    mn = draw(st.sampled_from(["QH01", "设备", "X" * 64, "A-B_C.9"]))
    flag_bits = draw(st.sampled_from(["4", "5", "9", "300"]))
    return (
        f"QN={qn};ST=22;CN={cn};PW=123456;MN={mn};Flag={flag_bits};"
        f"CP=&&DataTime={time};{';'.join(items)}&&"
    ).encode()


def thoroughly(segment: bytes) -> tuple[hj212.Frame, Reading] | None:
    try:
        frame = hj212.parse_segment(segment)
    except hj212.Refused:
        return None
    reading = frames.reading_of(frame, raw=segment, peer="peer")
    return (frame, reading) if isinstance(reading, Reading) else None


@given(st.lists(segments(), min_size=1, max_size=8))
def test_both_ways_agree(given_segments: list[bytes]) -> None:
    shapes = quick.Shapes()
    for segment in given_segments:
        slow = thoroughly(segment)
        if slow is not None:
            shapes.learn(*slow)
    for segment in given_segments:
        found, slow = shapes.read(segment, "peer"), thoroughly(segment)
        if found is not None:
            assert slow is not None
            assert found.header == slow[0].header
            assert found.reading == slow[1]


def plain(value: str, mn: str = "QH01", items: str = "") -> bytes:
    return (
        f"QN=20261122080000001;ST=22;CN=2011;PW=123456;MN={mn};Flag=5;CP=&&"
        f"DataTime=20261122080000;a34004-Rtd={value},a34004-Flag=N{items}&&"
    ).encode()


def learnt(segment: bytes) -> quick.Shapes:
    shapes = quick.Shapes()
    slow = thoroughly(segment)
    assert slow is not None
    shapes.learn(*slow)
    return shapes


def test_another_device_of_the_same_shape_needs_no_learning() -> None:
    found = learnt(plain("35")).read(plain("36.5", "OTHER"), "peer")

    assert found is not None
    assert (found.reading.mn, found.reading.values) == ("OTHER", (36.5,))


def test_what_has_another_shape_goes_the_thorough_way() -> None:
    shapes = learnt(plain("35"))
    assert shapes.read(plain("35", items=";a34002-Rtd=1,a34002-Flag=N"), "peer") is None
    assert shapes.read(plain("NaN"), "peer") is None
    assert shapes.read(plain("35").replace(b"Flag=N", b"Flag=D"), "peer") is None


def test_shapes_are_bounded_and_still_found() -> None:
    shapes = quick.Shapes()
    made = [plain("1", items=f";x{n}-Rtd=1") for n in range(quick.MOST_SHAPES * 2)]
    for segment in made:
        slow = thoroughly(segment)
        assert slow is not None
        shapes.learn(*slow)

    assert len(shapes._shapes) <= quick.MOST_SHAPES
    assert any(shapes.read(segment, "peer") for segment in made)
