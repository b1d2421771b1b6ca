"""Back to a moment: a base backup and the log after it, replayed on a server of its own.

Nothing of the present county is touched until the new server stands; then both change places,
and what was there is set aside, never deleted.
"""

import shlex
import shutil
import tarfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import psycopg
from django.conf import settings

from huying.config import embedded
from huying.config.backups import FILES, NotEmpty
from huying.config.copies import archive, base, ledger_tail
from huying.config.copies.base import Base
from huying.config.progress import Bars
from huying.directory.permissions import DomainError

PG_WAL: Final = "pg_wal"
# What a server remembers of its part in replication, which a restored one has no more.
_ROLE: Final = ("synchronous_standby_names", "primary_conninfo", "primary_slot_name")


class NoSuchMoment(DomainError):
    """No copy reaches the moment asked for, or it is not said in which time zone it is."""

    code = "NO_SUCH_MOMENT"
    status = 422


class StillRunning(DomainError):
    """Processes of this county use its database."""

    code = "STILL_RUNNING"
    status = 409


class RecoveryFailed(DomainError):
    """PostgreSQL could not replay its log."""

    code = "RECOVERY_FAILED"
    status = 409


@dataclass(frozen=True, slots=True)
class Restored:
    """`aside`: where what was there lies now. `tail`: how the ledger went on after the moment,
    None where nothing was left out."""

    base: Base
    at: datetime | None
    aside: tuple[Path, ...]
    tail: ledger_tail.Tail | None


def moment(text: str) -> datetime:
    """A moment with its time zone, as 2026-11-22T14:05:00+08:00; raises NoSuchMoment."""
    with suppress(ValueError):
        at = datetime.fromisoformat(text)
        if at.tzinfo is not None:
            return at.astimezone(UTC)
    raise NoSuchMoment(
        zh=f"“{text}”不是带时区的时间，请写成 2026-11-22T14:05:00+08:00",
        en=f"{text!r} is not a time with its zone; write it as 2026-11-22T14:05:00+08:00",
    )


def choose(folder: Path, at: datetime | None) -> Base:
    """The base backup to begin with: `folder` itself, or the newest in it finished by `at`."""
    folder = folder.resolve()
    if base.is_base(folder):
        chosen = base.read(folder)
        finished = chosen.made_at.isoformat(timespec="seconds")
        if at is not None and at < chosen.made_at:
            raise NoSuchMoment(
                zh=f"这份备份完成于 {finished}，更早的时刻不能用它恢复",
                en=f"This backup was finished at {finished}: "
                "no earlier moment can be restored from it",
            )
        return chosen
    fitting = [one for one in base.all_in(folder) if at is None or one.made_at <= at]
    if not fitting:
        raise NoSuchMoment(
            zh=f"{folder} 里没有在这个时刻以前完成的备份",
            en=f"There is no backup in {folder} that was finished by then",
        )
    return fitting[-1]


def require_idle(*, replace: bool) -> None:
    """Raises StillRunning where the county's processes use its database, NotEmpty where there is
    a county and nobody said it may be replaced."""
    present = settings.POSTGRES_DIR.resolve()
    url = embedded.url_if_running(present)
    if url is not None:
        with psycopg.connect(url) as connection:
            row = connection.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'huying'"
            ).fetchone()
        if row and row[0]:
            raise StillRunning(
                zh="呼应还在运行，请先停止（systemctl stop huying），再恢复",
                en="Huying is still running: stop it first (systemctl stop huying), then restore",
            )
    if present.exists() and any(present.iterdir()) and not replace:
        raise NotEmpty(
            zh="这个县已经有数据。确认要用备份替换，请加 --replace；现有数据会移到一旁，不会删除",
            en="This county already holds data. Add --replace to replace it; what is there now is "
            "set aside, not deleted",
        )


def restore(chosen: Base, *, at: datetime | None, all_there_is: bool, bars: Bars) -> Restored:
    """Put the county back as it was at `at`, or when the backup was finished, or (with
    `all_there_is`) with everything the copied log holds.

    Raises NoSuchMoment, RecoveryFailed; the present county has not changed then (its database
    server was stopped).
    """
    present = settings.POSTGRES_DIR.resolve()
    embedded.stop_all(settings.DATA_DIR)
    draft = settings.DATA_DIR / ".postgres.part"
    to_the_end = settings.DATA_DIR / ".postgres.end.part"
    for leftover in (draft, to_the_end):
        shutil.rmtree(leftover, ignore_errors=True)
    try:
        _unpack(chosen, draft, bars)
        tail = None
        log = {"restore_command": _restore_command(chosen, present)}
        if all_there_is:
            _replay(draft, log, bars)
        else:
            target = {**log, **_target(at)}
            _replay(draft, {**target, "recovery_target_action": "shutdown"}, bars)
            # The same server twice: one goes on to the end, for the ledger's sake.
            embedded.copy_tree(draft, to_the_end)
            tail = _both(draft, target, to_the_end, log, bars)
        aside = _swap(draft, chosen)
    finally:
        for leftover in (draft, to_the_end):
            shutil.rmtree(leftover, ignore_errors=True)
    return Restored(chosen, None if all_there_is else at or chosen.made_at, aside, tail)


