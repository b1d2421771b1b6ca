"""Rows into the observation table by COPY, each exactly once.

The quick way is a plain COPY: the keys this process has stored lately are remembered, so what
is re-sent is dropped before it costs anything. Where a key is already there after all (another
process stored it, or this one was restarted) the unique index says so, and the batch goes
through a staging table with ON CONFLICT instead. A second frame for the same time that brings
other properties is merged; one that contradicts what is stored goes to quarantine.
"""

import threading
from collections.abc import Iterable, Sequence
from struct import Struct
from struct import pack as struct_pack
from typing import Any, Final

from django.db import IntegrityError, connection, transaction

from huying.sensing.actions.checking import Row
from huying.sensing.queries.registry import Registry
from huying.sensing.rules.readings import Refusal

Key = tuple[int, str, int]

_COLUMNS: Final = '(device_id, kind, at, received_at, properties, "values", flags, minima, maxima)'
_HEADER: Final = b"PGCOPY\n\xff\r\n\x00" + b"\x00" * 8
_TRAILER: Final = b"\xff\xff"
_NULL: Final = b"\xff\xff\xff\xff"
_EPOCH_2000: Final = 946_684_800
_OID_INT2: Final = 21
_OID_FLOAT8: Final = 701
_AT: Final = Struct(">iqiq")
_EQUAL_WITHIN: Final = 1e-9


class RememberedKeys:
    """Keys stored lately by this process, and what was stored under them; bounded.

    Keys enter only after their commit, so a failed one leaves nothing behind.
    """

    def __init__(self, capacity: int = 400_000) -> None:
        self._contents: dict[Key, int] = {}
        self._capacity = capacity
        self._lock = threading.Lock()

    def add(self, rows: Iterable[Row]) -> None:
        with self._lock:
            contents = self._contents
            for row in rows:
                contents[row.key] = content_of(row)
            excess = len(contents) - self._capacity
            if excess > 0:
                for key in [key for key, _ in zip(contents, range(excess), strict=False)]:
                    del contents[key]

    def holds(self, row: Row) -> bool:
        """Whether exactly this was stored before."""
        known = self._contents.get(row.key)
        return known is not None and known == content_of(row)

    def holds_key(self, row: Row) -> bool:
        return row.key in self._contents

    def clear(self) -> None:
        with self._lock:
            self._contents.clear()


def content_of(row: Row) -> int:
    """A fingerprint of what a row says."""
    return hash((row.ids, tuple(row.values), row.flags))


_structs: dict[int, Struct] = {}
_id_arrays: dict[tuple[int, ...], bytes] = {}
_flag_fields: dict[str, bytes] = {}
_prefixes: dict[tuple[int, str], bytes] = {}


def encode(rows: Iterable[Row], received_at: float) -> bytes:
    """The rows in PostgreSQL's binary COPY format."""
    received = round((received_at - _EPOCH_2000) * 1_000_000)
    parts = [_HEADER]
    add = parts.append
    for row in rows:
        prefix = _prefixes.get((row.profile.id, row.kind)) or _prefix(row.profile.id, row.kind)
        ids = _id_arrays.get(row.ids) or _id_array(row.ids)
        add(prefix)
        add(_AT.pack(8, (row.at - _EPOCH_2000) * 1_000_000, 8, received))
        add(ids)
        add(_float_array(row.values))
        add(_flag_fields.get(row.flags) or _flag_field(row.flags))
        add(_NULL if row.minima is None else _optional_floats(row.minima))
        add(_NULL if row.maxima is None else _optional_floats(row.maxima))
    add(_TRAILER)
    return b"".join(parts)


def _prefix(device_id: int, kind: str) -> bytes:
    made = struct_pack(f">hiqi{len(kind)}s", 9, 8, device_id, len(kind), kind.encode())
    if len(_prefixes) > 100_000:
        _prefixes.clear()
    _prefixes[(device_id, kind)] = made
    return made


