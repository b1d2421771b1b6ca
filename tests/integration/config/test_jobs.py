"""The queue of jobs holds what is due; what was done is not kept for ever."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest
from django.db import connection

from huying.config import jobs, processes
from tests.integration.config.commands import Machine, fresh_database

WAIT_SECONDS: Final = 60.0


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


@pytest.mark.django_db
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


@contextmanager
def _worker(machine: Machine) -> Iterator[None]:
    process = subprocess.Popen(
        processes.huying("worker"), env=machine.full_environment(HUYING_LOG_LEVEL="CRITICAL")
    )
    try:
        yield
        process.send_signal(signal.SIGTERM)
        assert process.wait(WAIT_SECONDS) == 0
    finally:
        process.kill()
        process.wait()


@pytest.mark.slow
def test_a_worker_keeps_no_job_that_was_done(tmp_path: Path) -> None:
    ours = ("cases.sweep_files", "nobody.knows_it", "cases.sweep_files")
    left = (
        "SELECT array_agg((task_name, status)::text) FROM procrastinate_jobs"
        f" WHERE task_name IN {ours}"
    )
    with fresh_database(f"huying_jobs_{os.getpid()}") as url:
        machine = Machine(url, tmp_path, "jobs")
        assert machine.run("migrate").returncode == 0
        for task in ours:
            machine.ask(
                "INSERT INTO procrastinate_jobs (queue_name, task_name, priority)"
                f" VALUES ('default', '{task}', 0) RETURNING id"
            )
        with _worker(machine):
            until = time.monotonic() + WAIT_SECONDS
            while machine.ask(left) != ["(nobody.knows_it,failed)"]:
                assert time.monotonic() < until, machine.ask(left)
                time.sleep(0.1)
        done = "SELECT count(*) FROM procrastinate_jobs WHERE status = 'succeeded'"
        assert machine.ask(done) == 0
