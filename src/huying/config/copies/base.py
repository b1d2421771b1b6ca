"""A base backup of the embedded server: the whole server as files, taken while it runs.

    BACKUP_DIR/20261122T023000000000Z/
        database/           pg_basebackup: base.tar.gz, pg_wal.tar.gz, backup_manifest
        files.tar           the county's own procedures and parameters
        attachments.sha256  every attachment there was, with its digest
        manifest.json       what this is, and the digest of each file above
    BACKUP_DIR/wal/          the log since the oldest base backup (archive.py)
    BACKUP_DIR/attachments/  every attachment, once

With its own log a base backup is whole without the archive; with the archive any moment since
can be restored.
"""

import gzip
import hashlib
import json
import os
import re
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, Final

from django.conf import settings

from huying.config import embedded
from huying.config.backups import (
    FILES,
    MANIFEST,
    BackupDamaged,
    KeysBesideData,
    OtherCounty,
    ProgramFailed,
    copy_keys,
    database_url,
    digest,
)
from huying.config.copies import archive
from huying.config.progress import Bars
from huying.ledger import queries as ledger

DATABASE: Final = "database"
ATTACHMENTS: Final = "attachments.sha256"
PARTS: Final = ("base.tar.gz", "pg_wal.tar.gz", "backup_manifest")
# What a county keeps in HUYING_DATA_DIR besides database, attachments and keys.
KEPT: Final = ("procedures", "parameters", "categories.yaml")
_PROGRESS = re.compile(r"(\d+)/(\d+) kB")


@dataclass(frozen=True, slots=True)
class Base:
    """What the manifest of a base backup says. `made_at`: when it was finished; no earlier
    moment can be restored from it."""

    folder: Path
    county: str
    made_at: datetime
    ledger_size: int
    system_id: str
    timeline: int
    first_segment: int
    sha256: dict[str, str]

    @property
    def backups(self) -> Path:
        return self.folder.parent


def take(parent: Path, *, keys_to: Path | None, keep: int, bars: Bars) -> Base:
    """Write a new dated folder below `parent`; it appears whole or not at all. Of older ones
    the newest `keep` stay, with the log they need."""
    parent = parent.resolve()
    if keys_to is not None and keys_to.resolve().is_relative_to(parent):
        raise KeysBesideData(
            zh=f"密钥不能和数据放在一起，请为密钥另选一处：{keys_to}",
            en=f"Keys do not lie beside the data they open; choose another place than {keys_to}",
        )
    continuous = parent == settings.BACKUP_DIR
    if continuous:
        archive.ensure_slot()
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%fZ")
    draft = parent / f".{stamp}.part"
    draft.mkdir(parents=True, mode=0o700)
    try:
        size = ledger.ledger_health().size
        _database(draft / DATABASE, bars)
        made_at = datetime.now(UTC)
        with tarfile.open(draft / FILES, "w") as files:
            for name in KEPT:
                if (settings.DATA_DIR / name).exists():
                    files.add(settings.DATA_DIR / name, arcname=name)
        # After the database: a file is written before the row that names it is committed.
        _attachments(draft / ATTACHMENTS, archive.pool_folder(parent), bars)
        server = archive.this_server()
        base = Base(
            folder=parent / stamp,
            county=settings.COUNTY,
            made_at=made_at,
            ledger_size=size,
            system_id=server.system_id,
            timeline=server.timeline,
            first_segment=_first_segment(draft / DATABASE / "backup_manifest"),
            sha256={name: digest(draft / name) for name in _files()},
        )
        written = asdict(base) | {"kind": "BASE", "made_at": made_at.isoformat()}
        del written["folder"]
        (draft / MANIFEST).write_text(json.dumps(written, indent=1), encoding="utf-8")
        draft.rename(base.folder)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    if keys_to is not None:
        copy_keys(keys_to)
    if continuous:
        # Its presence lets `huying up` start copying the log.
        archive.wal_folder(parent).mkdir(exist_ok=True, mode=0o700)
        forget_old(parent, keep=keep)
    return base


def _files() -> tuple[str, ...]:
    return (*(f"{DATABASE}/{name}" for name in PARTS), FILES, ATTACHMENTS)


