"""Jobs of the clock wait while the time is not trusted, and do their work afterwards, once."""

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import connection
from django.utils import timezone
from procrastinate.contrib.django import app

from huying.cases.actions import files
from huying.cases.models import Act
from huying.directory.models import Account, Post
from huying.directory.permissions import Role
from huying.notices.models import Escalation, Notice
from huying.sensing.actions import RuleWording, save_rule
from huying.sensing.models import Alert, DeviceState, Quarantine
from tests.factories.cases import account, do, make_alert_case, make_office, make_photo, make_report
from tests.factories.directory import jump, let_pass, make_account, make_staff
from tests.factories.notices import make_reader, tell
from tests.factories.sensing import SYSTEM, make_device, make_reading, take

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
Count = Callable[[], int]


def _a_clock_that_ran_out() -> Count:
    make_office()
    make_alert_case(now=datetime.now(UTC) - timedelta(hours=3))
    return Act.objects.filter(action="clock_ran_out").count


def _an_urgent_notice_nobody_read() -> Count:
    tell(make_reader(), urgency="URGENT", escalate_to=[make_reader()])
    Notice.objects.update(escalate_at=timezone.now() - DAY)
    return Escalation.objects.count


def _a_silent_device() -> Count:
    wording = RuleWording(name="离线", test="SILENCE", property_code="", for_seconds=3600)
    save_rule(code="silent", wording=wording, by=SYSTEM)
    take(make_reading(make_device().mn, {"a34002": 1.0}))
    DeviceState.objects.update(last_heard_at=timezone.now() - DAY)
    return Alert.objects.count


def _old_quarantine() -> Count:
    take(make_reading("NOBODYS", {"a34004": 1.0}))
    Quarantine.objects.update(received_at=timezone.now() - 200 * DAY)
    return lambda: 1 - Quarantine.objects.count()


def _an_old_notice() -> Count:
    tell(make_reader())
    Notice.objects.update(created_at=timezone.now() - 400 * DAY)
    return lambda: 1 - Notice.objects.count()


def _a_file_of_nobody() -> Count:
    (orphan,) = files.store_photos([make_photo()])
    path, then = Path(settings.MEDIA_ROOT, orphan.path), (timezone.now() - 2 * DAY).timestamp()
    os.utime(path, (then, then))
    return lambda: 1 - path.exists()


def _a_session_that_ended() -> Count:
    Session.objects.create(session_key="x" * 32, expire_date=timezone.now() - DAY)
    return lambda: 1 - Session.objects.count()


def _a_post_that_ended() -> Count:
    office = make_office()
    case_id = make_report(text="垃圾没人清运").case_id
    do(case_id, "take", office.officer)
    yesterday = timezone.localdate() - DAY
    Post.objects.filter(account=account(office.officer)).update(
        start_date=yesterday, end_date=yesterday
    )
    return Act.objects.filter(action="hand_over").count


def _an_account_nobody_uses() -> Count:
    make_staff(Role.SECURITY_ADMIN)
    Account.objects.filter(pk=make_account().pk).update(created_at=timezone.now() - 400 * DAY)
    return Notice.objects.count


def _a_job_that_failed() -> Count:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO procrastinate_jobs (queue_name, task_name, priority)"
            " VALUES ('default', 'tests.old', 0) RETURNING id"
        )
        (job,) = cursor.fetchone()
        for status in ("doing", "failed"):
            cursor.execute("UPDATE procrastinate_jobs SET status = %s WHERE id = %s", [status, job])
        cursor.execute("UPDATE procrastinate_events SET at = now() - interval '30 days'")

    def gone() -> int:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 - count(*) FROM procrastinate_jobs WHERE id = %s", [job])
            return int(cursor.fetchone()[0])

    return gone


WORK: dict[str, Callable[[], Count]] = {
    "cases.run_clocks": _a_clock_that_ran_out,
    "cases.sweep_files": _a_file_of_nobody,
    "config.forget_jobs": _a_job_that_failed,
    "directory.clear_sessions": _a_session_that_ended,
    "directory.hand_over_ended": _a_post_that_ended,
    "notices.escalate": _an_urgent_notice_nobody_read,
    "notices.forget": _an_old_notice,
    "notices.tell_of_idle_accounts": _an_account_nobody_uses,
    "sensing.close_hours": _a_silent_device,
    "sensing.keep_house": _old_quarantine,
}


@pytest.mark.parametrize("job", WORK)
def test_it_waits_and_then_does_its_work_once(job: str, caplog: pytest.LogCaptureFixture) -> None:
    done, run = WORK[job](), app.tasks[job].func
    jump(DAY.total_seconds())
    run(timestamp=0)
    assert done() == 0
    assert f"{job} waits" in caplog.text
    let_pass(901)
    for _again in range(2):
        run(timestamp=0)
        assert done() == 1
