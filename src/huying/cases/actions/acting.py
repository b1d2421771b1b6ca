"""`act`: the one way to take any step of any procedure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import override

from huying.cases import events
from huying.cases.actions import telling, writing
from huying.cases.actions.files import Stored, attachment_row, store_photos, stored
from huying.cases.actions.results import Acted, Upload
from huying.cases.actions.tallying import tallies_of
from huying.cases.models import Act
from huying.cases.queries import dictionary, wording
from huying.cases.queries.facts import CaseNotFound, CaseRecord, case_record, may_see
from huying.cases.queries.procedures import procedure as procedure_of
from huying.cases.queries.told import kept
from huying.cases.rules import clocks as clockwork
from huying.cases.rules import engine
from huying.cases.rules.engine import Facts, Mode, Plan
from huying.cases.rules.needs import Need, NeedKind
from huying.cases.rules.procedure import START, Procedure
from huying.cases.rules.retracing import BEGINS
from huying.cases.rules.values import BadValue
from huying.cases.rules.wording import stamp
from huying.directory import queries as directory
from huying.directory.permissions import Actor, DomainError
from huying.ledger import actions as ledger
from huying.notices import actions as notices
from huying.sensing import actions as sensing
from huying.telemetry.spans import span


class ActionNotOffered(DomainError):
    """This actor cannot do this to the case in the state it is in."""

    code = "ACTION_NOT_OFFERED"
    status = 409


class StaleCase(DomainError):
    """Somebody acted on the case after the actor last saw it."""

    code = "STALE_CASE"
    status = 409


class NeedsField(DomainError):
    """Something the action asks for is missing or wrong; `field` names it."""

    code = "NEEDS_FIELD"
    status = 422

    def __init__(self, zh: str, en: str, *, field: str) -> None:
        super().__init__(zh, en)
        self.field = field


@dataclass(frozen=True, slots=True)
class _Context:
    """What surrounds one act."""

    by: Actor
    now: datetime
    record: CaseRecord
    procedure: Procedure


def act(
    *,
    case_id: int,
    action: str,
    by: Actor,
    version: int | None = None,
    note: str = "",
    data: Mapping[str, Any] | None = None,
    photos: Sequence[Upload] = (),
    report_id: int | None = None,
    now: datetime | None = None,
) -> Acted:
    """Take one step of the case's procedure: act, clocks, notices, ledger, all or nothing.

    action     a code of the procedure file, or approve_<code> / decline_<code>
    version    the version the actor was looking at; a newer case raises `StaleCase`
    note       fills the first text the action needs, where `data` leaves it out
    data       {need: value}; ids as numbers, choices as their codes
    report_id  which report, for actions that concern one (of several)

    Raises CaseNotFound, ActionNotOffered, StaleCase, NeedsField, BadUpload.
    """
    if by.kind == "RESIDENT":
        # What residents may do they do by their receipt: rate, follow_up, supplement.
        raise CaseNotFound
    with stored(store_photos(photos)) as files:
        return take_step(
            case_id=case_id,
            action=action,
            by=by,
            version=version,
            note=note,
            data=data or {},
            files=files,
            report_id=report_id,
            now=now or timezone.now(),
        )


def take_step(
    *,
    case_id: int,
    action: str,
    by: Actor,
    version: int | None,
    note: str,
    data: Mapping[str, Any],
    files: Sequence[Stored],
    report_id: int | None,
    now: datetime,
    more: Mapping[str, Any] | None = None,
    personal: Mapping[str, str] | None = None,
) -> Acted:
    """`act` for callers of this room that have looked after who may speak for whom.

    `more` is added to the act's data and sealed readable, `personal` sealed as commitments.
    """
    with span("case.act", case=case_id) as current, transaction.atomic():
        record = case_record(case_id)
        if by.kind != "RESIDENT" and not may_see(by, record.facts):
            raise CaseNotFound
        if version is not None and _overtaken(record.facts, version):
            raise stale(record.facts, by)
        procedure = procedure_of(record.procedure, record.procedure_version)
        context = _Context(by, now, record, procedure)
        plan = planned(
            context.procedure, record.facts, by, action, note, data, files, report_id, now
        )
        current.set(procedure=record.procedure, action=plan.offer.code)
        return _written(context, plan, files, more or {}, personal or {})


def planned(
    procedure: Procedure,
    facts: Facts,
    by: Actor,
    action: str,
    note: str,
    data: Mapping[str, Any],
    files: Sequence[Stored],
    report_id: int | None,
    now: datetime,
) -> Plan:
    """The engine's plan, its refusals as errors people can read."""
    try:
        plan = engine.plan(
            procedure,
            facts,
            by,
            action,
            account_id=by.account_id,
            note=note,
            data=data,
            photos=len(files),
            report_id=report_id,
            now=now,
            calendar=directory.working_calendar(),
        )
    except engine.NotOffered:
        raise _not_offered(procedure, facts, by, action) from None
    except BadValue as bad:
        raise NeedsField(bad.zh, bad.en, field=bad.name) from None
    _check_references(plan.offer.needs, plan.data)
    return plan


