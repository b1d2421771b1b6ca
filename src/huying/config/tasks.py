"""What the house does for itself."""

from procrastinate.contrib.django import app

from huying.config import jobs
from huying.directory.actions import check_time
from huying.directory.permissions import Actor


@app.periodic(cron="41 5,19 * * *")
@app.task(name="config.forget_jobs", queueing_lock="config.forget_jobs")
def forget_jobs(timestamp: int) -> None:
    """Each night: jobs that failed a week ago, and those whose worker died; `timestamp` is when
    the run was due."""
    if check_time(job="config.forget_jobs", by=Actor.system("jobs")) is not None:
        jobs.forget_old()
