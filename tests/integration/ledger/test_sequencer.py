"""The order of the tree under writers that overlap, die, or take long."""

import random
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from unittest import mock

import psycopg
import pytest
from django.db import Error, OperationalError, connection, transaction
from django.utils import timezone
from pytest_django import Settings

from huying.ledger import actions, queries, sequencer, verify
from huying.ledger.models import Checkpoint, Head, Position
from huying.ledger.rules import merkle, notes, tiles
from tests.connections import other_connection
from tests.factories.ledger import latest_checkpoint, make_record, make_records, seal

pytestmark = pytest.mark.django_db(transaction=True)

ANY_DATABASE_ERROR = (Error, psycopg.Error)


def placed() -> list[int]:
    return list(Position.objects.order_by("position").values_list("record_id", flat=True))


def assert_whole() -> None:
    report = verify.verify_database()
    assert report.ok, report.in_words()
    assert report.checked == Position.objects.count()


def test_nothing_to_seal_signs_the_empty_tree() -> None:
    assert seal() == 0
    latest = latest_checkpoint()
    assert notes.parse_checkpoint(latest.note).root == merkle.EMPTY_ROOT
    signed_at = latest.signed_at
    assert seal() == 0
    assert latest_checkpoint().signed_at == signed_at, "an idle tree is not signed again"


def test_records_are_placed_in_the_order_of_their_transactions() -> None:
    ids = [make_record(number) for number in range(3)]
    assert seal() == 3
    assert placed() == ids
    assert_whole()


def test_the_tree_of_many_batches_is_the_tree_of_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sequencer, "BATCH", 37)
    ids = make_records(range(700))
    assert seal() == 700
    assert placed() == ids
    entries = queries.bundle_entries(0, 700)
    once = merkle.grow(0, (), merkle.leaf_hashes(entries))
    assert notes.parse_checkpoint(latest_checkpoint().note).root == once.root
    assert_whole()


def test_an_open_transaction_delays_but_is_never_skipped() -> None:
    with other_connection() as slow:
        slow.execute(
            "INSERT INTO ledger_record (at, kind, subject, actor, entry)"
            " VALUES (now(), 'case.act', 'case:slow', 'staff:1', 'slow')"
        )
        later = make_record(2)
        assert seal() == 0, "what began later waits for the open transaction"
        health = queries.ledger_health()
        assert health.oldest_pending_age_s > 0
        assert f"process {slow.info.backend_pid}" in (queries.blocking_transaction() or "")
        slow.commit()
    assert seal() == 2
    assert placed()[1] == later
    assert queries.bundle_entries(0, 2)[0] == b"slow"
    assert queries.ledger_health().oldest_pending_age_s == 0


def test_a_transaction_of_another_database_does_not_delay() -> None:
    parameters = connection.get_connection_params() | {"cursor_factory": None, "dbname": "postgres"}
    with psycopg.connect(**parameters) as elsewhere:
        elsewhere.execute("SELECT pg_current_xact_id()")
        make_record()
        assert seal() == 1


def test_a_transaction_that_has_not_written_a_record_yet_is_waited_for() -> None:
    with other_connection() as slow:
        slow.execute("SELECT pg_current_xact_id()")
        make_record()
        assert seal() == 0
        slow.execute(
            "INSERT INTO ledger_record (at, kind, subject, actor, entry)"
            " VALUES (now(), 'case.act', 'case:slow', 'staff:1', 'slow')"
        )
    assert seal() == 2
    assert queries.bundle_entries(0, 1) == [b"slow"]


def test_a_reader_does_not_delay() -> None:
    with other_connection() as reader:
        reader.execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM ledger_record")
        make_record()
        assert seal() == 1


def test_a_delay_raises_an_alarm(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sequencer, "ALARM_SECONDS", -1.0)
    seal()
    make_record()
    sequencer._raise_alarm()
    assert "has waited" in caplog.text


def test_a_record_rolls_back_with_its_act() -> None:
    make_record(1)

    def act_that_fails() -> None:
        with transaction.atomic():
            actions.record(kind="case.act", subject="case:2", by="staff:1", body={})
            raise ArithmeticError

    with pytest.raises(ArithmeticError):
        act_that_fails()
    make_record(3)
    assert seal() == 2
    assert [row.subject for row in queries.records_of("case:2")] == []
    assert_whole()


def test_writers_in_parallel_while_sealing() -> None:
    """Overlapping transactions of uneven length: each record once, none lost, order kept."""
    seed = random.Random(212)
    plans = [[seed.randint(1, 9) for _ in range(15)] for _ in range(6)]
    stop = threading.Event()

    def write(plan: list[int]) -> list[int]:
        ids = []
        for count in plan:
            with transaction.atomic():
                for number in range(count):
                    ids.append(
                        actions.record(
                            kind="case.act", subject=f"case:{number}", by="staff:1", body={}
                        )
                    )
        connection.close()
        return ids

    runner = threading.Thread(target=sequencer.run, args=(stop,))
    runner.start()
    second = threading.Thread(target=sequencer.run, args=(stop,))
    second.start()
    with ThreadPoolExecutor(6) as pool:
        written = [one for ids in pool.map(write, plans) for one in ids]
    stop.set()
    runner.join()
    second.join()
    seal()
    assert sorted(placed()) == sorted(written)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT bool_and(ordered) FROM (SELECT (tx, id) > lag((tx, id)) OVER"
            " (ORDER BY position) IS NOT FALSE AS ordered FROM ledger_position"
            " JOIN ledger_record ON ledger_record.id = record_id) AS pairs"
        )
        assert cursor.fetchone() == (True,)
    assert_whole()


