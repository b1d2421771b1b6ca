"""The one place that asks whether the time is to be trusted, before time alone has effects."""

import logging
import time
import uuid
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Final

from django.conf import settings
from django.db import connection, transaction

from huying.directory.models import TimeCheck
from huying.directory.permissions import Actor
from huying.directory.rules.trusted_time import Judgement, Look, Standing, is_off, judge
from huying.ledger.actions import record

_BOOT: Final = Path("/proc/sys/kernel/random/boot_id")
_HANDBOOK: Final = "docs/handbook.md, 系统时间不对"

_logger = logging.getLogger(__name__)


def check_time(*, job: str, by: Actor) -> datetime | None:
    """The time by which `job` may act; None while the clocks are not to be trusted.

    What ran out by then may be told, ended or deleted: the time returned is the one that was
    looked at. A held job says in the log what to do, and does its work when it next runs. That
    the time jumped is sealed, since everything around it in the ledger is dated by it.
    """
    with transaction.atomic():
        row = TimeCheck.objects.select_for_update().filter(pk=1).first()
        look = _look()
        found = judge(look, _standing(row), wait_s=settings.TIME_WAIT_SECONDS)
        _keep(row, found)
        if found.jump_s:
            record(
                kind="time.jumped",
                subject="time",
                by=by.ref,
                body={"seconds": round(found.jump_s)},
            )
    if found.is_trusted:
        return datetime.fromtimestamp(look.own, UTC)
    _logger.error("%s waits: %s (%s)", job, _words(found), _HANDBOOK)
    return None


def _look() -> Look:
    before = time.time()
    with connection.cursor() as cursor:
        cursor.execute("SELECT extract(epoch FROM clock_timestamp())::float8")
        (database,) = cursor.fetchone()
    return Look((before + time.time()) / 2, database, *_steady())


def _steady() -> tuple[str, float]:
    """A clock nobody sets, and what it counts from: the start of the machine, sleep included."""
    machine = _machine()
    return machine or _this_process(), (
        time.clock_gettime(time.CLOCK_BOOTTIME) if machine else time.monotonic()
    )


@cache
def _machine() -> str:
    return _BOOT.read_text(encoding="ascii").strip() if _BOOT.exists() else ""


@cache
def _this_process() -> str:
    return str(uuid.uuid4())


def _standing(row: TimeCheck | None) -> Standing | None:
    if row is None:
        return None
    return Standing(row.checked_at.timestamp(), row.machine, row.steady_s, row.ahead_s, row.wait_s)


def _keep(row: TimeCheck | None, found: Judgement) -> None:
    now = found.standing
    new = row or TimeCheck()
    new.checked_at = datetime.fromtimestamp(now.database, UTC)
    new.machine, new.steady_s = now.machine, now.steady
    new.ahead_s, new.wait_s = now.ahead_s, now.wait_s
    if is_off(found.apart_s):
        new.apart_s, new.apart_at = found.apart_s, new.checked_at
    if row is None:
        # Of two that look first, one is first.
        TimeCheck.objects.bulk_create([new], ignore_conflicts=True)
    else:
        new.save()


def _words(found: Judgement) -> str:
    if is_off(found.apart_s):
        return (
            f"the clock of this machine and that of the database are {found.apart_s:+.0f} s apart;"
            " set them right, and it goes on"
        )
    return (
        f"the time jumped {found.standing.ahead_s:.0f} s ahead; if it is wrong, set it right now,"
        f" and it goes on; if nobody does, it goes on in {found.standing.wait_s:.0f} s"
    )
