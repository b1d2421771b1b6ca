"""Who is there to act: duty shifts first, posts where the roster is silent."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, groupby
from typing import Any, TypeVar

from django.utils import timezone

from huying.directory.models import DutyShift, Post
from huying.directory.permissions import Role
from huying.directory.queries.actors import territory

T = TypeVar("T")


def officers_on_duty(organisation_id: int, at: datetime) -> list[int]:
    """Accounts to call in an organisation, in order of rank.

    Whoever the roster names at `at`; without one the unit's officers, then its head.
    """
    return officers_on_duty_in([organisation_id], at)[organisation_id]


def officers_on_duty_in(organisation_ids: Collection[int], at: datetime) -> dict[int, list[int]]:
    """The same of several organisations at once."""
    return {
        unit: list(dict.fromkeys(chain.from_iterable(turns)))
        for unit, turns in _duty(organisation_ids, at).items()
    }


def duty_in_turn(organisation_id: int, at: datetime) -> list[list[int]]:
    """The same in groups to be called one after the other: rank by rank, or officers and heads."""
    return _duty([organisation_id], at)[organisation_id]


def _duty(organisation_ids: Collection[int], at: datetime) -> dict[int, list[list[int]]]:
    found: dict[int, list[list[int]]] = {unit: [] for unit in organisation_ids}
    shifts = (
        DutyShift.objects.on(at)
        .filter(organisation_id__in=found)
        .order_by("organisation_id", "rank", "account_id")
        .values_list("organisation_id", "rank", "account_id")
    )
    for unit, group in groupby(shifts, _first):
        found[unit] = _in_turn(row[1:] for row in group)
    silent = [unit for unit, turns in found.items() if not turns]
    staff = _staff(silent, (Role.OFFICER, Role.UNIT_HEAD), at) if silent else []
    for unit, posts in groupby(staff, _first):
        found[unit] = _in_turn((role, account_id) for _unit, account_id, role in posts)
    return found


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


def _first(row: tuple[T, *tuple[Any, ...]]) -> T:
    return row[0]


def staff_of(
    organisation_id: int, *, roles: Collection[Role], at: datetime | None = None
) -> list[tuple[int, Role]]:
    """(account id, role) of the active staff of a unit, roles in the order given."""
    rows = _staff([organisation_id], [Role(role) for role in roles], at)
    return [(account_id, role) for _unit, account_id, role in rows]


def _staff(
    organisation_ids: Collection[int], wanted: Sequence[Role], at: datetime | None
) -> list[tuple[int, int, Role]]:
    rows = (
        Post.objects.current(timezone.localdate(at) if at else timezone.localdate())
        .filter(organisation_id__in=organisation_ids, role__in=wanted, account__is_active=True)
        .values_list("organisation_id", "account_id", "role")
    )
    return sorted(
        ((unit, account_id, Role(role)) for unit, account_id, role in rows if unit is not None),
        key=lambda row: (row[0], wanted.index(row[2]), row[1]),
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
