"""What is seen of a request and of a job: its trace, its count, its time."""

import time
from collections.abc import Callable, Iterable
from typing import Any, Final

from django.conf import settings
from django.db import connection
from django.http import HttpRequest, HttpResponse
from procrastinate.job_context import JobContext
from procrastinate.middleware import SyncCallNext

from huying.config.postgres.base import statements_of
from huying.telemetry import metrics, trace
from huying.telemetry.spans import span

TRACE_HEADER: Final = "X-Trace-Id"
_METHODS: Final = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}


class WatchMiddleware:
    """The outermost: begins the trace of a request, and counts and times the answer."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        method = request.method if request.method in _METHODS else "OTHER"
        began, statements = time.perf_counter(), statements_of(connection)
        with (
            trace.begun(traceparent=request.headers.get("traceparent", "")) as trace_id,
            span("request", http__request__method=method or "OTHER") as current,
        ):
            response = self.get_response(request)
            route = route_of(request)
            current.set(
                http__route=route,
                http__response__status_code=response.status_code,
                db__statements=statements_of(connection) - statements,
            )
        response.headers[TRACE_HEADER] = trace_id
        metrics.REQUESTS.labels(route, method, f"{response.status_code // 100}xx").inc()
        metrics.REQUEST_SECONDS.labels(route, method).observe(time.perf_counter() - began)
        return response


def route_of(request: HttpRequest) -> str:
    """The pattern the address met, never the address: /cases/<int:case_id>/."""
    found = request.resolver_match
    if found is not None:
        return f"/{found.route}"
    return "static" if request.path.startswith(settings.STATIC_URL) else "none"


def show_tasks(names: Iterable[str]) -> None:
    """Every task is there from the start, with 0."""
    for name in names:
        if name.partition(".")[0] != "builtin":
            metrics.JOB_SECONDS.labels(name)
            for result in ("DONE", "FAILED"):
                metrics.JOBS.labels(name, result)


def watch_job(call_next: SyncCallNext, context: JobContext, worker: Any) -> Any:
    """Around each job of a worker: a trace of its own, a span, its count and time.

    What a job finds in a row (a notice to deliver, an alert to hand over) goes on under the
    trace that is written there.
    """
    task = context.job.task_name
    began = time.perf_counter()
    result = "FAILED"
    try:
        with trace.begun(), span("job", task=task):
            answer = call_next()
        result = "DONE"
        return answer
    finally:
        metrics.JOBS.labels(task, result).inc()
        metrics.JOB_SECONDS.labels(task).observe(time.perf_counter() - began)