@pytest.mark.parametrize("step", ["_lock_head", "_copy_positions", "_append_tiles", "_advance"])
def test_killed_in_the_middle_nothing_is_lost_or_doubled(step: str) -> None:
    make_records(range(300))
    seal()
    before = latest_checkpoint().note
    ids = make_records(range(300, 400))
    finish = getattr(sequencer, step)

    def finish_and_die(*arguments: Any, **options: Any) -> Any:
        result = finish(*arguments, **options)
        with other_connection() as other:
            pid = connection.connection.info.backend_pid
            other.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
        return result

    with mock.patch.object(sequencer, step, finish_and_die), pytest.raises(ANY_DATABASE_ERROR):
        sequencer.seal_pending()
    connection.close()
    assert latest_checkpoint().note == before
    assert Position.objects.count() == 300
    assert seal() == 400
    assert placed()[300:] == ids
    assert_whole()


def test_a_second_sequencer_stands_aside() -> None:
    make_record()
    seal()
    make_record()
    with other_connection() as other:
        other.execute("SELECT * FROM ledger_head FOR UPDATE")
        assert sequencer.seal_pending() is None
    assert seal() == 2


def test_run_survives_a_lost_database_and_stops_when_told(caplog: pytest.LogCaptureFixture) -> None:
    stop = threading.Event()
    calls = []

    def seal_pending() -> sequencer.Batch:
        calls.append(1)
        if len(calls) == 1:
            raise OperationalError("the server went away")
        stop.set()
        return sequencer.Batch(0, 0, more=False)

    with mock.patch.object(sequencer, "seal_pending", seal_pending):
        sequencer.run(stop)
    assert len(calls) == 2
    assert "trying again" in caplog.text


def test_run_survives_a_session_that_the_server_ends(caplog: pytest.LogCaptureFixture) -> None:
    make_record()
    stop = threading.Event()
    proper, calls = sequencer.seal_pending, []

    def seal_pending() -> sequencer.Batch | None:
        calls.append(1)
        if len(calls) == 1:
            sequencer._cursor().execute("SELECT pg_terminate_backend(pg_backend_pid())")
        stop.set()
        return proper()

    with mock.patch.object(sequencer, "seal_pending", seal_pending):
        sequencer.run(stop)
    assert len(calls) == 2
    assert Position.objects.count() == 1


def test_after_a_restore_into_another_server_sealing_goes_on() -> None:
    """A dump brings transaction numbers this server has not reached; nothing waits for them."""
    make_records(range(5))
    seal()
    make_records(range(5, 8))
    with connection.cursor() as cursor:
        cursor.execute("UPDATE ledger_record SET tx = (tx::text::bigint + 10^12)::text::xid8")
        cursor.execute(
            "UPDATE ledger_head SET watermark_tx = (watermark_tx::text::bigint + 10^12)::text::xid8"
        )
    assert seal() == 8, "records the dump brought along"
    new = make_record(8)
    assert seal() == 9
    assert placed()[-1] == new
    assert seal() == 9
    assert_whole()


def test_after_a_restore_pending_records_alone_do_not_wait() -> None:
    seal()
    make_records(range(3))
    with connection.cursor() as cursor:
        cursor.execute("UPDATE ledger_record SET tx = (tx::text::bigint + 10^12)::text::xid8")
    recovered = sequencer.recover_after_restore()
    assert recovered is not None
    assert recovered.count == 3
    assert sequencer.recover_after_restore() is None
    make_record()
    assert seal() == 4
    assert_whole()


def test_checkpoints_of_the_past_are_kept_at_most_one_a_minute() -> None:
    make_record()
    seal()
    make_record()
    seal()
    assert Checkpoint.objects.count() == 1
    assert Head.objects.get().size == 2


def test_a_clock_that_was_ahead_leaves_no_gap_in_the_checkpoints_of_the_past() -> None:
    make_record()
    tomorrow = timezone.now() + timedelta(days=1)
    with mock.patch.object(timezone, "now", return_value=tomorrow):
        seal()
    make_record()
    seal()
    assert Checkpoint.objects.count() == 2


def test_both_keys_sign_and_the_origin_stays(settings: Settings) -> None:
    make_record()
    seal()
    settings.PUBLIC_URL = "https://elsewhere.example"
    make_record()
    seal()
    latest = latest_checkpoint()
    note = notes.parse_note(latest.note)
    keys = [notes.parse_key(line) for line in queries.key_lines()]
    assert [key.kind for key in keys] == ["ED25519", "SM2"]
    assert all(note.signed_by(key) for key in keys)
    assert notes.parse_checkpoint(note.text).origin == "127.0.0.1:8000/ledger"


def test_tiles_are_served_for_every_size_there_was_a_checkpoint_of() -> None:
    make_records(range(300))
    seal()
    make_records(range(300, 600))
    seal()
    for size in (300, 600):
        for level in range(tiles.levels(size)):
            for address in tiles.addresses(level, size):
                assert len(queries.tile(address) or b"") == address.width * 32
    assert queries.tile(tiles.TileAddress(0, 2, 89)) is None
    assert queries.tile(tiles.TileAddress(0, 3, 1)) is None
    assert queries.tile(tiles.TileAddress(0, 2**60, 1)) is None
