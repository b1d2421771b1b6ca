"""The position of a live stream: nothing lost, nothing repeated, whatever the commit order."""

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from huying.notices.rules.cursor import MOST_SEEN, Position, parsed


def test_what_was_delivered_is_not_new_again() -> None:
    position = Position(100)
    assert position.is_new(7, 101)
    position.deliver(7, 101, 100)
    assert not position.is_new(7, 101)
    assert position.is_new(6, 100), "a lower id of an older transaction may come later"
    position.raise_to(102)
    assert position.seen == {}
    assert not position.is_new(7, 101)


def test_the_mark_never_sinks() -> None:
    position = Position(100)
    position.raise_to(99)
    assert position.low == 100


def test_memory_is_bounded() -> None:
    position = Position(1)
    for pk in range(1, 1000):
        position.deliver(pk, pk, 1)
    assert len(position.seen) == MOST_SEEN
    assert max(position.seen) == 999


@given(st.integers(0, 2**64 - 1), st.lists(st.integers(0, 2**63 - 1), unique=True, max_size=20))
def test_written_and_read_back_a_position_is_the_same(low: int, seen: list[int]) -> None:
    position = Position(low, dict.fromkeys(seen, low))
    again = parsed(str(position))
    assert (again.low, list(again.seen)) == (low, seen)


@pytest.mark.parametrize(
    "text",
    ["", "x", "-1", "1.", ".1", "1..2", "1.x", "１", "1" * 21, str(2**64), "1." + str(2**63),
     ".".join("1" * (MOST_SEEN + 2))],
)  # fmt: skip
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="position"):
        parsed(text)


@dataclass
class _Database:
    """PostgreSQL as far as it matters: transactions end in any order, notifications come in
    the order of commits, a payload carries the oldest running transaction of its writing."""

    next_transaction: int = 100
    next_id: int = 1
    running: dict[int, list[tuple[int, int]]] = field(default_factory=dict)
    visible: list[tuple[int, int]] = field(default_factory=list)
    queue: list[tuple[int, int, int]] = field(default_factory=list)

    def low(self) -> int:
        return min(self.running, default=self.next_transaction)

    def begin(self) -> None:
        self.running[self.next_transaction] = []
        self.next_transaction += 1

    def write(self, which: int) -> None:
        transaction = sorted(self.running)[which % len(self.running)]
        self.running[transaction].append((self.next_id, self.low()))
        self.next_id += 1

    def end(self, which: int, commits: bool) -> None:
        transaction = sorted(self.running)[which % len(self.running)]
        written = self.running.pop(transaction)
        if commits:
            self.visible += [(pk, transaction) for pk, _ in written]
            self.queue += [(pk, transaction, low) for pk, low in written]


_steps = st.lists(
    st.tuples(
        st.sampled_from(["begin", "write", "commit", "roll back", "receive", "reconnect"]),
        st.integers(0, 5),
    ),
    max_size=60,
)


@given(_steps)
def test_every_committed_notice_is_delivered_exactly_once(steps: list[tuple[str, int]]) -> None:
    database, delivered = _Database(), []
    position, received = Position(database.low()), 0

    def receive() -> None:
        nonlocal received
        pk, transaction, low = database.queue[received]
        received += 1
        if position.is_new(pk, transaction):
            position.deliver(pk, transaction, low)
            delivered.append(pk)

    def catch_up() -> None:
        for pk, transaction in sorted(database.visible):
            if transaction >= position.low:
                if position.is_new(pk, transaction):
                    position.deliver(pk, transaction, position.low)
                    delivered.append(pk)
                else:
                    position.seen[pk] = transaction
        position.raise_to(database.low())

    for what, which in steps:
        if what == "begin":
            database.begin()
        elif what == "receive" and received < len(database.queue):
            receive()
        elif what == "reconnect":
            # What was queued for the lost connection is gone; only the text came through.
            position, received = parsed(str(position)), len(database.queue)
            catch_up()
        elif database.running and what == "write":
            database.write(which)
        elif database.running and what in {"commit", "roll back"}:
            database.end(which, what == "commit")
    while received < len(database.queue):
        receive()
    assert sorted(delivered) == sorted(pk for pk, _ in database.visible)
    assert len(delivered) == len(set(delivered))
