"""The ledger never goes back, even when the county does.

What was sealed after the moment a county is restored to was published: witnesses have seen the
checkpoints over it. A log that then signed other entries in the same places would contradict
itself, which is the one thing a log may never do (RFC 6962 asks each tree to contain the last;
a C2SP witness refuses anything else). So the entries stay where they are: the ledger of the
server that was replayed to the end of the log is carried into the one at the moment, and goes
on from there. The acts they tell of are undone; that they happened is not.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import psycopg
from django.conf import settings
from psycopg import sql

# Which rows of each table are carried: those behind what was sealed then.
_ROWS: Final = {
    "ledger_record": "LEFT JOIN ledger_position p ON p.record_id = t.id"
    " WHERE p.position >= {size} OR p.position IS NULL",
    "ledger_salt": "LEFT JOIN ledger_position p ON p.record_id = t.record_id"
    " WHERE p.position >= {size} OR p.position IS NULL",
    "ledger_position": "WHERE t.position >= {size}",
    "ledger_tile": "WHERE t.number >= {size} >> (8 * (t.level + 1))",
    "ledger_checkpoint": "WHERE t.size > {size}",
    "ledger_head": "",
}
_CONFLICT: Final = {
    "ledger_tile": "(level, number) DO UPDATE SET hashes = excluded.hashes",
}
_HEAD: Final = """
UPDATE ledger_head SET size = new.size, frontier = new.frontier, note = new.note,
    signed_at = new.signed_at, watermark_tx = new.watermark_tx,
    watermark_id = new.watermark_id, floor_id = new.floor_id
FROM tail_ledger_head AS new WHERE ledger_head.id = new.id
"""


@dataclass(frozen=True, slots=True)
class Tail:
    """The ledger had `size_then` entries at the moment and `size` in the end; `records` are
    the sealed or waiting ones whose acts are undone, `kinds` how many of each, `erased` the
    people whose data was erased since and is back."""

    size_then: int
    size: int
    records: int
    kinds: dict[str, int]
    erased: list[str]


def carry(source: psycopg.Connection, target: psycopg.Connection) -> Tail:
    """Make the ledger of `target` what it is in `source`, a later state of the same database.

    Commitments whose salt was erased since stay erased. Sequences are moved on too: a number
    once used for a case is never used for another. One transaction.
    """
    schema = sql.Identifier(settings.COUNTY_SCHEMA)
    with source, target:
        for connection in (source, target):
            connection.execute(sql.SQL("SET search_path TO {}").format(schema))
            connection.execute("SET statement_timeout = 0")
        size_then, size = (_size(one) for one in (target, source))
        for table in _ROWS:
            _bring(source, target, table, size_then)
        undone = (
            "FROM tail_ledger_record t"
            " WHERE NOT EXISTS (SELECT FROM ledger_record r WHERE r.id = t.id)"
        )
        kinds: dict[str, int] = dict(
            target.execute(f"SELECT kind, count(*) {undone} GROUP BY kind ORDER BY kind").fetchall()
        )
        erased = [
            row[0]
            for row in target.execute(
                f"SELECT DISTINCT subject {undone} AND kind = 'person.erased' ORDER BY 1"
            ).fetchall()
        ]
        for table in _ROWS:
            _insert(target, table)
        _erase_salts(source, target)
        target.execute(_HEAD)
        _move_sequences(source, target)
    return Tail(size_then, size, sum(kinds.values()), kinds, erased)


def _size(connection: psycopg.Connection) -> int:
    row = connection.execute("SELECT size FROM ledger_head WHERE id = 1").fetchone()
    return int(row[0]) if row else 0


def _bring(source: psycopg.Connection, target: psycopg.Connection, table: str, size: int) -> None:
    """The rows, into a temporary table beside the real one. Columns are named: since the
    moment, an upgrade may have added some."""
    names = {"tail": sql.Identifier(f"tail_{table}"), "table": sql.Identifier(table)}
    target.execute(
        sql.SQL("CREATE TEMP TABLE {tail} (LIKE {table}) ON COMMIT DROP").format(**names)
    )
    described = target.execute(sql.SQL("SELECT * FROM {table} LIMIT 0").format(**names))
    columns = [column.name for column in described.description or ()]
    wanted = sql.SQL(", ").join(sql.Identifier("t", name) for name in columns)
    listed = sql.SQL(", ").join(map(sql.Identifier, columns))
    rows = sql.SQL("SELECT {wanted} FROM {table} AS t {which}").format(
        **names, wanted=wanted, which=sql.SQL(_ROWS[table]).format(size=sql.Literal(size))
    )
    reading_it = sql.SQL("COPY ({}) TO STDOUT (FORMAT binary)").format(rows)
    writing_it = sql.SQL("COPY {tail} ({listed}) FROM STDIN (FORMAT binary)")
    with (
        source.cursor().copy(reading_it) as reading,
        target.cursor().copy(writing_it.format(**names, listed=listed)) as writing,
    ):
        for block in reading:
            writing.write(block)


def _insert(target: psycopg.Connection, table: str) -> None:
    target.execute(
        sql.SQL("INSERT INTO {} SELECT * FROM {} ON CONFLICT {}").format(
            sql.Identifier(table),
            sql.Identifier(f"tail_{table}"),
            sql.SQL(_CONFLICT.get(table, "DO NOTHING")),
        )
    )


def _erase_salts(source: psycopg.Connection, target: psycopg.Connection) -> None:
    target.execute("CREATE TEMP TABLE tail_kept (id bigint PRIMARY KEY) ON COMMIT DROP")
    with (
        source.cursor().copy("COPY (SELECT id FROM ledger_salt) TO STDOUT") as reading,
        target.cursor().copy("COPY tail_kept FROM STDIN") as writing,
    ):
        for block in reading:
            writing.write(block)
    target.execute("DELETE FROM ledger_salt s WHERE NOT EXISTS (SELECT FROM tail_kept k"
                   " WHERE k.id = s.id)")  # fmt: skip


def _move_sequences(source: psycopg.Connection, target: psycopg.Connection) -> None:
    schemas = [settings.COUNTY_SCHEMA, settings.JOBS_SCHEMA]
    query = (
        "SELECT schemaname, sequencename, last_value FROM pg_sequences"
        " WHERE schemaname = ANY(%s) AND last_value IS NOT NULL"
    )
    then: dict[tuple[str, str], int] = _last_values(target.execute(query, [schemas]).fetchall())
    end = _last_values(source.execute(query, [schemas]).fetchall())
    for (schema, name), value in end.items():
        if value > then.get((schema, name), 0):
            target.execute(
                "SELECT setval(format('%%I.%%I', %s::text, %s::text)::regclass, %s)",
                [schema, name, value],
            )


def _last_values(rows: Sequence[tuple[str, str, int]]) -> dict[tuple[str, str], int]:
    return {(schema, name): value for schema, name, value in rows}
