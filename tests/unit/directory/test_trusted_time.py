"""When the time is believed: a table of looks, each with what it finds."""

from itertools import pairwise

import pytest

from huying.directory.rules.trusted_time import Look, Standing, judge

MINUTE, HOUR, DAY = 60.0, 3_600.0, 86_400.0
NOON = 1_800_000_000.0

# A look: (how long after the first, how far the database's clock is off, how far our own is off,
# the machine) → whether it is trusted.
Step = tuple[float, float, float, str, bool]


def _looks(*steps: Step) -> list[bool]:
    before: Standing | None = None
    found = []
    # Each machine was started at another time.
    booted = {"a": 7 * DAY, "b": 3 * HOUR, "a again": 0.0}
    for after, database, own, machine, _expected in steps:
        look = Look(NOON + after + own, NOON + after + database, machine, booted[machine] + after)
        judgement = judge(look, before)
        before = judgement.standing
        assert (before.ahead_s > 0) == (before.wait_s > 0)
        found.append(judgement.is_trusted)
    return found


@pytest.mark.parametrize(
    "steps",
    [
        pytest.param([(0, 0, 0, "a", True), (60, 0, 0, "a", True)], id="right"),
        pytest.param([(0, DAY, DAY, "a", True)], id="the first look of all is believed"),
        pytest.param(
            [(0, 0, 0, "a", True), (60, 0, 299, "a", True), (120, 0, -299, "a", True)],
            id="a little apart",
        ),
        pytest.param(
            [(0, 0, DAY, "a", False), (60, 0, 0, "a", True), (120, 0, -DAY, "a", False)],
            id="our own clock is wrong: held until it agrees, then at once",
        ),
        pytest.param(
            [(0, 0, 0, "a", True), (60, DAY, 0, "a", False), (120, 0, 0, "a", True)],
            id="the database's alone is wrong",
        ),
        pytest.param(
            [(0, 0, 0, "a", True), (60, 299, 299, "a", True), (120, 598, 598, "a", True)],
            id="less than five minutes at a time",
        ),
        pytest.param(
            [
                (0, 0, 0, "a", True),
                (1 * MINUTE, DAY, DAY, "a", False),
                (15 * MINUTE, DAY, DAY, "a", False),
                (16 * MINUTE, DAY, DAY, "a", True),
                (17 * MINUTE, DAY, DAY, "a", True),
            ],
            id="both ahead, and nobody finds it wrong for fifteen minutes",
        ),
        pytest.param(
            [
                (0, 0, 0, "a", True),
                (1 * MINUTE, DAY, DAY, "a", False),
                (3 * MINUTE, 0, 0, "a", True),
                (4 * MINUTE, 0, 0, "a", True),
            ],
            id="both ahead, and set right",
        ),
        pytest.param(
            [
                (0, 0, 0, "a", True),
                (1 * MINUTE, DAY, DAY, "a", False),
                (3 * MINUTE, DAY - HOUR, DAY - HOUR, "a", False),
                (17 * MINUTE, DAY - HOUR, DAY - HOUR, "a", False),
                (18 * MINUTE, DAY - HOUR, DAY - HOUR, "a", True),
            ],
            id="set back, but not far enough: waited for anew",
        ),
        pytest.param(
            [
                (0, 0, 0, "a", True),
                (1 * MINUTE, DAY, DAY, "a", False),
                (15 * MINUTE, 2 * DAY, 2 * DAY, "a", False),
                (29 * MINUTE, 2 * DAY, 2 * DAY, "a", False),
                (30 * MINUTE, 2 * DAY, 2 * DAY, "a", True),
            ],
            id="ahead again while waiting: waited for anew",
        ),
        pytest.param(
            [
                (0, 0, 0, "a", True),
                (1 * MINUTE, -HOUR, -HOUR, "a", True),
                (2 * MINUTE, -HOUR, -HOUR, "a", True),
                (3 * MINUTE, 0, 0, "a", False),
                (18 * MINUTE, 0, 0, "a", True),
            ],
            id="slow ends nothing early; set right it is a jump ahead",
        ),
        pytest.param(
            [(0, 0, 0, "a", True), (2 * DAY, 0, 0, "a", True)],
            id="processes that were away on a machine that ran on",
        ),
        pytest.param(
            [
                (0, 0, 0, "a", True),
                (1 * MINUTE, DAY, DAY, "a", False),
                (2 * MINUTE, DAY, DAY, "a", False),
                (3 * MINUTE, DAY, DAY, "b", False),
                (17 * MINUTE, DAY, DAY, "b", True),
            ],
            id="neither a restart nor another machine ends the wait",
        ),
        pytest.param(
            [(0, 0, 0, "a", True), (4 * MINUTE, 0, 0, "a again", True)],
            id="a machine started anew, quickly",
        ),
        pytest.param(
            [
                (0, 0, 0, "a", True),
                (4 * MINUTE, 8 * HOUR, 8 * HOUR, "a again", False),
                (5 * MINUTE, 0, 0, "a again", True),
            ],
            id="a machine that woke up eight hours ahead, and was set right",
        ),
        pytest.param(
            [
                (0, 0, 0, "a", True),
                (2 * DAY, 0, 0, "a again", False),
                (2 * DAY + 15 * MINUTE, 0, 0, "a again", True),
            ],
            id="a weekend switched off: fifteen minutes more",
        ),
        pytest.param(
            [(0, 0, 0, "a", True)]
            + [(number * MINUTE, 0, 0, "ab"[number % 2], True) for number in range(1, 9)],
            id="two machines in turn",
        ),
        pytest.param(
            [
                (0, 0, 0, "a", True),
                (1 * MINUTE, 0, 0, "b", True),
                (2 * MINUTE, DAY, DAY, "a", False),
                (3 * MINUTE, DAY, DAY, "b", False),
                (4 * MINUTE, 0, 0, "a", True),
                (5 * MINUTE, 0, 0, "b", True),
            ],
            id="two machines that jump together",
        ),
    ],
)
def test_each_look_finds(steps: list[Step]) -> None:
    assert _looks(*steps) == [step[-1] for step in steps]
    assert all(one[0] < other[0] for one, other in pairwise(steps))


def test_the_jump_is_told_once_in_either_direction() -> None:
    right = judge(Look(NOON, NOON, "a", 0), None)
    ahead = judge(Look(NOON + DAY, NOON + DAY + 60, "a", 60), right.standing)
    still = judge(Look(NOON + DAY, NOON + DAY + 120, "a", 120), ahead.standing)
    back = judge(Look(NOON, NOON + 180, "a", 180), still.standing)
    assert [one.jump_s for one in (right, ahead, still, back)] == [0, DAY, 0, -DAY]


def test_a_county_may_wait_longer_or_not_at_all() -> None:
    right = judge(Look(NOON, NOON, "a", 0), None)
    ahead = Look(NOON + DAY, NOON + DAY, "a", 0)
    assert judge(ahead, right.standing, wait_s=0).is_trusted
    assert judge(ahead, right.standing, wait_s=HOUR).standing.wait_s == HOUR
