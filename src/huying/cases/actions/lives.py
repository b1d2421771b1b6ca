"""The life of one past case, gone through in memory: act after act, clock after clock.

Every act goes through the same engine as today's. The rows are dictionaries, as for `writing`;
`history` writes those of many cases at once.
"""

import datetime as dt
import itertools
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from huying.cases.actions import writing
from huying.cases.actions.acting import (
    ActionNotOffered,
    act_row,
    planned,
    sealed,
    words_of,
)
from huying.cases.actions.clockwork import CLOCKS
from huying.cases.actions.intake import Said, checked, personal_of, report_row
from huying.cases.actions.opening import (
    Beginning,
    Place,
    case_row,
    entries_of,
    fresh_record,
    steps_of,
)
from huying.cases.actions.past import JOIN, RATE, PastCase, PastReport, PastStep
from huying.cases.actions.tallying import happened, standing, tallies_of
from huying.cases.models import Measure
from huying.cases.queries import dictionary, wording
from huying.cases.queries.facts import CaseRecord
from huying.cases.queries.procedures import procedure as procedure_of
from huying.cases.queries.told import kept
from huying.cases.rules import clocks as clockwork
from huying.cases.rules import engine
from huying.cases.rules.changing import changed
from huying.cases.rules.clocks import Ticking
from huying.cases.rules.engine import Facts, Plan, ReportFacts
from huying.cases.rules.procedure import Procedure
from huying.cases.rules.vocabulary import BAD_RATINGS, ReportState
from huying.cases.rules.words import words_of as words_in
from huying.directory import queries as directory
from huying.directory.permissions import Actor
from huying.sensing import actions as sensing


