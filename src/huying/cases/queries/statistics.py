"""Numbers of cases, from the tallies: nothing here reads history."""

import threading
import time
from datetime import date, datetime, timedelta
from typing import Final

from django.db import connection
from django.db.models import Count, Q, Sum
from django.utils import timezone
from django.utils.translation import gettext as _

from huying.cases.models import Case, CaseTally, Measure
from huying.cases.models.access import inside
from huying.cases.queries.dictionary import responsible
from huying.cases.queries.results import DayFigures, GridMeasure, TypicalAnswer
from huying.cases.queries.wording import unit_name
from huying.cases.rules.vocabulary import BAD_RATINGS
from huying.directory import queries as directory
from huying.standards.deadlines import SHANGHAI

DAYS_LOOKED_AT: Final = 90
LEAST_SAMPLE: Final = 5
MOST_SAMPLE: Final = 300
MOST: Final = 0.6
"""多数: what six in ten did not exceed."""
_KEPT_SECONDS: Final = 600.0
_lock = threading.Lock()
_typical: dict[tuple[str, int], tuple[float, tuple[int, int | None]]] = {}
_RECENT: Final = """
SELECT count(*), percentile_cont(%s) WITHIN GROUP (ORDER BY took)
  FROM (SELECT extract(epoch FROM r.replied_at - r.submitted_at) / 86400.0 AS took
          FROM (SELECT id FROM cases_case
                 WHERE category = %s AND closed_at > %s AND lead_organisation_id = %s
                 ORDER BY closed_at DESC LIMIT %s) c
          JOIN cases_report r ON r.case_id = c.id AND r.replied_at IS NOT NULL) answered
"""


def typical_answer(category: str, division_code: str = "") -> TypicalAnswer | None:
    """Who would answer such a matter here, and how fast most were lately.

    None where a dispatcher would decide. `days` None where too few were answered to say.
    """
    rule = responsible(category, division_code or _county())
    if rule is None:
        return None
    sample, days = _took(category, rule.organisation_id)
    unit = unit_name(rule.organisation_id)
    if days is None:
        text = _("这事由%(unit)s办") % {"unit": unit}
    elif days <= 1:
        text = _("这事由%(unit)s办，近 90 天多数 1 天内答复") % {"unit": unit}
    else:
        text = _("这事由%(unit)s办，近 90 天多数 %(days)s 天内答复") % {
            "unit": unit,
            "days": days,
        }
    return TypicalAnswer(
        unit_id=rule.organisation_id, unit_name=unit, days=days, sample=sample, text=text
    )


def _county() -> str:
    county = directory.county()
    return county.code if county else ""


def _took(category: str, organisation_id: int) -> tuple[int, int | None]:
    key = (category, organisation_id)
    kept = _typical.get(key)
    if kept is not None and time.monotonic() - kept[0] < _KEPT_SECONDS:
        return kept[1]
    since = timezone.now() - timedelta(days=DAYS_LOOKED_AT)
    with connection.cursor() as cursor:
        cursor.execute(_RECENT, [MOST, category, since, organisation_id, MOST_SAMPLE])
        sample, took = cursor.fetchone()
    days = max(1, -(-int(took * 24) // 24)) if sample >= LEAST_SAMPLE else None
    with _lock:
        _typical[key] = (time.monotonic(), (sample, days))
    return sample, days


def forget_typical() -> None:
    """Count anew when next asked."""
    _typical.clear()


# Prefixes of divisions, as `Actor.reach` gives them; None = the whole county.
Territories = frozenset[str] | None


def _of(within: Territories) -> Q:
    return Q() if within is None else inside("division_code", within)


OPEN, OVERDUE, RECEIVED_7_DAYS, ALERTS = "OPEN", "OVERDUE", "RECEIVED_7_DAYS", "ALERTS"


def grid_measures(
    measure: str = OPEN, now: datetime | None = None, within: Territories = None
) -> list[GridMeasure]:
    """One number a grid, for the map: OPEN, OVERDUE, RECEIVED_7_DAYS or ALERTS."""
    now = now or timezone.now()
    if measure == OVERDUE:
        rows = (
            Case.objects.open()
            .filter(_of(within), due_at__lte=now, grid_code__isnull=False)
            .values("grid_code")
            .annotate(value=Count("id"))
            .order_by("grid_code")
        )
        return [GridMeasure(row["grid_code"] or "", row["value"]) for row in rows]
    tallies = CaseTally.objects.filter(_of(within)).exclude(grid_code="")
    if measure == RECEIVED_7_DAYS:
        since = now.astimezone(SHANGHAI).date() - timedelta(days=6)
        tallies = tallies.filter(measure=Measure.RECEIVED, day__gte=since)
    else:
        tallies = tallies.filter(measure=Measure.OPEN)
        if measure == ALERTS:
            tallies = tallies.filter(procedure="environmental_alert")
    sums = tallies.values("grid_code").annotate(value=Sum("count")).order_by("grid_code")
    return [GridMeasure(row["grid_code"], row["value"]) for row in sums if row["value"] > 0]


def day_figures(
    day: date,
    days: int = 1,
    organisation_id: int | None = None,
    within: Territories = None,
) -> list[DayFigures]:
    """The last `days` local days up to and including `day`, oldest first."""
    first = day - timedelta(days=max(1, days) - 1)
    tallies = CaseTally.objects.filter(
        ~Q(measure=Measure.OPEN), _of(within), day__gte=first, day__lte=day
    )
    if organisation_id is not None:
        tallies = tallies.filter(organisation_id=organisation_id)
    counts: dict[tuple[date, str, str], int] = {}
    for row in tallies.values("day", "measure", "state").annotate(total=Sum("count")):
        if row["day"] is not None:
            counts[row["day"], row["measure"], row["state"]] = row["total"]

    def total(on: date, measure: Measure, *states: str) -> int:
        return sum(
            count
            for (when, what, state), count in counts.items()
            if when == on and what == measure and (not states or state in states)
        )

    wanted = [first + timedelta(days=offset) for offset in range(max(1, days))]
    return [
        DayFigures(
            day=on,
            received=total(on, Measure.RECEIVED),
            opened=total(on, Measure.OPENED),
            closed=total(on, Measure.CLOSED),
            closed_on_time=total(on, Measure.CLOSED, "ON_TIME"),
            replied=total(on, Measure.REPLIED),
            rated=total(on, Measure.RATED),
            rated_bad=total(on, Measure.RATED, *(rating.value for rating in BAD_RATINGS)),
            overdue=total(on, Measure.OVERDUE),
        )
        for on in wanted
    ]


def open_by_procedure() -> list[tuple[str, int]]:
    """(procedure, open cases), from the tallies."""
    rows = CaseTally.objects.filter(measure=Measure.OPEN).values("procedure")
    sums = rows.annotate(value=Sum("count")).order_by("procedure")
    return [(row["procedure"], row["value"]) for row in sums]


def overdue_by_unit(
    now: datetime | None = None, within: Territories = None
) -> list[tuple[int, str, int]]:
    """(organisation id, name, open cases past their due time), the most first; 0 = nobody yet."""
    now = now or timezone.now()
    rows = (
        Case.objects.open()
        .filter(_of(within), due_at__lte=now)
        .values("lead_organisation_id")
        .annotate(total=Count("id"))
        .order_by("-total", "lead_organisation_id")
    )
    return [
        (
            row["lead_organisation_id"] or 0,
            unit_name(row["lead_organisation_id"]),
            row["total"],
        )
        for row in rows
    ]
