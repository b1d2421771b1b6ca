"""Connections beside Django's: another officer, another process."""

import time

import psycopg
from django.db import connection


def other_connection() -> psycopg.Connection:
    """A connection beside Django's, into the same schema."""
    return psycopg.connect(**connection.get_connection_params() | {"cursor_factory": None})


def wait_until_somebody_waits_for(pid: int, seconds: float = 30) -> None:
    """Return once a statement waits for a lock of this server process; AssertionError after."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT EXISTS (SELECT FROM pg_stat_activity"
                " WHERE %s = ANY(pg_blocking_pids(pid)))",
                [pid],
            )
            if cursor.fetchone()[0]:
                return
    raise AssertionError(f"nobody waited for process {pid} within {seconds:g} s")
