"""A new key for the vault, while everybody goes on working."""

from collections.abc import Callable
from typing import Final

from django.db import connection, transaction

from huying.directory import vault
from huying.directory.permissions import Actor
from huying.directory.queries.keys import KeysInUse, SealedColumn, keys_in_use, sealed_columns
from huying.ledger.actions import record

BATCH: Final = 500
_MOST_ROUNDS: Final = 5

Progress = Callable[[int], None]


def rotate_keys(*, by: Actor, new: bool = True, progress: Progress | None = None) -> KeysInUse:
    """Make the next key and re-seal every value with it; what stands afterwards.

    With values left from a rotation that was stopped, goes on with that one and makes no key;
    so also with `new` false. Writers are not waited for and do not wait: a value somebody
    changes meanwhile stays as they wrote it. `progress` is told how many were re-sealed so far.
    """
    before = keys_in_use()
    if new and not before.old_values:
        number = vault.make_next_key()
        with transaction.atomic():
            record(kind="vault.key_added", subject="vault", by=by.ref, body={"key": number})
    moved = 0
    for _round in range(_MOST_ROUNDS):
        for column in sealed_columns():
            moved = _reseal_column(column, moved, progress)
        # A process that looks at its keys every few seconds sealed with the old one meanwhile.
        if not keys_in_use().old_values:
            break
    after = keys_in_use()
    with transaction.atomic():
        record(
            kind="vault.resealed",
            subject="vault",
            by=by.ref,
            body={"key": after.active, "values": moved, "left": after.old_values},
        )
    return after


def _reseal_column(one: SealedColumn, moved: int, progress: Progress | None) -> int:
    active = vault.key_ring().active
    last = 0
    while True:
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT id, {one.column} FROM {one.table} "  # noqa: S608 - names of our own models
                f"WHERE id > %s AND {one.column} IS NOT NULL "
                f"AND get_byte({one.column}, 0) * 256 + get_byte({one.column}, 1) <> %s "
                "ORDER BY id LIMIT %s",
                [last, active, BATCH],
            )
            rows = [(row_id, bytes(token)) for row_id, token in cursor.fetchall()]
            if not rows:
                return moved
            fresh = [vault.seal(vault.unseal(token, one.context), one.context) for _, token in rows]
            # Only where it still is what was read: whoever wrote since has the last word.
            cursor.execute(
                f"UPDATE {one.table} t SET {one.column} = x.fresh "  # noqa: S608 - as above
                "FROM unnest(%s::bigint[], %s::bytea[], %s::bytea[]) AS x(id, old, fresh) "
                f"WHERE t.id = x.id AND t.{one.column} = x.old",
                [[row_id for row_id, _ in rows], [token for _, token in rows], fresh],
            )
            moved += cursor.rowcount
        last = rows[-1][0]
        if progress is not None:
            progress(moved)
