"""Whose trace it is: the caller's, a stored one, or a new one."""

import pytest

from huying.telemetry import trace

ID = "0af7651916cd43dd8448eb211c80319c"
PARENT = "b7ad6b7169203331"


@pytest.mark.parametrize(
    ("header", "sampled"),
    [
        (f"00-{ID}-{PARENT}-01", True),
        (f"00-{ID}-{PARENT}-00", False),
        (f" 00-{ID.upper()}-{PARENT}-01 ", True),
        (f"cc-{ID}-{PARENT}-01-what-the-future-adds", True),
    ],
)
def test_a_traceparent_is_taken_over(header: str, sampled: bool) -> None:
    with trace.begun(traceparent=header) as trace_id:
        assert trace_id == ID
        assert trace.current() == trace.Trace(ID, PARENT, sampled)
    assert trace.current_id() == ""


@pytest.mark.parametrize(
    "header",
    [
        "",
        "rubbish",
        f"ff-{ID}-{PARENT}-01",
        f"00-{ID}-{PARENT}-01-more",
        f"00-{'0' * 32}-{PARENT}-01",
        f"00-{ID}-{'0' * 16}-01",
        f"00-{ID[:-1]}g-{PARENT}-01",
        f"00-{ID}-{PARENT}-01\nSet-Cookie: a=b",
    ],
)
def test_what_is_none_begins_anew(header: str) -> None:
    with trace.begun(traceparent=header) as trace_id:
        assert len(trace_id) == 32
        assert trace_id != ID
        assert trace.current() == trace.Trace(trace_id)


def test_a_stored_one_goes_on_and_the_outer_one_comes_back() -> None:
    with trace.begun() as outer:
        with trace.begun(trace_id="0af76519-16cd-43dd-8448-eb211c80319c") as inner:
            assert inner == ID
        assert trace.current_id() == outer
