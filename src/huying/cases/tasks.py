"""Background jobs of this room: each calls one action."""

from procrastinate.contrib.django import app

from huying.cases import actions
from huying.directory.actions import check_time
from huying.directory.permissions import Actor

BY = Actor.system("cases")


@app.periodic(cron="* * * * *")
@app.task(name="cases.run_clocks", queueing_lock="cases.run_clocks", pass_context=False)
def run_clocks(timestamp: int = 0) -> None:
    """Each minute: warn before clocks end, escalate after."""
    now = check_time(job="cases.run_clocks", by=BY)
    if now is not None:
        actions.run_clocks(now=now)


@app.periodic(cron="* * * * *")
@app.task(name="cases.fold_tallies", queueing_lock="cases.fold_tallies", pass_context=False)
def fold_tallies(timestamp: int = 0) -> None:
    """Each minute: add up the changes of counts."""
    actions.fold_tallies()


@app.periodic(cron="17 5,19 * * *")
@app.task(name="cases.recompute_provisional", queueing_lock="cases.recompute_provisional")
def recompute_provisional(timestamp: int = 0) -> None:
    """Each night: what is still provisional is counted anew, should an import have been missed."""
    actions.recompute_provisional()


@app.periodic(cron="47 5,19 * * *")
@app.task(name="cases.sweep_files", queueing_lock="cases.sweep_files")
def sweep_files(timestamp: int = 0) -> None:
    """Each night: files to which nothing has referred for a day go."""
    now = check_time(job="cases.sweep_files", by=BY)
    if now is not None:
        actions.sweep_files(now=now)
