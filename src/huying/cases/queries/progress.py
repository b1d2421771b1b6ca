"""A report as its reporter sees it, and what anybody may see of reports nearby."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from math import cos, radians
from typing import Any, Final

from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from huying.cases.models import Act, Attachment, Case, Clock, Report
from huying.cases.queries.case_page import attachment_view
from huying.cases.queries.clockface import counted
from huying.cases.queries.dictionary import category_name
from huying.cases.queries.facts import ReportNotFound, case_record, ticking
from huying.cases.queries.procedures import procedure as procedure_of
from huying.cases.queries.results import (
    Page,
    ProgressEntry,
    ProgressStep,
    ProgressView,
    PublicReport,
)
from huying.cases.queries.rows import cursor_of, keys_of
from huying.cases.queries.wording import unit_name, words_for
from huying.cases.rules import receipts
from huying.cases.rules.clocks import Ticking, last_date
from huying.cases.rules.engine import Facts, offered
from huying.cases.rules.procedure import Procedure
from huying.cases.rules.vocabulary import MERGED, Rating, ReportState
from huying.cases.rules.wording import fill, title_of, until
from huying.directory import queries as directory
from huying.directory.permissions import Actor

METRES_PER_DEGREE: Final = 111_320
LARGEST_PAGE: Final = 200


def report_id_of(receipt: str) -> int:
    """The report with this receipt, however it was typed; `ReportNotFound`."""
    found = Report.objects.filter(receipt=receipts.read(receipt) or "-").values_list(
        "pk", flat=True
    )
    for report_id in found:
        return report_id
    raise ReportNotFound


def progress(receipt: str, now: datetime | None = None) -> ProgressView:
    """Where a report stands, in the words of the one who made it. `ReportNotFound`."""
    now = now or timezone.now()
    report = Report.objects.filter(receipt=receipts.read(receipt) or "-").first()
    if report is None:
        raise ReportNotFound
    record = case_record(report.case_id)
    facts = record.facts
    procedure = procedure_of(record.procedure, record.procedure_version)
    withdrawn = report.state == ReportState.WITHDRAWN
    acts = _acts_of(report)
    if withdrawn:
        # What became of the others' matter is not this reporter's to follow any more.
        last = max((n for n, act in enumerate(acts) if act["report_id"] == report.pk), default=-1)
        acts = acts[: last + 1]
    clock = _promised(procedure, report)
    organisation = (
        directory.organisation(facts.lead_organisation_id) if facts.lead_organisation_id else None
    )
    waiting = clock is not None and clock.stopped_at is None
    files = [
        attachment_view(row)
        for row in Attachment.objects.filter(
            Q(report_id=report.pk) | Q(report__isnull=True, act_id__in=[a["id"] for a in acts]),
            case_id__in=[report.case_id, *(one[0] for one in report.earlier)],
        ).order_by("id")
    ]
    final = procedure.is_final(facts.state)
    erased = report.erased_at is not None
    can_rate = bool(procedure.ratings and report.replied_at and not report.rating and not erased)
    headline, next_text = _headline(procedure, facts, clock if waiting else None, can_rate, now)
    if withdrawn:
        headline, next_text = _("您已撤回这件诉求"), ""
    return ProgressView(
        receipt=report.receipt,
        receipt_display=receipts.display(report.receipt),
        report_id=report.pk,
        case_number=facts.number,
        title=_title(report, facts, acts),
        text=report.text,
        category_name=category_name(facts.category),
        place_text=report.place_text,
        submitted_at=report.submitted_at,
        headline=headline,
        next_text=next_text,
        state=report.state,
        state_label=str(ReportState(report.state).label),
        steps=() if withdrawn else _steps(procedure, facts, acts),
        entries=tuple(
            ProgressEntry(
                at=act["at"],
                who=_who(act),
                text=act["told"],
                attachments=tuple(file for file in files if file.act_id == act["id"]),
                record_id=act["record_id"],
            )
            for act in reversed(acts)
            if act["told"]
        ),
        unit_name=organisation.name if organisation else "",
        unit_phone=organisation.phone if organisation else "",
        due_at=clock.due_at if waiting and clock else None,
        due_date=last_date(clock.due_at).date() if waiting and clock else None,
        provisional=bool(waiting and clock and clock.provisional),
        counted=counted(clock, now) if clock else "",
        article=clock.article if clock else "",
        reply=report.reply,
        replied_at=report.replied_at,
        rating=report.rating,
        rating_label=str(Rating(report.rating).label) if report.rating else "",
        rated_at=report.rated_at,
        follow_up=report.follow_up,
        can_rate=can_rate,
        can_follow_up=bool(report.rating and not report.follow_up and not erased),
        closed=final or withdrawn,
        neighbours=max(0, record.report_count - 1),
        attachments=tuple(
            file for file in files if file.report_id == report.pk and not _answers(file, acts)
        ),
        record_id=report.record_id,
        record_ids=tuple(act["record_id"] for act in acts if act["record_id"]),
        erased_at=report.erased_at,
        can_withdraw=not (withdrawn or erased)
        and any(offer.spec.withdraws for offer in offered(procedure, facts, Actor.resident())),
    )


def _title(report: Report, facts: Facts, acts: Sequence[Mapping[str, Any]]) -> str:
    """The case's title for who opened it. It holds the words of that person: others read theirs."""
    own = any(
        act["seq"] == 1 and act["case_id"] == report.case_id and act["report_id"] == report.pk
        for act in acts
    )
    if own:
        return facts.title
    return ("" if report.secret else title_of(report.text)) or (
        category_name(facts.category) or _("诉求")
    )


