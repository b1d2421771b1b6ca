"""Whether the time is to be trusted with what cannot be taken back: telling leaders, deleting.

Each look is compared with the one before, whoever took it. A clock that jumped ahead is trusted
again once it is set right, or once it has gone on as it is for a while: then nobody found it
wrong. One that is slow or went back needs no waiting: nothing ends too early by it.
"""

from dataclasses import dataclass
from typing import Final

MOST_OFF_S: Final = 300.0
"""So far two clocks may be apart, and one may jump, without harm to anybody."""
WAIT_S: Final = 900.0


@dataclass(frozen=True, slots=True)
class Look:
    """The clocks at one moment, in seconds. `steady` counts since `machine` was started and is
    never set."""

    own: float
    database: float
    machine: str
    steady: float


@dataclass(frozen=True, slots=True)
class Standing:
    """What a look leaves for the next: its clocks; by how much the database's has jumped ahead of
    what was trusted last; how much longer that is to be waited for."""

    database: float
    machine: str
    steady: float
    ahead_s: float = 0.0
    wait_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Judgement:
    """`jump_s`: how far the database's clock is known to have jumped since the look before
    (negative: back); after a restart nothing is. `apart_s`: how far our own is ahead of it."""

    standing: Standing
    jump_s: float
    apart_s: float

    @property
    def is_trusted(self) -> bool:
        return not self.standing.wait_s and not is_off(self.apart_s)


def is_off(seconds: float) -> bool:
    return abs(seconds) > MOST_OFF_S


def judge(look: Look, before: Standing | None, *, wait_s: float = WAIT_S) -> Judgement:
    """Compare with the look before; the first look of all is believed."""
    apart_s = look.own - look.database
    if before is None:
        return Judgement(Standing(look.database, look.machine, look.steady), 0.0, apart_s)
    gap = look.database - before.database
    passed = _passed(look, before, gap)
    jump_s = gap - passed
    ahead_s = before.ahead_s + jump_s
    left_s = wait_s if is_off(jump_s) else before.wait_s - passed
    if ahead_s <= MOST_OFF_S or left_s <= 0:
        ahead_s = left_s = 0.0
    standing = Standing(look.database, look.machine, look.steady, ahead_s, left_s)
    is_known = look.machine == before.machine and is_off(jump_s)
    return Judgement(standing, jump_s if is_known else 0.0, apart_s)


def _passed(look: Look, before: Standing, gap: float) -> float:
    """How much time went by, as far as that is known apart from the clocks people set."""
    if look.machine == before.machine:
        return look.steady - before.steady
    # Another machine, or started anew: a short while is believed. A long one may be a weekend
    # switched off or a clock that woke up wrong; both can wait a quarter of an hour.
    return 0.0 if is_off(gap) else max(0.0, gap)
