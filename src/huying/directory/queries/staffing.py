"""Who is there to act: duty shifts first, posts where the roster is silent."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, groupby

from django.utils import timezone

from huying.directory.models import DutyShift, Post
from huying.directory.permissions import Role
from huying.directory.queries.actors import territory


def officers_on_duty(organisation_id: int, at: datetime) -> list[int]:
    """Accounts to call in an organisation, in order of rank.

    Whoever the roster names at `at`; without one the unit's officers, then its head.
    """
    return list(dict.fromkeys(chain.from_iterable(duty_in_turn(organisation_id, at))))


def duty_in_turn(organisation_id: int, at: datetime) -> list[list[int]]:
    """The same in groups to be called one after the other: rank by rank, or officers and heads."""
    shifts = (
        DutyShift.objects.on(at)
        .filter(organisation_id=organisation_id)
        .order_by("rank", "account_id")
        .values_list("rank", "account_id")
    )
    staff = staff_of(organisation_id, roles=(Role.OFFICER, Role.UNIT_HEAD), at=at)
    return _in_turn(shifts) or _in_turn((role, account_id) for account_id, role in staff)


def role_in_turn(role: Role, division_code: str, at: datetime) -> list[list[int]]:
    """Holders of a role whose territory contains the division, in groups to be called one after
    the other: those on shift at `at` rank by rank, all of them where the roster names none."""
    holders = holders_of(role, division_code=division_code)
    shifts = (
        DutyShift.objects.on(at)
        .filter(account_id__in=holders)
        .order_by("rank", "account_id")
        .values_list("rank", "account_id")
    )
    return _in_turn(shifts) or ([holders] if holders else [])


def _in_turn(ordered: Iterable[tuple[object, int]]) -> list[list[int]]:
    groups = [[account for _rank, account in group] for _rank, group in groupby(ordered, _first)]
    return [list(dict.fromkeys(group)) for group in groups]


def _first(pair: tuple[object, int]) -> object:
    return pair[0]


def staff_of(
    organisation_id: int, *, roles: Collection[Role], at: datetime | None = None
) -> list[tuple[int, Role]]:
    """(account id, role) of the active staff of a unit, roles in the order given."""
    wanted = [Role(role) for role in roles]
    on = timezone.localdate(at) if at else timezone.localdate()
    rows = (
        Post.objects.current(on)
        .filter(organisation_id=organisation_id, role__in=wanted, account__is_active=True)
        .values_list("account_id", "role")
        .order_by("account_id")
    )
    return sorted(
        ((account_id, Role(role)) for account_id, role in rows),
        key=lambda row: (wanted.index(row[1]), row[0]),
    )


def heads_of(organisation_id: int) -> list[int]:
    """The heads of a unit."""
    return [account_id for account_id, _ in staff_of(organisation_id, roles=(Role.UNIT_HEAD,))]


def grid_workers_of(grid_code: str) -> list[int]:
    """The active grid workers of a grid today."""
    return list(
        Post.objects.current(timezone.localdate())
        .filter(grid_id=grid_code, role=Role.GRID_WORKER, account__is_active=True)
        .order_by("account_id")
        .values_list("account_id", flat=True)
        .distinct()
    )


def holders_of(role: Role, *, division_code: str = "") -> list[int]:
    """Active accounts with a role; with `division_code`, those whose territory contains it."""
    rows = (
        Post.objects.current(timezone.localdate())
        .filter(role=role, account__is_active=True)
        .order_by("account_id")
        .values_list("account_id", "division_id", "organisation__division_id")
    )
    found = []
    for account_id, own, unit in rows:
        prefix = territory(own or unit)
        if not division_code or (prefix and division_code.startswith(prefix)):
            found.append(account_id)
    return list(dict.fromkeys(found))


@dataclass(frozen=True, slots=True)
class DutyCard:
    """One line of the roster."""

    organisation_id: int
    organisation: str
    account_id: int
    name: str
    starts_at: datetime
    ends_at: datetime
    rank: int


def duty_roster(since: datetime, until: datetime) -> list[DutyCard]:
    """Shifts that overlap [since, until), by organisation, time and rank."""
    return [
        DutyCard(*row)
        for row in DutyShift.objects.filter(starts_at__lt=until, ends_at__gt=since)
        .order_by("organisation_id", "starts_at", "rank")
        .values_list(
            "organisation_id",
            "organisation__short_name",
            "account_id",
            "account__name",
            "starts_at",
            "ends_at",
            "rank",
        )
    ]
