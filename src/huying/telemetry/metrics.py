"""Every metric the processes count by themselves, on one page.

Names read huying_<room>_<what>_<unit>. Labels are codes of ours, of few values: routes, results,
reasons. The processes of one kind add up (shared.py), so a gauge says how it is added.
"""

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

_FAST: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
_ANSWER: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

BUILD: Final = Gauge(
    "huying_build_info",
    "Version and county of this process; always 1",
    ["version", "county"],
    multiprocess_mode="livemax",
)
STARTED: Final = Gauge(
    "huying_process_start_time_seconds",
    "When the process (of several, the oldest) started, in seconds since 1970",
    multiprocess_mode="livemin",
)
LOG_LINES_DROPPED: Final = Counter(
    "huying_log_lines_dropped_total", "Log lines dropped because nobody read those before them"
)

# web
REQUESTS: Final = Counter(
    "huying_web_requests_total",
    "Requests answered, by route, method and class of status",
    ["route", "method", "status"],
)
REQUEST_SECONDS: Final = Histogram(
    "huying_web_request_seconds",
    "Time from request to answer",
    ["route", "method"],
    buckets=_ANSWER,
)

# database, as this process sees it
STATEMENT_SECONDS: Final = Histogram(
    "huying_database_statement_seconds", "Time of one SQL statement", buckets=_FAST
)
COMMIT_SECONDS: Final = Histogram(
    "huying_database_commit_seconds", "Time of one commit: mostly the disk's", buckets=_FAST
)
DATABASE_ERRORS: Final = Counter(
    "huying_database_errors_total", "Statements that failed, by kind of error", ["error"]
)

# cases
ACTS: Final = Counter(
    "huying_cases_acts_total", "Acts committed, by procedure and action", ["procedure", "action"]
)

# sensing
FRAMES: Final = Counter(
    "huying_sensing_frames_total", "Frames and messages received, by listener", ["listener"]
)
READINGS: Final = Counter(
    "huying_sensing_readings_total",
    "Readings by what became of them: STORED, DUPLICATE, QUARANTINED, FLOODED, NOT_STORED",
    ["listener", "result"],
)
OBSERVATIONS: Final = Counter(
    "huying_sensing_observations_total", "Values stored: a reading holds several"
)
BATCH_READINGS: Final = Histogram(
    "huying_sensing_batch_readings",
    "Readings in one batch",
    buckets=(1, 10, 50, 100, 250, 500, 1000, 2000, 4000),
)
BATCH_SECONDS: Final = Histogram(
    "huying_sensing_batch_seconds", "Time from taking a batch to its commit", buckets=_FAST
)
QUEUE: Final = Gauge(
    "huying_sensing_queue_readings",
    "Readings that wait for the next batch",
    ["listener"],
    multiprocess_mode="livesum",
)
BACK_PRESSURE: Final = Counter(
    "huying_sensing_backpressure_total", "Times a full queue made the senders wait", ["listener"]
)
CONNECTIONS: Final = Gauge(
    "huying_sensing_connections",
    "Devices (or brokers) connected",
    ["listener"],
    multiprocess_mode="livesum",
)
CONNECTIONS_REFUSED: Final = Counter(
    "huying_sensing_connections_refused_total", "Connections closed at once: one too many"
)
ALERTS: Final = Counter("huying_sensing_alerts_total", "Alerts opened, by severity", ["severity"])

# notices
TOLD: Final = Counter("huying_notices_told_total", "Notices written, by urgency", ["urgency"])
DELIVERIES: Final = Counter(
    "huying_notices_deliveries_total",
    "What became of tries to deliver: SENT, FAILED (tried again), DEAD, SKIPPED",
    ["channel", "result"],
)
BROWSERS: Final = Gauge(
    "huying_notices_live_browsers", "Browsers on the live stream", multiprocess_mode="livesum"
)
LISTENING: Final = Gauge(
    "huying_notices_live_listening",
    "1 while the live stream hears the database",
    multiprocess_mode="livemin",
)
BROWSERS_DROPPED: Final = Counter(
    "huying_notices_live_dropped_total", "Streams ended because the browser was too slow"
)
BROWSERS_REFUSED: Final = Counter(
    "huying_notices_live_refused_total", "Streams refused: one too many"
)

# ledger
SEALED: Final = Counter("huying_ledger_sealed_total", "Records given their place in the tree")
SEAL_SECONDS: Final = Histogram(
    "huying_ledger_seal_seconds", "Time to place one batch, signature included", buckets=_FAST
)
SIGN_SECONDS: Final = Histogram(
    "huying_ledger_sign_seconds", "Time to sign one checkpoint with both keys", buckets=_FAST
)

# jobs
JOBS: Final = Counter("huying_jobs_total", "Jobs done, by task and result", ["task", "result"])
JOB_SECONDS: Final = Histogram(
    "huying_jobs_seconds", "Time of one job", ["task"], buckets=(0.01, 0.1, 0.5, 1, 5, 30, 120)
)