class Life:
    """One case while its past is gone through. The rows are dictionaries, as for `writing`."""

    def __init__(self, case: PastCase, case_id: int, next_report_id: Callable[[], int]) -> None:
        self.procedure: Procedure = procedure_of(case.procedure)
        self.next_report_id = next_report_id
        self.reports: dict[int, dict[str, Any]] = {}
        self.acts: list[dict[str, Any]] = []
        self.entries: list[dict[str, Any]] = []
        self.clocks: dict[int, Ticking] = {}
        self.tallies: list[writing.Row] = []
        self.assisting: dict[int, dt.datetime] = {}
        self.judgements: list[sensing.PastJudgement] = []
        self.words: set[str] = set()
        self._clock_ids = itertools.count(1)
        self.updated_at = case.at
        self.closed_at: dt.datetime | None = None
        self._begin(case, case_id)

    # The beginning: see opening.begin and intake.

    def _begin(self, case: PastCase, case_id: int) -> None:
        place = Place(case.place_text, case.lon, case.lat, case.grid_code, case.division_code)
        said = report_id = row = None
        if case.report is not None:
            said = _said(
                case.report, case.at, case.category, case.kind, case.title, place, case.urgency
            )
            report_id = self.next_report_id()
            row = report_row(said, report_id, case_id, case.report.reporter_id, None)
            self.reports[report_id] = row
        self.beginning = Beginning(
            case_id=case_id,
            procedure=self.procedure,
            title=said.title if said else case.title,
            summary="" if said else case.summary,
            category=case.category,
            kind=said.kind if said else (case.kind or "HELP"),
            urgency=case.urgency,
            place=place,
            discovered_at=case.at,
            report_id=report_id,
            lead_organisation_id=case.lead_organisation_id,
            dispatch=dictionary.responsible(case.category, place.division_code) if said else None,
            alert_id=case.alert_id,
            alert_key=case.alert_key,
            data=case.data,
            note=case.note,
            kind_of_record="report.received" if said else "case.opened",
            sealed_body=(
                {"channel": said.channel, "category": said.category, "on_behalf": False}
                | {"photos": []}
                if said
                else {}
            ),
            personal=personal_of(said, str(row["receipt"])) if said and row else {},
        )
        steps = steps_of(self.beginning, case.by, case.at)
        record = fresh_record(self.beginning, case.at)
        self.record: CaseRecord = record
        first = len(self.entries)
        self.entries += entries_of(self.beginning, steps, record, case.at)
        for seq, (actor, plan) in enumerate(steps, start=1):
            self._append_act(plan, seq, actor, case.at, first + seq - 1, {})
        final = steps[-1][1]
        facts = changed(final.facts, version=len(steps))
        self.case_row = case_row(self.beginning, facts, case.at, row is not None)
        self.report_count = len(self.reports)
        self._settle(facts, final.started)
        name = self.procedure.procedure
        self.tallies += [standing(name, facts, 1), happened(Measure.OPENED, name, facts, case.at)]
        if row is not None:
            row["entry"] = first
            self.tallies.append(happened(Measure.RECEIVED, name, facts, case.at))
        self.words.update(said.words if said else words_in([case.title, case.summary, place.text]))

    # One act: see acting.take_step.

    def take(self, step: PastStep) -> None:
        if step.action == JOIN and step.report is not None:
            self._join(step, step.report)
        elif step.action == RATE and step.rating:
            self._rate(step)
        elif step.where_offered:
            with suppress(ActionNotOffered):
                self._act(step, {}, {})
        else:
            self._act(step, {}, {})

    def _act(self, step: PastStep, more: Mapping[str, Any], personal: Mapping[str, str]) -> Plan:
        plan = planned(
            self.procedure,
            self.facts,
            step.by,
            step.action,
            step.note,
            step.data,
            (),
            None if step.of is None else list(self.reports)[step.of],
            step.at,
        )
        seq = self.facts.version + 1
        entry = sealed(self.procedure, self.record, plan, seq, step.by, step.at, ())
        if more or personal:
            entry["body"] |= {"more": dict(more)}
            entry["personal"] = {**(entry["personal"] or {}), **personal} or None
        self.entries.append(entry)
        self._append_act(plan, seq, step.by, step.at, len(self.entries) - 1, {**more, **personal})
        self.tallies += tallies_of(self.procedure, self.record, plan, step.at)
        for unit in plan.assisting:
            self.assisting.setdefault(unit, step.at)
        for report_id in plan.answered:
            row = self.reports[report_id]
            row["reply"], row["replied_at"] = str(plan.data.get("reply", "")), step.at
            row["state"] = ReportState.RATED.value if row["rating"] else ReportState.ANSWERED.value
        for report_id in plan.withdrawn:
            self.reports[report_id]["state"] = ReportState.WITHDRAWN.value
        if plan.true_alarm is not None and self.record.alert_id is not None:
            self.judgements.append(
                sensing.PastJudgement(self.record.alert_id, plan.true_alarm, step.at, step.by.ref)
            )
        if self.procedure.is_final(plan.to_state):
            self.closed_at = self.closed_at or step.at
        else:
            self.closed_at = None
        for clock in plan.changed:
            self.clocks[clock.id or 0] = clock
        self.updated_at = step.at
        self._settle(changed(plan.facts, version=seq), plan.started)
        return plan

    def _append_act(
        self,
        plan: Plan,
        seq: int,
        by: Actor,
        at: dt.datetime,
        entry: int,
        more: Mapping[str, Any],
    ) -> None:
        values = words_of(self.procedure, plan, by, at) if plan.tells else {}
        row = act_row(
            plan.facts,
            seq=seq,
            action=plan.offer.code,
            from_state=plan.from_state,
            to_state=plan.to_state,
            by=by,
            now=at,
            note=plan.note,
            told=kept(self.procedure, plan.facts, plan.tells, values),
            data={**plan.data, **more},
            report_id=plan.report_id,
            record_id=0,
        )
        row["entry"] = entry
        self.acts.append(row)

    def _settle(self, facts: Facts, started: Iterable[Ticking]) -> None:
        """The case after an act, its clocks numbered; clocks that stopped are out of sight."""
        for clock in started:
            number = next(self._clock_ids)
            self.clocks[number] = _numbered(clock, number)
        reports = tuple(
            ReportFacts(report_id, row["state"], row["rating"])
            for report_id, row in self.reports.items()
        )
        running = tuple(clock for clock in self.clocks.values() if clock.stopped_at is None)
        self.facts = changed(facts, clocks=running, reports=reports)
        earliest = clockwork.earliest(running)
        # Spelled out: `replace` looks at every field, and this is done for each act of the past.
        before = self.record
        self.record = CaseRecord(
            facts=self.facts,
            procedure=before.procedure,
            procedure_version=before.procedure_version,
            created_at=before.created_at,
            closed_at=self.closed_at,
            due_at=earliest.due_at if earliest else None,
            report_count=len(self.reports),
            alert_id=before.alert_id,
            merged_into_id=before.merged_into_id,
        )

    def _rate(self, step: PastStep) -> None:
        """See rating.rate."""
        ratings = self.procedure.ratings
        if ratings is None:
            raise ActionNotOffered("这类事项不用评价。", "Such a matter is not rated.")
        bad = step.rating in BAD_RATINGS
        row = list(self.reports.values())[step.of or 0]
        before = self.facts
        row["rating"], row["rating_comment"], row["rated_at"] = step.rating, step.comment, step.at
        row["state"] = (ReportState.CALLBACK if bad else ReportState.RATED).value
        self._settle(self.facts, ())
        self._act(
            replace(step, action=ratings.bad if bad else ratings.good, of=step.of or 0),
            {"rating": step.rating},
            {"comment": step.comment} if step.comment else {},
        )
        self.tallies.append(
            happened(Measure.RATED, self.procedure.procedure, before, step.at, step.rating)
        )

    def _join(self, step: PastStep, given: PastReport) -> None:
        """See intake.join_report; nothing where the reply has been given by then."""
        if not engine.takes_more_reports(self.procedure, self.facts):
            return
        first_id, first = next(iter(self.reports.items()))
        place = Place(
            first["place_text"],
            first["lon"],
            first["lat"],
            self.facts.grid_code,
            self.facts.division_code,
        )
        facts = self.facts
        said = _said(
            given,
            step.at,
            facts.category,
            first["kind"],
            facts.title,
            place,
            facts.urgency,
            first_id,
        )
        report_id = self.next_report_id()
        row = report_row(said, report_id, self.facts.id, given.reporter_id, None)
        started = engine.joined(
            self.procedure,
            self.facts,
            report_id,
            now=step.at,
            calendar=directory.working_calendar(),
        )
        seq = self.facts.version + 1
        self.entries.append(
            {
                "kind": "report.received",
                "subject": f"case:{self.facts.id}",
                "by": step.by.ref,
                "at": step.at,
                "body": {
                    "number": self.facts.number,
                    "report": report_id,
                    "seq": seq,
                    "action": JOIN,
                    "channel": said.channel,
                    "photos": [],
                },
                "personal": personal_of(said, str(row["receipt"])),
            }
        )
        row["entry"] = len(self.entries) - 1
        self.reports[report_id] = row
        after = changed(
            facts,
            reports=(*facts.reports, ReportFacts(report_id, ReportState.RECEIVED.value)),
            people_involved=facts.people_involved + 1,
            version=seq,
        )
        values = wording.words_for(self.procedure, after, step.at, actor=step.by)
        opening = self.procedure.actions[self.procedure.opening]
        act = act_row(
            after,
            seq=seq,
            action=JOIN,
            from_state=self.facts.state,
            to_state=self.facts.state,
            by=step.by,
            now=step.at,
            told=kept(self.procedure, after, opening.tells, values),
            report_id=report_id,
            record_id=0,
        )
        act["entry"] = len(self.entries) - 1
        self.acts.append(act)
        name = self.procedure.procedure
        self.tallies.append(happened(Measure.RECEIVED, name, after, step.at))
        self.words.update(said.words)
        self.updated_at = step.at
        self._settle(after, started)

    # Time passing: see clockwork.run_clocks.

    def run_clocks(self, now: dt.datetime) -> None:
        """Warn of and escalate the clocks that came to it before `now`, in their order."""
        while True:
            due = [
                c for c in self.facts.clocks if c.runs and not c.escalated_at and c.due_at <= now
            ]
            if not due:
                break
            self._run_out(min(clock.due_at for clock in due))
        warned = [
            clock
            for clock in self.facts.clocks
            if clock.warned_at is None and clock.warn_at and clock.warn_at <= now and clock.runs
        ]
        for clock in warned:
            self.clocks[clock.id or 0] = changed(clock, warned_at=clock.warn_at)
        if warned:
            self._settle(self.facts, ())

    def _run_out(self, at: dt.datetime) -> None:
        ended = [
            clock
            for clock in self.facts.clocks
            if clock.runs and not clock.escalated_at and clock.due_at <= at
        ]
        for clock in ended:
            warned = clock.warned_at or (
                clock.warn_at if clock.warn_at and clock.warn_at < at else at
            )
            self.clocks[clock.id or 0] = changed(clock, escalated_at=at, warned_at=warned)
        self._settle(self.facts, ())
        specs = {clock.name: self.procedure.clocks[clock.name] for clock in ended}
        names = [clock.name for clock in ended if not specs[clock.name].overdue_action]
        if names:
            self._note_overdue(names, at)
        for clock in ended:
            action = specs[clock.name].overdue_action
            if action:
                try:
                    self._act(PastStep(at=at, action=action, by=CLOCKS), {}, {})
                except ActionNotOffered:
                    continue  # the case moved on, or a callback still holds it open

    def _note_overdue(self, names: list[str], at: dt.datetime) -> None:
        seq = self.facts.version + 1
        self.entries.append(
            {
                "kind": "case.clock",
                "subject": f"case:{self.facts.id}",
                "by": CLOCKS.ref,
                "at": at,
                "body": {
                    "number": self.facts.number,
                    "seq": seq,
                    "action": "clock_ran_out",
                    "clocks": names,
                },
            }
        )
        facts = changed(self.facts, version=seq)
        act = act_row(
            facts,
            seq=seq,
            action="clock_ran_out",
            from_state=facts.state,
            to_state=facts.state,
            by=CLOCKS,
            now=at,
            data={"clocks": names},
            record_id=0,
        )
        act["entry"] = len(self.entries) - 1
        self.acts.append(act)
        self.tallies += [
            happened(Measure.OVERDUE, self.procedure.procedure, facts, at, name) for name in names
        ]
        self.updated_at = at
        self._settle(facts, ())

    def final_case_row(self) -> dict[str, Any]:
        facts = self.facts
        earliest = clockwork.earliest(facts.clocks)
        return {
            **self.case_row,
            "state": facts.state,
            "category": facts.category,
            "urgency": facts.urgency,
            "lead_organisation_id": facts.lead_organisation_id,
            "officer_id": facts.officer_id,
            "outcome": facts.outcome,
            "supervised": facts.supervised,
            "true_alarm": facts.true_alarm,
            "people_involved": facts.people_involved,
            "pending": dict(facts.pending),
            "due_at": earliest.due_at if earliest else None,
            "due_clock": earliest.name if earliest else "",
            "due_provisional": bool(earliest and earliest.provisional),
            "closed_at": self.closed_at,
            "updated_at": self.updated_at,
            "report_count": len(self.reports),
            "version": facts.version,
        }


def _numbered(clock: Ticking, number: int) -> Ticking:
    """A clock that has just started, with its number within the case."""
    return Ticking(
        name=clock.name,
        report_id=clock.report_id,
        limit=clock.limit,
        article=clock.article,
        started_at=clock.started_at,
        due_at=clock.due_at,
        provisional=clock.provisional,
        id=number,
        # One that an act of the same moment stopped again is there as well.
        stopped_at=clock.stopped_at,
        warn_at=clock.warn_at,
    )


def _said(
    given: PastReport,
    at: dt.datetime,
    category: str,
    kind: str,
    title: str,
    place: Place,
    urgency: str,
    joined_report_id: int | None = None,
) -> Said:
    """A report as `receive_report` checks it."""
    return checked(
        by=given.by,
        now=at,
        text=given.text,
        channel=given.channel,
        category=category,
        kind=kind,
        title=title,
        place=place,
        phone=(None, None),
        contact=given.contact,
        submitter=None,
        on_behalf=False,
        secret=given.secret,
        photos=(),
        key="",
        discovered_at=at,
        urgency=urgency,
        people_involved=1,
        references=(),
        joined_report_id=joined_report_id,
    )
