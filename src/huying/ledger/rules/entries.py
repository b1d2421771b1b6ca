"""One entry of the ledger: its canonical bytes, its commitments, its place in a bundle.

An entry is one JSON object in UTF-8, keys sorted, no white space, so that whoever reads it
sees what was sealed:

    {"actor":"staff:17","at":"2026-11-22T10:30:47.123456Z","body":{…},
     "commitments":{"phone":"9f…"},"kind":"case.act","subject":"case:123","version":1}

Entries are published. A personal value never enters one; in its place stands a commitment:

    HMAC-SHA256(salt, "huying/ledger/commitment/v1" 00 field 00 value)    (UTF-8, 32 random bytes)

Who holds the salt and the value can show that it was this value; without the salt the
commitment says nothing, not even to somebody who tries every telephone number. Erasing the
salt therefore erases the person, and the entry's proof still stands.
"""

import hmac
import secrets
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, TypeAlias

import orjson

from huying.ledger.rules.errors import EntryRefused, MalformedTile

Json: TypeAlias = "str | int | float | bool | Sequence[Json] | Mapping[str, Json] | None"

VERSION: Final = 1
LARGEST_ENTRY: Final = 65_535
"""Bytes: an entry bundle gives the length of each entry in 16 bits (C2SP tlog-tiles)."""
SALT_SIZE: Final = 32
_DOMAIN: Final = b"huying/ledger/commitment/v1\x00"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What an action wants sealed. `by` is Actor.ref; `at` (aware) is now where it is missing.

    `personal` maps field names to values that must never be readable in the ledger.
    """

    kind: str
    subject: str
    by: str
    body: Mapping[str, Json]
    personal: Mapping[str, str] | None = None
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class SealedEntry:
    """The bytes that go into the tree, and the salts that must not."""

    kind: str
    subject: str
    actor: str
    at: datetime
    data: bytes
    salts: Mapping[str, bytes]


def commitment(salt: bytes, field: str, value: str) -> bytes:
    """The 32 bytes that stand in an entry for a personal value."""
    return hmac.digest(salt, _DOMAIN + field.encode() + b"\x00" + value.encode(), "sha256")


def timestamp(at: datetime) -> str:
    """RFC 3339 in UTC with microseconds, always of the same length."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")[:-6] + "Z"


def prepare(entry: Entry, now: datetime) -> SealedEntry:
    """The canonical bytes of `entry` and a fresh salt for each personal field.

    Raises EntryRefused where it cannot be written as JSON or would not fit a bundle.
    """
    at = now if entry.at is None else entry.at
    if at.utcoffset() is None:
        raise EntryRefused(
            "存证时间缺少时区，请使用带时区的时间。",
            "The time of the entry has no time zone; give an aware datetime.",
        )
    salts: dict[str, bytes] = {}
    commitments: dict[str, str] = {}
    for field, value in (entry.personal or {}).items():
        salts[field] = secrets.token_bytes(SALT_SIZE)
        commitments[field] = commitment(salts[field], field, value).hex()
    try:
        data = orjson.dumps(
            {
                "actor": entry.by,
                "at": timestamp(at),
                "body": entry.body,
                "commitments": commitments,
                "kind": entry.kind,
                "subject": entry.subject,
                "version": VERSION,
            },
            option=orjson.OPT_SORT_KEYS,
        )
    except TypeError as error:
        raise EntryRefused(
            f"存证内容无法写成 JSON：{error}。", f"The entry cannot be written as JSON: {error}."
        ) from None
    if len(data) > LARGEST_ENTRY:
        raise EntryRefused(
            f"存证内容 {len(data)} 字节，超过上限 {LARGEST_ENTRY} 字节；请只存文件的摘要。",
            f"The entry has {len(data)} bytes, more than {LARGEST_ENTRY}; seal a file's digest.",
        )
    return SealedEntry(entry.kind, entry.subject, entry.by, at, data, salts)


_LENGTH = struct.Struct(">H")


def pack_bundle(entries: Sequence[bytes]) -> bytes:
    """An entry bundle: each entry behind its length as a big-endian uint16."""
    pack = _LENGTH.pack
    return b"".join([part for entry in entries for part in (pack(len(entry)), entry)])


def unpack_bundle(bundle: bytes) -> list[bytes]:
    """The entries of a bundle; MalformedTile where a length runs past the end."""
    entries: list[bytes] = []
    append = entries.append
    position, end = 0, len(bundle)
    while position < end:
        start = position + 2
        position = (
            start + (bundle[position] << 8) + bundle[position + 1] if start <= end else end + 1
        )
        if position > end:
            raise MalformedTile(
                f"条目包在第 {len(entries) + 1} 条处残缺。",
                f"The entry bundle breaks off in entry {len(entries) + 1}.",
            )
        append(bundle[start:position])
    return entries
