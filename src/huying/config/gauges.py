"""What costs a query to know, read by the worker every fifteen seconds and shown at /metrics.

Scrapes never wait for the database: they are given what was read last, and when that was. A part
that cannot be read is left out, so that nobody takes an old number for a new one.
"""

import logging
import shutil
import threading
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Final

from django.conf import settings
from django.db import close_old_connections, connection
from django.utils import timezone
from prometheus_client.metrics_core import GaugeMetricFamily, Metric

from huying.cases import queries as cases
from huying.directory import queries as directory
from huying.insight import queries as insight
from huying.ledger import queries as ledger
from huying.notices import queries as notices
from huying.sensing import queries as sensing
from huying.standards.deadlines import SHANGHAI
from huying.telemetry import serving

EVERY_SECONDS: Final = 15.0

_logger = logging.getLogger(__name__)


class Gauges:
    """What was read last."""

    def __init__(self) -> None:
        self._read: tuple[Metric, ...] = ()

    def refresh(self) -> None:
        """Read everything anew; a part that fails says so in the log and is missing."""
        found: list[Metric] = []
        for part in _PARTS:
            try:
                found += list(part(timezone.now()))
            except Exception as fault:
                # Whatever it is: the other parts are shown, and this one is tried again.
                _logger.warning(
                    "gauges: %s cannot be read: %s", part.__name__, type(fault).__name__
                )
        at = _gauge("huying_gauges_read_timestamp_seconds", "When these were read", _now())
        self._read = (*found, at)

    def __call__(self) -> Iterable[Metric]:
        return self._read


def start(stopping: threading.Event) -> None:
    """Answer scrapes in this process, gauges of the county included, until `stopping`."""
    gauges = Gauges()
    if not serving.start(county=settings.COUNTY, gauges=gauges):
        return

    def read() -> None:
        while True:
            close_old_connections()
            gauges.refresh()
            if stopping.wait(EVERY_SECONDS):
                connection.close()
                return

    threading.Thread(target=read, name="gauges", daemon=True).start()


def _gauge(name: str, words: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, words, value)


def _by(name: str, words: str, label: str, values: Iterable[tuple[str, float]]) -> Metric:
    family = GaugeMetricFamily(name, words, labels=[label])
    for key, value in values:
        family.add_metric([key], value)
    return family


def _now() -> float:
    return datetime.now(UTC).timestamp()


def _cases(now: datetime) -> Iterator[Metric]:
    overdue = sum(count for _unit, _name, count in cases.overdue_by_unit(now))
    yield _gauge("huying_cases_overdue", "Open cases with a clock past its end", overdue)
    yield _by("huying_cases_open", "Open cases", "procedure", cases.open_by_procedure())


def _sensing(now: datetime) -> Iterator[Metric]:
    yield _by(
        "huying_sensing_quarantine_waiting",
        "Frames in quarantine nobody has seen to, by reason",
        "reason",
        [(row.reason, row.count) for row in sensing.quarantine_counts()],
    )
    alive = [one for one in sensing.listener_health() if one.is_alive]
    yield _gauge("huying_sensing_listeners", "Listeners that live", len(alive))
    until = sensing.partitions_until()
    if until is not None:
        yield _gauge(
            "huying_sensing_partition_horizon_seconds",
            "How far ahead the table of observations has partitions",
            (until - now).total_seconds(),
        )


def _notices(_now: datetime) -> Iterator[Metric]:
    waiting, age, dead = notices.outbox_health()
    yield _gauge("huying_notices_outbox_waiting", "Deliveries due, up to 1,000", waiting)
    yield _gauge("huying_notices_outbox_age_seconds", "How long the oldest is due", age)
    yield _gauge("huying_notices_dead_letters", "Deliveries given up, up to 1,000", dead)


def _ledger(now: datetime) -> Iterator[Metric]:
    found = ledger.ledger_health()
    yield _gauge("huying_ledger_tree_entries", "Entries of the signed tree", found.size)
    yield _gauge(
        "huying_ledger_pending_age_seconds",
        "How long the oldest record has waited for its place; 0 = none waits",
        max(0.0, found.oldest_pending_age_s),
    )
    if found.last_checkpoint_at is not None:
        yield _gauge(
            "huying_ledger_checkpoint_age_seconds",
            "Since the newest checkpoint; grows while nothing happens",
            (now - found.last_checkpoint_at).total_seconds(),
        )


