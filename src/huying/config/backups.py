"""Dump and restore of one county: database, files, and, apart, the keys.

For a county on a server of its own, and to move one to another server; on the embedded server
see huying.config.copies. A dump is a folder: database.dump (pg_dump custom format of the two
schemas of the county), files.tar (attachments, and the county's own procedures and parameters),
and manifest.json, which holds the SHA-256 of each and the ledger's size at that time. Keys never
lie beside the data they open.
"""

import hashlib
import json
import os
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from django.conf import settings
from django.db import connection
from psycopg import sql
from psycopg.conninfo import make_conninfo

from huying.config import embedded
from huying.directory.permissions import DomainError
from huying.ledger import queries as ledger

DUMP, FILES, MANIFEST = "database.dump", "files.tar", "manifest.json"
# What a county keeps in HUYING_DATA_DIR besides its database, its keys and what can be made anew.
KEPT = ("attachments", "procedures", "parameters", "categories.yaml")


class BackupDamaged(DomainError):
    """A file of the backup is missing or not what was written."""

    code = "BACKUP_DAMAGED"
    status = 409


class OtherCounty(DomainError):
    """The backup is of another county than HUYING_COUNTY."""

    code = "OTHER_COUNTY"
    status = 409


class NotEmpty(DomainError):
    """The county holds data, and nobody said that it may be replaced."""

    code = "NOT_EMPTY"
    status = 409


class KeysBesideData(DomainError):
    """The keys would lie beside the data they open."""

    code = "KEYS_BESIDE_DATA"
    status = 422


class ProgramFailed(DomainError):
    """pg_dump or pg_restore did not finish."""

    code = "PROGRAM_FAILED"
    status = 409


def _program(name: str) -> str:
    """PostgreSQL's own program: the embedded server's for that version, else the one on PATH.

    A dump must be restored by a program no newer than the server.
    """
    connection.ensure_connection()
    if connection.connection.info.server_version // 10_000 == embedded.VERSION:
        return embedded.program(name)
    return name


def database_url() -> str:
    """How the programs reach the database; its password goes through the environment."""
    known = connection.get_connection_params()
    libpq = ("dbname", "user", "host", "port", "connect_timeout", "sslmode", "sslrootcert")
    named = {key: str(known[key]) for key in (*libpq, "target_session_attrs") if known.get(key)}
    return make_conninfo(**named)


def copy_keys(folder: Path) -> None:
    """Copy the keys; not what another process is writing beside them at this moment."""
    shutil.copytree(
        settings.KEY_DIR, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns(".*")
    )


def bring_keys(folder: Path) -> None:
    """Put copied keys back. What was signed last is never forgotten for an older memory of it."""
    mark = Path(settings.LEDGER_MARK) if settings.LEDGER_MARK else None
    newest = mark.read_bytes() if mark and mark.exists() else None
    shutil.copytree(folder, settings.KEY_DIR, dirs_exist_ok=True)
    if mark and newest is not None:
        mark.write_bytes(newest)


