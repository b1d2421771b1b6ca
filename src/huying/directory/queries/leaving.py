"""What a member of staff holds, and who would take it over."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _

from huying.directory.events import Held, StaffLeft, staff_leaving
from huying.directory.models import Account, DutyShift, Post
from huying.directory.parameters import sign_in_rules
from huying.directory.permissions import Role
from huying.directory.queries.staffing import staff_of

HANDLERS = (Role.UNIT_HEAD, Role.OFFICER)


def held_by(account_id: int) -> list[Held]:
    """What the account holds in every room; what is nought is left out.

    All of it goes to others when the account is switched off, and when a post ends what was
    held by that post.
    """
    shifts = DutyShift.objects.filter(account=account_id, ends_at__gt=timezone.now())
    asked: Sequence[tuple[Any, Any]] = staff_leaving.send(
        sender=Account, event=StaffLeft(account_id)
    )
    found: list[Held] = [Held(_("值班班次"), shifts.count()), *(answer for _by, answer in asked)]
    return [one for one in found if one.count]


def idle_accounts(now: datetime) -> int:
    """How many accounts nobody has used for as long as the county says."""
    before = sign_in_rules().idle_before(now)
    return Account.objects.idle_since(before).count() if before else 0


def takes_over(
    organisation_id: int,
    at: datetime,
    *,
    besides: int,
    roles: Sequence[Role] = HANDLERS,
) -> int | None:
    """Who of the unit goes on where `besides` left off: who is on duty at `at` in the order of
    the roster, else the head, else another of these roles; None where the unit has nobody."""
    staff = [one for one, _role in staff_of(organisation_id, roles=roles, at=at)]
    on_duty = (
        DutyShift.objects.on(at)
        .filter(organisation=organisation_id, account__in=staff)
        .order_by("rank", "account_id")
        .values_list("account_id", flat=True)
    )
    return next((one for one in (*on_duty, *staff) if one != besides), None)


def may_handle_in(account_id: int, organisation_id: int) -> bool:
    """Whether the account is active and holds a post today that handles matters of the unit."""
    return any(one == account_id for one, _role in staff_of(organisation_id, roles=HANDLERS))


def works_in(account_id: int, organisation_id: int) -> bool:
    """Whether the account is active and holds any post in the unit today."""
    return (
        Post.objects.current(timezone.localdate())
        .filter(account=account_id, organisation=organisation_id, account__is_active=True)
        .exists()
    )
