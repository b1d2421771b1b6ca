"""The jobs of notices, found by name and run by a real worker."""

import os
import subprocess
import sys

import pytest
from django.db import connection
from procrastinate.contrib.django import app

from huying.notices import actions
from huying.notices.models import Delivery, Escalation, Notice
from tests.factories.notices import make_address, make_reader, reading, tell
from tests.integration.notices.live import database_url


def test_every_job_is_known_by_its_name_and_runs_by_the_clock() -> None:
    names = {"notices.drain", "notices.escalate", "notices.forget"}
    assert names <= set(app.tasks)
    periodic = {
        found.task.name: found.cron for found in app.periodic_registry.periodic_tasks.values()
    }
    assert {name: periodic[name] for name in names} == {
        "notices.drain": "* * * * *",
        "notices.escalate": "* * * * *",
        "notices.forget": "17 5,19 * * *",
    }


@pytest.mark.django_db(transaction=True)
def test_an_urgent_notice_is_sent_by_the_worker_it_wakes() -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM procrastinate_jobs")
    reader = make_reader()
    make_address(reader, "DEMO", "take")
    actions.set_preferences(channels={"case": ["DEMO"]}, quiet_hours=None, by=reading(reader))
    ids = tell(reader, urgency="URGENT")
    Notice.objects.filter(id__in=ids).update(escalate_at="2026-01-01T00:00:00Z")
    app.configure_task("notices.escalate", queueing_lock="notices.escalate").defer()
    subprocess.run(
        [
            *(sys.executable, "-m", "django", "procrastinate", "worker"),
            *("--one-shot", "--no-listen-notify", "--queues", "notices"),
        ],
        env={
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "huying.config.settings",
            "HUYING_DATABASE_URL": database_url(),
        },
        check=True,
        timeout=60,
    )
    assert Delivery.objects.get().state == "SENT"
    assert Escalation.objects.get().step == "NOBODY_LEFT"
