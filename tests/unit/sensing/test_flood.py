"""How much of what cannot be read is kept: some of each sender, some of all."""

import pytest

from huying.sensing.listeners import flood
from huying.sensing.listeners.flood import KEPT_A_MINUTE, KeptLimit, MinuteLimit


def test_a_minute_later_there_is_room_again() -> None:
    limit = MinuteLimit()
    assert [limit.add("a", 60.0) for _ in range(3)] == [1, 2, 3]
    assert limit.count("a", 119.0) == 3
    assert limit.add("a", 120.0) == 1


def test_the_memory_of_senders_is_bounded() -> None:
    limit = MinuteLimit(most=10)
    for number in range(1_000):
        limit.add(f"sender {number}", 60.0)
    assert len(limit._counts) <= 10


def test_one_sender_fills_its_own_share_alone() -> None:
    limit = KeptLimit()
    taken = [limit.takes("loud", 60.0) for _ in range(KEPT_A_MINUTE + 5)]
    assert taken == [True] * KEPT_A_MINUTE + [False] * 5
    assert limit.takes("quiet", 60.0)
    assert limit.takes("loud", 120.0)


def test_ever_new_names_fill_no_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flood, "KEPT_ALTOGETHER", 100)
    limit = KeptLimit()
    assert sum(limit.takes(f"10.0.0.1:{port}", 60.0) for port in range(5_000)) == 100
