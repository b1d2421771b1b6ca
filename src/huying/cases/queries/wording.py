"""What the braces of a procedure's sentences stand for, looked up."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from huying.cases.queries import dictionary
from huying.cases.rules import clocks as clockwork
from huying.cases.rules.engine import Facts
from huying.cases.rules.needs import Need, NeedKind
from huying.cases.rules.procedure import Clock, Procedure
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


def outside_words(
    procedure: Procedure,
    facts: Facts,
    now: datetime,
    *,
    label: str = "",
    clock: clockwork.Ticking | None = None,
) -> dict[str, str]:
    """What the braces of a title stand for on its way over a channel: nothing anybody wrote.

    A matter goes by its category (by its title where a sensor's alert opened it, for that is the
    platform's own), a place by its grid; a secret one by its number and times alone. `owed` says
    what is due when, by `clock` or as `words_for` does; nothing where the end is a quiet step.
    """
    due = clock or due_clock(procedure, facts)
    grids = directory.grids([facts.grid_code]) if facts.grid_code else []
    category = dictionary.category_name(facts.category)
    words = {
        "title": (facts.title if facts.from_alert else category) or str(procedure.name),
        "category": category,
        "place": (
            grids[0].full_name
            if grids
            else directory.division_names([facts.division_code]).get(facts.division_code, "")
        ),
        "grid": grids[0].name if grids else "",
        "unit": unit_name(facts.lead_organisation_id),
        "people": str(facts.people_involved),
    }
    if facts.secret:
        words = dict.fromkeys(words, "") | {"title": _("保密事项"), "category": _("保密事项")}
    return words | {
        "number": facts.number,
        "procedure": str(procedure.name),
        "label": label,
        "due": until(due.due_at, now, provisional=due.provisional) if due else "",
        "owed": _owed(procedure.clocks.get(due.name), due, now) if due else "",
    }


def _owed(spec: Clock | None, due: clockwork.Ticking, now: datetime) -> str:
    """ "须于11月28日14:30前签收"; "应于11月28日14:30前签收，已超期"."""
    if spec is None or spec.overdue_action:
        return ""
    words = {
        "due": until(due.due_at, now, provisional=due.provisional),
        "step": str(spec.label),
    }
    if due.due_at <= now:
        return _("应于%(due)s%(step)s，已超期") % words
    return _("须于%(due)s%(step)s") % words


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
