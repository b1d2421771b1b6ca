"""Reading the ledger: records, proofs, checkpoints, tiles and its health."""

import base64
import io
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, TypeVar

import orjson
import segno
from django.db import connection

from huying.ledger import keys
from huying.ledger.models import Record
from huying.ledger.rules import entries, merkle, notes, tiles
from huying.ledger.rules.entries import Json


@dataclass(frozen=True, slots=True)
class Difference:
    """Something that is not what its sources make it. `kind` is an UPPERCASE word, `subject` where
    it is; `repaired` tells that it was derived anew."""

    kind: str
    subject: str
    zh: str
    en: str
    repaired: bool = False


T = TypeVar("T")
R = TypeVar("R")


class Spread(Protocol):
    """How a piece of work is done to each of many tasks, lazily and in their order: `map`, or
    the same by several processes, to which work and tasks are sent then."""

    def __call__(self, work: Callable[[T], R], tasks: Iterable[T], /) -> Iterator[R]: ...


@dataclass(frozen=True, slots=True)
class RecordRow:
    """One record; `position` is None until it is sealed."""

    id: int
    kind: str
    subject: str
    by: str
    at: datetime
    body: Mapping[str, Json]
    position: int | None


@dataclass(frozen=True, slots=True)
class Proof:
    """That `entry` is the leaf `index` of the tree that `checkpoint` signs."""

    record_id: int
    entry: bytes
    index: int
    size: int
    hashes: tuple[bytes, ...]
    root: bytes
    checkpoint: str
    origin: str
    public_key: bytes

    @property
    def text(self) -> str:
        """The proof as a C2SP tlog-proof file; check it with the entry at hand."""
        lines = [base64.b64encode(one).decode() for one in self.hashes]
        head = ["c2sp.org/tlog-proof@v1", f"index {self.index}", *lines, ""]
        return "\n".join(head) + "\n" + self.checkpoint

    def document(self) -> dict[str, Json]:
        """The proof as a browser reads it: bytes in base64."""
        return {
            "entry": base64.b64encode(self.entry).decode(),
            "index": self.index,
            "size": self.size,
            "hashes": [base64.b64encode(one).decode() for one in self.hashes],
            "root": base64.b64encode(self.root).decode(),
            "checkpoint": self.checkpoint,
            "public_key": base64.b64encode(self.public_key).decode(),
            "origin": self.origin,
        }


@dataclass(frozen=True, slots=True)
class LatestCheckpoint:
    origin: str
    size: int
    note: str
    signed_at: datetime


@dataclass(frozen=True, slots=True)
class LedgerHealth:
    """`oldest_pending_age_s` is 0.0 when nothing waits; `origin` is empty before the first seal."""

    size: int
    last_checkpoint_at: datetime | None
    oldest_pending_age_s: float
    origin: str


_RECORDS = """
SELECT ledger_record.id, kind, subject, actor, at, entry, position
FROM ledger_record LEFT JOIN ledger_position ON record_id = ledger_record.id
"""


def records_of(subject: str) -> list[RecordRow]:
    """All records of one subject, oldest first."""
    return _records(f"{_RECORDS} WHERE subject = %s ORDER BY ledger_record.id", [subject])


def newest_records(
    subject: str, *, actors: Collection[str] | None = None, before: int | None = None, limit: int
) -> list[RecordRow]:
    """Records of one subject, newest first, below the id `before`; by these actors, if named."""
    return _records(
        f"{_RECORDS} WHERE subject = %s AND ledger_record.id < %s"
        " AND (%s::text[] IS NULL OR actor = ANY(%s::text[]))"
        " ORDER BY ledger_record.id DESC LIMIT %s",
        [
            subject,
            _LARGEST_ID if before is None else before,
            *[None if actors is None else list(actors)] * 2,
            limit,
        ],
    )


def records_by_id(ids: Iterable[int]) -> dict[int, RecordRow]:
    """Records by their ids in one query; unknown ids are left out."""
    rows = _records(f"{_RECORDS} WHERE ledger_record.id = ANY(%s)", [list(ids)])
    return {row.id: row for row in rows}


