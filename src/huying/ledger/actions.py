"""Writing to the ledger: `record` inside the transaction of the act it records."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import connection
from django.utils import timezone

from huying.ledger import columns
from huying.ledger.models import Salt
from huying.ledger.rules.entries import Entry, Json, SealedEntry, prepare
from huying.ledger.rules.errors import EntryRefused, LedgerError
from huying.telemetry import trail

__all__ = [
    "Entry",
    "EntryRefused",
    "Json",
    "NotInTransaction",
    "erase_personal",
    "record",
    "record_many",
]


class NotInTransaction(LedgerError):
    """A record outside a transaction could survive an act that failed."""

    code = "NOT_IN_TRANSACTION"
    status = 500


_INSERT = """
INSERT INTO ledger_record (at, kind, subject, actor, entry) VALUES (%s, %s, %s, %s, %s) RETURNING id
"""
_INSERT_WITH_SALTS = """
WITH written AS (
    INSERT INTO ledger_record (at, kind, subject, actor, entry)
    VALUES (%s, %s, %s, %s, %s) RETURNING id
), salted AS (
    INSERT INTO ledger_salt (record_id, field, salt)
    SELECT written.id, given.field, given.salt
    FROM written, unnest(%s::text[], %s::bytea[]) AS given (field, salt)
)
SELECT id FROM written
"""
_INSERT_MANY = """
INSERT INTO ledger_record (at, kind, subject, actor, entry)
SELECT at, kind, subject, actor, entry
FROM unnest(%s::timestamptz[], %s::text[], %s::text[], %s::text[], %s::bytea[])
     WITH ORDINALITY AS given (at, kind, subject, actor, entry, place)
ORDER BY place
RETURNING id
"""
_INSERT_SALTS = """
INSERT INTO ledger_salt (record_id, field, salt)
SELECT * FROM unnest(%s::bigint[], %s::text[], %s::bytea[])
"""
_ROWS_PER_STATEMENT = 5_000


def record(
    *,
    kind: str,
    subject: str,
    by: str,
    body: Mapping[str, Json],
    personal: Mapping[str, str] | None = None,
    at: datetime | None = None,
) -> int:
    """Seal one act; returns the id of its record. One statement, in the caller's transaction.

    kind      what happened, e.g. "case.act"
    subject   what it happened to, e.g. "case:123"; published, so never a receipt or a name
    by        Actor.ref of who did it
    body      JSON values that anyone may read for ever
    personal  values that must never be readable: only salted commitments to them are sealed
    at        when it happened (aware); now where it is missing

    Raises NotInTransaction outside `transaction.atomic`, EntryRefused for what cannot be sealed.
    """
    _require_transaction()
    sealed = prepare(
        Entry(kind=kind, subject=subject, by=by, body=body, personal=personal, at=at),
        timezone.now(),
    )
    values: list[Any] = [sealed.at, sealed.kind, sealed.subject, sealed.actor, sealed.data]
    statement = _INSERT
    if sealed.salts:
        statement = _INSERT_WITH_SALTS
        values += [list(sealed.salts), list(sealed.salts.values())]
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        record_id = int(cursor.fetchone()[0])
    trail.note("ledger.recorded", record=record_id, kind=kind, subject=subject, by=by)
    return record_id


def record_many(entries: Sequence[Entry]) -> list[int]:
    """Seal many acts; returns their record ids in the same order.

    One statement for each 5,000 entries, and one more where they hold personal values.
    Raises as `record` does, and then none of them is written.
    """
    _require_transaction()
    now = timezone.now()
    sealed = [prepare(entry, now) for entry in entries]
    ids: list[int] = []
    with connection.cursor() as cursor:
        columns.accept_columns(cursor)  # type: ignore[arg-type]  # Django's wrapper passes it on
        for start in range(0, len(sealed), _ROWS_PER_STATEMENT):
            ids += _insert_many(cursor, sealed[start : start + _ROWS_PER_STATEMENT])
    if ids:
        trail.note(
            "ledger.recorded",
            records=trail.some(ids),
            kinds=sorted({entry.kind for entry in entries}),
            subjects=[entry.subject for entry in entries[: trail.MOST_NUMBERS]],
        )
    return ids


def _insert_many(cursor: Any, sealed: Sequence[SealedEntry]) -> list[int]:
    cursor.execute(
        _INSERT_MANY,
        [
            columns.time_column([one.at for one in sealed]),
            columns.text_column([one.kind for one in sealed]),
            columns.text_column([one.subject for one in sealed]),
            columns.text_column([one.actor for one in sealed]),
            columns.bytes_column([one.data for one in sealed]),
        ],
    )
    ids = [int(row[0]) for row in cursor.fetchall()]
    salts = [
        (record_id, field, salt)
        for record_id, one in zip(ids, sealed, strict=True)
        for field, salt in one.salts.items()
    ]
    if salts:
        cursor.execute(_INSERT_SALTS, [list(column) for column in zip(*salts, strict=True)])
    return ids


def erase_personal(
    *,
    record_ids: Collection[int],
    only: Collection[str] | None = None,
    but: Collection[str] = (),
) -> int:
    """Forget the salts of these records' commitments, for ever; how many there were to forget.

    `only` these fields (all of them without it), and none of `but`. The entries and their
    proofs stay as they are; nobody can link them to the person any more.
    """
    salts = Salt.objects.filter(record_id__in=record_ids).exclude(field__in=but)
    if only is not None:
        salts = salts.filter(field__in=only)
    deleted, _ = salts.delete()
    return deleted


def _require_transaction() -> None:
    if not connection.in_atomic_block:
        raise NotInTransaction(
            "存证必须与所记录的操作在同一个事务中。",
            "A record must be written in the transaction of the act it records.",
        )
