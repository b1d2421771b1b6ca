"""Jobs of notices."""

from procrastinate.contrib.django import app

from huying.directory.actions import check_time
from huying.directory.permissions import Actor
from huying.notices import actions

BY = Actor.system("notices")


@app.periodic(cron="* * * * *")
@app.task(name="notices.drain", queue="notices", queueing_lock="notices.drain")
def drain(timestamp: int = 0) -> None:
    """Send what waits in the outbox: woken by each urgent notice, and every minute."""
    actions.drain(by=BY)


@app.periodic(cron="* * * * *")
@app.task(name="notices.escalate", queue="notices", queueing_lock="notices.escalate")
def escalate(timestamp: int = 0) -> None:
    """Pass on urgent notices that nobody read in time."""
    now = check_time(job="notices.escalate", by=BY)
    if now is not None:
        actions.escalate_unread(by=BY, now=now)


@app.periodic(cron="30 1 * * *")
@app.task(name="notices.tell_of_idle_accounts", queue="notices", queueing_lock="notices.idle")
def tell_of_idle_accounts(timestamp: int = 0) -> None:
    """Tell the security administrators, once a month, of accounts nobody uses any more."""
    if check_time(job="notices.tell_of_idle_accounts", by=BY) is not None:
        actions.tell_of_idle_accounts(by=BY)


@app.periodic(cron="17 5,19 * * *")
@app.task(name="notices.forget", queue="notices", queueing_lock="notices.forget")
def forget(timestamp: int = 0) -> None:
    """Delete notices older than the county keeps them."""
    now = check_time(job="notices.forget", by=BY)
    while now is not None and actions.forget_old(by=BY, now=now):
        pass
