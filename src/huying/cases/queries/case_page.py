"""A case with everything of it that an actor may see."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from huying.cases.models import Act, Attachment, Case, CaseReference, Clock, Report
from huying.cases.queries.clockface import clock_views
from huying.cases.queries.facts import CaseNotFound, case_record, may_see, ticking
from huying.cases.queries.procedures import procedure as procedure_of
from huying.cases.queries.results import (
    ActView,
    AttachmentView,
    CaseView,
    ClockView,
    OfferedAction,
    ReportView,
)
from huying.cases.queries.rows import COLUMNS, row_of, state_label
from huying.cases.queries.told import told
from huying.cases.queries.wording import shown, unit_name
from huying.cases.rules import engine
from huying.cases.rules.engine import Facts, Mode, Offer
from huying.cases.rules.parties import RECIPIENTS
from huying.cases.rules.procedure import Procedure
from huying.cases.rules.retracing import BEGINS
from huying.cases.rules.vocabulary import (
    AttachmentKind,
    Channel,
    Kind,
    Outcome,
    Rating,
    ReportState,
)
from huying.cases.rules.wording import limit_words
from huying.directory import queries as directory
from huying.directory.permissions import Actor

_FIELD_LABELS: Final = {
    "rating": gettext_lazy("评价"),
    "comment": gettext_lazy("评语"),
    "into": gettext_lazy("并入"),
    "merged": gettext_lazy("并入的事项"),
    "system": gettext_lazy("外部系统"),
    "number": gettext_lazy("编号"),
    "people_involved": gettext_lazy("涉及人数"),
    "clocks": gettext_lazy("时限"),
    "alert": gettext_lazy("预警编号"),
    "repeat_of": gettext_lazy("与此前诉求重复"),
}


def available_actions(case_id: int, actor: Actor) -> list[OfferedAction]:
    """What this actor may do to the case now; [] where it is not theirs to see."""
    record = case_record(case_id)
    if not may_see(actor, record.facts):
        return []
    procedure = procedure_of(record.procedure, record.procedure_version)
    return offered_actions(procedure, record.facts, actor)


Worded = dict[tuple[str, int, str], OfferedAction]
"""Offers in words, by procedure, version and code: they say the same in every case."""


def offered_actions(
    procedure: Procedure, facts: Facts, actor: Actor, worded: Worded | None = None
) -> list[OfferedAction]:
    """The engine's offers in words. `worded` remembers them from case to case of one list."""
    worded = {} if worded is None else worded
    found = []
    for offer in engine.offered(procedure, facts, actor):
        key = (procedure.procedure, procedure.version, offer.code)
        if key not in worded:
            worded[key] = offered(procedure, offer)
        found.append(worded[key])
    return found


def offered(procedure: Procedure, offer: Offer) -> OfferedAction:
    """One offer in words."""
    spec = offer.spec
    photo = spec.photo if offer.mode in {Mode.DO, Mode.REQUEST} else None
    to_state = spec.to if offer.mode in {Mode.DO, Mode.APPROVE} else ""
    approval = ""
    if offer.mode is Mode.REQUEST:
        approval = "REQUEST"
    elif offer.mode is not Mode.DO:
        approval = "DECISION"
    return OfferedAction(
        code=offer.code,
        label=str(engine.label_of(procedure, offer.code)),
        tone=offer.tone.value,
        needs=offer.needs,
        why_photo=str(photo.why) if photo and photo.why else "",
        article=spec.article,
        effects=tuple(_effects(procedure, offer)),
        scope=spec.scope.value,
        approval=approval,
        to_state=to_state,
        to_label=state_label(procedure, to_state) if to_state else "",
        hint=str(spec.hint) if spec.hint else "",
    )


def _effects(procedure: Procedure, offer: Offer) -> Iterable[str]:
    if offer.mode is Mode.REQUEST:
        yield _("需单位负责人批准后生效")
        return
    if offer.mode is Mode.DECLINE:
        return
    for clock in procedure.clocks.values():
        values = {"clock": str(clock.label), "limit": limit_words(str(clock.limit))}
        if offer.base in clock.extends:
            values["limit"] = limit_words(str(clock.extends[offer.base]))
            yield _("“%(clock)s”时限延长%(limit)s") % values
        elif offer.base in clock.starts:
            yield _("开始计时：%(clock)s，%(limit)s") % values
        elif offer.base in clock.stops:
            yield _("“%(clock)s”计时结束") % values
        elif offer.base in clock.pauses:
            yield _("“%(clock)s”计时暂停") % values
        elif offer.base in clock.resumes:
            yield _("“%(clock)s”恢复计时") % values
    told = dict.fromkeys(str(RECIPIENTS[word]) for n in offer.spec.notices for word in n.to)
    if told:
        yield _("会通知%(who)s") % {"who": _("、").join(told)}
    if offer.spec.tells:
        yield _("反映人会看到这一步")


