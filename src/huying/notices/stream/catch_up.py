"""What a browser missed: one query, in a thread, with the position after it."""

from dataclasses import dataclass
from typing import Any, Final

from django.db import connection

from huying.notices import wire
from huying.notices.queries import UNREAD_SHOWN

MOST_RESUMED: Final = 100

# One statement, hence one snapshot: the rows and the mark belong together.
_MISSED = """
WITH seen AS (SELECT pg_snapshot_xmin(s) AS low, pg_snapshot_xmax(s) AS high
              FROM pg_current_snapshot() s),
unread AS (SELECT count(*) AS number FROM (
    SELECT 1 FROM notices_notice WHERE account_id = %(account)s AND read_at IS NULL
    LIMIT %(most_unread)s) few)
SELECT seen.low::text, seen.high::text, unread.number, notice.id, notice.tx::text,
    notice.kind, notice.urgency, notice.title, left(notice.body, %(body)s), notice.link,
    notice.created_at
FROM seen CROSS JOIN unread LEFT JOIN LATERAL (
    SELECT * FROM notices_notice
    WHERE account_id = %(account)s AND tx >= COALESCE(%(low)s::xid8, seen.low)
    ORDER BY id LIMIT %(limit)s
) notice ON true
"""


@dataclass(frozen=True, slots=True)
class Missed:
    """`low`, `high`: the snapshot's oldest running and next transaction. `notices`: id,
    transaction and data of each notice from the mark asked for on, delivered or not, by id.
    `unread` is capped at UNREAD_SHOWN + 1."""

    low: int
    high: int
    unread: int
    notices: list[tuple[int, int, dict[str, Any]]]

    @property
    def too_many(self) -> bool:
        return len(self.notices) > MOST_RESUMED


def missed(account_id: int, low: int | None) -> Missed:
    """The notices of an account from transaction `low` on; without one, those of transactions
    that are done although an older one still runs."""
    with connection.cursor() as cursor:
        cursor.execute(
            _MISSED,
            {
                "account": account_id,
                "low": None if low is None else str(low),
                "limit": MOST_RESUMED + 1,
                "body": wire.BODY_SHOWN,
                "most_unread": UNREAD_SHOWN + 1,
            },
        )
        rows = cursor.fetchall()
    notices = [
        (
            row[3],
            int(row[4]),
            {
                "id": row[3],
                "kind": row[5],
                "urgency": row[6],
                "title": row[7],
                "body": row[8],
                "link": row[9],
                "at": row[10],
            },
        )
        for row in rows
        if row[3] is not None
    ]
    return Missed(int(rows[0][0]), int(rows[0][1]), rows[0][2], notices)
