"""The procedure engine: what may be done to a case now, and what doing it changes.

Pure: facts, actor, time and calendar in; a `Plan` out. `actions.act` writes the plan. There
is no word of any particular procedure here.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from huying.cases.rules import clocks as clockwork
from huying.cases.rules.changing import changed
from huying.cases.rules.clocks import Ticking
from huying.cases.rules.needs import Need, Words
from huying.cases.rules.parties import Who, is_party
from huying.cases.rules.procedure import (
    APPROVE,
    DECLINE,
    Action,
    Clock,
    Notice,
    Procedure,
    Scope,
    Tone,
)
from huying.cases.rules.values import BadValue, values_of
from huying.cases.rules.vocabulary import MERGED, ReportState
from huying.standards.working_days import WorkingCalendar

JOIN: Final = "join"
"""Act of a further report joining a case; stands outside every procedure."""


class Mode(StrEnum):
    """An action done, asked for, approved or declined."""

    DO = "DO"
    REQUEST = "REQUEST"
    APPROVE = "APPROVE"
    DECLINE = "DECLINE"


class NotOffered(Exception):
    """This actor may not do this to this case in its present state."""


class BrokenHistory(Exception):
    """The acts of a case do not follow from one another."""


@dataclass(frozen=True)
class ReportFacts:
    id: int
    state: str
    rating: str = ""


@dataclass(frozen=True)
class Facts:
    """What the engine must know of a case. `clocks` are those not yet stopped.

    `from_alert`: a sensor's alert opened it, so that its title is the platform's own words.
    `secret`: one of its reporters asked for secrecy.
    """

    id: int
    number: str
    state: str
    version: int
    kind: str
    category: str
    urgency: str
    title: str
    place_text: str
    lead_organisation_id: int | None
    officer_id: int | None
    grid_code: str | None
    division_code: str
    outcome: str = ""
    supervised: bool = False
    true_alarm: bool | None = None
    people_involved: int = 1
    assisting_ids: frozenset[int] = frozenset()
    pending: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    clocks: tuple[Ticking, ...] = ()
    reports: tuple[ReportFacts, ...] = ()
    from_alert: bool = False
    secret: bool = False

    @property
    def limits(self) -> dict[str, str]:
        return {"kind": self.kind, "urgency": self.urgency, "category": self.category}


@dataclass(frozen=True, slots=True)
class Offer:
    """An action that may be taken now, with what it asks for."""

    code: str
    base: str
    mode: Mode
    spec: Action
    needs: tuple[Need, ...]
    tone: Tone


@dataclass(frozen=True)
class Plan:
    """Everything an act changes. `facts` is the case after it."""

    offer: Offer
    from_state: str
    to_state: str
    facts: Facts
    data: dict[str, Any]
    note: str
    report_id: int | None
    started: tuple[Ticking, ...]
    changed: tuple[Ticking, ...]
    answered: tuple[int, ...]
    withdrawn: tuple[int, ...]
    assisting: tuple[int, ...]
    notices: tuple[Notice, ...]
    tells: Words | None
    requester: int | None
    true_alarm: bool | None

    @property
    def clocks(self) -> tuple[Ticking, ...]:
        """All clocks that run or stand still after the act."""
        return tuple(c for c in self.facts.clocks if c.stopped_at is None)


_DECLINE_NEEDS: Final = (Need.model_validate("reason"),)
_APPROVE_NEEDS: Final = (Need.model_validate({"remark": {"optional": True}}),)
_REQUESTED: Final = Notice.model_validate(
    {
        "to": "lead_heads",
        "title": {"zh": "请审批{label}：{title}", "en": "To approve: {label}, {title}"},
        "body": {"zh": "{reason}", "en": "{reason}"},
    }
)
_APPROVED: Final = Notice.model_validate(
    {
        "to": "requester",
        "title": {"zh": "已同意{label}：{title}", "en": "Approved: {label}, {title}"},
        "body": {"zh": "{remark}", "en": "{remark}"},
    }
)
_DECLINED: Final = Notice.model_validate(
    {
        "to": "requester",
        "title": {"zh": "未同意{label}：{title}", "en": "Declined: {label}, {title}"},
        "body": {"zh": "{reason}", "en": "{reason}"},
    }
)


def offered(procedure: Procedure, facts: Facts, who: Who) -> list[Offer]:
    """What this actor may do now, the main step first, in the order of the file."""
    if facts.state == MERGED:
        return []
    offers = [
        offer
        for code, spec in procedure.actions.items()
        for offer in _offers(procedure, facts, who, code, spec)
    ]
    return sorted(offers, key=lambda offer: offer.tone is not Tone.MAIN)


def _offers(
    procedure: Procedure, facts: Facts, who: Who, code: str, spec: Action
) -> Iterator[Offer]:
    if not possible(procedure, spec, facts):
        return
    if code not in facts.pending and any(is_party(word, who, facts) for word in spec.by):
        mode = Mode.REQUEST if spec.approved_by else Mode.DO
        yield Offer(code, code, mode, spec, spec.needs, spec.tone)
    if code in facts.pending and any(is_party(word, who, facts) for word in spec.approved_by):
        yield Offer(APPROVE + code, code, Mode.APPROVE, spec, _APPROVE_NEEDS, Tone.MAIN)
        yield Offer(DECLINE + code, code, Mode.DECLINE, spec, _DECLINE_NEEDS, Tone.DANGER)


def offer_of(procedure: Procedure, facts: Facts, who: Who, code: str) -> Offer:
    """The offer with this code; `NotOffered` where there is none."""
    if facts.state == MERGED:
        raise NotOffered(code)
    # An approval is an offer of the action it approves.
    for base in {code, code.removeprefix(APPROVE), code.removeprefix(DECLINE)}:
        spec = procedure.actions.get(base)
        if spec is not None:
            for offer in _offers(procedure, facts, who, base, spec):
                if offer.code == code:
                    return offer
    raise NotOffered(code)


def label_of(procedure: Procedure, code: str) -> Words:
    """The label of an action or of an approval of one; built-in acts label themselves."""
    if code in procedure.actions:
        return procedure.actions[code].label
    for prefix, zh, en in ((APPROVE, "同意", "Approve: "), (DECLINE, "不同意", "Decline: ")):
        base = procedure.actions.get(code.removeprefix(prefix))
        if code.startswith(prefix) and base is not None:
            # 申请延期 → 同意延期
            return Words(
                zh=zh + base.label.zh.removeprefix("申请"),
                en=en + (base.label.en or base.label.zh),
            )
    return BUILT_IN_LABELS.get(code, Words(zh=code))


BUILT_IN_LABELS: Final[Mapping[str, Words]] = {
    JOIN: Words(zh="又有群众反映", en="Reported by another resident"),
    "merge": Words(zh="并入", en="Merged into another"),
    "absorb": Words(zh="并案", en="Merged"),
    "split": Words(zh="拆分", en="Split"),
    "add_reference": Words(zh="登记外部编号", en="Number in another system"),
    "note_people_involved": Words(zh="更新涉及人数", en="People involved"),
    "mark_repeat": Words(zh="标为重复诉求", en="Marked as a repeat"),
    "add_attachment": Words(zh="补充材料", en="Papers added"),
    "hand_over": Words(zh="移交经办人", en="Handed over to another officer"),
    "erase_words": Words(zh="依法删除个人信息", en="Personal data erased"),
    "follow_up": Words(zh="追评", en="Comment after the rating"),
    "clock_ran_out": Words(zh="超期", en="Overdue"),
}


def knows(procedure: Procedure, code: str) -> bool:
    """Whether this is an action of the procedure, or an answer to a request for one."""
    return any(
        base in procedure.actions
        for base in (code, code.removeprefix(APPROVE), code.removeprefix(DECLINE))
    )


def possible(procedure: Procedure, spec: Action, facts: Facts) -> bool:
    """Whether the case, as it is, allows this action to anybody."""
    if not procedure.may_start_from(spec, facts.state):
        return False
    if spec.withdraws and not any(may_withdraw(facts, report.id) for report in facts.reports):
        return False
    ticking = {clock.name for clock in facts.clocks if clock.stopped_at is None}
    if not ticking.isdisjoint(spec.blocked_by):
        return False
    return not spec.while_running or not ticking.isdisjoint(spec.while_running)


def plan(
    procedure: Procedure,
    facts: Facts,
    who: Who,
    code: str,
    *,
    account_id: int | None,
    note: str,
    data: Mapping[str, Any],
    photos: int,
    report_id: int | None,
    now: datetime,
    calendar: WorkingCalendar,
) -> Plan:
    """What the act would change. Raises `NotOffered`, `BadValue`."""
    offer = offer_of(procedure, facts, who, code)
    values, rest = values_of(offer.needs, note, data, photos)
    if offer.spec.scope is Scope.REPORT and offer.mode in {Mode.DO, Mode.REQUEST}:
        report_id = _report_of(facts, report_id)
    return planned(procedure, facts, offer, values, rest, report_id, account_id, now, calendar)


def planned(
    procedure: Procedure,
    facts: Facts,
    offer: Offer,
    values: dict[str, Any],
    rest: str,
    report_id: int | None,
    account_id: int | None,
    now: datetime,
    calendar: WorkingCalendar,
) -> Plan:
    """What taking up an offer changes, with values that were checked. `rest` is the free note."""
    if offer.mode is Mode.REQUEST:
        pending = {
            **facts.pending,
            offer.code: {
                "seq": facts.version + 1,
                "account_id": account_id,
                "note": rest,
                "data": values,
                "report_id": report_id,
            },
        }
        return _unmoved(
            offer, changed(facts, pending=pending), values, rest, report_id, (_REQUESTED,)
        )
    asked = facts.pending.get(offer.base, {})
    left = {name: ask for name, ask in facts.pending.items() if name != offer.base}
    requester = asked.get("account_id")
    if offer.mode is Mode.DECLINE:
        return changed(
            _unmoved(offer, changed(facts, pending=left), values, rest, report_id, (_DECLINED,)),
            requester=requester,
        )
    if offer.mode is Mode.APPROVE:
        # The request's own values take effect, and its reason is what people are told.
        values = {**asked.get("data", {}), **values}
        report_id = asked.get("report_id")
    return changed(
        _moved(procedure, facts, offer, left, values, rest, report_id, account_id, now, calendar),
        requester=requester,
    )


def _unmoved(
    offer: Offer,
    facts: Facts,
    values: dict[str, Any],
    note: str,
    report_id: int | None,
    notices: tuple[Notice, ...],
) -> Plan:
    return Plan(
        offer=offer,
        from_state=facts.state,
        to_state=facts.state,
        facts=facts,
        data=values,
        note=note,
        report_id=report_id,
        started=(),
        changed=(),
        answered=(),
        withdrawn=(),
        assisting=(),
        notices=notices,
        tells=None,
        requester=None,
        true_alarm=None,
    )


def _moved(
    procedure: Procedure,
    facts: Facts,
    offer: Offer,
    pending: Mapping[str, Mapping[str, Any]],
    values: dict[str, Any],
    note: str,
    report_id: int | None,
    account_id: int | None,
    now: datetime,
    calendar: WorkingCalendar,
) -> Plan:
    spec = offer.spec
    if spec.withdraws and report_id is not None:
        facts = _without(facts, report_id, offer)
        if any(report.state != ReportState.WITHDRAWN for report in facts.reports):
            return _left(offer, facts, values, note, report_id, now)
    to_state = spec.to or facts.state
    assisting = tuple(
        unit for unit in values.get("assisting", ()) if unit not in facts.assisting_ids
    )
    after = changed(
        _with_values(facts, spec, values, account_id),
        state=to_state,
        pending={
            name: ask
            for name, ask in pending.items()
            if procedure.may_start_from(procedure.actions[name], to_state)
        },
        assisting_ids=facts.assisting_ids | set(assisting),
    )
    answered: tuple[int, ...] = ()
    if spec.answers:
        answered = tuple(
            report.id
            for report in facts.reports
            if report.state != ReportState.WITHDRAWN
            and (report_id is None or report.id == report_id)
        )
    ticking = _turned(procedure, after, offer.base, report_id, spec.scope, now, calendar, to_state)
    before = {clock.id: clock for clock in facts.clocks if clock.id is not None}
    return Plan(
        offer=offer,
        from_state=facts.state,
        to_state=to_state,
        facts=changed(after, clocks=tuple(ticking)),
        data=values,
        note=note,
        report_id=report_id,
        started=tuple(clock for clock in ticking if clock.id is None),
        changed=tuple(
            clock for clock in ticking if clock.id is not None and clock != before[clock.id]
        ),
        answered=answered,
        withdrawn=(report_id,) if spec.withdraws and report_id is not None else (),
        assisting=assisting,
        notices=(*spec.notices, _APPROVED) if offer.mode is Mode.APPROVE else spec.notices,
        tells=spec.tells,
        requester=None,
        true_alarm=None if "true_alarm" not in spec.sets else bool(spec.sets["true_alarm"]),
    )


def may_withdraw(facts: Facts, report_id: int) -> bool:
    """Whether this report still waits for its reply. What was answered is rated, not withdrawn,
    also where the matter was taken up again."""
    return any(
        report.id == report_id and report.state == ReportState.RECEIVED for report in facts.reports
    )


def _without(facts: Facts, report_id: int, offer: Offer) -> Facts:
    """The case without this report among those that wait for something."""
    if not may_withdraw(facts, report_id):
        raise NotOffered(offer.code)
    return changed(
        facts,
        reports=tuple(
            changed(report, state=ReportState.WITHDRAWN.value) if report.id == report_id else report
            for report in facts.reports
        ),
    )


def _left(
    offer: Offer,
    facts: Facts,
    values: dict[str, Any],
    note: str,
    report_id: int,
    now: datetime,
) -> Plan:
    """One of several took the own report back: its clocks stop, the others' matter goes on."""
    ticking = tuple(
        clockwork.stop(clock, now) if clock.report_id == report_id else clock
        for clock in facts.clocks
    )
    return changed(
        _unmoved(
            offer,
            changed(facts, clocks=ticking),
            values,
            note,
            report_id,
            offer.spec.notices,
        ),
        changed=tuple(clock for clock in ticking if clock.report_id == report_id),
        withdrawn=(report_id,),
        tells=offer.spec.tells,
    )


