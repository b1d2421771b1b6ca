"""The queue of jobs holds what is due; what was done is not kept for ever."""

import pytest
from django.db import connection

from huying.config import jobs

pytestmark = pytest.mark.django_db


def _job(status: str, days: int, *, beats: bool = False) -> int:
    """A job in this status since so many days; `beats`: its worker is alive."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO procrastinate_workers (last_heartbeat)"
            " VALUES (now() - make_interval(days => %s)) RETURNING id",
            [0 if beats else days],
        )
        (worker,) = cursor.fetchone()
        cursor.execute(
            "INSERT INTO procrastinate_jobs (queue_name, task_name, priority)"
            " VALUES ('default', 'cases.run_clocks', 0) RETURNING id"
        )
        (job,) = cursor.fetchone()
        for step in ("doing", status) if status not in ("todo", "doing") else (status,):
            cursor.execute(
                "UPDATE procrastinate_jobs SET status = %s, worker_id = %s WHERE id = %s",
                [step, worker, job],
            )
        cursor.execute(
            "UPDATE procrastinate_events SET at = now() - make_interval(days => %s)"
            " WHERE job_id = %s",
            [days, job],
        )
    return int(job)


def test_old_failures_and_jobs_of_dead_workers_go() -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM procrastinate_jobs")
    stay = {
        _job("todo", 30),
        _job("doing", 30, beats=True),
        _job("failed", 2),
        _job("doing", 0),
    }
    for status in ("failed", "doing", "succeeded", "cancelled"):
        _job(status, 30)
    assert jobs.forget_old() == 4
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM procrastinate_jobs")
        assert {row[0] for row in cursor.fetchall()} == stay
