"""Who looked at whose sealed data: for the auditor."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from huying.directory.models import AccessRecord, Account
from huying.directory.permissions import Actor, Permission

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

    Needs LEDGER_AUDIT.
    """
    by.require(Permission.LEDGER_AUDIT)
    rows = AccessRecord.objects.order_by("-id")
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


def accounts_named(name: str) -> list[int]:
    """The accounts whose name or user name contains these letters; at most 50."""
    name = name.strip()
    if not name:
        return []
    found = Account.objects.filter(name__icontains=name) | Account.objects.filter(
        username__iexact=name
    )
    return list(found.order_by("pk").values_list("pk", flat=True)[:_MOST_NAMED])