def case_page(case_id: int, actor: Actor, now: datetime | None = None) -> CaseView:
    """Everything of the case; `CaseNotFound` also where the actor may not see it."""
    now = now or timezone.now()
    case = (
        Case.objects.visible_to(actor)
        .filter(pk=case_id)
        .values(*COLUMNS, "summary", "outcome", "merged_into_id", "merged_into__number", "alert_id")
        .first()
    )
    if case is None:
        raise CaseNotFound
    record = case_record(case_id)
    facts = record.facts
    procedure = procedure_of(record.procedure, record.procedure_version)
    acts = list(Act.objects.filter(case_id=case_id).order_by("seq").values(*ACT_COLUMNS))
    files = _attachments(case_id)
    hidden = _hidden(actor, acts, files)
    withheld = {act["id"] for act in acts if act["report_id"] in hidden}
    files = [f for f in files if f.report_id not in hidden and f.act_id not in withheld]
    for act in acts:
        if act["id"] in withheld:
            act.update(note="", data={})
    ticks = [ticking(row) for row in Clock.objects.filter(case_id=case_id).values()]
    clocks = clock_views(procedure, ticks, now)
    names = directory.division_names([facts.division_code])
    return CaseView(
        case=row_of(case, names, now),
        summary=case["summary"],
        outcome=case["outcome"],
        outcome_label=str(Outcome(case["outcome"]).label) if case["outcome"] else "",
        law=procedure.law,
        procedure_version=record.procedure_version,
        clocks=clocks,
        reports=_reports(case_id, actor, files, clocks),
        acts=act_views(procedure, acts, files),
        attachments=tuple(files),
        references=tuple(
            CaseReference.objects.filter(case_id=case_id)
            .order_by("id")
            .values_list("system", "number")
        ),
        assisting=tuple((one, unit_name(one)) for one in sorted(facts.assisting_ids)),
        actions=tuple(offered_actions(procedure, facts, actor)),
        alert_id=case["alert_id"],
        true_alarm=facts.true_alarm,
        merged_into=case["merged_into_id"],
        merged_into_number=case["merged_into__number"] or "",
        merged_numbers=tuple(
            Case.objects.filter(merged_into=case_id).order_by("id").values_list("number", flat=True)
        ),
        pending=tuple(str(procedure.actions[one].label) for one in facts.pending),
    )


def _hidden(
    actor: Actor, acts: Iterable[Mapping[str, Any]], files: Iterable[AttachmentView]
) -> set[int]:
    """The secret reports among those of the acts and files that this actor may not read."""
    named = [act["report_id"] for act in acts] + [file.report_id for file in files]
    ids = {one for one in named if one is not None}
    secret = set(Report.objects.filter(secret=True, pk__in=ids).values_list("pk", flat=True))
    if not secret:
        return secret
    return secret - set(
        Report.objects.visible_to(actor).filter(pk__in=secret).values_list("pk", flat=True)
    )


def _attachments(case_id: int) -> list[AttachmentView]:
    rows = Attachment.objects.filter(case_id=case_id).order_by("id")
    return [attachment_view(row) for row in rows]


def attachment_view(row: Attachment) -> AttachmentView:
    return AttachmentView(
        id=row.pk,
        kind=row.kind,
        kind_label=str(AttachmentKind(row.kind).label),
        mime=row.mime,
        size=row.size,
        width=row.width,
        height=row.height,
        sha256=row.sha256,
        report_id=row.report_id,
        act_id=row.act_id,
        uploaded_at=row.uploaded_at,
    )


ACT_COLUMNS: Final = (
    "id",
    "seq",
    "action",
    "from_state",
    "to_state",
    "actor_kind",
    "actor_name",
    "account_id",
    "organisation_id",
    "at",
    "note",
    "told",
    "data",
    "record_id",
    "report_id",
)


