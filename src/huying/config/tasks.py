"""What the house does for itself."""

from procrastinate.contrib.django import app

from huying.config import jobs


@app.periodic(cron="41 3 * * *")
@app.task(name="config.forget_jobs", queueing_lock="config.forget_jobs")
def forget_jobs(timestamp: int) -> None:
    """Each night: jobs that failed a week ago, and those whose worker died; `timestamp` is when
    the run was due."""
    jobs.forget_old()
