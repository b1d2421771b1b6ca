"""Tell people, inside the transaction of the act they are told about."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

import procrastinate.exceptions
from django.db import connection, transaction
from django.utils import timezone
from procrastinate.contrib.django import app

from huying.directory.permissions import Actor, DomainError
from huying.notices import wire
from huying.notices.actions import announce
from huying.notices.parameters import parameters
from huying.notices.rules.timing import escalate_after
from huying.notices.rules.vocabulary import Urgency, topic_of
from huying.notices.wire import CaseNews
from huying.telemetry import metrics, trace, trail

__all__ = ["CaseNews", "Glance", "NoticeTooLong", "announce_case", "notify", "wake_drain"]

MAX_BODY: Final = 2000
MAX_GLANCE: Final = 300
_TOLD: Final = {urgency: metrics.TOLD.labels(urgency.value) for urgency in Urgency}

# One statement: a notice for each person, an outbox row for each address chosen.
_NOTIFY = """
WITH told AS (
    INSERT INTO notices_notice (account_id, kind, urgency, title, body, glance_title, glance_body,
        link, subject, sent_by, batch, escalate_to, escalate_at, escalated_steps, escalated_from_id,
        trace_id)
    SELECT person.id, %(kind)s, %(urgency)s, %(title)s, %(body)s, %(glance_title)s,
        %(glance_body)s, %(link)s, %(subject)s, %(sent_by)s, batch.id, %(escalate_to)s::bigint[],
        %(escalate_at)s::timestamptz, 0, %(escalated_from)s::bigint, %(trace)s::uuid
    FROM (SELECT DISTINCT unnest(%(to)s::bigint[]) AS id ORDER BY id) person,
         (SELECT COALESCE(%(batch)s::uuid, gen_random_uuid()) AS id) batch
    RETURNING id, account_id
), outbox AS (
    INSERT INTO notices_delivery (notice_id, address_id, channel, state, attempts, error_code)
    SELECT told.id, address.id, address.channel, 'PENDING', 0, ''
    FROM told
    JOIN notices_address address ON address.account_id = told.account_id AND address.is_active
    LEFT JOIN notices_preference preference
        ON preference.account_id = told.account_id AND preference.topic = %(topic)s
    WHERE address.channel = ANY (COALESCE(preference.channels, %(defaults)s::varchar[]))
        OR (%(rings_all)s AND address.channel = ANY (%(defaults)s::varchar[]))
    RETURNING 1
)
SELECT (SELECT array_agg(id ORDER BY id) FROM told), (SELECT count(*) FROM outbox)
"""


class NoticeTooLong(DomainError):
    code = "NOTICE_TOO_LONG"
    status = 422


@dataclass(frozen=True, slots=True)
class Glance:
    """What other channels than the inbox say: through third parties' hands, on a lock screen.

    Enough to know what it is, where and how soon; nothing that a resident or an officer wrote.
    The title is one line.
    """

    title: str
    body: str = ""


def notify(
    *,
    to: Sequence[int],
    kind: str,
    title: str,
    body: str,
    glance: Glance,
    link: str,
    urgency: str,
    subject: str,
    by: Actor,
    escalate_to: Sequence[int] = (),
    case: CaseNews | None = None,
) -> list[int]:
    """Tell the accounts `to`; returns the notices' ids in ascending order. One statement.

    `title` and `body` are for the inbox, `glance` for every channel out of the platform.
    `kind` is "topic.what" ("alert.opened"); `link` a path of this site; `urgency` NORMAL,
    URGENT or EMERGENCY; `subject` what it is about ("case:17"): `stop_escalation` finds it by
    that. An urgent notice left unread goes to further channels, then to `escalate_to` in turn.
    `case` announces a changed case to the live queues with it.

    Must run inside the caller's transaction: rolled back, nobody was told. Raises NoticeTooLong
    (titles over 200 characters, body over 2,000, the glance's over 300, link or subject beyond
    their columns).
    """
    _check(title=(title, 200), body=(body, MAX_BODY), link=(link, 300), subject=(subject, 80))
    _check(glance_title=(glance.title, 200), glance_body=(glance.body, MAX_GLANCE))
    return tell(
        to=to,
        kind=kind,
        title=title,
        body=body,
        glance=glance,
        link=link,
        urgency=Urgency(urgency),
        subject=subject,
        by=by,
        escalate_to=escalate_to,
        case=case,
    )


def _check(**texts: tuple[str, int]) -> None:
    for name, (text, longest) in texts.items():
        if len(text) > longest:
            raise NoticeTooLong(
                f"通知的{name}过长：最多 {longest} 字，实为 {len(text)} 字。",
                f"The {name} of a notice has at most {longest} characters, not {len(text)}.",
            )


def tell(
    *,
    to: Sequence[int],
    kind: str,
    title: str,
    body: str,
    glance: Glance,
    link: str,
    urgency: Urgency,
    subject: str,
    by: Actor,
    escalate_to: Sequence[int],
    case: CaseNews | None = None,
    batch: str | None = None,
    escalated_from: int | None = None,
) -> list[int]:
    if not connection.in_atomic_block:
        raise transaction.TransactionManagementError("notify runs inside the act's transaction")
    if case is not None:
        announce.after_commit(case.payload())
    if not to:
        return []
    now = timezone.now()
    in_force = parameters(now)
    already = set(to)
    wait = escalate_after(urgency, 0, in_force)
    with connection.cursor() as cursor:
        cursor.execute(
            _NOTIFY,
            {
                "to": list(to),
                "kind": kind,
                "topic": topic_of(kind),
                "urgency": urgency.value,
                "title": _one_line(title),
                "body": _printable(body),
                "glance_title": _one_line(glance.title),
                "glance_body": _printable(glance.body),
                "link": link,
                "subject": subject,
                "sent_by": by.ref,
                "batch": batch,
                "escalate_to": [person for person in escalate_to if person not in already],
                "escalate_at": now + wait if wait else None,
                "escalated_from": escalated_from,
                "trace": trace.current_id() or None,
                "defaults": [channel.value for channel in in_force.default_channels[urgency]],
                "rings_all": urgency is Urgency.EMERGENCY,
            },
        )
        ids, deliveries = cursor.fetchone()
    _count(ids or (), kind, urgency, subject)
    announce.after_commit(wire.NEW_NOTICES)
    if deliveries:
        wake_drain()
    return list(ids or [])


def _count(ids: Sequence[int], kind: str, urgency: Urgency, subject: str) -> None:
    transaction.on_commit(partial(_TOLD[urgency].inc, len(ids)))
    trail.note("notices.told", kind=kind, subject=subject, notices=trail.some(ids))


def _one_line(text: str) -> str:
    """A title is the subject of a mail."""
    return _printable(text).replace("\n", " ")


def _printable(text: str) -> str:
    """Without control characters: PostgreSQL takes no NUL, and JSON writes each as six bytes
    where a payload is bounded."""
    return "".join(c if c.isprintable() or c == "\n" else " " for c in text)


def announce_case(
    *,
    case_id: int,
    division_code: str,
    organisation_ids: Sequence[int],
    state: str,
    number: str,
    grid_code: str = "",
) -> None:
    """Tell the live queues that a case changed, once this transaction has committed.

    Nothing is stored: a queue that was away reads the list again.
    """
    news = CaseNews(case_id, number, state, division_code, tuple(organisation_ids), grid_code)
    announce.after_commit(news.payload())


def wake_drain() -> None:
    """Have the outbox drained soon after this transaction commits.

    Deferred after the commit, not within: the queueing lock is one row for everybody, and
    acts would wait for each other on it. Should the process die in between, the drain that
    runs every minute finds the rows.
    """
    transaction.on_commit(partial(_defer, "notices.drain"), robust=True)


def _defer(task: str) -> None:
    try:
        with transaction.atomic():
            app.configure_task(task, queueing_lock=task).defer()
    except procrastinate.exceptions.AlreadyEnqueued:
        return