def _jobs(now: datetime) -> Iterator[Metric]:
    found = insight.job_health(now)
    yield _gauge("huying_jobs_waiting", "Jobs due and not begun", found.waiting)
    yield _gauge("huying_jobs_failed", "Jobs that failed for good", found.failed)
    yield _gauge("huying_jobs_age_seconds", "How long the oldest is due", found.oldest_age_s)


def _time(_now: datetime) -> Iterator[Metric]:
    found = directory.time_trust()
    yield _gauge(
        "huying_time_wait_seconds",
        "How much longer what time alone brings about waits, since the clock jumped ahead; 0 = not",
        found.wait_s,
    )
    yield _gauge(
        "huying_time_apart_seconds",
        "How far our clock is ahead of the database's",
        found.apart_s,
    )


_ACTIVITY: Final = """
SELECT coalesce(state, 'other'), count(*),
       coalesce(max(extract(epoch FROM now() - xact_start)) FILTER (WHERE backend_xid IS NOT NULL),
                0)::float8
FROM pg_stat_activity WHERE datname = current_database() AND backend_type = 'client backend'
GROUP BY 1
"""


def _database(_now: datetime) -> Iterator[Metric]:
    with connection.cursor() as cursor:
        cursor.execute(_ACTIVITY)
        rows = cursor.fetchall()
        cursor.execute(
            "SELECT current_setting('max_connections')::int, pg_database_size(current_database())"
        )
        most, size = cursor.fetchone()
    yield _by(
        "huying_database_connections",
        "Sessions of this database, by state",
        "state",
        [(state, count) for state, count, _age in rows],
    )
    yield _gauge("huying_database_connections_limit", "The server's max_connections", most)
    yield _gauge("huying_database_size_bytes", "Size of the database", size)
    yield _gauge(
        "huying_database_oldest_writer_seconds",
        "Age of the oldest transaction that writes: it holds sealing up",
        max((age for *_, age in rows), default=0.0),
    )


_SLOTS: Final = """
SELECT slot_name, active::int,
       coalesce(pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn), 0)::float8
FROM pg_replication_slots WHERE slot_name LIKE 'huying%' ORDER BY slot_name
"""


def _followers(_now: datetime) -> Iterator[Metric]:
    """The copied log and the standby, where there are any."""
    with connection.cursor() as cursor:
        cursor.execute(_SLOTS)
        rows = cursor.fetchall()
    yield _by(
        "huying_database_follower_active",
        "1 while the log's archive or the standby follows",
        "slot",
        [(slot, active) for slot, active, _behind in rows],
    )
    yield _by(
        "huying_database_follower_behind_bytes",
        "How much of the log it has not yet",
        "slot",
        [(slot, behind) for slot, _active, behind in rows],
    )


def _calendar(now: datetime) -> Iterator[Metric]:
    today = now.astimezone(SHANGHAI).date()
    reach = today + timedelta(days=directory.LONGEST_REACH_DAYS)
    missing = [gap.year for gap in directory.calendar_gap(today) if gap.reached_already]
    days = sum(_days_of(year, today, reach) for year in missing)
    yield _gauge(
        "huying_directory_calendar_gap_days",
        "Days which deadlines reach and whose working calendar is not known",
        days,
    )


def _days_of(year: int, first: date, end: date) -> int:
    """How many days of a year lie in [first, end)."""
    return max(0, (min(end, date(year + 1, 1, 1)) - max(first, date(year, 1, 1))).days)


def _copies(_now: datetime) -> Iterator[Metric]:
    made_at = insight.last_backup(settings.BACKUP_DIR)
    yield _gauge(
        "huying_backup_timestamp_seconds",
        "When the newest backup was made; 0 = never",
        made_at.timestamp() if made_at else 0,
    )
    usage = shutil.disk_usage(settings.DATA_DIR)
    yield _gauge("huying_disk_size_bytes", "Disk of the data directory", usage.total)
    yield _gauge("huying_disk_free_bytes", "What is free on it", usage.free)


_PARTS: Final[tuple[Callable[[datetime], Iterable[Metric]], ...]] = (
    _cases,
    _sensing,
    _notices,
    _ledger,
    _jobs,
    _time,
    _database,
    _followers,
    _calendar,
    _copies,
)