def _database(folder: Path, bars: Bars) -> None:
    child = subprocess.Popen(
        [
            *(embedded.program("pg_basebackup"), "--format=tar", "--compress=client-gzip:1"),
            *("--wal-method=stream", "--checkpoint=fast", "--progress"),
            *("--manifest-checksums=SHA256", f"--pgdata={folder}"),
            f"--dbname={database_url()}",
        ],
        env={**os.environ, "PGPASSWORD": str(settings.DATABASES["default"]["PASSWORD"] or "")},
        stderr=subprocess.PIPE,
        text=True,
    )
    advance, said = bars("数据库 kB"), ""
    for line in child.stderr or ():
        found = _PROGRESS.search(line)
        if found:
            advance(int(found[1]), int(found[2]))
        else:
            said = line.strip() or said
    if child.wait():
        raise ProgramFailed(
            zh=f"pg_basebackup 没有完成：{said[-500:]}",
            en=f"pg_basebackup did not finish: {said[-500:]}",
        )


def _attachments(listing: Path, pool: Path, bars: Bars) -> None:
    """Copy what the pool lacks, and list every file with its digest."""
    advance, done = bars("附件"), 0
    with listing.open("w", encoding="utf-8") as lines:
        for path in _stored():
            archive.copy_file(path, pool)
            lines.write(f"{_digest_of(path)}  {path}\n")
            done += 1
            advance(done, done)


def _stored() -> Iterator[Path]:
    """The attachments on the disk, a folder at a time."""
    root = Path(settings.MEDIA_ROOT)
    for folder, folders, names in os.walk(root):
        folders.sort()
        for name in sorted(names):
            if not name.endswith(".part"):
                yield (Path(folder) / name).relative_to(root)


def _digest_of(path: Path) -> str:
    """A photograph is named by its digest; a thumbnail is not."""
    stem = path.name.partition(".")[0]
    if re.fullmatch(r"[0-9a-f]{64}", stem) and not path.name.endswith(".small.jpg"):
        return stem
    return digest(Path(settings.MEDIA_ROOT) / path)


def _first_segment(manifest: Path) -> int:
    ranges = json.loads(manifest.read_text(encoding="utf-8"))["WAL-Ranges"]
    return min(archive.segment_number(one["Start-LSN"]) for one in ranges)


def is_base(folder: Path) -> bool:
    try:
        return bool(json.loads((folder / MANIFEST).read_bytes()).get("kind") == "BASE")
    except (OSError, ValueError, AttributeError):
        return False


