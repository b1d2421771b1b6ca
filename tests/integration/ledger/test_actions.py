"""What `record` writes, what it refuses, and what erasing leaves behind."""

import orjson
import pytest
from django.db import IntegrityError, connection, transaction
from pytest_django import DjangoAssertNumQueries

from huying.ledger import actions, queries, sequencer
from huying.ledger.models import HistoryIsAppended, Position, Record, Salt
from huying.ledger.rules import merkle, notes
from huying.ledger.rules.entries import commitment
from tests.factories.ledger import AT, make_record, make_records, proof_of, seal


@pytest.mark.django_db
def test_a_record_is_one_statement_and_keeps_what_was_sealed(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
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


@pytest.mark.django_db
def test_personal_values_are_commitments_and_still_one_statement(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
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
    salt = bytes(Salt.objects.get(record_id=record_id, field="phone").salt)
    sealed = orjson.loads(entry)["commitments"]
    assert sealed["phone"] == commitment(salt, "phone", "13800000000").hex()
    assert set(sealed) == {"phone", "name"}


@pytest.mark.django_db
def test_many_records_are_one_statement_in_the_order_given(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    entries = [
        actions.Entry(kind="case.act", subject=f"case:{n}", by="system:x", body={"n": n}, at=AT)
        for n in range(100)
    ]
    with django_assert_num_queries(1):
        ids = actions.record_many(entries)
    assert ids == sorted(ids)
    rows = queries.records_by_id(ids)
    assert [rows[one].subject for one in ids] == [f"case:{n}" for n in range(100)]
    assert [rows[one].body for one in ids] == [{"n": n} for n in range(100)]
    assert actions.record_many([]) == []


@pytest.mark.django_db
def test_many_records_with_personal_values(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    entries = [
        actions.Entry(
            kind="report.received",
            subject=f"report:{n}",
            by="resident",
            body={},
            personal={"name": f"人{n}"} if n % 2 else None,
        )
        for n in range(6)
    ]
    with django_assert_num_queries(2):
        ids = actions.record_many(entries)
    for n, record_id in enumerate(ids):
        salts = Salt.objects.filter(record_id=record_id)
        sealed = orjson.loads(bytes(Record.objects.get(pk=record_id).entry))["commitments"]
        assert {s.field: commitment(bytes(s.salt), "name", f"人{n}").hex() for s in salts} == sealed


@pytest.mark.django_db(transaction=True)
def test_outside_a_transaction_nothing_is_recorded() -> None:
    with pytest.raises(actions.NotInTransaction):
        actions.record(kind="case.act", subject="case:1", by="staff:1", body={})
    with pytest.raises(actions.NotInTransaction):
        actions.record_many([])
    assert not Record.objects.exists()


@pytest.mark.django_db
def test_records_of_a_subject() -> None:
    ids = make_records([1, 2, 1])
    rows = queries.records_of("case:1")
    assert [row.id for row in rows] == [ids[0], ids[2]]
    assert (rows[0].kind, rows[0].by, rows[0].at) == ("case.act", "staff:17", AT)
    assert rows[0].position is None


@pytest.mark.django_db
def test_history_cannot_be_changed_through_the_models() -> None:
    row = Record.objects.get(pk=make_record())
    with pytest.raises(HistoryIsAppended):
        row.save()
    with pytest.raises(HistoryIsAppended):
        row.delete()
    with pytest.raises(HistoryIsAppended):
        Record.objects.filter(pk=row.pk).update(actor="nobody")
    with pytest.raises(HistoryIsAppended):
        Record.objects.all().delete()
    with pytest.raises(HistoryIsAppended):
        Position.objects.all().delete()


@pytest.mark.django_db
@pytest.mark.parametrize(("size", "fits"), [(65_535, True), (65_536, False)])
def test_the_database_refuses_entries_no_bundle_can_carry(size: int, fits: bool) -> None:
    def insert() -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO ledger_record (at, kind, subject, actor, entry)"
                " VALUES (now(), 'k', 's', 'a', %s)",
                [bytes(size)],
            )

    if fits:
        insert()
    else:
        with pytest.raises(IntegrityError, match="ledger_record_entry_fits_bundle"):
            insert()


@pytest.mark.django_db(transaction=True)
def test_erasing_the_salt_erases_the_person_and_the_proof_stands() -> None:
    with transaction.atomic():
        record_id = actions.record(
            kind="report.received",
            subject="report:1",
            by="resident",
            body={},
            personal={"phone": "13800000000", "name": "张三"},
        )
    seal()
    before = proof_of(record_id)
    assert actions.erase_personal(record_ids=[record_id], only=["phone"], but=["phone"]) == 0
    assert actions.erase_personal(record_ids=[record_id], only=["phone"]) == 1
    assert actions.erase_personal(record_ids=[record_id], but=["name"]) == 0
    assert list(Salt.objects.values_list("field", flat=True)) == ["name"]
    after = proof_of(record_id)
    assert after == before
    assert merkle.inclusion_holds(
        merkle.leaf_hash(after.entry), after.index, after.size, after.hashes, after.root
    )


@pytest.mark.django_db(transaction=True)
def test_proofs_of_every_record_under_the_signed_checkpoint(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    ids = make_records(range(300))
    assert queries.proof(ids[0]) is None, "not sealed yet"
    seal()
    for place in (0, 1, 255, 256, 299):
        with django_assert_num_queries(2):
            proof = proof_of(ids[place])
        assert (proof.index, proof.size) == (place, 300)
        leaf = merkle.leaf_hash(proof.entry)
        assert merkle.inclusion_holds(leaf, place, 300, proof.hashes, proof.root)
        note = notes.parse_note(proof.checkpoint)
        assert note.signed_by(notes.NoteKey(proof.origin, "ED25519", proof.public_key))
        assert notes.parse_checkpoint(note.text).root == proof.root
    with pytest.raises(Record.DoesNotExist):
        queries.proof(10**9)
    with pytest.raises(Record.DoesNotExist):
        queries.proof(2**70)


@pytest.mark.django_db(transaction=True)
def test_sealing_is_a_transaction_of_its_own() -> None:
    make_record()
    with transaction.atomic(), pytest.raises(RuntimeError, match="durable"):
        sequencer.seal_pending()
    assert seal() == 1
