"""Log lines are JSON, one a line, and hold nothing personal."""

import json
import logging
import sys
from datetime import datetime

import pytest

from huying.config.logs import JsonFormatter, masked


def _line(message: str, *arguments: object, **options: object) -> dict[str, str]:
    record = logging.LogRecord("huying.test", logging.WARNING, "x.py", 1, message, arguments, None)
    for name, value in options.items():
        setattr(record, name, value)
    written = JsonFormatter().format(record)
    assert "\n" not in written
    line: dict[str, str] = json.loads(written)
    return line


def test_a_line_says_when_how_grave_where_and_what() -> None:
    line = _line("listener %s stopped\nby hand", "hj212")
    assert line["level"] == "WARNING"
    assert line["logger"] == "huying.test"
    assert line["message"] == "listener hj212 stopped\nby hand"
    assert datetime.fromisoformat(line["at"]).tzinfo is not None
    assert "trace" not in line


def test_an_exception_brings_its_trace() -> None:
    try:
        raise ValueError("bad value of 13912345678")
    except ValueError:
        line = _line("failed", exc_info=sys.exc_info())
    assert "ValueError: bad value of ***" in line["trace"]


@pytest.mark.parametrize(
    "text",
    [
        "Not Found: /r/7KQ2-9XWD-M3HT/",
        "Too Many Requests: /api/v1/reports/7KQ29XWDM3HT",
        "receipt 7KQ2-9XWD-M3HT unknown",
        "DETAIL: Key (phone)=(13912345678) already exists.",
        "id 11010519491231002X refused",
    ],
)
def test_receipts_and_numbers_of_people_are_masked(text: str) -> None:
    line = _line(text)
    assert "***" in line["message"]
    assert not any(c in line["message"] for c in ("7KQ2", "139", "110105"))


@pytest.mark.parametrize(
    "text",
    ["case 2026-000123", "grid 990101001001001", "1763769600000 ms", "client:3 of staff:17"],
)
def test_numbers_of_the_house_stay(text: str) -> None:
    assert masked(text) == text


def test_what_utf8_cannot_hold_is_still_written() -> None:
    assert _line("name \udce9")["message"] == "name \\udce9"
