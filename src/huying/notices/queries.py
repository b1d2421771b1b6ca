"""Reads of notices: the inbox, choices, the dead letters."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time
from typing import Final

from django.db.models import Prefetch
from django.utils import timezone

from huying.notices.keys import vapid_public_key
from huying.notices.models import Address, Delivery, Escalation, Notice, Preference, QuietHours
from huying.notices.parameters import parameters
from huying.notices.rules.vocabulary import (
    EXTERNAL_CHANNELS,
    TOPICS,
    ChannelCode,
    DeliveryState,
    EscalationStep,
    Urgency,
)

__all__ = [
    "UNREAD_SHOWN",
    "AddressRow",
    "Choices",
    "DeadLetter",
    "DeliveryRow",
    "InboxPage",
    "InboxRow",
    "UnreadUrgent",
    "addresses",
    "choices",
    "dead_letters",
    "inbox",
    "notice_of",
    "outbox_health",
    "unread_count",
    "unread_urgent",
    "vapid_public_key",
]

UNREAD_SHOWN: Final = 99
"""Counting stops one above this: a badge says 99+."""


@dataclass(frozen=True, slots=True)
class DeliveryRow:
    channel: str
    name: str
    """The address's name: 政务微信."""
    state: str
    sent_at: datetime | None


@dataclass(frozen=True, slots=True)
class InboxRow:
    """One notice as its reader sees it. `delivered_at` is when it reached the inbox."""

    id: int
    kind: str
    topic: str
    urgency: str
    title: str
    body: str
    link: str
    delivered_at: datetime
    read_at: datetime | None
    deliveries: tuple[DeliveryRow, ...]

    @property
    def is_read(self) -> bool:
        return self.read_at is not None


@dataclass(frozen=True, slots=True)
class InboxPage:
    """Newest first. `next_before` asks for the next page; None on the last."""

    rows: list[InboxRow]
    next_before: int | None


def inbox(
    account_id: int, *, before: int | None = None, only_unread: bool = False, limit: int = 30
) -> InboxPage:
    """A page of an account's notices with ids below `before`; two queries."""
    limit = max(1, min(limit, 100))
    notices = Notice.objects.filter(account_id=account_id).order_by("-id")
    if before is not None:
        notices = notices.filter(id__lt=before)
    if only_unread:
        notices = notices.filter(read_at=None)
    found = list(
        notices.prefetch_related(
            Prefetch(
                "deliveries", queryset=Delivery.objects.select_related("address").order_by("id")
            )
        )[: limit + 1]
    )
    rows = [_row(notice) for notice in found[:limit]]
    return InboxPage(rows, rows[-1].id if len(found) > limit else None)


def notice_of(account_id: int, notice_id: int) -> InboxRow | None:
    """One notice of an account's own, or None."""
    found = (
        Notice.objects.filter(account_id=account_id, id=notice_id)
        .prefetch_related("deliveries__address")
        .first()
    )
    return _row(found) if found else None


def _row(notice: Notice) -> InboxRow:
    return InboxRow(
        id=notice.pk,
        kind=notice.kind,
        topic=notice.kind.partition(".")[0],
        urgency=notice.urgency,
        title=notice.title,
        body=notice.body,
        link=notice.link,
        delivered_at=notice.created_at,
        read_at=notice.read_at,
        deliveries=tuple(
            DeliveryRow(delivery.channel, delivery.address.name, delivery.state, delivery.sent_at)
            for delivery in notice.deliveries.all()
        ),
    )


def unread_count(account_id: int) -> int:
    """Unread notices of an account, counted up to UNREAD_SHOWN + 1: never a long scan."""
    unread = Notice.objects.filter(account_id=account_id, read_at=None)
    return unread.order_by("id")[: UNREAD_SHOWN + 1].count()


@dataclass(frozen=True, slots=True)
class AddressRow:
    """An address by its name; what it is stays sealed."""

    id: int
    account_id: int
    account_name: str
    channel: str
    name: str
    created_at: datetime


def addresses(*, account_id: int | None = None, limit: int = 200) -> list[AddressRow]:
    """Active addresses, newest first: of one account, or of all."""
    found = Address.objects.filter(is_active=True).select_related("account").order_by("-id")
    if account_id is not None:
        found = found.filter(account_id=account_id)
    return [
        AddressRow(
            address.pk,
            address.account_id,
            address.account.name,
            address.channel,
            address.name,
            address.created_at,
        )
        for address in found[:limit]
    ]


