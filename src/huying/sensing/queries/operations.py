"""How the listeners are doing, and what waits in quarantine."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db import connection
from django.utils import timezone

from huying.sensing.models import ListenerState, Quarantine
from huying.sensing.queries.registry import held_registry, registry
from huying.sensing.rules import refusals

COUNT_LIMIT = 100_000
ALIVE_SECONDS = 20


@dataclass(frozen=True, slots=True)
class ListenerHealth:
    """One listener process. `is_alive`: it wrote its counters within the last 20 s."""

    name: str
    kind: str
    is_alive: bool
    started_at: datetime
    seen_at: datetime
    connections: int
    frames: int
    stored: int
    duplicates: int
    quarantined: int
    flooded: int
    waiting: int
    commit_ms: float
    last_error: str


def listener_health() -> list[ListenerHealth]:
    """The listeners seen within the last day, the newest first."""
    now = timezone.now()
    rows = ListenerState.objects.filter(seen_at__gte=now - timedelta(days=1)).order_by("-seen_at")
    return [
        ListenerHealth(
            name=row.name,
            kind=row.kind,
            is_alive=row.stopped_at is None
            and now - row.seen_at < timedelta(seconds=ALIVE_SECONDS),
            started_at=row.started_at,
            seen_at=row.seen_at,
            connections=row.connections,
            frames=row.frames,
            stored=row.stored,
            duplicates=row.duplicates,
            quarantined=row.quarantined,
            flooded=row.flooded,
            waiting=row.waiting,
            commit_ms=row.commit_ms,
            last_error=row.last_error,
        )
        for row in rows[:50]
    ]


@dataclass(frozen=True, slots=True)
class QuarantineCount:
    """How many items wait for one reason; counted up to 100,000."""

    reason: str
    count: int

    def label(self, language: str = "zh") -> str:
        return refusals.label(self.reason, language)


def quarantine_counts() -> list[QuarantineCount]:
    """What waits, by reason, the most first."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT reason, count(*) FROM (SELECT reason FROM sensing_quarantine"
            " WHERE outcome = 'WAITING' LIMIT %s) AS waiting GROUP BY reason ORDER BY 2 DESC, 1",
            [COUNT_LIMIT],
        )
        return [QuarantineCount(reason, count) for reason, count in cursor.fetchall()]


def partitions_until() -> datetime | None:
    """The end of the last month that observations have a partition for; None without any."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT max(to_date(substring(c.relname FROM '_p(\\d{6})$'), 'YYYYMM'))"
            " FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid"
            " WHERE i.inhparent = 'sensing_observation'::regclass"
        )
        (month,) = cursor.fetchone()
    if month is None:
        return None
    return datetime(month.year + month.month // 12, month.month % 12 + 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class QuarantineRow:
    """One item: what came, why it was not taken, what became of it."""

    id: int
    received_at: datetime
    listener: str
    peer: str
    mn: str
    reason: str
    outcome: str
    outcome_label: str
    settled_at: datetime | None
    attempts: int
    detail: dict[str, object]
    raw: bytes

    def label(self, language: str = "zh") -> str:
        return refusals.label(self.reason, language)

    def sentence(self, language: str = "zh") -> str:
        """What happened and what to do; properties by their names."""
        detail = dict(self.detail)
        known = held_registry() or registry()
        facts = known.properties.get(str(detail.get("code", "")))
        if facts is not None:
            name = facts.name_en if language == "en" else facts.name_zh
            detail["code"] = f"{name}（{facts.code}）"
        return refusals.sentence(self.reason, detail, language)

    @property
    def text(self) -> str:
        """What came, readable: bytes that are no text are shown as \\xNN."""
        return self.raw[:4096].decode("utf-8", errors="backslashreplace")


def quarantine_page(
    *,
    reason: str = "",
    outcome: str = "WAITING",
    mn: str = "",
    before_id: int | None = None,
    limit: int = 50,
) -> list[QuarantineRow]:
    """Items, newest first; the next page starts before the last one's id."""
    rows = Quarantine.objects.all()
    if outcome:
        rows = rows.filter(outcome=outcome)
    if reason:
        rows = rows.filter(reason=reason)
    if mn:
        rows = rows.filter(mn=mn)
    if before_id is not None:
        rows = rows.filter(id__lt=before_id)
    return [
        QuarantineRow(
            id=row.id,
            received_at=row.received_at,
            listener=row.listener,
            peer=row.peer,
            mn=row.mn,
            reason=row.reason,
            outcome=row.outcome,
            outcome_label=row.get_outcome_display(),
            settled_at=row.settled_at,
            attempts=row.attempts,
            detail=dict(row.detail),
            raw=bytes(row.raw),
        )
        for row in rows.order_by("-id")[:limit]
    ]