def _id_array(ids: tuple[int, ...]) -> bytes:
    size = len(ids)
    body = struct_pack(">iiiii", 1, 0, _OID_INT2, size, 1)
    body += b"".join(struct_pack(">ih", 2, number) for number in ids)
    made = struct_pack(">i", len(body)) + body
    if len(_id_arrays) > 50_000:
        _id_arrays.clear()
    _id_arrays[ids] = made
    return made


def _flag_field(flags: str) -> bytes:
    data = flags.encode()
    made = struct_pack(">i", len(data)) + data
    if len(_flag_fields) < 10_000:
        _flag_fields[flags] = made
    return made


def _float_array(values: Sequence[float]) -> bytes:
    size = len(values)
    packer = _structs.get(size)
    if packer is None:
        packer = _structs[size] = Struct(">iiiiii" + "id" * size)
    arguments: list[float] = [8] * (2 * size)
    arguments[1::2] = values
    return packer.pack(20 + 12 * size, 1, 0, _OID_FLOAT8, size, 1, *arguments)


def _optional_floats(values: Sequence[float | None]) -> bytes:
    body = struct_pack(">iiiii", 1, 1, _OID_FLOAT8, len(values), 1)
    body += b"".join(_NULL if value is None else struct_pack(">id", 8, value) for value in values)
    return struct_pack(">i", len(body)) + body


def copy_rows(table: str, rows: Sequence[Row], received_at: float) -> None:
    """COPY the rows into `table`, which has the observation table's columns."""
    statement = f"COPY {table} {_COLUMNS} FROM STDIN (FORMAT BINARY)"  # our own names
    # What psycopg raises within a COPY Django does not see: a lost connection would look like a
    # fault of the rows.
    with (
        connection.wrap_database_errors,
        connection.cursor() as cursor,
        cursor.copy(statement) as copy,
    ):
        copy.write(encode(rows, received_at))


class Stored:
    """What became of the rows of one batch."""

    def __init__(self) -> None:
        self.new: list[Row] = []
        self.duplicates: list[Row] = []
        self.merged: list[tuple[Row, Row]] = []
        """(what came, the part of it that was new)"""
        self.conflicts: list[tuple[Row, list[Refusal]]] = []


def store(
    known: Registry, rows: Sequence[Row], received_at: float, remembered: RememberedKeys
) -> Stored:
    """Write each row exactly once. In a transaction; sorted, so that two writers never wait
    for each other in a circle."""
    result = Stored()
    batch: dict[Key, Row] = {}
    again: list[Row] = []
    for row in rows:
        if remembered.holds(row):
            result.duplicates.append(row)
            continue
        first = batch.setdefault(row.key, row)
        if first is not row:
            if content_of(first) == content_of(row):
                result.duplicates.append(row)
            else:
                again.append(row)
    ordered = [batch[key] for key in sorted(batch)]
    if ordered:
        if any(remembered.holds_key(row) for row in ordered):
            _store_staged(known, ordered, received_at, result)
        else:
            _store_quickly(known, ordered, received_at, result)
    for row in again:  # rare: two frames for one time in one batch
        _store_staged(known, [row], received_at, result)
    return result


def _store_quickly(
    known: Registry, rows: Sequence[Row], received_at: float, result: Stored
) -> None:
    try:
        with transaction.atomic():
            copy_rows("sensing_observation", rows, received_at)
    except IntegrityError:
        _store_staged(known, rows, received_at, result)
    else:
        result.new.extend(rows)


def _store_staged(known: Registry, rows: Sequence[Row], received_at: float, result: Stored) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TEMP TABLE IF NOT EXISTS sensing_staging"
            " (LIKE sensing_observation) ON COMMIT DELETE ROWS"
        )
        cursor.execute("TRUNCATE sensing_staging")
        copy_rows("sensing_staging", rows, received_at)
        cursor.execute(
            f"INSERT INTO sensing_observation {_COLUMNS} SELECT {_COLUMNS[1:-1]}"  # noqa: S608 - own names
            " FROM sensing_staging ORDER BY device_id, kind, at"
            " ON CONFLICT DO NOTHING RETURNING device_id, kind, extract(epoch FROM at)::bigint"
        )
        inserted = {(device, kind, at) for device, kind, at in cursor.fetchall()}
        there: list[Row] = []
        for row in rows:
            (result.new if row.key in inserted else there).append(row)
        if there:
            _merge(cursor, known, there, result)


