"""What the braces of a procedure's sentences stand for, looked up."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from huying.cases.queries import dictionary
from huying.cases.rules import clocks as clockwork
from huying.cases.rules.engine import Facts
from huying.cases.rules.needs import Need, NeedKind
from huying.cases.rules.procedure import Procedure
from huying.cases.rules.wording import english, until
from huying.directory import queries as directory
from huying.directory.permissions import Actor


def unit_name(organisation_id: int | None) -> str:
    """The short name of a unit, "" for none."""
    found = directory.organisation(organisation_id) if organisation_id else None
    return (found.short_name or found.name) if found else ""


def due_clock(procedure: Procedure, facts: Facts) -> clockwork.Ticking | None:
    """The clock that was promised, else the earliest that runs."""
    running = [c for c in facts.clocks if c.runs]
    promised = clockwork.earliest(c for c in running if c.name == procedure.promise)
    return promised or clockwork.earliest(running)


def words_for(
    procedure: Procedure,
    facts: Facts,
    now: datetime,
    *,
    actor: Actor | None = None,
    needs: Iterable[Need] = (),
    data: Mapping[str, Any] | None = None,
    note: str = "",
    label: str = "",
    clock: clockwork.Ticking | None = None,
    relative: bool = False,
) -> dict[str, str]:
    """What the braces of a procedure's sentences stand for, in the language that is on.

    `due` is the time of `clock`, else of the clock that was promised, else of the earliest;
    `relative` says it as today and tomorrow, for what is read at once and not kept.
    """
    due = clock or due_clock(procedure, facts)
    grids = directory.grids([facts.grid_code]) if facts.grid_code else []
    place = facts.place_text or (
        (grids[0].division_name + grids[0].name)
        if grids
        else directory.division_names([facts.division_code]).get(facts.division_code, "")
    )
    values = {
        "number": facts.number,
        "title": facts.title,
        "place": place,
        "unit": unit_name(facts.lead_organisation_id),
        "due": (
            until(due.due_at, now, provisional=due.provisional, relative=relative) if due else ""
        ),
        "note": note,
        "category": dictionary.category_name(facts.category),
        "grid": grids[0].name if grids else "",
        "actor": actor.name if actor else "",
        "people": str(facts.people_involved),
        "label": label,
    }
    for need in needs:
        if data and need.name in data and need.name not in values:
            values[need.name] = shown(need, data[need.name])
    return values


def shown(need: Need, value: Any) -> str:
    """A value of a need as people read it."""
    match need.kind:
        case NeedKind.CHOICE:
            return str(need.choices.get(value, value))
        case NeedKind.YES_NO:
            return ("Yes" if value else "No") if english() else ("是" if value else "否")
        case NeedKind.UNIT:
            return unit_name(value)
        case NeedKind.UNITS:
            return "、".join(map(unit_name, value))
        case NeedKind.ACCOUNT:
            return directory.account_names([value]).get(value, "")
        case NeedKind.CATEGORY:
            return dictionary.category_name(value)
    return str(value)