def _check_references(needs: Sequence[Need], data: Mapping[str, Any]) -> None:
    for need in needs:
        value = data.get(need.name)
        if value is None:
            continue
        known = True
        if need.kind is NeedKind.UNIT:
            known = directory.organisation(value) is not None
        elif need.kind is NeedKind.UNITS:
            known = all(directory.organisation(one) is not None for one in value)
        elif need.kind is NeedKind.CATEGORY:
            known = dictionary.category(value) is not None
        elif need.kind is NeedKind.ACCOUNT:
            known = bool(directory.account_names([value]))
        if not known:
            raise NeedsField(
                f"“{need.label.zh}”已不存在，请重新选择。",
                f"{need.label.en or need.label.zh} no longer exists; choose again.",
                field=need.name,
            )


def _overtaken(facts: Facts, version: int) -> bool:
    """Whether a person acted, or the state moved, since this version.

    What the system only noted meanwhile (a clock ran out) makes nobody's work void.
    """
    if version == facts.version:
        return False
    return version > facts.version or (
        Act.objects.filter(case_id=facts.id, seq__gt=version)
        .exclude(actor_kind="SYSTEM", from_state=F("to_state"))
        .exists()
    )


def stale(facts: Facts, by: Actor | None = None) -> StaleCase:
    """The error that names who acted in between; to a resident nobody is named."""
    if by is not None and by.kind == "RESIDENT":
        return StaleCase(
            "这件事刚刚有了新进展，请再试一次。您填写的内容没有丢。",
            "This matter has just moved on; please try again. What you wrote is not lost.",
        )
    last = (
        Act.objects.filter(case_id=facts.id)
        .order_by("-seq")
        .values("action", "actor_name", "at", "case__procedure", "case__procedure_version")
        .first()
    )
    if last is None:
        raise CaseNotFound
    procedure = procedure_of(last["case__procedure"], last["case__procedure_version"])
    label = engine.label_of(procedure, last["action"])
    with override("zh-hans"):
        at = stamp(last["at"])
    who = last["actor_name"] or "系统"
    return StaleCase(
        f"{who}已于{at}办理了“{label.zh}”。您填写的内容没有丢，请看过最新情况再提交。",
        f"{who} already did “{label.en or label.zh}” at {last['at']:%Y-%m-%d %H:%M} UTC. "
        "What you wrote is not lost: look at the case as it is now and submit again.",
    )


def _not_offered(procedure: Procedure, facts: Facts, by: Actor, action: str) -> ActionNotOffered:
    label = engine.label_of(procedure, action)
    if facts.state == START:
        return ActionNotOffered(
            f"“{procedure.name.zh}”不由您立案，或者地点不在您的辖区。",
            f"{procedure.name.en or procedure.name.zh} is not for you to open, or not there.",
        )
    state = procedure.states.get(facts.state)
    state_zh = state.label.zh if state else "已并入其他事项"
    state_en = (state.label.en or state.label.zh) if state else "merged into another case"
    offers = engine.offered(procedure, facts, by)
    zh = "、".join(engine.label_of(procedure, offer.code).zh for offer in offers)
    en = ", ".join(offer.code for offer in offers)
    return ActionNotOffered(
        f"这件事项现在是“{state_zh}”，您不能办理“{label.zh}”。"
        + (f"现在可以办理：{zh}。" if zh else ""),
        f"The case is now “{state_en}”: “{label.en or action}” is not open to you."
        + (f" Open now: {en}." if en else ""),
    )