def _run(name: str, *arguments: str) -> None:
    environment = {**os.environ, "PGPASSWORD": str(settings.DATABASES["default"]["PASSWORD"] or "")}
    try:
        done = subprocess.run(
            [_program(name), *arguments],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError as error:
        raise ProgramFailed(
            zh=f"找不到 {name}，请安装与数据库服务器同版本的 PostgreSQL 客户端",
            en=f"{name} is missing: install PostgreSQL's client of the server's version",
        ) from error
    if done.returncode:
        raise ProgramFailed(
            zh=f"{name} 没有完成：{done.stderr.strip()[-500:]}",
            en=f"{name} did not finish: {done.stderr.strip()[-500:]}",
        )


def digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def backup(folder: Path | None, *, keys_to: Path | None = None) -> Path:
    """Write a new dated folder below `folder`; returns it. It appears whole or not at all."""
    parent = (folder or settings.DATA_DIR / "backups").resolve()
    if keys_to is not None and keys_to.resolve().is_relative_to(parent):
        raise KeysBesideData(
            zh=f"密钥不能和数据放在一起，请为密钥另选一处：{keys_to}",
            en=f"Keys do not lie beside the data they open; choose another place than {keys_to}",
        )
    made_at = datetime.now(UTC)
    stamp = made_at.strftime("%Y%m%dT%H%M%S%fZ")
    draft, final = parent / f".{stamp}.part", parent / stamp
    draft.mkdir(parents=True, mode=0o700)
    try:
        size = ledger.ledger_health().size
        schemas = [f"--schema={name}" for name in (settings.COUNTY_SCHEMA, settings.JOBS_SCHEMA)]
        _run(
            "pg_dump",
            "--format=custom",
            "--no-owner",
            f"--file={draft / DUMP}",
            *schemas,
            f"--dbname={database_url()}",
        )
        # After the dump: a file is written before the row that names it is committed.
        with tarfile.open(draft / FILES, "w") as archive:
            for name in KEPT:
                if (settings.DATA_DIR / name).exists():
                    archive.add(settings.DATA_DIR / name, arcname=name)
        manifest = {
            "county": settings.COUNTY,
            "made_at": made_at.isoformat(timespec="seconds"),
            "ledger_size": size,
            "sha256": {name: digest(draft / name) for name in (DUMP, FILES)},
        }
        (draft / MANIFEST).write_text(json.dumps(manifest, indent=1), encoding="utf-8")
        draft.rename(final)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    if keys_to is not None:
        copy_keys(keys_to)
    return final


def _check(folder: Path) -> None:
    """Raises `BackupDamaged` or `OtherCounty`; changes nothing."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        county, digests = manifest["county"], {n: manifest["sha256"][n] for n in (DUMP, FILES)}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BackupDamaged(
            zh=f"{folder} 不是一份完整的备份（没有可读的 {MANIFEST}）",
            en=f"{folder} is not a whole backup (no readable {MANIFEST})",
        ) from error
    for name, wanted in digests.items():
        if not (folder / name).is_file() or digest(folder / name) != wanted:
            raise BackupDamaged(
                zh=f"备份文件 {name} 与备份时不一致，没有恢复任何内容。请换一份备份",
                en=f"{name} differs from what was backed up; nothing was restored. Use another one",
            )
    if county != settings.COUNTY:
        raise OtherCounty(
            zh=f"这是“{county}”的备份，当前是“{settings.COUNTY}”。请设置 HUYING_COUNTY={county}",
            en=f"This backup is of {county}, not of {settings.COUNTY}: set HUYING_COUNTY={county}",
        )


def check_all(parent: Path) -> list[str]:
    """What is wrong with the dumps below `parent`, each line naming its folder."""
    wrong = []
    for folder in sorted(path.parent for path in parent.glob(f"*/{DUMP}")):
        try:
            _check(folder)
        except DomainError as error:
            wrong.append(f"{folder.name}: {error.zh} / {error.en}")
    return wrong


def _is_empty() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT FROM pg_tables WHERE schemaname = ANY(%s))",
            [[settings.COUNTY_SCHEMA, settings.JOBS_SCHEMA]],
        )
        (tables,) = cursor.fetchone()
    return not tables and not any((settings.DATA_DIR / name).exists() for name in KEPT)


@contextmanager
def _schemas_aside() -> Iterator[None]:
    """Hold the county's schemas under other names: dropped in the end, back after an error."""
    schemas = (settings.COUNTY_SCHEMA, settings.JOBS_SCHEMA)
    aside = {name: f"{name}_replaced" for name in schemas}
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")

        def drop(name: str) -> None:
            statement = sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE")
            cursor.execute(statement.format(sql.Identifier(name)))

        def rename(old: str, new: str) -> None:
            cursor.execute("SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = %s)", [old])
            if cursor.fetchone() == (True,):
                statement = sql.SQL("ALTER SCHEMA {} RENAME TO {}")
                cursor.execute(statement.format(sql.Identifier(old), sql.Identifier(new)))

        for name in schemas:
            drop(aside[name])
            rename(name, aside[name])
        try:
            yield
        except BaseException:
            for name in schemas:
                drop(name)
                rename(aside[name], name)
            raise
        for name in schemas:
            drop(aside[name])


def _swap(unpacked: Path, old: Path) -> None:
    """Unpacked files in place, present ones aside; after an error everything as before."""
    moved: list[tuple[Path, Path]] = []
    try:
        for name in KEPT:
            present = settings.DATA_DIR / name
            for source, target in ((present, old / name), (unpacked / name, present)):
                if source.exists():
                    source.rename(target)
                    moved.append((source, target))
    except OSError:
        for source, target in reversed(moved):
            target.rename(source)
        raise


def restore(folder: Path, *, replace: bool = False, keys_from: Path | None = None) -> None:
    """Put a backup back, whole or not at all.

    Raises `BackupDamaged`, `OtherCounty`, and `NotEmpty` unless `replace`; nothing has changed
    then. Nothing else of this county may be running.
    """
    _check(folder)
    if not replace and not _is_empty():
        raise NotEmpty(
            zh="这个县已经有数据。确认要用备份覆盖，请加 --replace",
            en="This county already holds data. Add --replace to overwrite it",
        )
    unpacked, old = settings.DATA_DIR / ".restored.part", settings.DATA_DIR / ".replaced"
    for leftover in (unpacked, old):
        shutil.rmtree(leftover, ignore_errors=True)
        leftover.mkdir(parents=True)
    try:
        with tarfile.open(folder / FILES) as archive:
            archive.extractall(unpacked, filter="data")
        with _schemas_aside():
            _run(
                "pg_restore",
                "--no-owner",
                "--single-transaction",
                f"--dbname={database_url()}",
                str(folder / DUMP),
            )
            _swap(unpacked, old)
    finally:
        connection.close()
        for leftover in (unpacked, old):
            shutil.rmtree(leftover, ignore_errors=True)
    if keys_from is not None:
        bring_keys(keys_from)
