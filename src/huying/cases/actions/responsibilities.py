"""The table of responsibilities: category × territory → organisation."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import transaction

from huying.cases.models import ResponsibilityRule
from huying.cases.queries.dictionary import forget_dictionary
from huying.directory.permissions import Actor, Permission
from huying.ledger import actions as ledger


@dataclass(frozen=True, slots=True, kw_only=True)
class NewResponsibility:
    """`division_prefix` "" = the whole county; the longest prefix that matches decides.

    `source` names the list of duties it comes from (权责清单, 履职事项清单).
    """

    category: str
    organisation_id: int
    division_prefix: str = ""
    assisting_ids: tuple[int, ...] = ()
    urgency: str = "NORMAL"
    source: str = ""


def set_responsibilities(*, rules: Sequence[NewResponsibility], by: Actor) -> int:
    """Put rules in place; one of the same category and territory is replaced. All or none."""
    by.require(Permission.DIRECTORY_MANAGE)
    with transaction.atomic():
        rows = ResponsibilityRule.objects.bulk_create(
            [
                ResponsibilityRule(
                    category_id=one.category,
                    division_prefix=one.division_prefix,
                    organisation_id=one.organisation_id,
                    urgency=one.urgency,
                    source=one.source,
                )
                for one in rules
            ],
            update_conflicts=True,
            unique_fields=["category", "division_prefix"],
            update_fields=["organisation", "urgency", "source", "active"],
        )
        helpers = ResponsibilityRule.assisting.through
        helpers.objects.filter(responsibilityrule__in=[row.pk for row in rows]).delete()
        helpers.objects.bulk_create(
            helpers(responsibilityrule_id=row.pk, organisation_id=unit)
            for row, one in zip(rows, rules, strict=True)
            for unit in one.assisting_ids
        )
        ledger.record(
            kind="responsibility.set",
            subject="responsibilities",
            by=by.ref,
            body={
                "rules": [[one.category, one.division_prefix, one.organisation_id] for one in rules]
            },
        )
    forget_dictionary()
    return len(rows)
