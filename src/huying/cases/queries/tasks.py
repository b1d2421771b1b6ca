"""What a grid worker has to do, and how it ended."""

from datetime import datetime
from math import asin, cos, radians, sin, sqrt
from typing import Final

from django.utils import timezone

from huying.cases.models import Act, Case, Report
from huying.cases.queries.case_page import Worded, offered_actions
from huying.cases.queries.facts import CaseRecord, case_records
from huying.cases.queries.procedures import procedure as procedure_of
from huying.cases.queries.procedures import procedures
from huying.cases.queries.results import CaseRow, FinishedTask, TaskRow
from huying.cases.queries.rows import rows_by_id
from huying.cases.rules.procedure import Tone
from huying.cases.rules.vocabulary import Outcome, Rating
from huying.directory.permissions import Actor

EARTH_RADIUS_M: Final = 6_371_000
MOST_TASKS: Final = 200


def tasks_near(
    actor: Actor,
    lon: float | None = None,
    lat: float | None = None,
    limit: int = 50,
    now: datetime | None = None,
) -> list[TaskRow]:
    """Open cases in the actor's grids in which the next step is the grid worker's.

    By clock, then by distance from the point given; that point is used and forgotten.
    """
    now = now or timezone.now()
    if not actor.grids:
        return []
    states = [
        state
        for procedure in procedures()
        for state in procedure.states
        if any(
            "grid_worker" in action.by
            and action.tone is Tone.MAIN
            and procedure.may_start_from(action, state)
            for action in procedure.actions.values()
        )
    ]
    ids = list(
        Case.objects.open()
        .filter(grid_code__in=sorted(actor.grids), state__in=states)
        .order_by("due_at", "id")
        .values_list("pk", flat=True)[:MOST_TASKS]
    )
    records = {record.facts.id: record for record in case_records(ids)}
    tasks = []
    worded: Worded = {}
    for row in rows_by_id(ids, now):
        task = _task(actor, row, records[row.id], worded, lon, lat)
        if task is not None:
            tasks.append(task)
    tasks.sort(
        key=lambda task: (
            _minute(task.case.due_at),
            task.distance_m if task.distance_m is not None else float("inf"),
            task.case.id,
        )
    )
    return tasks[:limit]


def _minute(due_at: datetime | None) -> float:
    """Clocks within the same ten minutes count as one: then the nearer comes first."""
    return due_at.timestamp() // 600 if due_at else float("inf")


def _task(
    actor: Actor,
    row: CaseRow,
    record: CaseRecord,
    worded: Worded,
    lon: float | None,
    lat: float | None,
) -> TaskRow | None:
    procedure = procedure_of(record.procedure, record.procedure_version)
    offers = offered_actions(procedure, record.facts, actor, worded)
    main = next(
        (
            offer
            for offer in offers
            if offer.tone == Tone.MAIN
            and offer.code in procedure.actions
            and "grid_worker" in procedure.actions[offer.code].by
        ),
        None,
    )
    if main is None:
        return None
    distance = None
    if None not in (lon, lat, row.lon, row.lat):
        distance = round(metres(lon or 0.0, lat or 0.0, row.lon or 0.0, row.lat or 0.0))
    return TaskRow(case=row, distance_m=distance, main_action=main, actions=tuple(offers))


def finished_tasks(
    actor: Actor, limit: int = 20, now: datetime | None = None
) -> list[FinishedTask]:
    """Closed cases this actor had a part in, latest first: how each ended."""
    if actor.account_id is None:
        return []
    recent = Act.objects.filter(account_id=actor.account_id).order_by("-id").values("case_id")[:500]
    touched = {row["case_id"] for row in recent}
    cases = {
        case.pk: case
        for case in Case.objects.visible_to(actor)
        .filter(pk__in=touched, closed_at__isnull=False)
        .order_by("-closed_at")[:limit]
    }
    reports: dict[int, list[Report]] = {}
    visible = Report.objects.visible_to(actor).filter(case_id__in=list(cases)).order_by("id")
    for report in visible:
        reports.setdefault(report.case_id, []).append(report)
    results = {
        act["case_id"]: str(act["data"].get("result") or act["data"].get("finding") or "")
        for act in Act.objects.filter(
            case_id__in=list(cases), action__in=["resolve", "confirm_false", "answer"]
        )
        .order_by("seq")
        .values("case_id", "data")
    }
    return [
        FinishedTask(
            case=row,
            outcome_label=(
                str(Outcome(cases[row.id].outcome).label) if cases[row.id].outcome else ""
            ),
            ended=next(
                (report.reply for report in reports.get(row.id, ()) if report.reply),
                results.get(row.id, ""),
            ),
            ratings=tuple(
                (str(Rating(report.rating).label), report.rating_comment, report.rating)
                for report in reports.get(row.id, ())
                if report.rating
            ),
        )
        for row in rows_by_id(list(cases), now or timezone.now())
    ]


def metres(lon1: float, lat1: float, lon2: float, lat2: float) -> float:
    """Distance on the sphere (haversine)."""
    half_lat, half_lon = radians(lat2 - lat1) / 2, radians(lon2 - lon1) / 2
    a = sin(half_lat) ** 2 + cos(radians(lat1)) * cos(radians(lat2)) * sin(half_lon) ** 2
    return 2 * EARTH_RADIUS_M * asin(sqrt(min(1.0, a)))
