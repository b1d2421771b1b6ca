"""What anybody may see of reports: about what, roughly where, how it stands."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import cos, radians
from typing import Final

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _

from huying.cases.models import Case, Clock, Report, view_of
from huying.cases.queries import dictionary
from huying.cases.queries.facts import ReportNotFound, ticking
from huying.cases.queries.procedures import procedure as procedure_of
from huying.cases.queries.results import Page, PublicReport
from huying.cases.queries.rows import cursor_of, keys_of
from huying.cases.queries.wording import unit_name
from huying.cases.rules.clocks import Ticking
from huying.cases.rules.publicity import METRES_PER_DEGREE, coarse
from huying.cases.rules.wording import fill, until
from huying.directory import queries as directory
from huying.directory.permissions import Actor

LARGEST_PAGE: Final = 200


@dataclass(frozen=True, slots=True)
class Place:
    """Where a report is, in words and degrees (EPSG:4490)."""

    place_text: str
    lon: float | None
    lat: float | None


def nearby_open(
    lon: float,
    lat: float,
    category: str = "",
    radius_m: int = 300,
    limit: int = 10,
    actor: Actor | None = None,
) -> list[PublicReport]:
    """Open reports around a point, nearest first: for 我也遇到了. Secret ones are left out.

    Near is what is published as near: who asks from many points must not find out more than
    each answer shows. An `actor` who sees every case is shown the places as they were given.
    """
    exactly = actor is not None and view_of(actor).everything
    tall = radius_m / METRES_PER_DEGREE
    wide = tall / max(0.1, cos(radians(lat)))
    more = 1 + settings.PUBLIC_PLACE_METRES / radius_m
    cases = Case.objects.open().filter(
        lat__gte=lat - tall * more,
        lat__lte=lat + tall * more,
        lon__gte=lon - wide * more,
        lon__lte=lon + wide * more,
        report_count__gte=1,
    )
    if category:
        cases = cases.filter(category=category)
    ids = cases.order_by("-id").values_list("pk", flat=True)[:100]
    reports = (
        Report.objects.filter(
            case_id__in=list(ids), joined_report__isnull=True, secret=False, replied_at__isnull=True
        )
        .select_related("case")
        .order_by("id")
    )
    found = [
        (one, (one.lat - lat) / tall, (one.lon - lon) / wide)
        for one in _public_all(list(reports), exactly=exactly)
        if one.lon is not None and one.lat is not None
    ]
    near = [each for each in found if abs(each[1]) <= 1 and abs(each[2]) <= 1]
    near.sort(key=lambda each: each[1] ** 2 + each[2] ** 2)
    return [one for one, _north, _east in near[:limit]]


def public_report(report_id: int) -> PublicReport:
    """One report as anybody may see it; `ReportNotFound` also for a secret one."""
    report = Report.objects.filter(pk=report_id, secret=False).select_related("case").first()
    if report is None:
        raise ReportNotFound
    return _public_all([report])[0]


def public_reports(
    ids: Sequence[int] | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    status: str = "",
    category: str = "",
    cursor: str | None = None,
    limit: int = 50,
) -> Page[PublicReport]:
    """Reports as anybody may see them, newest first. `status` "OPEN", "CLOSED" or "" for both."""
    limit = max(1, min(limit, LARGEST_PAGE))
    reports = Report.objects.filter(secret=False)
    if ids is not None:
        reports = reports.filter(pk__in=list(ids))
    if since:
        reports = reports.filter(submitted_at__gte=since)
    if until:
        reports = reports.filter(submitted_at__lt=until)
    if status:
        reports = reports.filter(case__closed_at__isnull=status == "OPEN")
    if category:
        reports = reports.filter(case__category=category)
    if cursor:
        (last,) = keys_of(cursor, 1)
        reports = reports.filter(pk__lt=last)
    rows = list(reports.select_related("case").order_by("-id")[: limit + 1])
    views = _public_all(rows[:limit])
    return Page(views, cursor_of(rows[limit - 1].pk) if len(rows) > limit else None)


def _public_all(reports: Sequence[Report], *, exactly: bool = False) -> list[PublicReport]:
    """Reports as anybody may see them; the times they were promised come in one query."""
    promised: dict[tuple[int | None, str], Ticking] = {
        (row["report_id"], row["name"]): ticking(row)
        for row in Clock.objects.filter(
            case_id__in={report.case_id for report in reports},
            report_id__in=[report.pk for report in reports],
            stopped_at__isnull=True,
        ).values()
    }
    return [_public(report, promised, exactly) for report in reports]


def published_place(report: Report) -> Place:
    """Where a report is, as anybody may know it: exactly for a public thing, a lamp or a road;
    else the village, and coordinates that do not tell one house from the next."""
    category = dictionary.category(report.case.category)
    if category is not None and category.public_place:
        return Place(report.place_text, report.lon, report.lat)
    if report.lon is None or report.lat is None:
        return Place(_village(report.case.division_code), None, None)
    grid = directory.grid_at(report.lon, report.lat)
    division = grid.division_code if grid else report.case.division_code
    return Place(_village(division), *coarse(report.lon, report.lat, settings.PUBLIC_PLACE_METRES))


def _village(division_code: str) -> str:
    return directory.division_names([division_code]).get(division_code, "")


def _public(
    report: Report, promised: Mapping[tuple[int | None, str], Ticking], exactly: bool
) -> PublicReport:
    case = report.case
    place = Place(report.place_text, report.lon, report.lat) if exactly else published_place(report)
    procedure = procedure_of(case.procedure, case.procedure_version)
    state = procedure.states.get(case.state)
    clock = promised.get((report.pk, procedure.promise))
    headline = ""
    if state is not None and state.resident:
        due = ""
        if clock is not None:
            due = until(clock.due_at, timezone.now(), provisional=clock.provisional, relative=True)
        unit = unit_name(case.lead_organisation_id)
        headline = fill(str(state.resident), {"unit": unit, "due": due})
    return PublicReport(
        id=report.pk,
        case_number=case.number,
        open=case.closed_at is None,
        state_label=str(state.label) if state else _("已并案"),
        headline=headline,
        category=case.category,
        category_name=dictionary.category_name(case.category),
        unit_name=unit_name(case.lead_organisation_id),
        submitted_at=report.submitted_at,
        updated_at=case.updated_at,
        due_at=clock.due_at if clock else None,
        place_text=place.place_text,
        lon=place.lon,
        lat=place.lat,
    )