def _written(
    context: _Context,
    plan: Plan,
    files: Sequence[Stored],
    more: Mapping[str, Any],
    personal: Mapping[str, str],
) -> Acted:
    by, now, record = context.by, context.now, context.record
    facts, code = plan.facts, plan.offer.code
    seq = facts.version + 1
    values = words_of(context.procedure, plan, by, now)
    entry = sealed(context.procedure, record, plan, seq, by, now, files)
    if more or personal:
        entry["body"] |= {"more": dict(more)}
        entry["personal"] = {**(entry["personal"] or {}), **personal} or None
    record_id = ledger.record(**entry)
    final = context.procedure.is_final(plan.to_state)
    closed_at = None
    if final:
        closed_at = record.closed_at or max(now, record.created_at)
    changes = writing.Changes(
        cases=[case_changes(plan.facts, record, seq, now, closed_at)],
        acts=[
            act_row(
                facts,
                seq=seq,
                action=code,
                from_state=plan.from_state,
                to_state=plan.to_state,
                by=by,
                now=now,
                note=plan.note,
                told=kept(context.procedure, facts, plan.tells, values),
                data={**plan.data, **more, **personal},
                report_id=plan.report_id,
                record_id=record_id,
            )
        ],
        clocks=[writing.clock_row(clock, facts.id) for clock in plan.started],
        turned=[writing.clock_row(clock, facts.id) for clock in plan.changed],
        tallies=tallies_of(context.procedure, record, plan, now),
        assisting=[
            {"case_id": facts.id, "organisation_id": unit, "added_at": now}
            for unit in plan.assisting
        ],
        attachments=[
            attachment_row(file, facts.id, plan.report_id, seq, by, now) for file in files
        ],
        answered=plan.answered,
        withdrawn=plan.withdrawn,
        reply=str(plan.data.get("reply", "")),
        at=now,
    )
    act_ids = writing.change(changes)
    if not act_ids:
        raise stale(facts, by)
    if plan.true_alarm is not None and record.alert_id is not None:
        for alert_id in (record.alert_id, *_joined_alerts(facts.id)):
            sensing.record_true_alarm(alert_id=alert_id, was_true=plan.true_alarm, by=by)
    if plan.from_state != plan.to_state and by.kind == "STAFF":
        # Somebody is on it: what was urgent before need not travel further.
        notices.stop_escalation(subject=f"case:{facts.id}", by=by)
    telling.tell(
        context.procedure,
        facts,
        plan.notices,
        code,
        values,
        by=by,
        now=now,
        requester=plan.requester,
        clock=clockwork.earliest(plan.started),
    )
    earliest = clockwork.earliest(plan.clocks)
    events.case_acted.send(
        sender=events.CaseActed,
        event=events.CaseActed(
            case_id=facts.id,
            action=code,
            from_state=plan.from_state,
            to_state=plan.to_state,
            closed=final,
        ),
    )
    return Acted(
        case_id=facts.id,
        number=facts.number,
        act_id=act_ids[-1],
        seq=seq,
        action=code,
        state=plan.to_state,
        version=seq,
        record_id=record_id,
        due_at=earliest.due_at if earliest else None,
    )


def _joined_alerts(case_id: int) -> list[int]:
    """Further alerts that were noted in this case: what is found out holds for them as well."""
    acts = Act.objects.filter(case_id=case_id, action="rise", data__has_key="alert")
    return list(acts.order_by("seq").values_list("data__alert", flat=True))


