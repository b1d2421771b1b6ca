"""The administrator's page: what runs, what waits, what failed, and what mends it."""

import shutil
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
from django.conf import settings
from django.db import connection
from django.utils.translation import gettext as _

from huying.directory import queries as directory
from huying.ledger import queries as ledger
from huying.notices import queries as notices
from huying.sensing import queries as sensing
from huying.standards.deadlines import SHANGHAI
from huying.standards.wording import ago, span

GOOD, WATCH, BAD = "GOOD", "WATCH", "BAD"

OLDEST_UNSEALED_S = 10.0
OLDEST_UNSENT_S = 300.0
OLDEST_JOB_S = 300.0
MOST_APART_S = 60.0
OLDEST_BACKUP = timedelta(days=2)
LEAST_DISK = 0.1


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the machine. `mend` is what to do (words), `url` where."""

    name: str
    state: str  # GOOD | WATCH | BAD
    words: str
    figures: Sequence[tuple[str, str]] = ()
    mend: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True)
class HealthPage:
    at: datetime
    parts: tuple[Part, ...]

    @property
    def state(self) -> str:
        states = {part.state for part in self.parts}
        return BAD if BAD in states else WATCH if WATCH in states else GOOD


def health(now: datetime) -> HealthPage:
    return HealthPage(
        at=now,
        parts=(
            _listeners(now),
            _quarantine(),
            _jobs(now),
            _time(),
            _seals(now),
            _outbox(),
            _calendar(now),
            _backups(now, settings.BACKUP_DIR),
            *_copied_log(),
            *_standby(),
            _disk(settings.DATA_DIR),
        ),
    )


def _listeners(now: datetime) -> Part:
    found = sensing.listener_health()
    alive = [one for one in found if one.is_alive]
    name = _("设备接入")
    if not found:
        return Part(
            name,
            BAD,
            _("一天内没有接入进程运行过，设备数据进不来"),
            mend=_("启动 huying ingest，或用 huying up 启动全部"),
        )
    if not alive:
        return Part(
            name,
            BAD,
            _("接入进程已停，最后一次在%(when)s") % {"when": ago(found[0].seen_at, now=now, _=_)},
            mend=_("启动 huying ingest；设备会自动补传未确认的数据"),
        )
    errors = [one.last_error for one in alive if one.last_error]
    return Part(
        name,
        WATCH if errors else GOOD,
        errors[0] if errors else _("随时可以接收"),
        figures=(
            (_("进程"), f"{len(alive):,}"),
            (_("在线设备"), f"{sum(one.connections for one in alive):,}"),
            (_("已入库"), f"{sum(one.stored for one in alive):,}"),
            (_("重复"), f"{sum(one.duplicates for one in alive):,}"),
            (_("待写入"), f"{sum(one.waiting for one in alive):,}"),
        ),
        url="/sensing/",
    )


def _quarantine() -> Part:
    counts = sensing.quarantine_counts()
    waiting = sum(row.count for row in counts)
    if not waiting:
        return Part(_("待核数据"), GOOD, _("没有待核数据"), url="/sensing/quarantine/")
    return Part(
        _("待核数据"),
        WATCH,
        _("有数据没能识别，已原样保存，处理后可以重新入库"),
        figures=tuple((row.label(), f"{row.count:,}") for row in counts[:4]),
        mend=_("去处理"),
        url="/sensing/quarantine/",
    )


@dataclass(frozen=True, slots=True)
class JobHealth:
    """Jobs due and not begun, jobs given up, how long the oldest is due, the last heartbeat."""

    waiting: int
    failed: int
    oldest_age_s: float
    beat_at: datetime | None


def job_health(now: datetime) -> JobHealth:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FILTER (WHERE status = 'todo' AND coalesce(scheduled_at, %s) <= %s),"
            " count(*) FILTER (WHERE status = 'failed'),"
            " min(coalesce(scheduled_at, deferred.at)) FILTER (WHERE status = 'todo')"
            " FROM procrastinate_jobs LEFT JOIN LATERAL (SELECT min(at) AS at"
            " FROM procrastinate_events WHERE job_id = procrastinate_jobs.id AND type = 'deferred'"
            ") deferred ON status = 'todo' WHERE status IN ('todo', 'failed')",
            [now, now],
        )
        waiting, failed, oldest = cursor.fetchone()
        cursor.execute("SELECT max(last_heartbeat) FROM procrastinate_workers")
        (beat,) = cursor.fetchone()
    age = max(0.0, (now - oldest).total_seconds()) if oldest is not None else 0.0
    return JobHealth(waiting, failed, age, beat)


def _jobs(now: datetime) -> Part:
    found = job_health(now)
    figures = ((_("等待"), f"{found.waiting:,}"), (_("失败"), f"{found.failed:,}"))
    alive = found.beat_at is not None and now - found.beat_at < timedelta(seconds=60)
    if not alive:
        return Part(
            _("后台任务"),
            BAD,
            _("任务进程没有运行：时限提醒、外部通知和存证都会停下"),
            figures,
            mend=_("启动 huying worker，或用 huying up 启动全部"),
        )
    if found.oldest_age_s > OLDEST_JOB_S:
        return Part(
            _("后台任务"), WATCH, _("任务有积压"), figures, mend=_("再启动一个 huying worker")
        )
    return Part(_("后台任务"), WATCH if found.failed else GOOD, _("正常运行"), figures)


def _time() -> Part:
    found = directory.time_trust()
    apart = abs(found.apart_s)
    name, mend = _("系统时间"), _("核对各台机器的时间，检查校时服务：timedatectl、chronyc tracking")
    if found.is_apart:
        return Part(
            name,
            BAD,
            _("程序和数据库的时间相差 %(span)s，时限提醒、催办和到期清理已暂停，时间一致后自动继续")
            % {"span": span(timedelta(seconds=apart), _=_)},
            mend=mend,
        )
    if found.wait_s:
        return Part(
            name,
            BAD,
            _("时间突然往前跳了 %(span)s，时限提醒、催办和到期清理先停着，%(wait)s后自动继续")
            % {
                "span": span(timedelta(seconds=round(found.ahead_s)), _=_),
                "wait": span(timedelta(seconds=round(found.wait_s)), _=_),
            },
            mend=_(
                "看看现在几点：不对就马上校正，校正后自动继续；是停机以后刚开机、换了机器或刚恢复备份的，等着就行"
            ),
        )
    if apart > MOST_APART_S:
        return Part(
            name,
            WATCH,
            _("程序和数据库的时间相差 %(seconds)d 秒") % {"seconds": apart},
            mend=mend,
        )
    return Part(name, GOOD, _("程序和数据库的时间一致"))


def _seals(now: datetime) -> Part:
    found = ledger.ledger_health()
    figures = (
        (_("已存证"), f"{found.size:,}"),
        (
            _("最近签名"),
            ago(found.last_checkpoint_at, now=now, _=_) if found.last_checkpoint_at else _("无"),
        ),
    )
    if found.oldest_pending_age_s > OLDEST_UNSEALED_S:
        return Part(
            _("存证"),
            BAD,
            _("有记录等了 %(seconds)d 秒还没有存证") % {"seconds": found.oldest_pending_age_s},
            figures,
            mend=ledger.blocking_transaction() or _("检查 huying worker 是否在运行"),
        )
    return Part(_("存证"), GOOD, _("全部记录已存证签名"), figures, url="/ledger/")


def _outbox() -> Part:
    waiting, age, dead = notices.outbox_health()
    figures = ((_("待发送"), f"{waiting:,}"), (_("未送达"), f"{dead:,}"))
    if dead:
        return Part(
            _("通知"),
            WATCH,
            _("有通知多次没有送达"),
            figures,
            mend=_("去重发"),
            url="/notices/dead-letters/",
        )
    if age > OLDEST_UNSENT_S:
        return Part(_("通知"), WATCH, _("通知发送有积压"), figures, url="/notices/dead-letters/")
    return Part(_("通知"), GOOD, _("都已送出"), figures)


def _calendar(now: datetime) -> Part:
    gaps = directory.calendar_gap(now.astimezone(SHANGHAI).date())
    if not gaps:
        return Part(_("工作日历"), GOOD, _("本年和下一年的放假安排都已导入"))
    years = _("、").join(str(gap.year) for gap in gaps)
    return Part(
        _("工作日历"),
        WATCH,
        _("还没有 %(years)s 年的放假安排，落在这一年的期限按暂定计算") % {"years": years},
        mend=_("国务院办公厅公布后，导入放假和调休安排，期限会自动重算"),
        url="/admin/directory/workingyear/",
    )


def _newest_manifest(folder: Path) -> dict[str, Any] | None:
    """The newest that can be read: what else lies there is somebody else's, or half a backup."""
    for path in sorted(folder.glob("*/manifest.json"), reverse=True):
        with suppress(OSError, ValueError, KeyError, TypeError):
            found: dict[str, Any] = orjson.loads(path.read_bytes())
            return {
                "made_at": datetime.fromisoformat(found["made_at"]).astimezone(UTC),
                "ledger_size": int(found["ledger_size"]),
            }
    return None


