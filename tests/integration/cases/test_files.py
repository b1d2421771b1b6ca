"""Photographs of what failed do not stay behind."""

import errno
import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import OperationalError, transaction
from django.utils import timezone

from huying.cases import actions, tasks
from huying.cases.actions import GivenFile, files
from huying.cases.models import Attachment
from tests.factories.cases import RESIDENT, make_office, make_photo, make_report

pytestmark = pytest.mark.django_db


def on_disk() -> set[str]:
    root = Path(settings.MEDIA_ROOT)
    return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}


def referred_to() -> set[str]:
    return {path for row in Attachment.objects.values_list("path", "thumbnail") for path in row}


def broken(*_given: Any, **_named: Any) -> Any:
    raise RuntimeError("the power went")


@pytest.mark.parametrize("at", ["ledger.record", "writing.change", "telling.tell"])
def test_an_act_that_breaks_leaves_no_photo(at: str, monkeypatch: pytest.MonkeyPatch) -> None:
    office = make_office()
    received = make_report(photos=[make_photo()])
    before = on_disk()
    assert before == referred_to() != set()
    actions.act(case_id=received.case_id, action="take", by=office.officer)
    with monkeypatch.context() as patched:
        patched.setattr(f"huying.cases.actions.acting.{at}", broken)
        with pytest.raises(RuntimeError):
            actions.act(
                case_id=received.case_id,
                action="answer",
                by=office.officer,
                data={"reply": "已清运", "outcome": "SOLVED"},
                # The same picture as the report's: its own must stay.
                photos=[make_photo()],
            )
        with pytest.raises(RuntimeError):
            actions.supplement(
                receipt=received.receipt, text="又多了", photos=[make_photo((8, 8))], by=RESIDENT
            )
    assert on_disk() == before == referred_to()


def test_a_report_that_breaks_or_comes_twice_leaves_no_photo(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    make_office()
    with monkeypatch.context() as patched:
        patched.setattr("huying.cases.actions.opening.writing.create", broken)
        with pytest.raises(RuntimeError):
            make_report(photos=[make_photo()])
    assert on_disk() == set()
    first = make_report(photos=[make_photo()], idempotency_key="0b6f7d52-8a34-4c1e-9d70-k1")
    once = on_disk()
    again = make_report(photos=[make_photo()], idempotency_key="0b6f7d52-8a34-4c1e-9d70-k1")
    assert (first.receipt, again.created) == (again.receipt, False)
    assert on_disk() == once == referred_to()


def test_one_bad_photo_takes_the_good_ones_back() -> None:
    make_office()
    with pytest.raises(actions.BadUpload):
        make_report(photos=[make_photo(), GivenFile("坏.jpg", b"not a picture")])
    assert on_disk() == set()


def test_files_stay_while_it_is_not_known_whether_the_act_was_committed() -> None:
    make_office()
    with (
        pytest.raises(OperationalError),
        files.stored(files.store_photos([make_photo()])),
    ):
        raise OperationalError("server closed the connection")
    assert len(on_disk()) == 2


def test_the_sweep_takes_old_orphans_alone() -> None:
    make_office()
    make_report(photos=[make_photo()])
    kept = on_disk()
    orphan, fresh = files.store_photos([make_photo((9, 9)), make_photo((7, 7))])
    two_days_ago = (timezone.now() - timedelta(days=2)).timestamp()
    root = Path(settings.MEDIA_ROOT)
    part = f"{orphan.path}.part"
    # Somebody else's, as the ledger's mark once was.
    strangers = {".ledger_signed", "readme.txt", f"{orphan.path[:6]}notes.txt"}
    for path in (part, *strangers):
        (root / path).write_bytes(b"half")
    for path in (*kept, orphan.path, orphan.thumbnail, part, *strangers):
        os.utime(root / path, (two_days_ago, two_days_ago))
    assert actions.sweep_files() == 3
    kept |= strangers
    assert on_disk() == kept | {fresh.path, fresh.thumbnail}
    tasks.sweep_files(timestamp=0)
    assert on_disk() == kept | {fresh.path, fresh.thumbnail}


def test_what_an_outer_transaction_takes_back_the_sweep_finds() -> None:
    make_office()
    received = make_report()
    with transaction.atomic():
        actions.supplement(
            receipt=received.receipt, text="照片", photos=[make_photo()], by=RESIDENT
        )
        transaction.set_rollback(True)
    assert len(on_disk()) == 2
    assert actions.sweep_files(now=timezone.now() + timedelta(days=2)) == 2
    assert on_disk() == set()


@pytest.mark.parametrize("full_at", [1, 2], ids=["the picture", "its small one"])
def test_where_the_disk_is_full_nothing_is_left_half_written(
    full_at: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_office()
    proper, written = Path.write_bytes, [0]

    def write(path: Path, content: bytes) -> int:
        written[0] += 1
        if written[0] < full_at:
            return proper(path, content)
        proper(path, content[:100])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", write)
    with pytest.raises(OSError, match="No space left"):
        make_report(photos=[make_photo()])
    assert on_disk() == set()
