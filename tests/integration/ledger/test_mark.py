"""The ledger never signs what contradicts what it signed, whatever became of its database."""

from pathlib import Path

import pytest
from django.db import connection
from pytest_django import Settings

from huying.ledger import mark, sequencer, verify
from huying.ledger.models import Head, Position
from tests.factories.ledger import latest_checkpoint, make_record, seal

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def file(settings: Settings, tmp_path: Path) -> Path:
    settings.LEDGER_MARK = str(tmp_path / "keys" / "ledger_signed")
    return tmp_path / "keys" / "ledger_signed"


def _went_back_to(size: int) -> None:
    """The database as it was after `size` entries: what restoring an old copy leaves."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM ledger_position WHERE position >= %s", [size])
        cursor.execute(
            "DELETE FROM ledger_record WHERE id NOT IN (SELECT record_id FROM ledger_position)"
        )
        cursor.execute("TRUNCATE ledger_tile, ledger_checkpoint, ledger_position")
        cursor.execute(
            "UPDATE ledger_head SET size = 0, frontier = '', note = '', floor_id = 0,"
            " watermark_tx = '0', watermark_id = 0"
        )


def test_what_was_signed_is_remembered_apart(file: Path) -> None:
    make_record(1)
    seal()
    assert file.read_text() == latest_checkpoint().note


def test_a_database_that_lost_records_signs_nothing(file: Path) -> None:
    for number in range(5):
        make_record(number)
    seal()
    _went_back_to(3)
    signed = file.read_text()
    with pytest.raises(mark.LedgerWentBack, match="5"):
        sequencer.seal_pending()
    # Nor once it has as many again: they are not the same.
    make_record(100)
    make_record(101)
    make_record(102)
    with pytest.raises(mark.LedgerWentBack):
        sequencer.seal_pending()
    assert file.read_text() == signed
    assert not Position.objects.exists()


def test_a_seal_cut_off_between_signing_and_commit_is_made_again(file: Path) -> None:
    """The same records lead to the same root, and more may follow."""
    for number in range(5):
        make_record(number)
    seal()
    _went_back_to(5)
    make_record(6)
    assert seal() == 6
    assert verify.verify_database().ok
    assert file.read_text() == latest_checkpoint().note


def test_a_damaged_mark_stops_the_seal(file: Path) -> None:
    make_record(1)
    seal()
    file.write_text("?")
    make_record(2)
    with pytest.raises(mark.LedgerWentBack):
        sequencer.seal_pending()


def test_a_log_begun_anew_has_another_name_and_says_why(file: Path) -> None:
    for number in range(5):
        make_record(number)
    seal()
    before = Head.objects.get().origin
    _went_back_to(3)
    assert sequencer.begin_anew(by="system:operator") == f"{before}/2"
    make_record(6)
    seal()
    report = verify.verify_database()
    assert report.ok, report.in_words()
    assert (report.origin, report.size) == (f"{before}/2", 5)
    assert sequencer.begin_anew(by="system:operator") == f"{before}/3"
