"""Columns of values as PostgreSQL's binary arrays, for one INSERT of many rows.

psycopg writes a list as text, quoting each element in Python; for a hundred records that costs
more than inserting them. The binary form (array_send in PostgreSQL's source) is a header and the
elements, each behind its length.
"""

import struct
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from psycopg import Cursor
from psycopg.adapt import Dumper
from psycopg.pq import Format

_HEADER: Final = struct.Struct(">iiiii")  # dimensions, nulls, element type, length, lower bound
_LENGTH: Final = struct.Struct(">i")
_TIME: Final = struct.Struct(">iq")
_EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_BYTEA, _TEXT, _TIMESTAMPTZ = 17, 25, 1184


class _Bytes(bytes):
    """A bytea[] in binary form."""


class _Texts(bytes):
    """A text[] in binary form."""


class _Times(bytes):
    """A timestamptz[] in binary form."""


def bytes_column(values: Sequence[bytes]) -> bytes:
    return _Bytes(_header(_BYTEA, len(values)) + _elements(values))


def text_column(values: Sequence[str]) -> bytes:
    return _Texts(_header(_TEXT, len(values)) + _elements(value.encode() for value in values))


def time_column(values: Sequence[datetime]) -> bytes:
    pack = _TIME.pack
    times = [pack(8, (value - _EPOCH) // _MICROSECOND) for value in values]
    return _Times(_header(_TIMESTAMPTZ, len(values)) + b"".join(times))


def _header(element: int, length: int) -> bytes:
    return _HEADER.pack(1, 0, element, length, 1)


def _elements(values: Iterable[bytes]) -> bytes:
    pack = _LENGTH.pack
    return b"".join([part for value in values for part in (pack(len(value)), value)])


class _AsItIs(Dumper):
    format = Format.BINARY

    def dump(self, obj: bytes) -> bytes:
        return bytes(obj)


class _BytesDumper(_AsItIs):
    oid = 1001


class _TextsDumper(_AsItIs):
    oid = 1009


class _TimesDumper(_AsItIs):
    oid = 1185


def accept_columns(cursor: Cursor[Any]) -> None:
    """Let this cursor take the columns above as parameters."""
    cursor.adapters.register_dumper(_Bytes, _BytesDumper)
    cursor.adapters.register_dumper(_Texts, _TextsDumper)
    cursor.adapters.register_dumper(_Times, _TimesDumper)