def last_backup(folder: Path) -> datetime | None:
    """When the newest backup in a folder was made; None without one."""
    manifest = _newest_manifest(folder)
    return manifest["made_at"] if manifest is not None else None


def _backups(now: datetime, folder: Path) -> Part:
    manifest = _newest_manifest(folder)
    if manifest is None:
        return Part(
            _("备份"), BAD, _("还没有做过备份"), mend=_("运行 huying backup，并安排每天自动运行")
        )
    made_at = manifest["made_at"]
    figures = (
        (_("最近备份"), ago(made_at, now=now, _=_)),
        (_("当时存证"), f"{manifest['ledger_size']:,}"),
    )
    if now - made_at > OLDEST_BACKUP:
        return Part(_("备份"), WATCH, _("备份太旧了"), figures, mend=_("运行 huying backup"))
    return Part(_("备份"), GOOD, _("备份是新的"), figures)


def _copied_log() -> tuple[Part, ...]:
    """The log as it is copied between backups; nothing where none is (no backup of the embedded
    server yet, or a server of one's own)."""
    row = _row(
        "SELECT active, wal_status, coalesce(pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn), 0)"
        " FROM pg_replication_slots WHERE slot_name = 'huying_archive'"
    )
    if row is None:
        return ()
    active, kept, behind = row
    name, figures = _("日志归档"), ((_("未归档"), f"{int(behind) / 2**20:,.0f} MiB"),)
    if kept == "lost":
        mend = _("运行 huying backup，从新的备份起重新归档")
        return (Part(name, BAD, _("日志断了，断点之后的时刻无法恢复"), figures, mend=mend),)
    if not active:
        mend = _("启动 huying archive，或用 huying up 启动全部")
        return (Part(name, BAD, _("日志没有在归档，这期间的数据还没有备份"), figures, mend=mend),)
    return (Part(name, GOOD, _("日志随写随存"), figures),)


