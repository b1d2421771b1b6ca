"""Lists that leave the house as files: who took which, and how much of it."""

from collections.abc import Mapping
from typing import Final

from django.db import transaction

from huying.directory.permissions import Actor
from huying.ledger import actions as ledger

SUBJECT: Final = "exports"


def record_export(
    *, what: str, filters: Mapping[str, str], words: Mapping[str, str], rows: int, by: Actor
) -> int:
    """Seal that somebody takes `rows` rows of the list `what` away; returns the record's id.

    `filters` are readable for everybody; `words` (what was searched for, whose acts) may name
    people, and are commitments only. Call it before the file is sent.
    """
    by.own_account()
    with transaction.atomic():
        return ledger.record(
            kind="list.exported",
            subject=SUBJECT,
            by=by.ref,
            body={"list": what, "filters": dict(filters), "rows": rows},
            personal={name: value for name, value in words.items() if value},
        )
