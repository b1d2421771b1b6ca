"""The table of responsibilities, as it goes into a file."""

from collections.abc import Iterator

from huying.cases.models import ResponsibilityRule
from huying.cases.rules.responsibility import BETWEEN_UNITS, unit_cell
from huying.cases.rules.vocabulary import Urgency


def responsibility_table() -> Iterator[tuple[str, ...]]:
    """Its lines under `rules.responsibility.COLUMNS`, so that it can be read in again."""
    rows = (
        ResponsibilityRule.objects.select_related("category", "organisation")
        .prefetch_related("assisting")
        .order_by("category__parent__position", "category__position", "division_prefix")
    )
    for row in rows:
        yield (
            row.category.name,
            row.division_prefix,
            unit_cell(row.organisation.code, row.organisation.short_name),
            BETWEEN_UNITS.join(
                sorted(unit_cell(unit.code, unit.short_name) for unit in row.assisting.all())
            ),
            row.source,
            str(Urgency(row.urgency).label),
            row.end_date.isoformat() if row.end_date else "",
        )
