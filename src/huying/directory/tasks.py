"""By the clock: sessions that ended, posts that ended."""

from procrastinate.contrib.django import app

from huying.directory import actions
from huying.directory.permissions import Actor


@app.periodic(cron="20 5,19 * * *")
@app.task(name="directory.clear_sessions", queueing_lock="directory.clear_sessions")
def clear_sessions(timestamp: int) -> None:
    """Forget sessions that have ended; `timestamp` is when the run was due."""
    by = Actor.system("sessions")
    if actions.check_time(job="directory.clear_sessions", by=by) is not None:
        actions.clear_sessions(by=by)


@app.periodic(cron="5 * * * *")
@app.task(name="directory.hand_over_ended", queueing_lock="directory.hand_over_ended")
def hand_over_ended(timestamp: int) -> None:
    """Just after midnight: what was held by posts whose last day is over goes to others. Each hour,
    so that a midnight that was missed is no lost day."""
    by = Actor.system("posts")
    if actions.check_time(job="directory.hand_over_ended", by=by) is not None:
        actions.hand_over_ended(by=by)
