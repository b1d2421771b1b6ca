from datetime import UTC, datetime

import orjson
import pytest

from huying.ledger import actions
from huying.ledger.models import Record, Salt
from huying.ledger.rules.entries import commitment

pytestmark = pytest.mark.django_db
AT = datetime(2026, 11, 22, 10, 30, tzinfo=UTC)


def test_a_record_is_one_statement_and_keeps_what_was_sealed(django_assert_num_queries):
    with django_assert_num_queries(1):
        record_id = actions.record(
            kind="case.act", subject="case:1", by="staff:17", body={"动作": "受理", "n": 2}, at=AT
        )
    row = Record.objects.get(pk=record_id)
    assert (row.kind, row.subject, row.actor, row.at) == ("case.act", "case:1", "staff:17", AT)
    assert (
        bytes(row.entry)
        == (
            '{"actor":"staff:17","at":"2026-11-22T10:30:00.000000Z","body":{"n":2,"动作":"受理"},'
            '"commitments":{},"kind":"case.act","subject":"case:1","version":1}'
        ).encode()
    )


def test_personal_values_are_commitments_and_one_statement(django_assert_num_queries):
    with django_assert_num_queries(1):
        record_id = actions.record(
            kind="report.received",
            subject="report:1",
            by="resident",
            body={},
            personal={"phone": "13800000000", "name": "张三"},
        )
    entry = bytes(Record.objects.get(pk=record_id).entry)
    assert b"13800000000" not in entry
    assert "张三".encode() not in entry
    salt = Salt.objects.get(record_id=record_id, field="phone").salt
    assert orjson.loads(entry)["commitments"]["phone"] == (
        commitment(bytes(salt), "phone", "13800000000").hex()
    )
