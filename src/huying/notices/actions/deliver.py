"""Drain the outbox. At least once for each address; the receiver may know a repeat by its key.

What goes out is a notice's glance; its title and body are not even read here.

A row is leased, not locked, while its message is on the way: a transaction held open for a
slow gateway would hold back the ledger and the live streams. A drain that dies leaves its
leases to run out, and what it had sent without noting so is sent again. What is due is asked of
the database's clock, which wrote when: a worker whose own is wrong delays nobody.
"""

import random
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from typing import Final

from django.conf import settings
from django.db import connection
from django.utils import timezone

from huying.directory.permissions import Actor, DomainError, Permission
from huying.directory.vault import unseal
from huying.notices.actions.tell import wake_drain
from huying.notices.channels import registry
from huying.notices.channels.base import Message, SendFailed
from huying.notices.models import Address, Delivery
from huying.notices.parameters import parameters
from huying.notices.rules.parameters import Retry
from huying.notices.rules.timing import retry_after, ring_at
from huying.notices.rules.vocabulary import EXTERNAL_CHANNELS, DeliveryState, Urgency
from huying.telemetry import metrics, trace, trail
from huying.telemetry.spans import span

BATCH: Final = 32
SENDERS: Final = 8
LEASE: Final = timedelta(minutes=3)
_TRIES: Final = {
    (channel.value, state): metrics.DELIVERIES.labels(channel.value, state)
    for channel in EXTERNAL_CHANNELS
    for state in ("SENT", "FAILED", "DEAD", "SKIPPED")
}

_CLAIM = """
UPDATE notices_delivery delivery
SET leased_until = statement_timestamp() + make_interval(secs => %(lease)s),
    attempts = delivery.attempts + 1
FROM (
    SELECT id FROM notices_delivery
    WHERE state IN ('PENDING', 'FAILED') AND next_attempt_at <= statement_timestamp()
        AND (leased_until IS NULL OR leased_until <= statement_timestamp())
    ORDER BY next_attempt_at LIMIT %(batch)s FOR UPDATE SKIP LOCKED
) due
JOIN notices_delivery self ON self.id = due.id
JOIN notices_notice notice ON notice.id = self.notice_id
JOIN notices_address address ON address.id = self.address_id
LEFT JOIN notices_quiethours quiet ON quiet.account_id = notice.account_id
WHERE delivery.id = due.id
RETURNING delivery.id, delivery.channel, delivery.attempts, notice.id, notice.glance_title,
    notice.glance_body, notice.urgency, notice.read_at IS NOT NULL, address.id,
    address.sealed, address.is_active, quiet.starts, quiet.ends, notice.trace_id::text,
    delivery.leased_until
"""

# Only where the lease is still ours: whoever took the row over after it ran out has the word.
_SETTLE = """
UPDATE notices_delivery delivery
SET state = done.state, attempts = done.attempts, next_attempt_at = done.next_attempt_at,
    error_code = done.error_code, leased_until = NULL,
    sent_at = CASE WHEN done.state = 'SENT' THEN statement_timestamp() END
FROM unnest(%(ids)s::bigint[], %(states)s::varchar[], %(attempts)s::smallint[],
        %(next)s::timestamptz[], %(codes)s::varchar[])
    AS done (id, state, attempts, next_attempt_at, error_code)
WHERE delivery.id = done.id AND delivery.leased_until = %(lease)s
"""


class NotADeadLetter(DomainError):
    code = "NOT_A_DEAD_LETTER"
    status = 409


@dataclass(frozen=True, slots=True)
class DrainResult:
    """What became of the rows one drain took."""

    sent: int = 0
    failed: int = 0
    dead: int = 0
    skipped: int = 0
    postponed: int = 0

    @property
    def taken(self) -> int:
        return self.sent + self.failed + self.dead + self.skipped + self.postponed

    def __add__(self, other: "DrainResult") -> "DrainResult":
        return DrainResult(
            self.sent + other.sent,
            self.failed + other.failed,
            self.dead + other.dead,
            self.skipped + other.skipped,
            self.postponed + other.postponed,
        )


@dataclass(frozen=True, slots=True)
class _Claimed:
    id: int
    channel: str
    attempts: int
    notice_id: int
    title: str
    body: str
    urgency: str
    is_read: bool
    address_id: int
    sealed: bytes
    is_active: bool
    quiet_starts: time | None
    quiet_ends: time | None
    trace_id: str | None
    leased_until: datetime


@dataclass(frozen=True, slots=True)
class _Outcome:
    state: DeliveryState
    attempts: int
    next_attempt_at: datetime
    error_code: str = ""
    gone: bool = False
    postponed: bool = False


def drain(*, by: Actor, batches: int = 20) -> DrainResult:
    """Send what is due, at most `batches` × BATCH messages. Several drains may run at once."""
    by.require(Permission.NOTICE_ADMIN)
    total = DrainResult()
    with (
        span("notices.drain") as current,
        ThreadPoolExecutor(SENDERS, thread_name_prefix="notices") as senders,
    ):
        for _ in range(batches):
            result = _drain_batch(senders)
            total += result
            if result.taken < BATCH:
                break
        current.set(taken=total.taken, sent=total.sent, dead=total.dead)
    return total


