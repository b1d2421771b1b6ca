"""A new key for the blind indexes, while everybody goes on looking and writing.

First a key that every process finds; then, in one short turn with the tables to itself, the
generation in which indexes are written; then what lies there, raised in chunks. Lookups ask for
every generation there is a key for, so nothing is ever not found; and since nobody writes the
older generation after that turn, nobody is put in twice.
"""

import time
from collections.abc import Callable
from typing import Any, Final

from django.db import OperationalError, connection, transaction

from huying.directory import vault
from huying.directory.permissions import Actor, DomainError
from huying.directory.queries.keys import (
    INDEX_KEY,
    INDEXED_TABLES,
    IndexedTable,
    IndexesInUse,
    generation_of,
    indexes_in_use,
    written_generation,
)
from huying.ledger.actions import record

BATCH: Final = 500
_MOST_ROUNDS: Final = 20
_TURN_MILLISECONDS: Final = 200
_MOST_TURNS: Final = 600
_TABLES: Final = ", ".join(one.table for one in INDEXED_TABLES)

Progress = Callable[[int], None]


class TablesBusy(DomainError):
    """Somebody has been writing residents in one transaction for many minutes."""

    code = "TABLES_BUSY"
    status = 409


def rotate_index_key(
    *,
    by: Actor,
    new: bool = True,
    progress: Progress | None = None,
    wait: Callable[[float], None] = time.sleep,
) -> IndexesInUse:
    """Make the next key of the blind indexes and raise every index to it; what stands afterwards.

    With a rotation that was stopped, goes on with that one and makes no key; so also with `new`
    false. Readers never wait; writers at most a fifth of a second, once. `progress` is told how
    many rows were raised so far. Raises `TablesBusy`, with nothing lost: again later.
    """
    before = indexes_in_use()
    if new and not before.unfinished:
        vault.make_next_index_key()
    generation = len(vault.key_ring().index_keys)
    if written_generation() < generation:
        # Each process looks at its keys every few seconds; what it computed just before is used.
        wait(2 * vault.LOOK_AGAIN_SECONDS)
        _write_from_now_on(generation, by, wait)
    raised = 0
    for _round in range(_MOST_ROUNDS):
        for table in INDEXED_TABLES:
            raised = _raise_table(table, generation, raised, progress)
        if not indexes_in_use().old_values:
            break
        # Rows somebody holds are passed over; they are let go in a moment.
        wait(1)
    after = indexes_in_use()
    with transaction.atomic():
        record(
            kind="vault.reindexed",
            subject="vault",
            by=by.ref,
            body={"generation": generation, "rows": raised, "left": after.old_values},
        )
    return after


def hold_written_generation() -> int:
    """The generation in which indexes are written, until this transaction ends.

    For whoever computes many indexes first and stores them later: no other generation begins
    meanwhile. Does not keep others from writing.
    """
    with connection.cursor() as cursor:
        cursor.execute(f"LOCK TABLE {_TABLES} IN ROW EXCLUSIVE MODE")
    generation = written_generation()
    require_key(generation)
    return generation


def require_key(generation: int) -> None:
    """Raises `VaultError` where this process has no key of the generation."""
    if len(vault.key_ring().index_keys) < generation:
        vault.forget_keys()
    if len(vault.key_ring().index_keys) < generation:
        raise vault.VaultError(
            f"本机缺第 {generation} 把检索密钥，请补上。 / Index key {generation} is missing here."
        )


def _write_from_now_on(generation: int, by: Actor, wait: Callable[[float], None]) -> None:
    """Let everybody who writes finish, and those who come after write the new generation."""
    for _turn in range(_MOST_TURNS):
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(f"SET LOCAL lock_timeout = {_TURN_MILLISECONDS}")
                cursor.execute(f"LOCK TABLE {_TABLES} IN SHARE ROW EXCLUSIVE MODE")
                cursor.execute(
                    "INSERT INTO directory_edition AS known (name, number) VALUES (%s, %s) "
                    "ON CONFLICT (name) DO UPDATE SET number = EXCLUDED.number "
                    "WHERE known.number < EXCLUDED.number",
                    [INDEX_KEY, generation],
                )
                record(
                    kind="vault.index_key_added",
                    subject="vault",
                    by=by.ref,
                    body={"generation": generation},
                )
        except OperationalError as error:
            if getattr(error.__cause__, "sqlstate", "") != "55P03":
                raise
            wait(1)
        else:
            return
    raise TablesBusy(
        "一直有人在成批写入居民信息，请等导入完成后再运行一次，会接着做。",
        "Residents are being imported all the while; run this again afterwards, it goes on.",
    )


def _raise_table(one: IndexedTable, generation: int, raised: int, progress: Progress | None) -> int:
    columns = list(one.columns)
    old = " OR ".join(f"{generation_of(column)} < %(generation)s" for column in columns)
    last: Any = None
    while True:
        with transaction.atomic(), connection.cursor() as cursor:
            # What somebody holds is passed over: who waits for nobody stops nobody.
            cursor.execute(
                f"SELECT {one.key}, {', '.join(columns)} FROM {one.table} "  # noqa: S608 - names of our own models
                f"WHERE ({old}) {'' if last is None else f'AND {one.key} > %(last)s'} "
                f"ORDER BY {one.key} LIMIT %(batch)s FOR UPDATE SKIP LOCKED",
                {"generation": generation, "last": last, "batch": BATCH},
            )
            rows = cursor.fetchall()
            if not rows:
                return raised
            fresh = [
                [
                    None if token is None else vault.raised_index(context, token, generation)
                    for context, token in zip(one.columns.values(), row[1:], strict=True)
                ]
                for row in rows
            ]
            _store(one, [row[0] for row in rows], fresh)
        raised += len(rows)
        last = rows[-1][0]
        if progress is not None:
            progress(raised)


def _store(one: IndexedTable, keys: list[object], fresh: list[list[bytes | None]]) -> None:
    by_column = [list(column) for column in zip(*fresh, strict=True)]
    with connection.cursor() as cursor:
        if one.key in one.columns:
            # Somebody erased twice is there in two generations, and in one afterwards.
            cursor.execute(f"DELETE FROM {one.table} WHERE {one.key} = ANY(%s::bytea[])", [keys])  # noqa: S608 - as above
            cursor.execute(
                f"INSERT INTO {one.table} ({one.key}) SELECT unnest(%s::bytea[]) "
                "ON CONFLICT DO NOTHING",
                by_column,
            )
            return
        names = list(one.columns)
        given = ", %s::bytea[]" * len(names)
        cursor.execute(
            f"UPDATE {one.table} t SET {', '.join(f'{name} = x.{name}' for name in names)} "  # noqa: S608 - as above
            f"FROM unnest(%s::bigint[]{given}) AS x(key, {', '.join(names)}) "
            f"WHERE t.{one.key} = x.key",
            [keys, *by_column],
        )
