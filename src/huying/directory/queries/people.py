"""Residents as everybody may see them: masked."""

from collections.abc import Collection
from dataclasses import dataclass

from huying.directory import vault
from huying.directory.models import Person
from huying.directory.permissions import Actor, Permission
from huying.directory.rules.masks import MASKS
from huying.directory.vault import Sealed

_MOST_FOUND = 20


@dataclass(frozen=True, slots=True)
class MaskedPerson:
    """Every value masked; empty where it is not known or was erased."""

    id: int
    name: str
    phone: str
    id_number: str
    address: str
    erased: bool


def masked_person(person_id: int) -> MaskedPerson | None:
    return masked_people([person_id]).get(person_id)


def masked_people(person_ids: Collection[int]) -> dict[int, MaskedPerson]:
    """Masked people by id; one query."""
    return {
        row.id: _masked(row)
        for row in Person.objects.filter(pk__in=person_ids).only(
            "id", "name", "phone", "id_number", "address", "erased_at"
        )
    }


def lives_in(person_id: int, territories: Collection[str]) -> bool:
    """Whether the person's known home lies in one of these territories (prefixes of codes)."""
    home = Person.objects.filter(pk=person_id).values_list("residence_division_id", flat=True)
    return any((code or "").startswith(one) for code in home if code for one in territories)


def find_people(
    *, by: Actor, phone: str = "", id_number: str = "", name: str = ""
) -> list[MaskedPerson]:
    """People with exactly this telephone, ID number or name (all that are given), masked.

    Needs PERSON_REVEAL or REPORT_RECORD; at most 20. Finding is not seeing: the values stay
    masked until `actions.reveal_person`.
    """
    if not by.may(Permission.REPORT_RECORD):
        by.require(Permission.PERSON_REVEAL)
    wanted = {
        f"{field}_index__in": vault.indexes(f"person.{field}", value)
        for field, value in (("phone", phone), ("id_number", id_number), ("name", name))
        if vault.normalised(field, value)
    }
    if not wanted:
        return []
    rows = Person.objects.filter(**wanted).order_by("-id")[:_MOST_FOUND]
    return [_masked(row) for row in rows]


def _masked(row: Person) -> MaskedPerson:
    def show(field: str) -> str:
        value = getattr(row, field)
        return MASKS[field](value.open()) if isinstance(value, Sealed) else ""

    return MaskedPerson(
        row.id,
        show("name"),
        show("phone"),
        show("id_number"),
        show("address"),
        row.erased_at is not None,
    )