def _drain_batch(senders: ThreadPoolExecutor) -> DrainResult:
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM, {"lease": LEASE.total_seconds(), "batch": BATCH})
        claimed = [_Claimed(*row) for row in cursor.fetchall()]
    if not claimed:
        return DrainResult()
    lease = claimed[0].leased_until
    now = lease - LEASE
    outcomes = list(senders.map(lambda row: _handle(row, now), claimed))
    _note(claimed, outcomes, lease)
    _log(claimed, outcomes)
    gone = [row.address_id for row, outcome in zip(claimed, outcomes, strict=True) if outcome.gone]
    if gone:
        Address.objects.filter(id__in=gone).update(is_active=False)
    count = [
        "postponed" if outcome.postponed else outcome.state.value.lower() for outcome in outcomes
    ]
    return DrainResult(**{name: count.count(name) for name in set(count)})


def _note(claimed: list[_Claimed], outcomes: list[_Outcome], lease: datetime) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            _SETTLE,
            {
                "ids": [row.id for row in claimed],
                "states": [outcome.state.value for outcome in outcomes],
                "attempts": [outcome.attempts for outcome in outcomes],
                "next": [outcome.next_attempt_at for outcome in outcomes],
                "codes": [outcome.error_code for outcome in outcomes],
                "lease": lease,
            },
        )


def _log(claimed: list[_Claimed], outcomes: list[_Outcome]) -> None:
    """Each try under the trace of the act it tells of."""
    for row, outcome in zip(claimed, outcomes, strict=True):
        if outcome.postponed:
            continue
        result = outcome.state.value
        _TRIES[row.channel, result].inc()
        with trace.begun(trace_id=row.trace_id):
            trail.note(
                "notice.delivery",
                notice=row.notice_id,
                delivery=row.id,
                channel=row.channel,
                result=result,
                error=outcome.error_code,
            )


def _handle(row: _Claimed, now: datetime) -> _Outcome:
    in_force = parameters(now)
    kept = _Outcome(DeliveryState.DEAD, row.attempts, now)
    if row.is_read:
        return replace(kept, state=DeliveryState.SKIPPED, attempts=row.attempts - 1)
    if not row.is_active:
        return replace(kept, error_code="ADDRESS_GONE")
    if row.attempts > in_force.retry.attempts:
        return replace(kept, error_code="INTERRUPTED")
    quiet = (row.quiet_starts, row.quiet_ends) if row.quiet_starts and row.quiet_ends else None
    local_now = timezone.localtime(now)
    rings = ring_at(local_now, Urgency(row.urgency), quiet, in_force)
    if rings > local_now:
        return replace(
            kept,
            state=DeliveryState.PENDING,
            attempts=row.attempts - 1,
            next_attempt_at=rings,
            postponed=True,
        )
    return _send(row, kept, in_force.retry)


def _send(row: _Claimed, kept: _Outcome, retry: Retry) -> _Outcome:
    try:
        registry()[row.channel].send(
            unseal(row.sealed, "notices.address"),
            Message(
                key=f"notice:{row.notice_id}",
                title=row.title,
                body=row.body,
                # Through the inbox, so that opening it is reading it.
                url=f"{settings.PUBLIC_URL}/inbox/{row.notice_id}/",
                urgency=row.urgency,
            ),
        )
    except SendFailed as failure:
        # Spreading retries needs no unpredictable numbers.
        wait = retry_after(row.attempts, retry, random.random())  # noqa: S311 - jitter
        if failure.permanent or wait is None:
            return replace(kept, error_code=failure.code, gone=failure.gone)
        return replace(
            kept,
            state=DeliveryState.FAILED,
            next_attempt_at=kept.next_attempt_at + wait,
            error_code=failure.code,
        )
    except Exception as fault:  # a faulty plugin must not stop the others
        return replace(kept, error_code=type(fault).__name__.upper()[:40])
    return replace(kept, state=DeliveryState.SENT)


def resend(*, delivery_ids: Sequence[int], by: Actor) -> int:
    """Try dead letters again from the beginning; returns how many.

    Raises NotADeadLetter if none of them waits there any more (somebody was quicker), or
    their addresses are gone.
    """
    by.require(Permission.NOTICE_ADMIN)
    revived = Delivery.objects.filter(
        id__in=delivery_ids, state=DeliveryState.DEAD.value, address__is_active=True
    ).update(
        state=DeliveryState.PENDING.value,
        attempts=0,
        next_attempt_at=timezone.now(),
        leased_until=None,
    )
    if not revived:
        raise NotADeadLetter(
            "这些通知已有人重发，或对方地址已失效。请刷新后再看。",
            "These were resent already, or their addresses are gone. Reload the page.",
        )
    wake_drain()
    return revived
