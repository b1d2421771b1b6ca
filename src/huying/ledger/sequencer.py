"""Gives records their place in the tree and signs what stands: one worker, a batch at a time.

Order is by (tx, id), where tx is the number of the transaction that wrote the record. A batch
takes only records of transactions below the horizon, the oldest writing transaction still
running in this database: everything below has ended, so nothing can appear there later, nothing
is skipped and no writer ever waits. The price: one long writing transaction delays sealing for
all; settings time such transactions out, and `run` raises an alarm.

One batch is one transaction: positions, tiles, head and signed checkpoint, so a process killed
anywhere leaves either the whole batch or none of it, and the next one reads the same records in
the same order. The lock on the one row of ledger_head keeps a second sequencer out.

Waking up is by the clock, not by NOTIFY: a commit that notifies takes a lock of the whole
server, which every writer would pay; ten empty looks a second cost nothing to see.
"""

import logging
import struct
import threading
import time
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import urlsplit

from django.conf import settings
from django.db import Error, connection, transaction
from django.utils import timezone

from huying.ledger import actions, keys, mark, queries
from huying.ledger.rules import merkle, notes
from huying.ledger.rules.tiles import WIDTH
from huying.telemetry import metrics
from huying.telemetry.spans import span

_logger = logging.getLogger(__name__)

BATCH: Final = 8_192
INTERVAL_SECONDS: Final = 0.1
ALARM_SECONDS: Final = 15.0

# pg_snapshot_xmin would do, but counts the transactions of every database of the server. So: the
# statement's snapshot is taken first, then who runs is read. A transaction below the snapshot's
# xmax had its number before that, so while it runs it is in the list; what has left the list has
# ended and is seen by the next statement. Numbers in the list have 32 bits: one not within 2^31
# below xmax is above it. Autovacuum writes no records. Where the list hides sessions of other
# roles from us, the horizon of the whole server stands.
_HORIZON = """
WITH horizon AS (
    SELECT CASE WHEN bool_or(hidden) THEN xmin ELSE least(xmax, min(xmax - behind)) END AS tx
    FROM (
        SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS xmin,
               pg_snapshot_xmax(pg_current_snapshot())::text::bigint AS xmax
    ) AS snapshot
    LEFT JOIN LATERAL (
        SELECT query = '<insufficient privilege>' AS hidden,
               (xmax - backend_xid::text::bigint) & 4294967295 AS behind
        FROM pg_stat_activity
        WHERE datname = current_database() AND backend_type IS DISTINCT FROM 'autovacuum worker'
        UNION ALL
        SELECT false, (xmax - transaction::text::bigint) & 4294967295
        FROM pg_prepared_xacts WHERE database = current_database()
    ) AS running ON hidden OR behind <= 2147483648
    GROUP BY xmin, xmax
)
"""
_HEAD = (
    _HORIZON
    + """
SELECT origin, size, frontier, watermark_tx::text, watermark_id, floor_id,
       horizon.tx::text,
       watermark_tx > pg_snapshot_xmax(pg_current_snapshot()) AS rewound, note <> '' AS signed
FROM ledger_head, horizon WHERE id = 1 FOR UPDATE OF ledger_head SKIP LOCKED
"""
)
_PENDING = (
    _HORIZON
    + """
SELECT size, note = '' OR watermark_tx > pg_snapshot_xmax(pg_current_snapshot()) OR EXISTS (
    SELECT FROM ledger_record
    WHERE (ledger_record.tx, ledger_record.id) > (watermark_tx, watermark_id)
      AND ledger_record.tx < horizon.tx::text::xid8
      AND ledger_record.id > floor_id
)
FROM ledger_head, horizon WHERE id = 1
"""
)
_NEXT = """
SELECT id, entry FROM ledger_record
WHERE (tx, id) > (%s::xid8, %s) AND tx < %s::xid8 AND id > %s
ORDER BY tx, id LIMIT %s
"""
_TILES = """
INSERT INTO ledger_tile (level, number, hashes)
SELECT * FROM unnest(%s::smallint[], %s::bigint[], %s::bytea[])
ON CONFLICT (level, number) DO UPDATE SET hashes = ledger_tile.hashes || excluded.hashes
"""
_ADVANCE = """
WITH kept AS (
    INSERT INTO ledger_checkpoint (size, note, signed_at)
    SELECT %(size)s::bigint, %(note)s::text, %(now)s::timestamptz
    WHERE NOT EXISTS (
        SELECT FROM (SELECT signed_at FROM ledger_checkpoint ORDER BY size DESC LIMIT 1) AS last
        WHERE signed_at > %(now)s::timestamptz - interval '1 minute'
          AND signed_at <= %(now)s::timestamptz
    )
)
UPDATE ledger_head SET size = %(size)s, frontier = %(frontier)s, note = %(note)s,
    signed_at = %(now)s,
    watermark_tx = CASE WHEN %(exhausted)s THEN %(horizon)s::xid8
                        ELSE (SELECT tx FROM ledger_record WHERE id = %(last)s) END,
    watermark_id = CASE WHEN %(exhausted)s THEN 0 ELSE %(last)s END
WHERE id = 1
"""
_UNPLACED = """
SELECT id, entry FROM ledger_record
WHERE NOT EXISTS (SELECT FROM ledger_position WHERE record_id = ledger_record.id)
ORDER BY tx, id
"""