def joined(
    procedure: Procedure,
    facts: Facts,
    report_id: int,
    *,
    now: datetime,
    calendar: WorkingCalendar,
) -> tuple[Ticking, ...]:
    """The clocks a further report of an open case starts: what registering it would start."""
    return tuple(
        clockwork.start(name, spec, facts.limits, report_id=report_id, now=now, calendar=calendar)
        for name, spec in procedure.clocks.items()
        if spec.scope is Scope.REPORT and procedure.opening in spec.starts
    )


def takes_more_reports(procedure: Procedure, facts: Facts) -> bool:
    """Whether a neighbour's report may still join: not once the reply has been given."""
    return (
        facts.state != MERGED
        and not procedure.is_final(facts.state)
        and procedure.ratings is not None
        and all(
            report.state in {ReportState.RECEIVED, ReportState.WITHDRAWN}
            for report in facts.reports
        )
    )


def replay(procedure: Procedure, acts: Iterable[tuple[str, str, str]]) -> str:
    """The state that (action, from, to) in order lead to; `BrokenHistory` if they do not fit."""
    state = ""
    for action, from_state, to_state in acts:
        if state and from_state != state:
            raise BrokenHistory(f"{action} from {from_state} in {state}")
        spec = procedure.actions.get(action) or procedure.actions.get(action.removeprefix(APPROVE))
        outside = spec is None or to_state == MERGED
        if not outside and spec is not None and to_state not in {spec.to, from_state}:
            raise BrokenHistory(f"{action} does not lead to {to_state}")
        state = to_state
    return state


