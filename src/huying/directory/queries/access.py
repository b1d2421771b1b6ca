"""Who looked at whose sealed data: for the auditor, and for the person."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db.models import Q, QuerySet
from django.utils import timezone

from huying.directory.models import AccessRecord, Account, Post
from huying.directory.permissions import ROLE_PERMISSIONS, Actor, Permission, Role

_MAY_LOOK: Final = [
    role for role, granted in ROLE_PERMISSIONS.items() if Permission.PERSON_REVEAL in granted
]
_MOST_NAMED = 50
_LARGEST_PAGE = 200


@dataclass(frozen=True, slots=True)
class AccessRow:
    """One look at the values of one person; the person is a number here, never a name."""

    id: int
    at: datetime
    person_id: int
    account_id: int | None
    account_name: str
    actor_ref: str
    fields: tuple[str, ...]
    purpose: str
    record_id: int


def access_records(
    by: Actor,
    *,
    accounts: Sequence[int] | None = None,
    person_id: int | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    before_id: int | None = None,
    limit: int = 50,
) -> list[AccessRow]:
    """Looks at sealed values, newest first; the next page starts before the last one's id.

    Needs LEDGER_AUDIT. Who audits one territory sees the looks of those who hold or held a
    post in it, and the looks at those who live in it.
    """
    by.require(Permission.LEDGER_AUDIT)
    rows = AccessRecord.objects.order_by("-id")
    territories = by.reach(Permission.LEDGER_AUDIT)
    if territories is not None:
        home = _inside(territories, "person__residence_division__code")
        rows = rows.filter(home | Q(account__in=_posted_in(territories)))
    if accounts is not None:
        rows = rows.filter(account__in=list(accounts))
    if person_id is not None:
        rows = rows.filter(person=person_id)
    if since is not None:
        rows = rows.filter(at__gte=since)
    if until is not None:
        rows = rows.filter(at__lt=until)
    if before_id is not None:
        rows = rows.filter(pk__lt=before_id)
    return [
        AccessRow(
            row.pk,
            row.at,
            row.person_id,
            row.account_id,
            row.account.name if row.account else "",
            row.actor_ref,
            tuple(row.fields),
            row.purpose,
            row.record_id,
        )
        for row in rows.select_related("account")[: max(1, min(limit, _LARGEST_PAGE))]
    ]


@dataclass(frozen=True, slots=True)
class Look:
    """One look at a person's values as the person is told of it: unit and role, no name."""

    at: datetime
    unit: str
    role: str
    fields: tuple[str, ...]
    purpose: str
    record_id: int


MOST_LOOKS: Final = 50


def looks_at(person_ids: Collection[int], matters: Collection[str]) -> list[Look]:
    """The looks at these people for these matters ("case:17"), newest first; at most 50. For
    whoever follows the matter by its receipt; what else was asked of the person is not theirs.

    Unit and role are of the post that gave the right on the day of the look.
    """
    rows = AccessRecord.objects.filter(matter__in=list(matters), person__in=list(person_ids))
    found = list(rows.order_by("-id")[:MOST_LOOKS])
    posts: dict[int, list[Post]] = {}
    held = Post.objects.filter(
        account__in={row.account_id for row in found}, role__in=_MAY_LOOK
    ).select_related("organisation")
    for post in held.order_by("-start_date", "-id"):
        posts.setdefault(post.account_id, []).append(post)
    return [_look(row, posts.get(row.account_id or 0, ())) for row in found]


def _look(row: AccessRecord, posts: Sequence[Post]) -> Look:
    on = timezone.localdate(row.at)
    held = (p for p in posts if p.start_date <= on and (p.end_date is None or p.end_date > on))
    post = next(held, next(iter(posts), None))
    return Look(
        row.at,
        post.organisation.short_name or post.organisation.name if post else "",
        Role(post.role).label if post else "",
        tuple(row.fields),
        row.purpose,
        row.record_id,
    )


def actors_within(by: Actor) -> list[str] | None:
    """Who acts in the territory that `by` audits, as the ledger names them; None = everybody."""
    by.require(Permission.LEDGER_AUDIT)
    territories = by.reach(Permission.LEDGER_AUDIT)
    if territories is None:
        return None
    return [f"staff:{account_id}" for account_id in _posted_in(territories)]


def _posted_in(territories: Collection[str]) -> "QuerySet[Post, int]":
    """The accounts that hold or held a post in these territories."""
    own = _inside(territories, "division__code", "grid__code")
    by_unit = Q(division__isnull=True) & _inside(territories, "organisation__division__code")
    return Post.objects.filter(own | by_unit).values_list("account_id", flat=True).distinct()


def _inside(territories: Collection[str], *columns: str) -> Q:
    wanted = Q(pk__in=[])
    for prefix in territories:
        for column in columns:
            wanted |= Q(**{f"{column}__startswith": prefix})
    return wanted


def accounts_named(name: str) -> list[int]:
    """The accounts whose name or user name contains these letters; at most 50."""
    name = name.strip()
    if not name:
        return []
    found = Account.objects.filter(name__icontains=name) | Account.objects.filter(
        username__iexact=name
    )
    return list(found.order_by("pk").values_list("pk", flat=True)[:_MOST_NAMED])