@dataclass(frozen=True, slots=True)
class Batch:
    """What one call of `seal_pending` placed; `size` is the tree's afterwards."""

    count: int
    size: int
    more: bool


@dataclass(frozen=True, slots=True)
class _Head:
    origin: str
    size: int
    frontier: list[bytes]
    watermark_tx: str
    watermark_id: int
    floor_id: int
    horizon: str
    rewound: bool
    signed: bool


def origin() -> str:
    """The name of this county's log: its address without the scheme (C2SP tlog-tiles)."""
    given = getattr(settings, "LEDGER_ORIGIN", "")
    return given or f"{urlsplit(settings.PUBLIC_URL).netloc}/ledger"


def seal_pending() -> Batch | None:
    """Place one batch of committed records and sign the tree; None if another is at work.

    A transaction of its own: RuntimeError inside another one.
    """
    idle = _cursor().execute(_PENDING).fetchone()
    if idle is not None and not idle[1]:
        return Batch(0, idle[0], more=False)
    began = time.perf_counter()
    # Durable: inside an older transaction the list of who runs would be an old one.
    with span("ledger.seal") as current, transaction.atomic(durable=True):
        cursor = _cursor()
        head = _lock_head(cursor)
        if head is None:
            return None
        if head.rewound:
            return _recover(cursor, head)
        values = [head.watermark_tx, head.watermark_id, head.horizon, head.floor_id, BATCH]
        rows = cursor.execute(_NEXT, values).fetchall()
        if not rows and head.signed:
            return Batch(0, head.size, more=False)
        _place(cursor, head, rows, exhausted=len(rows) < BATCH)
        current.set(records=len(rows))
    metrics.SEALED.inc(len(rows))
    metrics.SEAL_SECONDS.observe(time.perf_counter() - began)
    return Batch(len(rows), head.size + len(rows), more=len(rows) == BATCH)


def seal_all() -> int:
    """Seal until nothing committed is left (demo, tests, simulation); the size of the tree."""
    while True:
        batch = seal_pending()
        if batch is None:
            time.sleep(INTERVAL_SECONDS)
        elif not batch.more:
            return batch.size


def run(stop_event: threading.Event) -> None:
    """Seal until told to stop. Survives a lost database; several may run, one works."""
    alarm_at = time.monotonic() + ALARM_SECONDS
    pause = INTERVAL_SECONDS
    recovered = False
    while not stop_event.is_set():
        try:
            # psycopg's own cursors raise psycopg's own errors.
            with connection.wrap_database_errors:
                if not recovered:
                    recover_after_restore()
                    recovered = True
                batch = seal_pending()
            pause = 0.0 if batch is not None and batch.more else INTERVAL_SECONDS
            if time.monotonic() >= alarm_at:
                alarm_at = time.monotonic() + ALARM_SECONDS
                _raise_alarm()
        except (Error, OSError, mark.LedgerWentBack):
            _logger.exception("ledger: sealing failed; trying again")
            connection.close()
            pause = min(max(pause, INTERVAL_SECONDS) * 2, 5.0)
        if pause:
            stop_event.wait(pause)
    connection.close()


def recover_after_restore() -> Batch | None:
    """Seal what a restored database brought along; None where nothing was restored.

    A dump restored into another server carries transaction numbers that this server has not
    reached yet. They are placed at once, with all writers held out for that moment, and the
    watermark starts anew behind them.
    """
    with transaction.atomic():
        cursor = _cursor()
        head = _lock_head(cursor)
        if head is None:
            return None
        ahead = cursor.execute(
            "SELECT EXISTS (SELECT FROM ledger_record"
            " WHERE tx >= pg_snapshot_xmax(pg_current_snapshot()) AND id > %s)",
            [head.floor_id],
        ).fetchone()
        return _recover(cursor, head) if head.rewound or ahead[0] else None


def begin_anew(*, by: str) -> str:
    """End the log and begin another over the same records, under a new name; returns it.

    The last way out where published entries are lost for good: the old log cannot go on without
    contradicting itself. The first to be sealed anew says so, with what was signed last of the
    old one. Verifier keys change with the name: everyone who checks must be told. In one
    transaction, with all writers held out.
    """
    with transaction.atomic(durable=True):
        cursor = _cursor()
        head = _lock_head(cursor)
        if head is None:
            raise RuntimeError("another sequencer is at work: stop the workers first")
        signed = mark.last_signed(head.origin)
        name, _, number = head.origin.rpartition("/")
        begun = f"{name}/{int(number) + 1}" if number.isdigit() else f"{head.origin}/2"
        actions.record(
            kind="ledger.begun_anew",
            subject="ledger",
            by=by,
            body={
                "before": head.origin,
                "size": signed.size if signed else head.size,
                "root": b64encode(signed.root).decode() if signed else "",
            },
        )
        cursor.execute("TRUNCATE ledger_position, ledger_tile, ledger_checkpoint")
        cursor.execute(
            "UPDATE ledger_head SET origin = %s, size = 0, frontier = '', note = '' WHERE id = 1",
            [begun],
        )
        _recover(cursor, replace(head, origin=begun, size=0, frontier=[]))
    return begun


