"""A report as its reporter sees it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from huying.cases.models import Act, Attachment, Clock, Report
from huying.cases.queries.case_page import attachment_view
from huying.cases.queries.clockface import counted
from huying.cases.queries.dictionary import category_name
from huying.cases.queries.facts import ReportNotFound, case_record, ticking
from huying.cases.queries.procedures import procedure as procedure_of
from huying.cases.queries.results import (
    ProgressEntry,
    ProgressStep,
    ProgressView,
)
from huying.cases.queries.told import told
from huying.cases.queries.wording import unit_name, words_for
from huying.cases.rules import receipts
from huying.cases.rules.clocks import Ticking, last_date
from huying.cases.rules.engine import Facts, may_withdraw, offered
from huying.cases.rules.procedure import Procedure
from huying.cases.rules.vocabulary import MERGED, Rating, ReportState
from huying.cases.rules.wording import fill, title_of
from huying.directory import queries as directory
from huying.directory.permissions import Actor


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
                text=text,
                attachments=tuple(file for file in files if file.act_id == act["id"]),
                record_id=act["record_id"],
            )
            for act in reversed(acts)
            if (text := _told(act))
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
        looks=_looks(report, facts.number),
        can_withdraw=not erased
        and may_withdraw(facts, report.pk)
        and any(offer.spec.withdraws for offer in offered(procedure, facts, Actor.resident())),
    )


def _looks(report: Report, number: str) -> tuple[directory.Look, ...]:
    """Who looked at the data of those behind this report, for the matter it is or was part of."""
    people = {one for one in (report.reporter_id, report.submitter_id) if one is not None}
    cases = [report.case_id, *(one[0] for one in report.earlier)]
    if not people:
        return ()
    return tuple(
        replace(look, purpose=look.purpose.removeprefix(number).strip())
        for look in directory.looks_at(people, [f"case:{one}" for one in cases])
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
            "note",
            "data",
            "told",
            "record_id",
            "case__procedure",
            "case__procedure_version",
        )
    )
    # In a case joined later only what happened since counts; its first act is not one's own.
    return [dict(row) for row in rows if row["at"] >= report.submitted_at]


def _told(act: Mapping[str, Any]) -> str:
    return told(procedure_of(act["case__procedure"], act["case__procedure_version"]), act)


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
    # 已派单 is what it will be called when it is done.
    step = str(following[0].label).removeprefix("已")
    return headline, _("下一步：%(step)s") % {"step": step}


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