def read(folder: Path) -> Base:
    """What the manifest says; raises BackupDamaged, OtherCounty."""
    try:
        found = json.loads((folder / MANIFEST).read_bytes())
        del found["kind"]
        base = Base(
            **found | {"folder": folder, "made_at": datetime.fromisoformat(found["made_at"])}
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BackupDamaged(
            zh=f"{folder} 不是一份完整的备份（没有可读的 {MANIFEST}）",
            en=f"{folder} is not a whole backup (no readable {MANIFEST})",
        ) from error
    if base.county != settings.COUNTY:
        raise OtherCounty(
            zh=f"这是“{base.county}”的备份，当前是“{settings.COUNTY}”。"
            f"请设置 HUYING_COUNTY={base.county}",
            en=f"This backup is of {base.county}, not of {settings.COUNTY}: "
            f"set HUYING_COUNTY={base.county}",
        )
    return base


def all_in(parent: Path) -> list[Base]:
    """The base backups of this county below `parent`, oldest first."""
    folders = sorted(path.parent for path in parent.glob(f"*/{MANIFEST}"))
    bases = [read(folder) for folder in folders if is_base(folder)]
    return sorted(bases, key=lambda base: base.made_at)


def forget_old(parent: Path, *, keep: int) -> list[Path]:
    """Remove base backups but the newest `keep`, and the log none of these needs."""
    bases = all_in(parent)
    gone, kept = bases[: -max(1, keep)], bases[-max(1, keep) :]
    for base in gone:
        shutil.rmtree(base.folder)
    first: dict[str, int] = {}
    for base in kept:
        first[base.system_id] = min(base.first_segment, first.get(base.system_id, 1 << 62))
    archive.forget_before(parent, first)
    _forget_erased(parent, kept)
    return [base.folder for base in gone]


def _forget_erased(parent: Path, kept: list[Base]) -> None:
    """Remove copies of attachments that were erased, once no backup needs them: neither its
    list names them, nor were they copied after the oldest."""
    pool, oldest = archive.pool_folder(parent), kept[0].made_at.timestamp()
    gone = {
        str(path.relative_to(pool))
        for path in pool.rglob("*.*")
        if path.stat().st_mtime < oldest
        and not (Path(settings.MEDIA_ROOT) / path.relative_to(pool)).exists()
    }
    for base in kept:
        with (base.folder / ATTACHMENTS).open(encoding="utf-8") as lines:
            for line in lines:
                gone.discard(line.rstrip("\n").partition("  ")[2])
    for name in gone:
        (pool / name).unlink()


def check_all(parent: Path, bars: Bars) -> list[str]:
    """What is wrong with the base backups below `parent`, each line naming its folder."""
    return [
        f"{base.folder.name}: {words}" for base in all_in(parent) for words in check(base, bars)
    ]


def check(base: Base, bars: Bars) -> list[str]:
    """What is wrong with a base backup and the log after it, in words (Chinese / English)."""
    wrong = check_files(base, bars)
    missing = archive.gaps(archive.segments(base.backups, base.system_id), base.first_segment)
    if missing:
        wrong.append(
            f"日志缺 {len(missing)} 段，第一段 {missing[0]:X}：这之后的时刻无法恢复，请重新备份 / "
            f"{len(missing)} segments of the log are missing, the first {missing[0]:X}: no moment "
            "after it can be restored; take a new backup"
        )
    return wrong


def check_files(base: Base, bars: Bars) -> list[str]:
    """Every file of a base backup against its digest; what is wrong, in words."""
    wrong = []
    names = _files()
    advance = bars("数据库文件")
    for place, name in enumerate(names):
        path = base.folder / name
        if not path.is_file() or digest(path) != base.sha256.get(name):
            wrong.append(f"{name} 缺失或与备份时不一致 / {name} is missing or differs")
        advance(place + 1, len(names))
    return wrong or [*_wrong_files(base, bars), *_wrong_attachments(base, bars)]


def unzipped(raw: BinaryIO) -> tarfile.TarFile:
    """A tar.gz read from front to back; pg_basebackup's may consist of several gzip members."""
    return tarfile.open(fileobj=gzip.GzipFile(fileobj=raw), mode="r|")


def _wrong_files(base: Base, bars: Bars) -> Iterator[str]:
    """Each file of the server inside the archive against what the server said it sent. (What
    pg_verifybackup does; the one that comes with the server crashes on compressed archives.)"""
    listed = json.loads((base.folder / DATABASE / "backup_manifest").read_bytes())["Files"]
    wanted = {one["Path"]: one["Checksum"] for one in listed}
    source = base.folder / DATABASE / "base.tar.gz"
    size, advance = source.stat().st_size, bars("备份内容")
    with source.open("rb") as raw, unzipped(raw) as files:
        for member in files:
            content = files.extractfile(member) if member.name in wanted else None
            if content is not None:
                found = hashlib.file_digest(content, "sha256").hexdigest()  # type: ignore[arg-type]  # it reads
                if wanted.pop(member.name) != found:
                    yield f"备份内的 {member.name} 已损坏 / {member.name} in the backup is damaged"
            advance(raw.tell(), size)
    for name in wanted:
        yield f"备份内缺少 {name} / {name} is missing in the backup"


def _wrong_attachments(base: Base, bars: Bars) -> Iterator[str]:
    listing, pool = base.folder / ATTACHMENTS, archive.pool_folder(base.backups)
    size, done, advance = listing.stat().st_size, 0, bars("附件")
    with listing.open("rb") as lines:
        for line in lines:
            wanted, _, name = line.decode().rstrip("\n").partition("  ")
            path = pool / name
            if not path.is_file() or digest(path) != wanted:
                yield f"附件 {name} 缺失或已损坏 / the attachment {name} is missing or damaged"
            done += len(line)
            advance(done, size)
