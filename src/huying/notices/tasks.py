"""Jobs of notices."""

from procrastinate.contrib.django import app

from huying.directory.permissions import Actor
from huying.notices import actions


@app.periodic(cron="* * * * *")
@app.task(name="notices.drain", queue="notices", queueing_lock="notices.drain")
def drain(timestamp: int = 0) -> None:
    """Send what waits in the outbox: woken by each urgent notice, and every minute."""
    actions.drain(by=Actor.system("notices"))


@app.periodic(cron="* * * * *")
@app.task(name="notices.escalate", queue="notices", queueing_lock="notices.escalate")
def escalate(timestamp: int = 0) -> None:
    """Pass on urgent notices that nobody read in time."""
    actions.escalate_unread(by=Actor.system("notices"))


@app.periodic(cron="30 1 * * *")
@app.task(name="notices.tell_of_idle_accounts", queue="notices", queueing_lock="notices.idle")
def tell_of_idle_accounts(timestamp: int = 0) -> None:
    """Tell the security administrators, once a month, of accounts nobody uses any more."""
    actions.tell_of_idle_accounts(by=Actor.system("notices"))


@app.periodic(cron="17 3 * * *")
@app.task(name="notices.forget", queue="notices", queueing_lock="notices.forget")
def forget(timestamp: int = 0) -> None:
    """Delete notices older than the county keeps them."""
    system = Actor.system("notices")
    while actions.forget_old(by=system):
        pass
