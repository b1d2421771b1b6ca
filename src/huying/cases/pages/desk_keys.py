"""One letter for each action, the same letter every day; and how to take a step back."""

from collections.abc import Iterable
from dataclasses import dataclass
from string import ascii_lowercase
from typing import Final

from huying.cases import queries
from huying.cases.queries import CaseRow, CaseView, OfferedAction
from huying.cases.rules.needs import NeedKind
from huying.cases.rules.parties import is_party
from huying.cases.rules.procedure import Scope
from huying.directory.permissions import Actor

# J, K move; X selects; N takes down a new report. They never mean an action.
RESERVED: Final = frozenset("jkxn")
_RANKS: Final = {"MAIN": 0, "PLAIN": 1, "DANGER": 2}
# The letters hands learn: by the English of the code where that is free.
PREFERRED: Final = {
    "dispatch": "d",
    "take": "t",
    "return": "b",
    "decline_return": "y",
    "reassign": "r",
    "classify": "g",
    "assist": "h",
    "contact": "c",
    "extend": "e",
    "approve_extend": "y",
    "decline_extend": "f",
    "pause": "p",
    "approve_pause": "i",
    "decline_pause": "o",
    "resume": "u",
    "answer": "a",
    "resolve": "a",
    "arrive": "i",
    "confirm_true": "y",
    "confirm_false": "f",
    "measure": "u",
    "verify": "v",
    "reject": "f",
    "close": "o",
    "withdraw": "w",
    "supplement": "l",
    "call_back": "l",
    "reopen": "z",
    "supervise": "s",
    "remark": "m",
}


def letters(codes: Iterable[str]) -> dict[str, str]:
    """A letter for each code: the usual one, else one of its own letters, else any that is free."""
    wanted = list(codes)
    found: dict[str, str] = {}
    free = [letter for letter in ascii_lowercase if letter not in RESERVED]
    for code in wanted:
        letter = PREFERRED.get(code, "")
        if letter in free:
            found[code] = letter
            free.remove(letter)
    for code in wanted:
        if code in found:
            continue
        letter = next((one for one in code if one in free), free[0] if free else "")
        found[code] = letter
        if letter:
            free.remove(letter)
    return found


@dataclass(frozen=True, slots=True)
class Key:
    """An offered action as the bar shows it."""

    offer: OfferedAction
    letter: str
    leads: bool = False  # the one step that stands out


def rating_codes(view: CaseView) -> frozenset[str]:
    """The steps that are taken by rating, with its five levels, and in no other way."""
    ratings = queries.procedure(view.case.procedure, view.procedure_version).ratings
    return frozenset({ratings.good, ratings.bad}) if ratings else frozenset()


def keys(offers: Iterable[OfferedAction]) -> list[Key]:
    """The bar: what moves the matter on first, then what moves it otherwise, then notes."""
    given = list(offers)
    by_code = letters(offer.code for offer in given)
    ranked = sorted(given, key=lambda one: (_RANKS.get(one.tone, 1), not one.to_state))
    return [
        Key(offer, by_code[offer.code], leads=place == 0 and offer.tone == "MAIN")
        for place, offer in enumerate(ranked)
    ]


@dataclass(frozen=True, slots=True)
class _Matter:
    lead_organisation_id: int | None
    assisting_ids: tuple[int, ...]
    grid_code: str | None
    division_code: str


def way_back(case: CaseRow, procedure_version: int, offer: OfferedAction, actor: Actor) -> str:
    """The label of the action by which this actor could take the step back; "" for none.

    That is one which leads from where the step goes to where the case is now, or which names
    another unit instead.
    """
    if not offer.to_state or offer.approval:
        return ""
    procedure = queries.procedure(case.procedure, procedure_version)
    final = procedure.is_final(offer.to_state)
    matter = _Matter(case.unit_id, (), case.grid_code, case.division_code)
    for code, spec in procedure.actions.items():
        if code == offer.code or spec.scope is Scope.REPORT:
            continue
        if not procedure.may_start_from(spec, offer.to_state):
            continue
        back = spec.to == case.state or (final and spec.to and not procedure.is_final(spec.to))
        other_unit = spec.to in ("", offer.to_state) and any(
            need.kind is NeedKind.UNIT for need in spec.needs
        )
        if (back or other_unit) and any(is_party(word, actor, matter) for word in spec.by):
            return str(spec.label)
    return ""
