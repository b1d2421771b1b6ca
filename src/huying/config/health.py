"""For the machine that watches the machine: alive (the process answers), ready (it can work)."""

from functools import cache

from django.conf import settings
from django.db import Error, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse


def alive(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"alive": True, "county": settings.COUNTY})


def ready(request: HttpRequest) -> JsonResponse:
    """200 once the database answers and every migration is applied, else 503 with the reason."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        _require_migrated()
    except NotMigrated:
        return JsonResponse({"ready": False, "reason": "run: huying migrate"}, status=503)
    except Error:
        return JsonResponse({"ready": False, "reason": "the database does not answer"}, status=503)
    return JsonResponse({"ready": True})


class NotMigrated(Exception):
    """A migration of this version is not applied."""


@cache
def _require_migrated() -> None:
    """Raise NotMigrated; a success is remembered, since migrations are never undone under us."""
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        raise NotMigrated
