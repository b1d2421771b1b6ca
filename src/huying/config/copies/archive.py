"""What is copied all the time: the database's log (WAL) and every new attachment.

`huying archive` runs beside the other processes. PostgreSQL's pg_receivewal takes the log as it
is written and keeps it in BACKUP_DIR/wal, in a folder for each server and timeline; a
replication slot makes the server keep what was not taken yet. Attachments never change and
are named by their digest, so each is copied once, into BACKUP_DIR/attachments.
"""

import logging
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.db import Error, connection

from huying.config import embedded
from huying.config.backups import database_url

SLOT: Final = "huying_archive"
SEGMENT_BYTES: Final = 16 * 2**20
LOOK_SECONDS: Final = 1.0
# Rows committed out of the order of their ids are at most so many ids behind.
_LOOK_BACK: Final = 1_000
_BATCH: Final = 5_000
_SEGMENT = re.compile(r"([0-9A-F]{8})([0-9A-F]{8})([0-9A-F]{8})(\.partial)?")

_logger = logging.getLogger(__name__)


def wal_folder(backups: Path) -> Path:
    return backups / embedded.WAL


def pool_folder(backups: Path) -> Path:
    return backups / "attachments"


@dataclass(frozen=True, slots=True)
class Server:
    """Which server this is and which of its histories it writes."""

    system_id: str
    timeline: int

    @property
    def folder_name(self) -> str:
        return f"{self.system_id}-{self.timeline}"


def this_server() -> Server:
    with connection.cursor() as cursor:
        # The control file learns of a new timeline only at the next checkpoint.
        cursor.execute(
            "SELECT system_identifier::text, left(pg_walfile_name(pg_current_wal_lsn()), 8)"
            " FROM pg_control_system()"
        )
        system_id, timeline = cursor.fetchone()
    return Server(system_id, int(timeline, 16))


def ensure_slot() -> bool:
    """Make the server keep its log until it is copied; whether that was not so yet."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT wal_status FROM pg_replication_slots WHERE slot_name = %s", [SLOT])
        row = cursor.fetchone()
        if row is not None and row[0] != "lost":
            return False
        if row is not None:
            cursor.execute("SELECT pg_drop_replication_slot(%s)", [SLOT])
        cursor.execute("SELECT pg_create_physical_replication_slot(%s, true)", [SLOT])
    return True


def run(stopping: threading.Event, backups: Path) -> None:
    """Copy log and attachments until told to stop; survives a lost or changed server."""
    copier = AttachmentCopier(backups)
    while not stopping.is_set():
        try:
            _follow(stopping, backups, copier)
        except (Error, OSError):
            _logger.exception("archive: interrupted; trying again")
            connection.close()
        stopping.wait(LOOK_SECONDS)
    connection.close()


def _follow(stopping: threading.Event, backups: Path, copier: "AttachmentCopier") -> None:
    if ensure_slot():
        _logger.warning("archive: the log was not kept until now; run: huying backup")
    folder = wal_folder(backups) / this_server().folder_name
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    child = subprocess.Popen(
        [
            *(embedded.program("pg_receivewal"), "--no-loop", "--synchronous"),
            *(f"--slot={SLOT}", f"--directory={folder}", f"--dbname={database_url()}"),
        ],
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        while child.poll() is None and not stopping.is_set():
            copier.copy_new()
            stopping.wait(LOOK_SECONDS)
    finally:
        child.terminate()
        _, said = child.communicate()
    if not stopping.is_set():
        _logger.warning("archive: pg_receivewal ended: %s", said.strip()[-300:])


class AttachmentCopier:
    """Copies the files of new attachments; the first look covers all there are."""

    def __init__(self, backups: Path) -> None:
        self._pool = pool_folder(backups)
        self._last = 0

    def copy_new(self) -> int:
        """How many files were copied."""
        copied = 0
        start = self._last - _LOOK_BACK
        while rows := _attachments_after(start):
            for _id, *paths in rows:
                copied += sum(copy_file(Path(path), self._pool) for path in paths if path)
            start = rows[-1][0]
            self._last = max(self._last, start)
        return copied


def _attachments_after(last: int) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, path, thumbnail FROM cases_attachment WHERE id > %s ORDER BY id LIMIT %s",
            [last, _BATCH],
        )
        return list(cursor.fetchall())


def attachment_count() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM cases_attachment")
        return int(cursor.fetchone()[0])


def bring_back(backups: Path) -> Iterator[int]:
    """Put back every attachment the database names and MEDIA_ROOT lacks; yields how many rows
    were looked at so far. What the copies lack is left for `huying fsck` to name."""
    seen = last = 0
    media = Path(settings.MEDIA_ROOT)
    while rows := _attachments_after(last):
        for _id, *paths in rows:
            for path in filter(None, paths):
                copy_file(Path(path), media, source=pool_folder(backups))
        last = rows[-1][0]
        seen += len(rows)
        yield seen


def copy_file(path: Path, to: Path, *, source: Path | None = None) -> bool:
    """Copy one file below `source` (MEDIA_ROOT) to the same place below `to`, whole or not at
    all; False where it is there already or missing at its source."""
    target = to / path
    if target.exists():
        return False
    draft = target.with_name(f".{target.name}.part")
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        shutil.copyfile((source or Path(settings.MEDIA_ROOT)) / path, draft)
    except FileNotFoundError:
        return False
    draft.replace(target)
    return True


@dataclass(frozen=True, slots=True, order=True)
class Segment:
    """A file of the log: its place (one number for every 16 MiB) and where it lies."""

    number: int
    timeline: int
    path: Path
    partial: bool


def segment_number(lsn: str) -> int:
    """The place of the segment that holds this position, given as PostgreSQL writes it."""
    high, low = lsn.split("/")
    return ((int(high, 16) << 32) + int(low, 16)) // SEGMENT_BYTES


def segments(backups: Path, system_id: str) -> list[Segment]:
    """The copied log of one server, in its order."""
    found = []
    for path in wal_folder(backups).glob(f"{system_id}-*/*"):
        match = _SEGMENT.fullmatch(path.name)
        if match:
            number = (int(match[2], 16) << 8) + int(match[3], 16)
            found.append(Segment(number, int(match[1], 16), path, bool(match[4])))
    return sorted(found)


def gaps(found: list[Segment], first: int) -> list[int]:
    """The places missing from `first` on, up to the last one there is."""
    there = {one.number for one in found}
    return [place for place in range(first, max(there, default=first - 1)) if place not in there]


def forget_before(backups: Path, first_needed: dict[str, int]) -> int:
    """Remove the log older than the oldest base backup of each server, and that of servers
    without one (`first_needed`: server → place of the first segment); how many files."""
    removed = 0
    for folder in wal_folder(backups).glob("*-*"):
        system_id = folder.name.partition("-")[0]
        if system_id not in first_needed:
            shutil.rmtree(folder)
            continue
        for segment in segments(backups, system_id):
            if segment.path.parent == folder and segment.number < first_needed[system_id]:
                segment.path.unlink()
                removed += 1
    return removed
