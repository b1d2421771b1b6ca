"""Earlier reports that a report may repeat."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from huying.cases.models import Report
from huying.cases.queries.facts import ReportNotFound
from huying.cases.rules import receipts
from huying.directory.permissions import Actor

MOST_EARLIER = 10


@dataclass(frozen=True, slots=True)
class EarlierReport:
    """What the same person said before, as far as the actor sees it."""

    id: int
    case_number: str
    title: str
    submitted_at: datetime


def earlier_reports(report_ids: Collection[int], actor: Actor) -> list[EarlierReport]:
    """Earlier reports by the reporters of these, newest first; at most 10.

    Nothing of secret reports: beside another one, the reporter of a secret one has a name.
    """
    known = Report.objects.visible_to(actor).filter(secret=False, reporter__isnull=False)
    given = list(known.filter(pk__in=report_ids))
    if not given:
        return []
    rows = (
        known.filter(
            reporter__in={one.reporter_id for one in given},
            submitted_at__lt=max(one.submitted_at for one in given),
        )
        .exclude(case__in={one.case_id for one in given})
        .select_related("case")
        .order_by("-submitted_at")[:MOST_EARLIER]
    )
    return [
        EarlierReport(row.pk, row.case.number, row.case.title, row.submitted_at) for row in rows
    ]


def report_named(name: str, actor: Actor) -> int:
    """The report with this receipt, or the first one of the case with this number.

    Raises ReportNotFound, also for what the actor may not see.
    """
    reports = Report.objects.visible_to(actor)
    # One after the other: an OR over two tables would read them both whole.
    receipt = receipts.read(name)
    found = reports.filter(receipt=receipt).first() if receipt else None
    if found is None:
        found = reports.filter(case__number=name.strip().upper()).order_by("id").first()
    if found is None:
        raise ReportNotFound
    return found.pk
