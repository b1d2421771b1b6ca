"""Residents: remembered once, shown for a purpose, forgotten for good."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from django.db import connection, transaction
from django.utils import timezone

from huying.directory import vault
from huying.directory.actions.index_keys import hold_written_generation, require_key
from huying.directory.events import LookAsked, PersonErased, look_asked, person_erased
from huying.directory.models import AccessRecord, ErasedIdNumber, Household, Person
from huying.directory.permissions import Actor, DomainError, NotAllowed, Permission
from huying.directory.queries.keys import WRITTEN, written_generation
from huying.directory.rules.masks import MASKS
from huying.directory.vault import Sealed
from huying.ledger import queries as ledger
from huying.ledger.actions import erase_personal, record

SEALED_FIELDS = tuple(MASKS)
ERASED = "erased"
"""What the access record of an erasure says in place of the fields seen."""
_SHORTEST_PURPOSE = 4


class NothingToRemember(DomainError):
    """Neither a name nor a telephone nor an ID number was given."""

    code = "NOTHING_TO_REMEMBER"
    status = 422


class PurposeMissing(DomainError):
    """Personal values are shown for a stated purpose only."""

    code = "PURPOSE_MISSING"
    status = 422


class PersonMissing(DomainError):
    """No such person, or the person was erased."""

    code = "PERSON_MISSING"
    status = 404


_SEALED_COLUMNS = "name, id_number, phone, address"
_INDEX_COLUMNS = "name_index, id_number_index, phone_index"
_COLUMNS = f"{_SEALED_COLUMNS}, {_INDEX_COLUMNS}, residence_division_id, grid_id, created_at"

# What was said of somebody, indexed as the county writes indexes at this moment. No row, and so
# nothing done, where that generation's key has not reached this process yet.
_GIVEN = f"""
WITH given AS (
    SELECT %(name)s::bytea AS name, %(id_number)s::bytea AS id_number, %(phone)s::bytea AS phone,
        %(address)s::bytea AS address, (%(names)s::bytea[])[written.generation] AS name_index,
        (%(id_numbers)s::bytea[])[written.generation] AS id_number_index,
        (%(phones)s::bytea[])[written.generation] AS phone_index,
        %(division)s::varchar AS residence_division_id, %(grid)s::varchar AS grid_id,
        %(now)s::timestamptz AS created_at
      FROM (SELECT {WRITTEN} AS generation) AS written
     WHERE written.generation <= %(known)s
)"""  # noqa: S608 - the columns are constants
_FILL_IN = """
    name = COALESCE(known.name, {0}.name),
    name_index = COALESCE(known.name_index, {0}.name_index),
    phone = COALESCE({0}.phone, known.phone),
    phone_index = COALESCE({0}.phone_index, known.phone_index),
    address = COALESCE(known.address, {0}.address)"""
_ADD = f"""
    INSERT INTO directory_person AS known ({_COLUMNS}, sex, is_away)
    SELECT {_COLUMNS}, '', false FROM given"""  # noqa: S608 - the columns are constants
_FOUND_OR_ADDED = "SELECT id FROM found UNION ALL SELECT id FROM added"

# The same ID number is the same person: what is new is filled in, nothing known is replaced.
_BY_ID_NUMBER = f"""{_GIVEN}, found AS (
    UPDATE directory_person AS known SET {_FILL_IN.format("given")}
      FROM given WHERE known.id_number_index = ANY(%(id_numbers)s::bytea[])
    RETURNING known.id
), added AS ({_ADD}
    WHERE NOT EXISTS (SELECT FROM found)
    ON CONFLICT (id_number_index) WHERE id_number_index IS NOT NULL
    DO UPDATE SET {_FILL_IN.format("EXCLUDED")}
    RETURNING known.id
) {_FOUND_OR_ADDED}"""  # noqa: S608 - the columns are constants

# The same telephone and name is the same person, whether or not an ID number is on file. Looked
# for by the telephone (OFFSET 0 keeps it so): a few share one, and thousands a name.
_BY_PHONE = f"""{_GIVEN}, found AS (
    SELECT known.id FROM given, unnest(%(phones)s::bytea[]) AS asked(phone_index), LATERAL (
        SELECT id, name_index, id_number_index FROM directory_person p
         WHERE p.phone_index = asked.phone_index OFFSET 0) AS known
     WHERE known.name_index = ANY(%(names)s::bytea[])
     ORDER BY known.id_number_index IS NULL, known.id LIMIT 1
), added AS ({_ADD}
    WHERE NOT EXISTS (SELECT FROM found)
    ON CONFLICT (phone_index, name_index)
        WHERE phone_index IS NOT NULL AND name_index IS NOT NULL AND id_number_index IS NULL
    DO UPDATE SET address = COALESCE(known.address, EXCLUDED.address)
    RETURNING known.id
) {_FOUND_OR_ADDED}"""  # noqa: S608 - the columns are constants
_UNINDEXED = f"{_GIVEN} {_ADD} RETURNING id"


def remember_person(
    *,
    name: str = "",
    phone: str = "",
    id_number: str = "",
    address: str = "",
    residence_division: str | None = None,
    grid_code: str | None = None,
    by: Actor,
) -> int:
    """The id of this person, known already or new. One statement, in the caller's transaction.

    Known by the ID number, else by telephone and name together. A name alone is never taken
    for somebody already known. Values are kept as they were given; nothing is refused for its
    form. Raises `NothingToRemember`. `by` is whoever took it down; the caller's own record
    says so, and carries the values as commitments.
    """
    name, phone, id_number, address = (v.strip() for v in (name, phone, id_number, address))
    if not (name or phone or id_number):
        raise NothingToRemember(
            "请至少留下称呼或电话，方便答复您。", "Leave at least a name or a telephone number."
        )
    has_phone = bool(vault.normalised("phone", phone))
    row = {
        "name": _sealed("name", name),
        "id_number": _sealed("id_number", id_number),
        "phone": _sealed("phone", phone),
        "address": _sealed("address", address),
        "names": vault.indexes("person.name", name) if name or has_phone else None,
        "id_numbers": vault.indexes("person.id_number", id_number) if id_number else None,
        "phones": vault.indexes("person.phone", phone) if has_phone else None,
        "division": residence_division,
        "grid": grid_code,
        "now": timezone.now(),
        "known": len(vault.key_ring().index_keys),
    }
    statement = _BY_ID_NUMBER if id_number else _BY_PHONE if has_phone else _UNINDEXED
    with connection.cursor() as cursor:
        cursor.execute(statement, row)
        found = cursor.fetchone()
    if found is None:
        require_key(written_generation())
        return remember_person(
            name=name,
            phone=phone,
            id_number=id_number,
            address=address,
            residence_division=residence_division,
            grid_code=grid_code,
            by=by,
        )
    return int(found[0])


def _sealed(name: str, value: str) -> bytes | None:
    return vault.seal(value, f"person.{name}") if value else None


def _indexed(name: str, value: str, generation: int) -> bytes | None:
    return vault.index(f"person.{name}", value, generation) if value else None


def reveal_person(
    *, person_id: int, fields: Collection[str], purpose: str, matter: str, by: Actor
) -> dict[str, str]:
    """The plain values of `fields` (name, phone, id_number, address); "" where not known.

    Needs PERSON_REVEAL and a purpose; leaves an access record and a ledger record, whatever
    the caller then does with the values. `matter` is what it is for ("case:17"): the person is
    party to it, and the post that brings the permission reaches it (`events.look_asked`); who
    follows it is shown the look, its purpose included (`queries.looks_at`). Raises
    `NotAllowed`, `PurposeMissing`, `PersonMissing`.
    """
    by.require(Permission.PERSON_REVEAL)
    _require_matter(LookAsked(person_id, matter), by.only(Permission.PERSON_REVEAL))
    wanted = [name for name in SEALED_FIELDS if name in set(fields)]
    if len(purpose.strip()) < _SHORTEST_PURPOSE or not wanted:
        raise PurposeMissing(
            "请写明查看用途（至少 4 个字），例如“回访核实处理情况”。",
            "State the purpose in at least four characters.",
        )
    person = Person.objects.filter(pk=person_id, erased_at__isnull=True).first()
    if person is None:
        raise PersonMissing(
            "找不到此人，或其信息已按规定清除。", "No such person, or the person was erased."
        )
    values = {}
    for name in wanted:
        value = getattr(person, name)
        values[name] = value.open() if isinstance(value, Sealed) else ""
    text = purpose.strip()[:200]
    with transaction.atomic():
        _record_access("person.revealed", person_id, wanted, text, by, matter)
    return values


def _require_matter(event: LookAsked, by: Actor) -> None:
    answers = look_asked.send(sender=Person, event=event, by=by)
    if not any(answer for _room, answer in answers):
        raise NotAllowed(
            zh="只能因经办的事项查看其反映人的信息；这件事项不在您的范围内，或与此人无关。",
            en="People are shown for a matter of yours that they are party to; this is not one.",
        )


def _record_access(
    kind: str,
    person_id: int,
    fields: Sequence[str],
    purpose: str,
    by: Actor,
    matter: str = "",
) -> None:
    """An access record, and its ledger record: the ledger is public, and knows no person.

    Its subject is the access record; the person and the free text are commitments only.
    """
    access_id = _reserve(AccessRecord, 1)[0]
    record_id = record(
        kind=kind,
        subject=f"access:{access_id}",
        by=by.ref,
        body={"fields": list(fields)},
        personal={"person": str(person_id), "purpose": purpose},
    )
    AccessRecord.objects.create(
        pk=access_id,
        person_id=person_id,
        account_id=by.account_id,
        actor_ref=by.ref,
        fields=list(fields),
        purpose=purpose,
        matter=matter,
        record_id=record_id,
    )


def erase_person(*, person_id: int, reason: str, by: Actor) -> None:
    """Forget a person for good (PIPL 47): values, indexes, and the salts of commitments.

    The row stays, empty, so that what refers to it still stands; ledger proofs hold as before.
    A blind index of the ID number is kept apart: registers of residents pass over it.
    Subscribers erase what their rooms keep of the person, in the same transaction, or refuse
    while the law still needs it. Raises `PurposeMissing`, `PersonMissing`, `NotAllowed` for
    somebody of another territory, and what the subscribers raise.
    """
    by.require(Permission.PERSON_ERASE)
    if len(reason.strip()) < _SHORTEST_PURPOSE:
        raise PurposeMissing(
            "请写明删除的依据（至少 4 个字）。", "State why the person is erased (4 characters)."
        )
    with transaction.atomic():
        # Locked against a report that is just being made by the same person.
        person = (
            Person.objects.select_for_update().filter(pk=person_id, erased_at__isnull=True).first()
        )
        if person is None:
            raise PersonMissing("找不到此人，或已删除。", "No such person, or erased already.")
        _within_reach(person, by)
        if person.id_number_index is not None:
            ErasedIdNumber.objects.bulk_create(
                [ErasedIdNumber(index=person.id_number_index)], ignore_conflicts=True
            )
        Person.objects.filter(pk=person_id).update(
            **dict.fromkeys(SEALED_FIELDS),
            name_index=None,
            id_number_index=None,
            phone_index=None,
            birth_date=None,
            sex="",
            is_away=False,
            household=None,
            registered_division=None,
            residence_division=None,
            grid=None,
            erased_at=timezone.now(),
        )
        if person.household_id is not None:
            Household.objects.filter(pk=person.household_id, members=None).update(address=None)
        erase_personal(
            record_ids=[row.id for row in ledger.records_of(f"person:{person_id}")],
            only=SEALED_FIELDS,
        )
        person_erased.send(sender=Person, event=PersonErased(person_id), by=by)
        _record_access("person.erased", person_id, [ERASED], reason.strip()[:200], by)


def _within_reach(person: Person, by: Actor) -> None:
    home = person.residence_division_id
    reach = by.divisions_with(Permission.PERSON_ERASE)
    if home and reach and not any(home.startswith(prefix) for prefix in reach):
        raise NotAllowed(
            zh="此人不住在您的辖区，请由其居住地或县综治中心办理。",
            en="The person lives outside your territory: ask the county's governance centre.",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class NewHousehold:
    address: str
    division_code: str
    grid_code: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPerson:
    """A resident to import; codes and ids must exist."""

    name: str
    id_number: str = ""
    phone: str = ""
    address: str = ""
    household_id: int | None = None
    registered_division: str | None = None
    residence_division: str | None = None
    grid_code: str | None = None
    sex: str = ""
    birth_date: date | None = None
    is_away: bool = False


def import_households(*, households: Sequence[NewHousehold], by: Actor) -> list[int]:
    """Many households by COPY; returns their ids in order."""
    by.require(Permission.DIRECTORY_MANAGE)
    with transaction.atomic():
        ids = _reserve(Household, len(households))
        _copy(
            "directory_household (id, address, division_id, grid_id)",
            (
                (
                    row_id,
                    vault.seal(one.address, "household.address") if one.address else None,
                    one.division_code,
                    one.grid_code,
                )
                for row_id, one in zip(ids, households, strict=True)
            ),
        )
        record(
            kind="household.imported",
            subject="directory",
            by=by.ref,
            body={"households": len(ids)},
        )
    return ids


def reserve_people(*, count: int, by: Actor) -> Sequence[int]:
    """Ids for residents still to be imported, so that parts of a register may come in any order."""
    by.require(Permission.DIRECTORY_MANAGE)
    return _reserve(Person, count)


def import_people(
    *, people: Sequence[NewPerson], by: Actor, ids: Sequence[int] | None = None
) -> list[int]:
    """Many residents by COPY into the vault; returns their ids in order.

    `ids`: those that `reserve_people` gave for them; without it they are given now.
    For a register that comes in as a whole: an ID number, or a telephone with a name, that is
    there already fails the whole import (`IntegrityError`), as the constraints say.
    """
    by.require(Permission.DIRECTORY_MANAGE)
    now = timezone.now()
    with transaction.atomic():
        generation = hold_written_generation()
        ids = _reserve(Person, len(people)) if ids is None else ids
        _copy(
            "directory_person (id, name, id_number, phone, address, name_index, id_number_index, "
            "phone_index, household_id, registered_division_id, residence_division_id, grid_id, "
            "sex, birth_date, is_away, created_at)",
            (
                (
                    row_id,
                    _sealed("name", one.name),
                    _sealed("id_number", one.id_number),
                    _sealed("phone", one.phone),
                    _sealed("address", one.address),
                    _indexed("name", one.name, generation),
                    _indexed("id_number", one.id_number, generation),
                    _indexed("phone", one.phone, generation),
                    one.household_id,
                    one.registered_division,
                    one.residence_division,
                    one.grid_code,
                    one.sex,
                    one.birth_date,
                    one.is_away,
                    now,
                )
                for row_id, one in zip(ids, people, strict=True)
            ),
        )
        record(kind="person.imported", subject="directory", by=by.ref, body={"people": len(ids)})
    return list(ids)


def _reserve(model: type[Household] | type[Person] | type[AccessRecord], count: int) -> list[int]:
    table = model._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT nextval(pg_get_serial_sequence(%s, 'id')) FROM generate_series(1, %s)",
            [table, count],
        )
        return [int(row[0]) for row in cursor.fetchall()]


def _copy(target: str, rows: Iterable[tuple[object, ...]]) -> None:
    with (
        connection.cursor() as cursor,
        cursor.copy(f"COPY {target} FROM STDIN") as copy,
    ):
        for row in rows:
            copy.write_row(row)
