"""Once a night: sessions that ended, posts that ended."""

from procrastinate.contrib.django import app

from huying.directory import actions
from huying.directory.permissions import Actor


@app.periodic(cron="20 3 * * *")
@app.task(name="directory.clear_sessions", queueing_lock="directory.clear_sessions")
def clear_sessions(timestamp: int) -> None:
    """Forget sessions that have ended; `timestamp` is when the run was due."""
    actions.clear_sessions(by=Actor.system("sessions"))


@app.periodic(cron="5 0 * * *")
@app.task(name="directory.hand_over_ended", queueing_lock="directory.hand_over_ended")
def hand_over_ended(timestamp: int) -> None:
    """Just after midnight: what was held by posts whose last day is over goes to others."""
    actions.hand_over_ended(by=Actor.system("posts"))