def act_views(
    procedure: Procedure,
    acts: Iterable[Mapping[str, Any]],
    files: Iterable[AttachmentView] = (),
) -> tuple[ActView, ...]:
    """Acts in words, in their order."""
    by_act: dict[int, list[AttachmentView]] = {}
    for file in files:
        if file.act_id is not None:
            by_act.setdefault(file.act_id, []).append(file)
    return tuple(
        ActView(
            id=row["id"],
            seq=row["seq"],
            action=row["action"],
            label=str(engine.label_of(procedure, row["action"])),
            from_state=row["from_state"],
            to_state=row["to_state"],
            to_label=state_label(procedure, row["to_state"]),
            actor_kind=row["actor_kind"],
            actor_name=row["actor_name"],
            account_id=row["account_id"],
            organisation_name=unit_name(row["organisation_id"]),
            at=row["at"],
            note=row["note"],
            fields=tuple(_fields(procedure, row["action"], row["data"])),
            told=told(procedure, row),
            article=_article(procedure, row["action"]),
            record_id=row["record_id"],
            report_id=row["report_id"],
            attachments=tuple(by_act.get(row["id"], ())),
        )
        for row in acts
    )


def _article(procedure: Procedure, action: str) -> str:
    spec = procedure.actions.get(action)
    return spec.article if spec else ""


def _fields(
    procedure: Procedure, action: str, data: Mapping[str, Any]
) -> Iterable[tuple[str, str]]:
    spec = procedure.action_of(action)
    for name, value in data.items():
        need = spec.need(name) if spec else None
        if need is not None:
            yield str(need.label), shown(need, value)
        elif name == BEGINS:
            continue
        elif name == "rating":
            yield str(_FIELD_LABELS[name]), str(Rating(value).label)
        elif name == "clocks":
            labels = [
                str(procedure.clocks[one].label) if one in procedure.clocks else one
                for one in value
            ]
            yield str(_FIELD_LABELS[name]), _("、").join(labels)
        elif name in {"reason", "remark"}:
            yield _("理由"), str(value)
        else:
            text = _("、").join(map(str, value)) if isinstance(value, list) else str(value)
            yield str(_FIELD_LABELS.get(name, name)), text


def _reports(
    case_id: int,
    actor: Actor,
    files: Iterable[AttachmentView],
    clocks: Iterable[ClockView],
) -> tuple[ReportView, ...]:
    rows = list(
        Report.objects.visible_to(actor)
        .filter(case_id=case_id)
        .select_related("recorded_by", "repeat_of")
        .order_by("id")
    )
    spoke = {row.reporter_id for row in rows} | {row.submitter_id for row in rows}
    people = directory.masked_people({one for one in spoke if one})
    views = []
    for row in rows:
        person = people.get(row.reporter_id) if row.reporter_id and not row.secret else None
        name = person.name if person else ""
        if not name:
            name = _("要求保密") if row.secret and row.reporter_id else _("未留姓名")
        other = people.get(row.submitter_id) if row.submitter_id and not row.secret else None
        views.append(
            ReportView(
                id=row.pk,
                receipt=row.receipt,
                channel=row.channel,
                channel_label=str(Channel(row.channel).label),
                kind_label=str(Kind(row.kind).label),
                text=row.text,
                place_text=row.place_text,
                lon=row.lon,
                lat=row.lat,
                reporter_id=row.reporter_id,
                reporter_name=name,
                reporter_phone=person.phone if person else "",
                secret=row.secret,
                on_behalf=row.on_behalf,
                submitter_id=row.submitter_id,
                submitter_name=other.name if other else "",
                submitter_phone=other.phone if other else "",
                recorded_by_name=row.recorded_by.name if row.recorded_by else "",
                submitted_at=row.submitted_at,
                state=row.state,
                state_label=str(ReportState(row.state).label),
                reply=row.reply,
                replied_at=row.replied_at,
                rating=row.rating,
                rating_label=str(Rating(row.rating).label) if row.rating else "",
                rating_comment=row.rating_comment,
                rated_at=row.rated_at,
                follow_up=row.follow_up,
                joined=row.joined_report_id is not None,
                repeat_of_id=row.repeat_of_id,
                repeat_of_case=row.repeat_of.case_id if row.repeat_of else None,
                attachments=tuple(file for file in files if file.report_id == row.pk),
                clocks=tuple(clock for clock in clocks if clock.report_id == row.pk),
                record_id=row.record_id,
                erased_at=row.erased_at,
            )
        )
    return tuple(views)


def replay_state(case_id: int) -> str:
    """The state that the acts of a case make it, read from the acts alone.

    Raises `engine.BrokenHistory` where they do not follow from one another.
    """
    record = case_record(case_id)
    acts = Act.objects.filter(case_id=case_id).order_by("seq")
    return engine.replay(
        procedure_of(record.procedure, record.procedure_version),
        acts.values_list("action", "from_state", "to_state"),
    )
