"""What sensing does by itself: each job calls one action."""

from django.utils import timezone
from procrastinate.contrib.django import app

from huying.directory.actions import check_time
from huying.directory.permissions import Actor
from huying.sensing import actions

BY = Actor.system("sensing")


@app.periodic(cron="* * * * *")
@app.task(name="sensing.close_hours", queueing_lock="sensing.close_hours")
def close_hours(timestamp: int) -> None:
    """Each minute: hours of devices that report none themselves, and silent devices."""
    now = timezone.now()
    # An hour closed too early is closed again with what comes later.
    while actions.close_hours(now=now, by=BY, limit=5_000) >= 5_000:
        continue
    trusted = check_time(job="sensing.close_hours", by=BY)
    if trusted is not None:
        actions.evaluate_silence(now=trusted, by=BY)


@app.periodic(cron="* * * * *")
@app.task(name="sensing.hand_over_alerts", queueing_lock="sensing.hand_over_alerts")
def hand_over_alerts(timestamp: int) -> None:
    """Each minute: alerts that nobody took over when they opened are sent again."""
    actions.hand_over_alerts(now=timezone.now(), by=BY)


@app.periodic(cron="17 5,19 * * *")
@app.task(name="sensing.keep_house", queueing_lock="sensing.keep_house")
def keep_house(timestamp: int) -> None:
    """Each night: partitions ahead of need, and what is past its time goes."""
    actions.ensure_partitions_ahead(now=timezone.now(), by=BY)
    now = check_time(job="sensing.keep_house", by=BY)
    if now is None:
        return
    actions.drop_old_partitions(now=now, by=BY)
    actions.drop_old_quarantine(now=now, by=BY)
    actions.forget_old_listeners(now=now, by=BY)
