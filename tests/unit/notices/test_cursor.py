"""The position of a live stream: nothing lost, nothing repeated, whatever the commit order."""

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from huying.notices.rules.cursor import MOST_SEEN, Position, Snapshot, parsed


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


def test_a_snapshot_as_postgresql_writes_it() -> None:
    snapshot = Snapshot.of("100:104:100,102")
    assert snapshot == Snapshot(100, 104, (100, 102))
    assert [tx for tx in range(98, 106) if snapshot.had(tx)] == [98, 99, 101, 103]
    assert Snapshot.of("7:7:").running == ()


@dataclass
class _Database:
    """PostgreSQL as far as it matters: transactions end in any order, a snapshot says which."""

    next_transaction: int = 100
    next_id: int = 1
    running: dict[int, list[int]] = field(default_factory=dict)
    visible: list[tuple[int, int]] = field(default_factory=list)

    def snapshot(self) -> Snapshot:
        low = min(self.running, default=self.next_transaction)
        return Snapshot(low, self.next_transaction, tuple(sorted(self.running)))

    def begin(self) -> None:
        self.running[self.next_transaction] = []
        self.next_transaction += 1

    def write(self, which: int) -> None:
        transaction = sorted(self.running)[which % len(self.running)]
        self.running[transaction].append(self.next_id)
        self.next_id += 1

    def end(self, which: int, commits: bool) -> None:
        transaction = sorted(self.running)[which % len(self.running)]
        written = self.running.pop(transaction)
        if commits:
            self.visible += [(pk, transaction) for pk in written]


_steps = st.lists(
    st.tuples(
        st.sampled_from(["begin", "write", "commit", "roll back", "read", "receive", "reconnect"]),
        st.integers(0, 5),
    ),
    max_size=60,
)


@given(_steps)
def test_every_committed_notice_is_delivered_exactly_once(steps: list[tuple[str, int]]) -> None:
    """The process reads, a browser receives later, loses its line and resumes."""
    database, delivered = _Database(), []
    last = database.snapshot()
    low = last.low
    queue: list[tuple[int, int, int]] = []
    position = Position(low)

    def read() -> None:
        nonlocal last, low
        fresh = [(pk, tx, last.low) for pk, tx in database.visible if not last.had(tx)]
        queue.extend(sorted(fresh))
        last = database.snapshot()
        low = max(low, last.low)

    def receive() -> None:
        if not queue:
            position.raise_to(low)
            return
        pk, transaction, below = queue.pop(0)
        if position.is_new(pk, transaction):
            position.deliver(pk, transaction, below)
            delivered.append(pk)

    def catch_up() -> None:
        for pk, transaction in sorted(database.visible):
            if transaction >= position.low:
                if position.is_new(pk, transaction):
                    position.deliver(pk, transaction, position.low)
                    delivered.append(pk)
                else:
                    position.seen[pk] = transaction
        position.raise_to(database.snapshot().low)

    for what, which in steps:
        if what == "begin":
            database.begin()
        elif what == "read":
            read()
        elif what == "receive":
            receive()
        elif what == "reconnect":
            # What was queued for the lost connection is gone; only the text came through.
            position = parsed(str(position))
            queue.clear()
            catch_up()
        elif database.running and what == "write":
            database.write(which)
        elif database.running and what in {"commit", "roll back"}:
            database.end(which, what == "commit")
    read()
    while queue:
        receive()
    assert sorted(delivered) == sorted(pk for pk, _ in database.visible)
    assert len(delivered) == len(set(delivered))
