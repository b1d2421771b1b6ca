"""Housekeeping of sessions, once a night."""

from procrastinate.contrib.django import app

from huying.directory import actions
from huying.directory.permissions import Actor


@app.periodic(cron="20 3 * * *")
@app.task(name="directory.clear_sessions", queueing_lock="directory.clear_sessions")
def clear_sessions(timestamp: int) -> None:
    """Forget sessions that have ended; `timestamp` is when the run was due."""
    actions.clear_sessions(by=Actor.system("sessions"))
