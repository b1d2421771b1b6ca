"""Which backup a moment is restored from, what may be forgotten, what is missing."""

import tarfile
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pytest_django import Settings

from huying.config import embedded
from huying.config.copies import archive, recovery
from huying.config.copies.base import Base


def _segment(folder: Path, number: int, *, timeline: int = 1, partial: bool = False) -> Path:
    name = f"{timeline:08X}{number >> 8:08X}{number & 0xFF:08X}{'.partial' if partial else ''}"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).touch()
    return folder / name


def test_a_moment_has_a_time_zone() -> None:
    assert recovery.moment("2026-11-22T14:05:00+08:00") == datetime(2026, 11, 22, 6, 5, tzinfo=UTC)
    for text in ("2026-11-22T14:05:00", "yesterday", ""):
        with pytest.raises(recovery.NoSuchMoment, match=r"\+08:00"):
            recovery.moment(text)


def test_a_position_of_the_log_has_its_segment() -> None:
    assert archive.segment_number("0/2000028") == 2
    assert archive.segment_number("1/0") == 256
    assert archive.segment_number("0/FF000000") == 255


def test_after_a_promotion_the_whole_folder_is_set_aside(
    tmp_path: Path, settings: Settings
) -> None:
    """`postgres` is then a link: taken alone, the folder would stay where a standby lies."""
    settings.DATA_DIR = data = tmp_path / "data"
    settings.POSTGRES_DIR = data / "postgres"
    living, draft = data / embedded.STANDBY, data / ".postgres.part"
    for folder, word in ((living, "old"), (draft, "new")):
        folder.mkdir(parents=True)
        (folder / "PG_VERSION").write_text(word)
    settings.POSTGRES_DIR.symlink_to(living.name)
    backup = tmp_path / "backups" / "1"
    backup.mkdir(parents=True)
    tarfile.open(backup / "files.tar", "w").close()
    chosen = Base(backup, "county", datetime.now(UTC), 0, "77", 1, 0, {})

    (gone,) = recovery._swap(draft, chosen)
    assert (gone / "PG_VERSION").read_text() == "old"
    assert not gone.is_symlink()
    assert not settings.POSTGRES_DIR.is_symlink()
    assert (settings.POSTGRES_DIR / "PG_VERSION").read_text() == "new"
    assert not living.exists()
    assert embedded.standby_folder(data) == living


def test_a_gap_in_the_log_is_found(tmp_path: Path) -> None:
    folder = tmp_path / "wal" / "77-1"
    for number in (254, 255, 256, 258):
        _segment(folder, number)
    _segment(folder, 259, partial=True)
    _segment(tmp_path / "wal" / "88-1", 257)  # of another server
    found = archive.segments(tmp_path, "77")
    assert [one.number for one in found] == [254, 255, 256, 258, 259]
    assert archive.gaps(found, 255) == [257]
    assert archive.gaps(found, 258) == []
    # After going back, the log goes on in another history.
    _segment(tmp_path / "wal" / "77-2", 257, timeline=2)
    assert archive.gaps(archive.segments(tmp_path, "77"), 255) == []


def test_the_log_before_the_oldest_backup_goes(tmp_path: Path) -> None:
    first = tmp_path / "wal" / "77-1"
    old, needed = _segment(first, 4), _segment(first, 5)
    (first / "00000002.history").touch()
    other = _segment(tmp_path / "wal" / "88-1", 9)
    assert archive.forget_before(tmp_path, {"77": 5}) == 1
    assert not old.exists()
    assert needed.exists()
    assert (first / "00000002.history").exists()
    assert not other.exists(), "no backup of that server is left"