def _target(at: datetime | None) -> dict[str, str]:
    return {"recovery_target_time": at.isoformat()} if at else {"recovery_target": "immediate"}


def _unpack(chosen: Base, target: Path, bars: Bars) -> None:
    target.mkdir(mode=0o700, parents=True)
    for name, to in (("base.tar.gz", target), ("pg_wal.tar.gz", target / PG_WAL)):
        source = chosen.folder / base.DATABASE / name
        size, advance = source.stat().st_size, bars(name)
        with source.open("rb") as raw, base.unzipped(raw) as files:
            for member in files:
                files.extract(member, to, filter="data")
                advance(raw.tell(), size)
    embedded.forget_running(target)
    for folder in target.rglob("*"):
        if folder.is_dir():
            folder.chmod(0o700)
    kept = target / "postgresql.auto.conf"
    lines = kept.read_text(encoding="utf-8").splitlines(keepends=True)
    kept.write_text("".join(line for line in lines if not line.startswith(_ROLE)))
    (target / "recovery.signal").touch()


def _restore_command(chosen: Base, present: Path) -> str:
    """How the server asks for a segment: whole from the copies, then from what the present
    server had not handed over yet, then what was being copied when it ended."""
    wal = archive.wal_folder(chosen.backups)
    wal.mkdir(exist_ok=True, mode=0o700)
    embedded.hand_over(wal)
    copies = f"{shlex.quote(str(wal / chosen.system_id))}-*/%f"
    own = f"{shlex.quote(str(present / PG_WAL))}/%f"
    places = f"{copies} {own} {copies}.partial".replace("%", "%%").replace("%%f", "%f")
    return f'for f in {places}; do test -f "$f" && exec cp "$f" "%p"; done; exit 1'


def _replay(pgdata: Path, options: Mapping[str, str], bars: Bars) -> None:
    advance = bars("重放日志")
    with embedded.apart(pgdata, {**_QUIET, **options}) as server:
        try:
            if options.get("recovery_target_action") == "shutdown":
                server.wait_for_end()
                _require_reached(server)
            else:
                server.wait_until_it_writes()
        except embedded.ServerEnded as error:
            raise _failed(str(error)) from error
    advance(1, 1)


_QUIET: Final = {"synchronous_standby_names": "", "archive_mode": "off", "autovacuum": "off"}


def _require_reached(server: embedded.Apart) -> None:
    said = server.said()
    if "recovery stopping" not in said:
        raise _failed(said[-800:])


def _failed(said: str) -> DomainError:
    if "before configured recovery target was reached" in said:
        return NoSuchMoment(
            zh="备份里的日志到不了这个时刻，最后的记录比它早。要恢复到日志的末尾，请去掉 --at",
            en="The copied log ends before that moment. To restore all it holds, leave --at out",
        )
    return RecoveryFailed(
        zh=f"数据库没能重放日志，现有数据没有改动：{said}",
        en=f"The database could not replay its log; the present data has not changed: {said}",
    )


def _both(
    draft: Path,
    target: Mapping[str, str],
    to_the_end: Path,
    log: Mapping[str, str],
    bars: Bars,
) -> ledger_tail.Tail:
    """Open the server at the moment and the one at the end, and carry the ledger over."""
    advance = bars("存证接续")
    try:
        with (
            embedded.apart(
                draft, {**_QUIET, **target, "recovery_target_action": "promote"}
            ) as then,
            embedded.apart(to_the_end, {**_QUIET, **log}) as end,
        ):
            then.wait_until_it_writes()
            end.wait_until_it_writes()
            with psycopg.connect(end.url) as source, psycopg.connect(then.url) as target_one:
                tail = ledger_tail.carry(source, target_one)
    except (embedded.ServerEnded, psycopg.Error) as error:
        raise _failed(str(error)) from error
    advance(1, 1)
    return tail


def _swap(draft: Path, chosen: Base) -> tuple[Path, ...]:
    """The restored server and files in place, the present ones aside, a standby of the present
    one with them."""
    unpacked = settings.DATA_DIR / ".files.part"
    shutil.rmtree(unpacked, ignore_errors=True)
    with tarfile.open(chosen.folder / FILES) as files:
        files.extractall(unpacked, filter="data")
    present, second = (
        settings.POSTGRES_DIR.resolve(),
        embedded.standby_folder(settings.DATA_DIR),
    )
    # A promotion that was broken off ends here: neither of its servers goes on.
    (settings.DATA_DIR / embedded.PROMOTING).unlink(missing_ok=True)
    if settings.POSTGRES_DIR.is_symlink():
        # After a promotion `postgres` is only another name for the server's folder.
        settings.POSTGRES_DIR.unlink()
    gone, pairs = [], [(one, unpacked / one.name) for one in (second, present)]
    pairs += [(settings.POSTGRES_DIR, draft)]
    pairs += [(settings.DATA_DIR / name, unpacked / name) for name in base.KEPT]
    for place, new in pairs:
        if place.is_symlink() or place.exists():
            gone.append(place.rename(embedded.aside(place)))
        if new.exists():
            new.rename(place)
    shutil.rmtree(unpacked, ignore_errors=True)
    return tuple(gone)
