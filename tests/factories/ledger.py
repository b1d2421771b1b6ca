"""Records for tests, and a stand-in for the sequencer process."""

from collections.abc import Sequence
from datetime import UTC, datetime

from django.db import transaction

from huying.ledger import actions, queries, sequencer

AT = datetime(2026, 11, 22, 10, 30, tzinfo=UTC)


def make_record(number: int = 1, **changes: object) -> int:
    """One committed record; returns its id. Not in a tree until `seal`."""
    return make_records([number], **changes)[0]


def make_records(numbers: Sequence[int], **changes: object) -> list[int]:
    """Committed records, written in one transaction."""
    values = {"kind": "case.act", "by": "staff:17", "at": AT, **changes}
    entries = [
        actions.Entry(**{"subject": f"case:{number}", "body": {"number": number}, **values})  # type: ignore[arg-type]  # tests change any field
        for number in numbers
    ]
    with transaction.atomic():
        return actions.record_many(entries)


def seal() -> int:
    """Seal all that is committed (so the test needs django_db(transaction=True)); the size."""
    return sequencer.seal_all()


def latest_checkpoint() -> queries.LatestCheckpoint:
    """The newest checkpoint, which there must be."""
    found = queries.latest_checkpoint()
    assert found is not None
    return found


def proof_of(record_id: int) -> queries.Proof:
    """The proof of a record, which must be sealed."""
    found = queries.proof(record_id)
    assert found is not None
    return found