def _answers(file: Any, acts: Sequence[dict[str, Any]]) -> bool:
    """Whether the file came with a later act, not with the report itself."""
    return file.act_id is not None and file.act_id not in {acts[0]["id"]} if acts else False


def _acts_of(report: Report) -> list[dict[str, Any]]:
    """The acts that concern this report, also those in cases it was in before."""
    here = Q(case_id=report.case_id, seq__gt=report.since_seq)
    for case_id, since, until_seq in report.earlier:
        here |= Q(case_id=case_id, seq__gt=since, seq__lte=until_seq)
    rows = (
        Act.objects.filter(here)
        .filter(Q(report_id=report.pk) | Q(report__isnull=True))
        .order_by("at", "id")
        .values(
            "id",
            "seq",
            "case_id",
            "report_id",
            "action",
            "from_state",
            "to_state",
            "actor_kind",
            "organisation_id",
            "at",
            "told",
            "record_id",
        )
    )
    # In a case joined later only what happened since counts; its first act is not one's own.
    return [dict(row) for row in rows if row["at"] >= report.submitted_at]


def _who(act: dict[str, Any]) -> str:
    """Who did it, as residents may know it: the unit, never a name."""
    if act["actor_kind"] == "RESIDENT":
        return _("您")
    if act["actor_kind"] == "SYSTEM":
        return _("系统")
    return unit_name(act["organisation_id"]) or _("综治中心")


def _promised(procedure: Procedure, report: Report) -> Ticking | None:
    rows = Clock.objects.filter(
        case_id=report.case_id, report_id=report.pk, name=procedure.promise
    ).order_by("-id")
    return next((ticking(row) for row in rows.values()[:1]), None)


def _headline(
    procedure: Procedure, facts: Facts, clock: Ticking | None, can_rate: bool, now: datetime
) -> tuple[str, str]:
    if facts.state == MERGED:
        return _("已与同一件事合并办理"), ""
    state = procedure.states[facts.state]
    values = words_for(procedure, facts, now, clock=clock, relative=True)
    if clock is None and not any(one.runs for one in facts.clocks):
        values["due"] = ""
    headline = fill(str(state.resident), values) if state.resident else str(state.label)
    if can_rate:
        return headline, _("请您评价这次办理，一点就好")
    labels = [milestone for milestone in procedure.milestones if facts.state in milestone.states]
    if not labels or state.final:
        return headline, ""
    following = procedure.milestones[procedure.milestones.index(labels[0]) + 1 :]
    if not following:
        return headline, ""
    return headline, _("下一步：%(step)s") % {"step": str(following[0].label)}


def _steps(
    procedure: Procedure, facts: Facts, acts: Iterable[dict[str, Any]]
) -> tuple[ProgressStep, ...]:
    """The milestones: those behind with their time, the present one, those to come."""
    milestones = procedure.milestones
    present = next(
        (i for i, one in enumerate(milestones) if facts.state in one.states),
        0,
    )
    reached: dict[int, datetime] = {}
    for act in acts:
        for index, one in enumerate(milestones):
            # What only notes something in a state is not when the state was reached.
            if act["to_state"] in one.states and (
                index not in reached or act["from_state"] != act["to_state"]
            ):
                reached[index] = act["at"]
    return tuple(
        ProgressStep(
            label=str(one.label),
            done=index < present or (index == present and procedure.is_final(facts.state)),
            current=index == present and not procedure.is_final(facts.state),
            at=reached.get(index) if index <= present else None,
        )
        for index, one in enumerate(milestones)
    )


def nearby_open(
    lon: float, lat: float, category: str = "", radius_m: int = 300, limit: int = 10
) -> list[PublicReport]:
    """Open reports around a point, nearest first: for 我也遇到了. Secret ones are left out."""
    tall = radius_m / METRES_PER_DEGREE
    wide = tall / max(0.1, cos(radians(lat)))
    cases = Case.objects.open().filter(
        lat__gte=lat - tall,
        lat__lte=lat + tall,
        lon__gte=lon - wide,
        lon__lte=lon + wide,
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
    found = _public_all(list(reports))

    def away(one: PublicReport) -> float:
        if one.lon is None or one.lat is None:
            return float("inf")
        return (one.lat - lat) ** 2 + ((one.lon - lon) * cos(radians(lat))) ** 2

    return sorted(found, key=away)[:limit]


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


def _public_all(reports: Sequence[Report]) -> list[PublicReport]:
    """Reports as anybody may see them; the times they were promised come in one query."""
    promised: dict[tuple[int | None, str], Ticking] = {
        (row["report_id"], row["name"]): ticking(row)
        for row in Clock.objects.filter(
            case_id__in={report.case_id for report in reports},
            report_id__in=[report.pk for report in reports],
            stopped_at__isnull=True,
        ).values()
    }
    return [_public(report, promised) for report in reports]


def _public(report: Report, promised: Mapping[tuple[int | None, str], Ticking]) -> PublicReport:
    case = report.case
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
        category_name=category_name(case.category),
        unit_name=unit_name(case.lead_organisation_id),
        submitted_at=report.submitted_at,
        updated_at=case.updated_at,
        due_at=clock.due_at if clock else None,
        place_text=report.place_text,
        lon=report.lon,
        lat=report.lat,
        secret=report.secret,
    )
