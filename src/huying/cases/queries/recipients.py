"""Whom a procedure means by "lead_officers", "grid_workers" …: accounts, kept for seconds."""

import time
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Final

from huying.cases.rules.engine import Facts
from huying.directory import queries as directory
from huying.directory.permissions import Role

KEPT_SECONDS: Final = 5.0
MOST_KEPT: Final = 5_000
_kept: dict[tuple[str, object], tuple[float, list[int]]] = {}


def recipients(
    words: Iterable[str], facts: Facts, now: datetime, requester: int | None = None
) -> list[int]:
    """The accounts meant, each once, in the order of the words."""
    found: list[int] = []
    for word in words:
        found.extend(_of(word, facts, now, requester))
    return list(dict.fromkeys(found))


def forget_recipients() -> None:
    """Ask the directory again."""
    _kept.clear()


def _of(word: str, facts: Facts, now: datetime, requester: int | None) -> list[int]:
    lead = facts.lead_organisation_id
    if word == "requester":
        return [requester] if requester else []
    if word == "officer" and facts.officer_id:
        return [facts.officer_id]
    if word in {"lead_officers", "officer"}:
        return _duty(lead, now) if lead else []
    if word == "lead_heads":
        return _asked("heads", lead, lambda: directory.heads_of(lead)) if lead else []
    if word == "assisting_officers":
        return [a for unit in sorted(facts.assisting_ids) for a in _duty(unit, now)]
    if word == "grid_workers":
        grid = facts.grid_code
        return _asked("grid", grid, lambda: directory.grid_workers_of(grid)) if grid else []
    role = Role.LEADER if word == "leaders" else Role.DISPATCHER
    return _asked("role", role, lambda: directory.holders_of(role))


def _duty(organisation_id: int, now: datetime) -> list[int]:
    return _asked("duty", organisation_id, lambda: directory.officers_on_duty(organisation_id, now))


def _asked(what: str, key: object, ask: Callable[[], list[int]]) -> list[int]:
    at = time.monotonic()
    kept = _kept.get((what, key))
    if kept is not None and at - kept[0] < KEPT_SECONDS:
        return kept[1]
    if len(_kept) > MOST_KEPT:
        _kept.clear()
    answer = ask()
    _kept[what, key] = (at, answer)
    return answer
