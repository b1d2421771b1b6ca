"""Whom a procedure means by "lead_officers", "grid_workers" …, and who hears of it next.

Accounts, kept for seconds.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from itertools import chain
from typing import Final

from huying.cases.rules.engine import Facts
from huying.directory import queries as directory
from huying.directory.permissions import Role

KEPT_SECONDS: Final = 5.0
MOST_KEPT: Final = 5_000
_kept: dict[tuple[str, object], tuple[float, list[list[int]]]] = {}

# Who hears of an urgent notice nobody on that duty has read: the unit's head, then the centre,
# in the end a leader of the county.
_CENTRE: Final = ("dispatchers", "leaders")
_AFTER: Final[Mapping[str, tuple[str, ...]]] = {
    "lead_officers": ("lead_heads", *_CENTRE),
    "officer": ("lead_officers", "lead_heads", *_CENTRE),
    "lead_heads": _CENTRE,
    "assisting_officers": _CENTRE,
    "grid_workers": ("township", *_CENTRE),
    "dispatchers": ("leaders",),
}
# Not every case has assisting units, and not every act somebody who asked for it.
RIGHTLY_NOBODY: Final = frozenset({"assisting_officers", "requester"})


def recipients(
    words: Iterable[str], facts: Facts, now: datetime, requester: int | None = None
) -> list[int]:
    """All the accounts meant, each once, in the order of the words."""
    return _flat(
        turn for word in words for duty in _duties(word, facts, now, requester) for turn in duty
    )


def ladders(
    words: Iterable[str],
    further: Iterable[str],
    facts: Facts,
    now: datetime,
    requester: int | None = None,
    *,
    open_case: bool = True,
) -> Iterator[list[list[int]]]:
    """One ladder for each duty meant (two assisting units are two): whom to tell first, whom
    next, until somebody has read it.

    Rank by rank through those on duty, then whom the procedure names as `further`, then the
    head of the unit, the township's duty or the centre. A duty nobody holds begins with who
    comes next, while the case is open.
    """
    further = tuple(further)
    for word in words:
        after = [
            turn
            for name in (*further, *_AFTER.get(word, ()))
            for duty in _duties(name, facts, now, requester)
            for turn in duty
        ]
        duties = _duties(word, facts, now, requester)
        if duties:
            yield from ([*duty, *after] for duty in duties)
        elif open_case and word not in RIGHTLY_NOBODY and after:
            yield after


def forget_recipients() -> None:
    """Ask the directory again."""
    _kept.clear()


def _duties(word: str, facts: Facts, now: datetime, requester: int | None) -> list[list[list[int]]]:
    """The duties of that name in this case that somebody holds, each in turns."""
    if word == "assisting_officers":
        found = [[*_unit(unit, now), _heads(unit)] for unit in sorted(facts.assisting_ids)]
    else:
        found = [_turns(word, facts, now, requester)]
    return [turns for duty in found if (turns := [turn for turn in duty if turn])]


def _turns(word: str, facts: Facts, now: datetime, requester: int | None) -> list[list[int]]:
    lead = facts.lead_organisation_id
    if word == "requester":
        return [[requester]] if requester else []
    if word == "officer" and facts.officer_id:
        return [[facts.officer_id]]
    if word in {"lead_officers", "officer"}:
        return _unit(lead, now) if lead else []
    if word == "lead_heads":
        return [_heads(lead)] if lead else []
    if word == "grid_workers":
        grid = facts.grid_code
        return _asked("grid", grid, lambda: [directory.grid_workers_of(grid)]) if grid else []
    if word == "township":
        ours = _role(Role.DISPATCHER, facts.division_code, now)
        county = _flat(_role(Role.DISPATCHER, _county_of(facts), now))
        return [[account for account in turn if account not in county] for turn in ours]
    return _role(Role.LEADER if word == "leaders" else Role.DISPATCHER, facts.division_code, now)


def _unit(organisation_id: int, now: datetime) -> list[list[int]]:
    return _asked("unit", organisation_id, lambda: directory.duty_in_turn(organisation_id, now))


def _heads(organisation_id: int) -> list[int]:
    (heads,) = _asked("heads", organisation_id, lambda: [directory.heads_of(organisation_id)])
    return heads


def _role(role: Role, division_code: str, now: datetime) -> list[list[int]]:
    key = (role, division_code)
    return _asked("role", key, lambda: directory.role_in_turn(role, division_code, now))


def _county_of(facts: Facts) -> str:
    return facts.division_code[:6].ljust(12, "0")


def _flat(turns: Iterable[list[int]]) -> list[int]:
    return list(dict.fromkeys(chain.from_iterable(turns)))


def _asked(what: str, key: object, ask: Callable[[], list[list[int]]]) -> list[list[int]]:
    at = time.monotonic()
    kept = _kept.get((what, key))
    if kept is not None and at - kept[0] < KEPT_SECONDS:
        return kept[1]
    if len(_kept) > MOST_KEPT:
        _kept.clear()
    answer = ask()
    _kept[what, key] = (at, answer)
    return answer
