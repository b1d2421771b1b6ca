"""Where procrastinate finds the jobs of every room, and what it need not keep of them."""

import importlib
import importlib.util
from typing import Final

from django.apps import apps
from django.db import connection
from procrastinate import App

KEPT_DAYS: Final = 7
# Jobs that were done go at once. Who failed stays a while to be looked at; whose worker died never
# ends by itself, and the next of its kind has long done its work.
_OLD: Final = """
DELETE FROM procrastinate_jobs job
WHERE (job.status NOT IN ('todo', 'doing')
       OR job.status = 'doing' AND NOT EXISTS (
           SELECT FROM procrastinate_workers worker WHERE worker.id = job.worker_id
             AND worker.last_heartbeat > now() - interval '1 hour'))
  AND NOT EXISTS (
      SELECT FROM procrastinate_events event
      WHERE event.job_id = job.id AND event.at > now() - make_interval(days => %s))
"""


def on_app_ready(app: App) -> None:
    """Load each room's tasks module, so that a job deferred by name is known to the worker."""
    for config in apps.get_app_configs():
        name = f"{config.name}.tasks"
        if config.name.startswith("huying.") and importlib.util.find_spec(name):
            importlib.import_module(name)


def forget_old() -> int:
    """Delete jobs that ended more than KEPT_DAYS ago or never will; how many."""
    with connection.cursor() as cursor:
        cursor.execute(_OLD, [KEPT_DAYS])
        return int(cursor.rowcount)
