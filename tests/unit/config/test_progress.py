"""What somebody reads who waits for a long check: on a terminal bars, in a file lines."""

import pytest

from huying.config import progress


def test_where_no_bar_can_move_a_line_a_minute_says_how_far_it_is(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1_000.0
    monkeypatch.setattr("huying.config.progress.time.monotonic", lambda: now)
    with progress.bars() as bar:
        advance = bar("cases")
        for minute in range(4):
            now = 1_000.0 + 60 * minute
            advance(minute * 250, 1_000)
            now += 1
            advance(minute * 250 + 1, 1_000)
    lines = [line for line in capsys.readouterr().err.splitlines() if "━" not in line and line]
    assert lines == ["cases 250/1,000", "cases 500/1,000", "cases 750/1,000"]