def words_of(procedure: Procedure, plan: Plan, by: Actor, now: datetime) -> dict[str, str]:
    """What the braces in this act's sentences stand for."""
    with override("zh-hans"):
        needs = (
            plan.offer.needs
            if plan.offer.mode in {Mode.DO, Mode.REQUEST}
            else (*plan.offer.needs, *plan.offer.spec.needs)
        )
        return wording.words_for(
            procedure,
            plan.facts,
            now,
            actor=by,
            needs=needs,
            data=plan.data,
            note=plan.note,
            label=plan.offer.spec.label.zh.removeprefix("申请"),
        )


def sealed(
    procedure: Procedure,
    record: CaseRecord,
    plan: Plan,
    seq: int,
    by: Actor,
    now: datetime,
    files: Sequence[Stored],
) -> dict[str, Any]:
    """The ledger's record of an act: codes and digests readable, words as commitments."""
    needs = {need.name: need for need in (*plan.offer.needs, *plan.offer.spec.needs)}
    open_kinds = {
        NeedKind.CHOICE,
        NeedKind.UNIT,
        NeedKind.UNITS,
        NeedKind.ACCOUNT,
        NeedKind.CATEGORY,
        NeedKind.YES_NO,
        NeedKind.NUMBER,
        NeedKind.DATE,
    }
    readable = {
        name: value
        for name, value in plan.data.items()
        if name == BEGINS
        or (name in needs and needs[name].kind in open_kinds and not needs[name].personal)
    }
    personal = {name: str(value) for name, value in plan.data.items() if name not in readable}
    if plan.note:
        personal["note"] = plan.note
    return {
        "kind": "case.act",
        "subject": f"case:{plan.facts.id}",
        "by": by.ref,
        "at": now,
        "body": {
            "number": plan.facts.number,
            "procedure": procedure.procedure,
            "procedure_version": record.procedure_version,
            "procedure_digest": procedure.digest,
            "seq": seq,
            "action": plan.offer.code,
            "from": plan.from_state,
            "to": plan.to_state,
            "data": readable,
            "photos": [file.sha256 for file in files],
            **({"report": plan.report_id} if plan.report_id else {}),
        },
        "personal": personal or None,
    }


def case_changes(
    facts: Facts,
    record: CaseRecord,
    seq: int,
    now: datetime,
    closed_at: datetime | None,
    **more: Any,
) -> dict[str, Any]:
    """The changed columns of a case, with the version it must still have."""
    earliest = clockwork.earliest(facts.clocks)
    return {
        "id": facts.id,
        "procedure": record.procedure,
        "expected": record.facts.version,
        "state": facts.state,
        "category": facts.category,
        "urgency": facts.urgency,
        "lead_organisation_id": facts.lead_organisation_id,
        "officer_id": facts.officer_id,
        "outcome": facts.outcome,
        "supervised": facts.supervised,
        "true_alarm": facts.true_alarm,
        "people_involved": facts.people_involved,
        "pending": facts.pending,
        "due_at": earliest.due_at if earliest else None,
        "due_clock": earliest.name if earliest else "",
        "due_provisional": bool(earliest and earliest.provisional),
        "closed_at": closed_at,
        "updated_at": now,
        "report_count": record.report_count,
        "merged_into_id": record.merged_into_id,
        "version": seq,
        **more,
    }


def act_row(
    facts: Facts,
    *,
    seq: int,
    action: str,
    from_state: str,
    to_state: str,
    by: Actor,
    now: datetime,
    record_id: int,
    note: str = "",
    told: Mapping[str, Any] | None = None,
    data: Mapping[str, Any] | None = None,
    report_id: int | None = None,
) -> dict[str, Any]:
    """An act as its table has it."""
    units = by.organisation_ids
    organisation = facts.lead_organisation_id if facts.lead_organisation_id in units else None
    if organisation is None and len(units) == 1:
        (organisation,) = units
    return {
        "case_id": facts.id,
        "report_id": report_id,
        "seq": seq,
        "action": action,
        "from_state": from_state,
        "to_state": to_state,
        "actor_kind": by.kind,
        "actor_ref": by.ref,
        "actor_name": by.name[:80],
        "account_id": by.account_id,
        "organisation_id": organisation,
        "at": now,
        "note": note,
        "told": told,
        "data": dict(data or {}),
        "record_id": record_id,
    }