def _standby() -> tuple[Part, ...]:
    """The second server; nothing where there is none."""
    row = _row(
        "SELECT current_setting('synchronous_standby_names') <> '',"
        " EXISTS (SELECT FROM pg_replication_slots"
        "         WHERE slot_name = 'huying_standby' AND active)"
        " FROM pg_replication_slots WHERE slot_name = 'huying_standby'"
    )
    if row is None:
        return ()
    waits, follows = row
    if follows and waits:
        return (Part(_("热备库"), GOOD, _("每一次提交两个库都有")),)
    mend = _("执行 huying standby：坏了的热备库会移到一旁，重新复制一份")
    return (Part(_("热备库"), BAD, _("热备库没有跟上，现在只有一个库"), mend=mend),)


def _row(statement: str) -> tuple[Any, ...] | None:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        found: tuple[Any, ...] | None = cursor.fetchone()
    return found


def _disk(folder: Path) -> Part:
    usage = shutil.disk_usage(folder)
    share = usage.free / usage.total
    figures = ((_("剩余"), f"{usage.free / 1e9:,.0f} GB"),)
    if share < LEAST_DISK:
        return Part(_("磁盘"), BAD, _("磁盘快满了"), figures, mend=_("扩容，或把旧备份移走"))
    return Part(_("磁盘"), GOOD, _("空间充足"), figures)