def _report_of(facts: Facts, report_id: int | None) -> int:
    known = [report.id for report in facts.reports]
    if report_id in known:
        return int(report_id or 0)
    if report_id is None and len(known) == 1:
        return known[0]
    raise BadValue(
        None,
        "report_id",
        "请选择是哪一位群众的诉求。",
        "Choose which report of this case is meant.",
    )


def _with_values(
    facts: Facts, spec: Action, values: Mapping[str, Any], account_id: int | None
) -> Facts:
    changes: dict[str, Any] = {}
    if "unit" in values:
        changes.update(lead_organisation_id=values["unit"], officer_id=None)
    if "officer" in values:
        changes["officer_id"] = values["officer"]
    for name in ("category", "urgency", "outcome"):
        if name in values:
            changes[name] = values[name]
    if values.get("people_involved"):
        changes["people_involved"] = values["people_involved"]
    for name, value in spec.sets.items():
        if name == "officer":
            changes["officer_id"] = account_id if value == "actor" else None
        else:
            changes[name] = value
    return changed(facts, **changes)


def _turned(
    procedure: Procedure,
    facts: Facts,
    code: str,
    report_id: int | None,
    scope: Scope,
    now: datetime,
    calendar: WorkingCalendar,
    to_state: str,
) -> list[Ticking]:
    """All clocks after the act: stopped, paused, resumed, extended, started."""
    one = report_id if scope is Scope.REPORT else None
    ticking = []
    for clock in facts.clocks:
        spec = procedure.clocks.get(clock.name)
        touched = one is None or clock.report_id is None or clock.report_id == one
        turns = clock.stopped_at is None and spec is not None and touched
        ticking.append(_turn(clock, spec, code, facts, now, calendar) if turns and spec else clock)
    running = {(clock.name, clock.report_id) for clock in ticking if clock.stopped_at is None}
    for name, spec in procedure.clocks.items():
        if code not in spec.starts:
            continue
        owners: list[int | None] = [None]
        if spec.scope is Scope.REPORT:
            owners = (
                [report_id] if report_id is not None else [report.id for report in facts.reports]
            )
        ticking.extend(
            clockwork.start(name, spec, facts.limits, report_id=owner, now=now, calendar=calendar)
            for owner in owners
            if (name, owner) not in running
        )
    if procedure.is_final(to_state):
        ticking = [
            clockwork.stop(clock, now) if clock.stopped_at is None else clock for clock in ticking
        ]
    return ticking


def _turn(
    clock: Ticking,
    spec: Clock,
    code: str,
    facts: Facts,
    now: datetime,
    calendar: WorkingCalendar,
) -> Ticking:
    if code in spec.stops:
        return clockwork.stop(clock, now)
    if code in spec.resumes:
        clock = clockwork.resume(clock, spec, now, calendar)
    if code in spec.pauses:
        clock = clockwork.pause(clock, now)
    if code in spec.extends:
        clock = clockwork.extend(clock, spec, spec.extends[code], calendar)
    limit = str(spec.limit_for(facts.limits)) if spec.limit_by else clock.limit
    if limit != clock.limit:
        # Another kind or urgency has another limit, counted from the same beginning.
        clock = clockwork.recount(changed(clock, limit=limit), spec, calendar)
    return clock