def _recover(cursor: Any, head: _Head) -> Batch:
    cursor.execute("LOCK TABLE ledger_record IN SHARE ROW EXCLUSIVE MODE")
    row = cursor.execute(
        "SELECT pg_snapshot_xmin(pg_current_snapshot())::text, coalesce(max(id), 0)"
        " FROM ledger_record"
    ).fetchone()
    cursor.execute("UPDATE ledger_head SET floor_id = %s WHERE id = 1", [row[1]])
    rows = cursor.execute(_UNPLACED).fetchall()
    _place(cursor, replace(head, horizon=row[0]), rows, exhausted=True)
    _logger.warning("ledger: database was restored; %d records placed", len(rows))
    return Batch(len(rows), head.size + len(rows), more=False)


def _cursor() -> Any:
    """A cursor of psycopg itself, with binary results: entries come as they are, not as hex."""
    connection.ensure_connection()
    return connection.connection.cursor(binary=True)


def _lock_head(cursor: Any) -> _Head | None:
    row = cursor.execute(_HEAD).fetchone()
    if row is None:
        cursor.execute(
            "INSERT INTO ledger_head (id, origin, size, frontier, watermark_tx, watermark_id,"
            " floor_id, note) VALUES (1, %s, 0, '', '0', 0, 0, '') ON CONFLICT DO NOTHING",
            [origin()],
        )
        row = cursor.execute(_HEAD).fetchone()
    if row is None:
        return None
    frontier = bytes(row[2])
    hashes = [frontier[i : i + 32] for i in range(0, len(frontier), 32)]
    return _Head(row[0], row[1], hashes, row[3], *row[4:])


def _place(cursor: Any, head: _Head, rows: Sequence[tuple[int, bytes]], *, exhausted: bool) -> None:
    """Positions, tiles, checkpoint and watermark for these records, behind the tree as it is."""
    leaves = merkle.leaf_hashes([row[1] for row in rows])
    mark.require_same_history(head.origin, head.size, head.frontier, leaves)
    _copy_positions(cursor, head.size, [row[0] for row in rows])
    grown = merkle.grow(head.size, head.frontier, leaves)
    _append_tiles(cursor, head.size, grown)
    _advance(cursor, head, grown, last=rows[-1][0] if rows else 0, exhausted=exhausted)


def _advance(cursor: Any, head: _Head, grown: merkle.Growth, *, last: int, exhausted: bool) -> None:
    """Sign the tree and move the watermark: to the horizon once everything below it is placed."""
    body = notes.CheckpointBody(head.origin, grown.size, grown.root)
    with metrics.SIGN_SECONDS.time():
        note = str(notes.sign(body.text, keys.log_keys(head.origin)))
    mark.remember(note)
    values = {
        "size": grown.size,
        "frontier": b"".join(grown.frontier),
        "note": note,
        "now": timezone.now(),
        "exhausted": exhausted,
        "horizon": head.horizon,
        "last": last,
    }
    cursor.execute(_ADVANCE, values)


_COPY_HEAD = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
_COPY_ROW = struct.Struct(">hiqiq")
_COPY_END = b"\xff\xff"


def _copy_positions(cursor: Any, first: int, record_ids: Sequence[int]) -> None:
    pack = _COPY_ROW.pack
    rows = [pack(2, 8, first + place, 8, record) for place, record in enumerate(record_ids)]
    with cursor.copy(
        "COPY ledger_position (position, record_id) FROM STDIN (FORMAT binary)"
    ) as copy:
        copy.write(_COPY_HEAD + b"".join(rows) + _COPY_END)


def _append_tiles(cursor: Any, size: int, grown: merkle.Growth) -> None:
    """Give each tile the hashes it gains."""
    levels: list[int] = []
    numbers: list[int] = []
    parts: list[bytes] = []
    for level, added in grown.appended.items():
        place = size >> merkle.TILE_HEIGHT * level
        start = 0
        while start < len(added):
            room = WIDTH - place % WIDTH
            levels.append(level)
            numbers.append(place // WIDTH)
            parts.append(b"".join(added[start : start + room]))
            start += room
            place += room
    cursor.execute(_TILES, [levels, numbers, parts])


def _raise_alarm() -> None:
    health = queries.ledger_health()
    if health.oldest_pending_age_s > ALARM_SECONDS:
        _logger.warning(
            "ledger: the oldest record has waited %.0f s for its seal; held up by %s",
            health.oldest_pending_age_s,
            queries.blocking_transaction() or "nothing in this server: is a sequencer running?",
        )