def _merge(cursor: Any, known: Registry, rows: Sequence[Row], result: Stored) -> None:
    """Rows whose key is taken: the same again, more properties, or a contradiction."""
    cursor.execute(
        "SELECT o.device_id, o.kind, extract(epoch FROM o.at)::bigint, o.properties, o.values,"
        " o.flags, o.minima, o.maxima FROM sensing_observation o"
        " JOIN unnest(%s::bigint[], %s::text[], %s::bigint[]) AS k (device_id, kind, at)"
        " ON o.device_id = k.device_id AND o.kind = k.kind AND o.at = to_timestamp(k.at)"
        " ORDER BY 1, 2, 3 FOR UPDATE OF o",
        [[row.key[index] for row in rows] for index in range(3)],
    )
    present = {(line[0], line[1], line[2]): line[3:] for line in cursor.fetchall()}
    for row in rows:
        ids, values, flags, minima, _maxima = present[row.key]
        stored = dict(zip(ids, zip(values, flags, strict=True), strict=True))
        extra: list[int] = []
        refusals: list[Refusal] = []
        for place, number in enumerate(row.ids):
            if number not in stored:
                extra.append(place)
            elif not _same(stored[number], row.values[place], row.flags[place]):
                detail = {
                    "code": known.properties_by_id[number].code,
                    "stored": stored[number][0],
                    "value": row.values[place],
                }
                refusals.append(Refusal("CONFLICT", detail))
        if refusals:
            result.conflicts.append((row, refusals))
        if extra:
            part = _part_of(row, extra)
            _append(cursor, part, len(ids), minima is not None)
            result.merged.append((row, part))
        elif not refusals:
            result.duplicates.append(row)


def _same(stored: tuple[float, str], value: float, flag: str) -> bool:
    close = abs(stored[0] - value) <= _EQUAL_WITHIN * max(1.0, abs(value))
    return stored[1] == flag and close


def _part_of(row: Row, places: Sequence[int]) -> Row:
    watched = {
        rule_place: new for new, rule_place in enumerate(places)
    }  # the rules on what is new keep watching it, at its new place
    return Row(
        row.place,
        row.profile,
        row.kind,
        row.at,
        tuple(row.ids[place] for place in places),
        [row.values[place] for place in places],
        "".join(row.flags[place] for place in places),
        [(rule, watched.get(at, at)) for rule, at in row.watches or [] if at in watched or at < 0],
        None if row.minima is None else [row.minima[place] for place in places],
        None if row.maxima is None else [row.maxima[place] for place in places],
        None if row.counted is None else [row.counted[place] for place in places],
    )


def _append(cursor: Any, part: Row, size: int, has_extremes: bool) -> None:
    """Append the new properties of a frame to the row that is there."""
    minima: Sequence[float | None] = part.minima or [None] * len(part.ids)
    maxima: Sequence[float | None] = part.maxima or [None] * len(part.ids)
    wanted = has_extremes or part.minima is not None
    cursor.execute(
        "UPDATE sensing_observation SET properties = properties || %s::smallint[],"
        ' "values" = "values" || %s::float8[], flags = flags || %s,'
        " minima = CASE WHEN %s THEN coalesce(minima, array_fill(NULL::float8, ARRAY[%s]))"
        " || %s::float8[] END,"
        " maxima = CASE WHEN %s THEN coalesce(maxima, array_fill(NULL::float8, ARRAY[%s]))"
        " || %s::float8[] END"
        " WHERE device_id = %s AND kind = %s AND at = to_timestamp(%s)",
        [
            list(part.ids), list(part.values), part.flags,
            wanted, size, list(minima), wanted, size, list(maxima),
            *part.key,
        ],
    )  # fmt: skip
