"""What reporters are told of an act: kept as values, worded when somebody reads it.

The sentence is that of the procedure version the case began under, so it can always be made
again, in the reader's language; the officials' own words in it stay as they were written.
"""

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Any, Final

from huying.cases.queries.dictionary import category_name
from huying.cases.queries.wording import due_clock, shown
from huying.cases.rules import engine
from huying.cases.rules.engine import Facts
from huying.cases.rules.needs import Words
from huying.cases.rules.procedure import Procedure
from huying.cases.rules.wording import braces, fill, until

# What is the same in every language. What else a sentence may hold is in the act itself.
_AS_SAID: Final = frozenset({"number", "title", "place", "unit", "grid", "actor", "people"})
_MERGED: Final = Words(
    zh="您反映的事和其他群众反映的是同一件，已合并办理",
    en="What you told us is the same matter as others reported; they are dealt with together",
)
_MERGED_WITH: Final = Words(zh=_MERGED.zh + "，由{unit}答复", en=_MERGED.en + ", by {unit}")


def kept(
    procedure: Procedure, facts: Facts, words: Words | None, values: Mapping[str, str]
) -> dict[str, Any] | None:
    """What must be kept of this moment to say `words` later; None where nothing is said."""
    if words is None:
        return None
    names = _names(words)
    told: dict[str, Any] = {name: values[name] for name in names & _AS_SAID}
    clock = due_clock(procedure, facts) if "due" in names else None
    if clock:
        told["due"] = {"at": clock.due_at.isoformat(), "provisional": clock.provisional}
    if "category" in names:
        told["category"] = facts.category
    return told


@cache
def _names(words: Words) -> frozenset[str]:
    return braces(words.zh) | braces(words.en)


def told(procedure: Procedure, act: Mapping[str, Any]) -> str:
    """What reporters read of an act (its action, at, note, data, told); "" for nothing."""
    values = act["told"]
    if values is None:
        return ""
    action, data = act["action"], act["data"]
    if action == "merge":
        return fill(str(_MERGED_WITH if values["unit"] else _MERGED), values)
    spec = procedure.action_of(procedure.opening if action == engine.JOIN else action)
    if spec is None or spec.tells is None:
        return ""
    words = {need.name: shown(need, data[need.name]) for need in spec.needs if need.name in data}
    words |= {"note": act["note"], "label": str(spec.label).removeprefix("申请")}
    words |= {name: value for name, value in values.items() if name in _AS_SAID}
    words["category"] = category_name(values.get("category", ""))
    if "due" in values:
        due = values["due"]
        words["due"] = until(
            datetime.fromisoformat(due["at"]), act["at"], provisional=due["provisional"]
        )
    return fill(str(spec.tells), words)