def written_since(ids: Iterable[int], snapshot: str) -> set[int]:
    """Those of the records that a snapshot (`pg_current_snapshot()`) did not see yet."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id FROM ledger_record WHERE id = ANY(%(ids)s)"
            " AND tx >= pg_snapshot_xmin(%(seen)s::pg_snapshot)"
            " AND NOT pg_visible_in_snapshot(tx, %(seen)s::pg_snapshot)"
            # One's own transaction saw it all the same.
            " AND tx IS DISTINCT FROM pg_current_xact_id_if_assigned()",
            {"ids": list(ids), "seen": snapshot},
        )
        return {row[0] for row in cursor.fetchall()}


def _records(statement: str, values: list[Any]) -> list[RecordRow]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return [
            RecordRow(record_id, kind, subject, actor, at, orjson.loads(entry)["body"], position)
            for record_id, kind, subject, actor, at, entry, position in cursor.fetchall()
        ]


_LARGEST_ID = 2**63 - 1
_ENTRY = """
SELECT entry, position, head.size, head.note, head.origin
FROM ledger_record
LEFT JOIN ledger_position ON record_id = ledger_record.id
LEFT JOIN ledger_head AS head ON head.id = 1
WHERE ledger_record.id = %s
"""


def proof(record_id: int) -> Proof | None:
    """The proof of one record under the newest checkpoint; None while it is not sealed.

    Raises Record.DoesNotExist where there is no such record. Two queries.
    """
    row = None
    if 0 < record_id <= _LARGEST_ID:
        with connection.cursor() as cursor:
            cursor.execute(_ENTRY, [record_id])
            row = cursor.fetchone()
    if row is None:
        raise Record.DoesNotExist(f"record {record_id}")
    entry, index, size, note, origin = row
    if index is None:
        return None
    wanted = tiles.Wanted()
    merkle.inclusion_proof(index, size, wanted)
    node = tiles.reader(tile_hashes(wanted.tiles))
    return Proof(
        record_id=record_id,
        entry=bytes(entry),
        index=index,
        size=size,
        hashes=tuple(merkle.inclusion_proof(index, size, node)),
        root=notes.parse_checkpoint(note).root,
        checkpoint=note,
        origin=origin,
        public_key=keys.log_keys(origin)[0][0].public_key,
    )


def proof_document(record_id: int) -> dict[str, Json] | None:
    """The proof as the browser reads it (bytes in base64); None while it is not sealed."""
    found = proof(record_id)
    return None if found is None else found.document()


def tile_hashes(addresses: Iterable[tuple[int, int]]) -> dict[tuple[int, int], bytes]:
    """The hashes of tiles (level, number), in one query; missing ones are left out."""
    wanted = sorted(addresses)
    if not wanted:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT level, number, hashes FROM ledger_tile JOIN"
            " unnest(%s::smallint[], %s::bigint[]) AS wanted (level, number) USING (level, number)",
            [[level for level, _ in wanted], [number for _, number in wanted]],
        )
        return {(level, number): bytes(hashes) for level, number, hashes in cursor.fetchall()}


def tile(address: tiles.TileAddress) -> bytes | None:
    """The bytes of one tile or bundle; None where the tree has none so wide."""
    if address.number > _LARGEST_ID // tiles.WIDTH:
        return None
    if address.level == tiles.ENTRIES:
        found = bundle_entries(address.number * tiles.WIDTH, address.width)
        return entries.pack_bundle(found) if len(found) == address.width else None
    hashes = tile_hashes([(address.level, address.number)]).get((address.level, address.number))
    wanted = address.width * merkle.HASH_SIZE
    return hashes[:wanted] if hashes is not None and len(hashes) >= wanted else None


def bundle_entries(first: int, count: int) -> list[bytes]:
    """The entries at positions [first, first + count), as far as they exist."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT entry FROM ledger_position"
            " JOIN ledger_record ON ledger_record.id = record_id"
            " WHERE position >= %s AND position < %s ORDER BY position",
            [first, first + count],
        )
        return [bytes(row[0]) for row in cursor.fetchall()]


def placed_records(first: int, count: int) -> list[tuple[Any, ...]]:
    """(position, entry, kind, subject, actor, at) of [first, first + count), by position.

    All but the position are None where the record is gone.
    """
    connection.ensure_connection()
    with connection.wrap_database_errors, connection.connection.cursor(binary=True) as cursor:
        rows: list[tuple[Any, ...]] = cursor.execute(
            "SELECT position, entry, kind, subject, actor, at FROM ledger_position"
            " LEFT JOIN ledger_record ON ledger_record.id = record_id"
            " WHERE position >= %s AND position < %s ORDER BY position",
            [first, first + count],
        ).fetchall()
    return rows


def latest_checkpoint() -> LatestCheckpoint | None:
    """The newest signed checkpoint; None before anything was sealed."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT origin, size, note, signed_at FROM ledger_head WHERE id = 1 AND note <> ''"
        )
        row = cursor.fetchone()
    return None if row is None else LatestCheckpoint(*row)


def key_lines() -> list[str]:
    """The public keys of the log, one verifier key a line; empty before anything was sealed."""
    latest = latest_checkpoint()
    return [] if latest is None else [key.line for key, _ in keys.log_keys(latest.origin)]


_HEALTH = """
SELECT size, signed_at, coalesce((
    SELECT extract(epoch FROM now() - recorded_at)::float8
    FROM ledger_record
    WHERE (tx, ledger_record.id) > (watermark_tx, watermark_id) AND ledger_record.id > floor_id
    ORDER BY tx, ledger_record.id LIMIT 1
), 0.0), origin
FROM ledger_head WHERE id = 1
"""


def ledger_health() -> LedgerHealth:
    """How large the tree is, when it was last signed, how long the oldest record has waited."""
    with connection.cursor() as cursor:
        cursor.execute(_HEALTH)
        row = cursor.fetchone()
        if row is None:
            cursor.execute(
                "SELECT coalesce(extract(epoch FROM now() - min(recorded_at))::float8, 0.0)"
                " FROM ledger_record"
            )
            return LedgerHealth(0, None, cursor.fetchone()[0], "")
    return LedgerHealth(row[0], row[1], max(0.0, row[2]), row[3])


def blocking_transaction() -> str | None:
    """Who holds sealing up: the oldest writing transaction of this database, in words."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pid, application_name, state, extract(epoch FROM now() - xact_start)::int"
            " FROM pg_stat_activity WHERE backend_xid IS NOT NULL AND pid <> pg_backend_pid()"
            " AND datname = current_database()"
            " ORDER BY xact_start LIMIT 1"
        )
        row = cursor.fetchone()
    return None if row is None else f"process {row[0]} ({row[1]}, {row[2]}) for {row[3]} s"


def qr_svg(url: str) -> str:
    """A QR code of `url` as an inline SVG that scales with its container."""
    drawing = io.BytesIO()
    segno.make(url, error="m", micro=False).save(
        drawing,
        kind="svg",
        xmldecl=False,
        svgns=True,
        omitsize=True,
        border=2,
        dark="#1b2430",
        light="#ffffff",
        svgclass="hy-qr",
        lineclass="hy-qr-line",
    )
    return drawing.getvalue().decode()