@dataclass(frozen=True, slots=True)
class Choices:
    """What a person chose, filled up with the county's defaults.

    `channels`: topic → channels beside the inbox in use for it; `chosen`: the topics the
    person decided about; `reachable`: channels the person has an address of.
    """

    channels: dict[str, tuple[str, ...]]
    chosen: frozenset[str]
    reachable: frozenset[str]
    quiet_hours: tuple[time, time] | None
    offered_quiet_hours: tuple[time, time]
    addresses: list[AddressRow]


def choices(account_id: int) -> Choices:
    """An account's preferences; three queries."""
    in_force = parameters(timezone.now())
    own = dict(Preference.objects.filter(account_id=account_id).values_list("topic", "channels"))
    usual = tuple(channel.value for channel in in_force.default_channels[Urgency.URGENT])
    mine = addresses(account_id=account_id)
    quiet = QuietHours.objects.filter(account_id=account_id).first()
    return Choices(
        channels={topic: tuple(own[topic]) if topic in own else usual for topic in TOPICS},
        chosen=frozenset(own),
        reachable=frozenset(address.channel for address in mine),
        quiet_hours=(quiet.starts, quiet.ends) if quiet else None,
        offered_quiet_hours=in_force.offered_quiet_hours,
        addresses=mine,
    )


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A delivery given up. Names who missed what, and never the address.

    `title` and `body` are the glance that was to go out: who mends channels reads no words of
    matters that are none of theirs.
    """

    id: int
    notice_id: int
    title: str
    body: str
    urgency: str
    account_name: str
    channel: str
    address_name: str
    error_code: str
    attempts: int
    created_at: datetime
    was_read: bool
    can_resend: bool


def dead_letters(*, before: int | None = None, limit: int = 50) -> list[DeadLetter]:
    """Deliveries given up, newest first, with ids below `before`; one query."""
    found = (
        Delivery.objects.filter(state=DeliveryState.DEAD.value)
        .select_related("notice__account", "address")
        .order_by("-id")
    )
    if before is not None:
        found = found.filter(id__lt=before)
    return [
        DeadLetter(
            id=row.pk,
            notice_id=row.notice_id,
            title=row.notice.glance_title,
            body=row.notice.glance_body,
            urgency=row.notice.urgency,
            account_name=row.notice.account.name,
            channel=row.channel,
            address_name=row.address.name,
            error_code=row.error_code,
            attempts=row.attempts,
            created_at=row.created_at,
            was_read=row.notice.read_at is not None,
            can_resend=row.address.is_active,
        )
        for row in found[: max(1, min(limit, 200))]
    ]


@dataclass(frozen=True, slots=True)
class UnreadUrgent:
    """An urgent notice that went through everybody and that nobody has read: its glance."""

    notice_id: int
    title: str
    body: str
    account_name: str
    link: str
    created_at: datetime
    gave_up_at: datetime


def unread_urgent(*, limit: int = 50) -> list[UnreadUrgent]:
    """Urgent notices with nobody left to tell, still unread, newest first; one query."""
    found = (
        Escalation.objects.filter(step=EscalationStep.NOBODY_LEFT.value, notice__read_at=None)
        .select_related("notice__account")
        .order_by("-id")[:limit]
    )
    return [
        UnreadUrgent(
            row.notice_id,
            row.notice.glance_title,
            row.notice.glance_body,
            row.notice.account.name,
            row.notice.link,
            row.notice.created_at,
            row.at,
        )
        for row in found
    ]


def outbox_health() -> tuple[int, float, int]:
    """Deliveries due and waiting (counted up to 1,000), the age in seconds of the oldest of
    them, and dead letters (up to 1,000)."""
    now = timezone.now()
    due = Delivery.objects.filter(
        state__in=[DeliveryState.PENDING.value, DeliveryState.FAILED.value],
        next_attempt_at__lte=now,
    ).order_by("next_attempt_at")
    oldest = due.values_list("next_attempt_at", flat=True).first()
    dead = Delivery.objects.filter(state=DeliveryState.DEAD.value).order_by("-id")
    age = (now - oldest).total_seconds() if oldest else 0.0
    return due[:1000].count(), age, dead[:1000].count()


def external_channels() -> Sequence[ChannelCode]:
    """The channels beside the inbox, in the order of escalation."""
    return EXTERNAL_CHANNELS
