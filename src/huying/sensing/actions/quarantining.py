"""Keeping what could not be taken: as it came, with its reason."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import orjson
from django.db import connection

from huying.directory.permissions import DomainError

RAW_LIMIT: Final = 65_536

_KEEP: Final = """
INSERT INTO sensing_quarantine
    (received_at, listener, peer, mn, reason, detail, raw, outcome, settled_by, attempts)
SELECT to_timestamp(%s), listener, peer, mn, reason, detail::jsonb, raw, 'WAITING', '', 0
FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::bytea[])
     AS g (listener, peer, mn, reason, detail, raw)
"""


@dataclass(slots=True)
class Kept:
    """Something for quarantine: why, what came, and from whom as far as it is known."""

    reason: str
    raw: bytes
    mn: str = ""
    detail: Mapping[str, object] = field(default_factory=dict)
    listener: str = "HJ212"
    peer: str = ""


class NothingToReplay(DomainError):
    """The quarantined item is gone or already settled."""

    code = "NOTHING_TO_REPLAY"
    status = 409

    def __init__(self) -> None:
        super().__init__(
            "这条数据已经处理过了，请刷新列表。", "This item is settled already; reload the list."
        )


def keep(items: Sequence[Kept], received_at: float) -> None:
    """Write items into quarantine, one statement."""
    if not items:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            _KEEP,
            [
                received_at,
                [item.listener for item in items],
                [_clean(item.peer)[:64] for item in items],
                [_clean(item.mn)[:64] for item in items],
                [item.reason for item in items],
                [_json(item.detail) for item in items],
                [item.raw[:RAW_LIMIT] for item in items],
            ],
        )


def _clean(text: str) -> str:
    """PostgreSQL's text takes everything but NUL."""
    return text.replace("\x00", "")


def _json(detail: Mapping[str, object]) -> str:
    return orjson.dumps(dict(detail), default=str).decode().replace("\\u0000", "")
