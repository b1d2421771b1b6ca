"""`huying restore`: the county put back, its ledger going on, and everything checked."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.db import connection, transaction
from psycopg.conninfo import conninfo_to_dict

from huying.config import checking, embedded, turns
from huying.config.backups import BackupDamaged, bring_keys
from huying.config.copies import archive, base, recovery
from huying.config.progress import Bars
from huying.ledger import actions as ledger
from huying.ledger import sequencer
from huying.ledger.mark import LedgerWentBack


@dataclass(frozen=True, slots=True)
class Returned:
    restored: recovery.Restored
    went_back: LedgerWentBack | None
    report: checking.Report

    @property
    def ok(self) -> bool:
        return self.went_back is None and self.report.ok

    def in_words(self) -> str:
        """For the operator's terminal, Chinese first."""
        at, tail = self.restored.at, self.restored.tail
        lines = [
            f"已恢复到{'备份所及的最后时刻' if at is None else at.isoformat()}，"
            f"所用备份 {self.restored.base.folder.name}。 / "
            f"Restored to {'the end of the copies' if at is None else at.isoformat()}."
        ]
        lines += [f"原有数据移到了 / set aside: {path}" for path in self.restored.aside]
        if tail is not None:
            kinds = ", ".join(f"{kind} {count}" for kind, count in tail.kinds.items())
            lines.append(
                f"账本接着原来的 {tail.size:,} 条往下记。此后撤销的 {tail.records:,} 条仍在账上："
                f"{kinds or '无'}。 / The ledger goes on from its {tail.size:,} entries; "
                f"{tail.records:,} of them tell of what is undone."
            )
            if tail.erased:
                people = ", ".join(tail.erased)
                lines.append(
                    f"此后依法删除的人又在库里了，请再删一遍：{people}。 / "
                    f"Erased since and back: erase them again: {people}."
                )
        if self.went_back is not None:
            lines += [f"✗ {self.went_back.zh}", f"  {self.went_back.en}"]
        lines += [
            self.report.in_words(),
            "投入使用以前请再做一次备份：huying backup / Before it is used, take a new backup",
        ]
        return "\n".join(lines)


def bring_back(
    folder: Path | None,
    *,
    at: str,
    replace: bool,
    keys_from: Path | None,
    rehearsal: bool,
    bars: Bars,
) -> Returned:
    """Check the copies, put the county back, let its ledger go on, and check everything.

    As of `at`; where that is empty, as of the backup where `folder` is one, else with all the
    copies hold. Raises what `recovery` raises, and turns.Busy while `huying up` runs; then nothing
    has changed.

    A `rehearsal` signs nothing: the living county's ledger goes on elsewhere.
    """
    with turns.stopped(settings.DATA_DIR), turns.servers(settings.DATA_DIR):
        return _bring_back(
            folder, at=at, replace=replace, keys_from=keys_from, rehearsal=rehearsal, bars=bars
        )


def _bring_back(
    folder: Path | None,
    *,
    at: str,
    replace: bool,
    keys_from: Path | None,
    rehearsal: bool,
    bars: Bars,
) -> Returned:
    moment = recovery.moment(at) if at else None
    chosen = recovery.choose(folder or settings.BACKUP_DIR, moment)
    recovery.require_idle(replace=replace)
    wrong = base.check_files(chosen, bars)
    if wrong:
        raise BackupDamaged(
            zh=f"{chosen.folder} 有问题，没有恢复任何内容：{wrong[0]}",
            en=f"{chosen.folder} is damaged; nothing was restored: {wrong[0]}",
        )
    named = folder is not None and base.is_base(folder)
    restored = recovery.restore(
        chosen, at=moment, all_there_is=moment is None and not named, bars=bars
    )
    if keys_from is not None:
        bring_keys(keys_from)
    _connect(embedded.start(settings.POSTGRES_DIR))
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
    _attachments(chosen, bars)
    went_back = None
    if not rehearsal:
        archive.ensure_slot()
        went_back = _go_on(restored)
    return Returned(restored, went_back, checking.check(only="", repair=False, bars=bars))


def _connect(url: str) -> None:
    known = conninfo_to_dict(url)
    connection.close()
    connection.settings_dict.update(
        NAME=known["dbname"], USER=known["user"], HOST=known["host"], PORT=""
    )


def _attachments(chosen: base.Base, bars: Bars) -> None:
    advance, count = bars("附件"), archive.attachment_count()
    for seen in archive.bring_back(chosen.backups):
        advance(seen, count)


def _go_on(restored: recovery.Restored) -> LedgerWentBack | None:
    """Seal that the county was put back, behind all that was sealed before."""
    at, tail = restored.at, restored.tail
    with transaction.atomic():
        ledger.record(
            kind="county.restored",
            subject="county",
            by="system:operator",
            body={
                "at": at.isoformat() if at else None,
                "backup": restored.base.folder.name,
                "undone": None if tail is None else dataclasses.asdict(tail),
            },
        )
    try:
        sequencer.recover_after_restore()
        sequencer.seal_all()
    except LedgerWentBack as error:
        return error
    return None
