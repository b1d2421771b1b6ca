"""What happens when an urgent notice stays unread; and forgetting old ones."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from huying.directory.permissions import Actor, Permission
from huying.notices import wire
from huying.notices.actions.tell import MAX_BODY, MAX_GLANCE, Glance, tell, wake_drain
from huying.notices.models import Address, Delivery, Escalation, Notice, QuietHours
from huying.notices.parameters import parameters
from huying.notices.rules.timing import Step, escalate_after, next_step, quiet_until
from huying.notices.rules.vocabulary import ChannelCode, EscalationStep, Urgency

_AT_ONCE: Final = 200
_FORGET_AT_ONCE: Final = 2000


def escalate_unread(*, by: Actor, now: datetime | None = None) -> int:
    """Take the next step for each urgent notice unread too long; returns how many steps.

    At most 200 in one call, oldest first. Each step is recorded. People told together are one
    batch: it is passed on to the next person once, and not at all if one of them has read it.
    """
    by.require(Permission.NOTICE_ADMIN)
    now = now or timezone.now()
    with transaction.atomic():
        if not _alone():
            return 0
        due = list(
            Notice.objects.select_for_update(skip_locked=True)
            .filter(escalate_at__lte=now)
            .order_by("escalate_at", "id")[:_AT_ONCE]
        )
        if not due:
            return 0
        surroundings = _Surroundings(due, now)
        for notice in due:
            _take_step(notice, surroundings.step_for(notice), surroundings, by, now)
    return len(due)


def stop_escalation(*, subject: str, by: Actor) -> int:
    """Somebody is on it: notices about `subject` go no further. They stay in the inboxes,
    unread if they were. Returns how many were waiting."""
    return Notice.objects.filter(subject=subject, escalate_at__isnull=False).update(
        escalate_at=None
    )


def forget_old(*, by: Actor, now: datetime | None = None) -> int:
    """Delete notices older than the county keeps them, some of the oldest at a time; returns
    how many. What happened is in the ledger and the case; a notice was only its messenger."""
    by.require(Permission.NOTICE_ADMIN)
    now = now or timezone.now()
    limit = now - timedelta(days=parameters(now).keep_days)
    oldest = Notice.objects.order_by("id").values_list("id", "created_at")[:_FORGET_AT_ONCE]
    old = [pk for pk, created_at in oldest if created_at < limit]
    return Notice.objects.filter(id__in=old).delete()[1].get("notices.Notice", 0) if old else 0


def _alone() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 0))",
            [f"{wire.channel_name()} escalation"],
        )
        return bool(cursor.fetchone()[0])


class _Surroundings:
    """What the next steps of the due notices depend on, read in four queries."""

    def __init__(self, due: list[Notice], now: datetime) -> None:
        accounts = {notice.account_id for notice in due}
        self.used = _grouped(
            Delivery.objects.filter(notice__in=due).values_list("notice_id", "channel")
        )
        self.reachable = _grouped(
            Address.objects.filter(account_id__in=accounts, is_active=True).values_list(
                "account_id", "channel"
            )
        )
        local_now = timezone.localtime(now)
        self.quiet = {
            hours.account_id
            for hours in QuietHours.objects.filter(account_id__in=accounts)
            if quiet_until(local_now, hours.starts, hours.ends)
        }
        self.in_force = parameters(now)
        self.answered = set(
            Notice.objects.filter(
                batch__in={notice.batch for notice in due}, read_at__isnull=False
            ).values_list("batch", flat=True)
        )

    def step_for(self, notice: Notice) -> Step:
        rings_anyway = Urgency(notice.urgency) in self.in_force.ring_in_quiet_hours
        return next_step(
            used=self.used[notice.pk],
            reachable=self.reachable[notice.account_id],
            is_quiet=notice.account_id in self.quiet and not rings_anyway,
            people_left=() if notice.batch in self.answered else notice.escalate_to,
        )


def _grouped(pairs: Iterable[tuple[int, str]]) -> dict[int, set[ChannelCode]]:
    found: dict[int, set[ChannelCode]] = defaultdict(set)
    for key, channel in pairs:
        found[key].add(ChannelCode(channel))
    return found


def _take_step(
    notice: Notice, step: Step, surroundings: _Surroundings, by: Actor, now: datetime
) -> None:
    record = Escalation(notice=notice, step=step.kind.value, channel=step.channel or "")
    notice.escalated_steps += 1
    notice.escalate_at = None
    if step.kind is EscalationStep.NEXT_CHANNEL:
        _ring(notice, step, now)
        wait = escalate_after(
            Urgency(notice.urgency), notice.escalated_steps, surroundings.in_force
        )
        notice.escalate_at = now + wait if wait else None
    elif step.kind is EscalationStep.NEXT_PERSON:
        record.to_notice_id = _pass_on(notice, step, by, now)
        surroundings.answered.add(notice.batch)
    notice.save(update_fields=["escalated_steps", "escalate_at"])
    record.save()


def _ring(notice: Notice, step: Step, now: datetime) -> None:
    addresses = Address.objects.filter(
        account_id=notice.account_id, channel=step.channel, is_active=True
    )
    Delivery.objects.bulk_create(
        [
            Delivery(notice=notice, address=address, channel=address.channel, next_attempt_at=now)
            for address in addresses
        ],
        ignore_conflicts=True,
    )
    wake_drain()


def _pass_on(notice: Notice, step: Step, by: Actor, now: datetime) -> int | None:
    if step.account_id is None:
        return None
    minutes = int((now - notice.created_at).total_seconds() // 60)
    what, _newline, _rest = notice.glance_body.partition("\n")
    why = _("原接收人 %(minutes)d 分钟内没有查看，现转给您。") % {"minutes": minutes}
    told = tell(
        to=[step.account_id],
        kind=notice.kind,
        title=notice.title,
        body=f"{why}\n{notice.body}"[:MAX_BODY],
        # What and where first; of those who did not look, the last is enough.
        glance=Glance(notice.glance_title, f"{what}\n{why}".strip()[:MAX_GLANCE]),
        link=notice.link,
        urgency=Urgency(notice.urgency),
        subject=notice.subject,
        by=by,
        escalate_to=step.then,
        batch=str(notice.batch),
        escalated_from=notice.pk,
    )
    # The whole batch was passed on; the others told with this one keep only their channels.
    Notice.objects.filter(batch=notice.batch).exclude(pk__in=told).update(escalate_to=[])
    return told[0]
