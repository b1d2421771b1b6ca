"""Somebody leaves a post or the house: what they held goes to others, in the same transaction."""

from datetime import timedelta
from typing import Final

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from huying.directory.events import StaffLeft, staff_left
from huying.directory.models import Account, DutyShift, Post
from huying.directory.permissions import Actor, Role
from huying.directory.queries.leaving import takes_over, works_in
from huying.ledger.actions import record

_ON_ROSTERS: Final = (Role.UNIT_HEAD, Role.OFFICER, Role.DISPATCHER, Role.INTAKE_CLERK)
_LOOKED_BACK: Final = timedelta(days=7)


def hand_over(*, account_id: int, by: Actor) -> None:
    """Give to others what this account holds and no longer may: shifts here, and in every room
    that listens to `events.staff_left` what lies there. Again it finds nothing to do."""
    with transaction.atomic():
        _hand_over_shifts(account_id, by)
        staff_left.send(sender=Account, event=StaffLeft(account_id), by=by)


def hand_over_ended(*, by: Actor) -> int:
    """The same for everybody whose post ended by the calendar of late; how many were looked at."""
    today = timezone.localdate()
    ended = Post.objects.filter(end_date__lte=today, end_date__gt=today - _LOOKED_BACK)
    accounts = sorted(set(ended.values_list("account_id", flat=True)))
    for account_id in accounts:
        hand_over(account_id=account_id, by=by)
    return len(accounts)


def _hand_over_shifts(account_id: int, by: Actor) -> None:
    """A shift somebody else also has falls away; one nobody has goes to the unit's head.

    What was served of a running shift stays as it was.
    """
    now = timezone.now()
    left = (
        DutyShift.objects.select_for_update()
        .filter(account=account_id, ends_at__gt=now)
        .order_by("starts_at", "id")
    )
    given, dropped = [], 0
    for shift in left:
        if works_in(account_id, shift.organisation_id):
            continue
        begins = max(shift.starts_at, now)
        overlapping = Q(starts_at__lte=begins, ends_at__gte=shift.ends_at)
        others = DutyShift.objects.filter(
            overlapping, organisation=shift.organisation_id, account__is_active=True
        ).exclude(account=account_id)
        heir = None
        if not others.exists():
            heir = takes_over(shift.organisation_id, begins, besides=account_id, roles=_ON_ROSTERS)
        if shift.starts_at < now:
            DutyShift.objects.filter(pk=shift.pk).update(ends_at=now)
        else:
            shift.delete()
        if heir is None:
            dropped += 1
            continue
        row, _made = DutyShift.objects.update_or_create(
            organisation_id=shift.organisation_id,
            account_id=heir,
            starts_at=begins,
            defaults={"ends_at": shift.ends_at, "rank": shift.rank},
        )
        given.append({"shift": row.pk, "organisation": row.organisation_id, "to": heir})
    if given or dropped:
        record(
            kind="roster.handed_over",
            subject="roster",
            by=by.ref,
            body={"from": account_id, "given": given, "covered_by_others": dropped},
        )
