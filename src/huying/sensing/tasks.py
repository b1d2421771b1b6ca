"""What sensing does by itself: each job calls one action."""

from django.utils import timezone
from procrastinate.contrib.django import app

from huying.directory.permissions import Actor
from huying.sensing import actions

BY = Actor.system("sensing")


@app.periodic(cron="* * * * *")
@app.task(name="sensing.close_hours", queueing_lock="sensing.close_hours")
def close_hours(timestamp: int) -> None:
    """Each minute: hours of devices that report none themselves, and silent devices."""
    now = timezone.now()
    while actions.close_hours(now=now, by=BY, limit=5_000) >= 5_000:
        continue
    actions.evaluate_silence(now=now, by=BY)


@app.periodic(cron="* * * * *")
@app.task(name="sensing.hand_over_alerts", queueing_lock="sensing.hand_over_alerts")
def hand_over_alerts(timestamp: int) -> None:
    """Each minute: alerts that nobody took over when they opened are sent again."""
    actions.hand_over_alerts(now=timezone.now(), by=BY)


@app.periodic(cron="17 3 * * *")
@app.task(name="sensing.keep_house", queueing_lock="sensing.keep_house")
def keep_house(timestamp: int) -> None:
    """Each night: partitions ahead of need, and what is past its time goes."""
    now = timezone.now()
    actions.ensure_partitions_ahead(now=now, by=BY)
    actions.drop_old_partitions(now=now, by=BY)
    actions.drop_old_quarantine(now=now, by=BY)
    actions.forget_old_listeners(now=now, by=BY)
