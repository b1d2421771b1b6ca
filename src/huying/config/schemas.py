"""The two schemas of a county: its tables, and its job queue.

procrastinate's tables bring triggers, which schema-based sharding refuses in a county's own
schema, so they live beside it, in <county>_jobs. Its Django migrations are switched off
(MIGRATION_MODULES): they would look applied as soon as one county had them.
"""

from typing import Any

from django.conf import settings
from django.db import connections
from procrastinate.schema import SchemaManager
from psycopg import sql


def create(using: str, **_: Any) -> None:
    """Create both schemas where they are missing."""
    with connections[using].cursor() as cursor:
        for schema in (settings.COUNTY_SCHEMA, settings.JOBS_SCHEMA):
            cursor.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(schema)))


def create_jobs(using: str, **_: Any) -> None:
    """Apply procrastinate's schema to <county>_jobs where it is missing."""
    connection = connections[using]
    jobs = sql.Identifier(settings.JOBS_SCHEMA)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT to_regclass(%s) IS NOT NULL",
            [f'"{settings.JOBS_SCHEMA}".procrastinate_jobs'],
        )
        if cursor.fetchone() == (True,):
            return
    connection.ensure_connection()
    raw = connection.connection
    with raw.cursor() as cursor:
        before = cursor.execute("SHOW search_path").fetchone()[0]
        cursor.execute(sql.SQL("SET search_path TO {}").format(jobs))
        try:
            # Many statements at once: only the simple protocol, without parameters, takes them.
            raw.execute(SchemaManager.get_schema())
        finally:
            cursor.execute("SELECT set_config('search_path', %s, false)", [before])
