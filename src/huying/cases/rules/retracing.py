"""A case gone through again from its acts: its state, its clocks, what was counted.

Pure. Each act goes through the engine a second time, with the values kept of it and at its own
time; nobody is asked again whether he may. Reports move between cases, with their clocks: cases
that exchanged reports are gone through together (`Retraced`), each as far as another needs it.
"""

import itertools
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple

from huying.cases.rules import clocks as clockwork
from huying.cases.rules import engine
from huying.cases.rules.changing import changed
from huying.cases.rules.clocks import Ticking
from huying.cases.rules.engine import BrokenHistory, Facts, Mode, Offer, Plan, ReportFacts
from huying.cases.rules.procedure import APPROVE, DECLINE, START, Procedure
from huying.cases.rules.vocabulary import BAD_RATINGS, MERGED, ReportState
from huying.standards.working_days import WorkingCalendar

BEGINS: Final = "begins"
"""Name, in the data of a case's first act, of what the case began with (`beginning_of`)."""


def beginning_of(facts: Facts) -> dict[str, Any]:
    """What no act of the case tells, for its first one to keep."""
    return {
        "category": facts.category,
        "urgency": facts.urgency,
        "unit": facts.lead_organisation_id,
        "assisting": sorted(facts.assisting_ids),
        "people": facts.people_involved,
    }


class PastAct(NamedTuple):
    """An act as it is kept. `counted`: it belongs to what the counts are compared with."""

    seq: int
    action: str
    from_state: str
    to_state: str
    at: datetime
    data: Mapping[str, Any]
    report_id: int | None
    account_id: int | None
    by_rule: bool
    counted: bool


class Counted(NamedTuple):
    """One thing counted: `at` None = what stands open. `facts` tell unit, place and category."""

    measure: str
    at: datetime | None
    state: str
    facts: Facts
    times: int = 1


class Hop(NamedTuple):
    """A stay of a report with a case: from the end of act `since` up to act `until` (None: still
    there)."""

    case_id: int
    since: int
    until: int | None


@dataclass(slots=True)
class PastCase:
    """What of a case is no outcome of its acts, and the acts."""

    id: int
    number: str
    procedure: Procedure
    kind: str
    grid_code: str | None
    division_code: str
    created_at: datetime
    acts: Sequence[PastAct]


class Retraced:
    """Cases that exchanged reports, gone through together."""

    def __init__(
        self,
        cases: Iterable[PastCase],
        routes: Mapping[int, Sequence[Hop]],
        kept: Iterable[tuple[int, Ticking]],
        calendar: WorkingCalendar,
        of_its_day: Callable[[Ticking], bool],
    ) -> None:
        """`routes`: the stays of each report; `kept`: (case, clock) as they are stored, and
        `of_its_day` whether such a clock was counted by another calendar than today's."""
        self.calendar, self.of_its_day = calendar, of_its_day
        self.entering: dict[tuple[int, int], list[tuple[int, Hop]]] = defaultdict(list)
        self.leaving: dict[tuple[int, int], list[int]] = defaultdict(list)
        for report_id, hops in routes.items():
            for before, hop in itertools.pairwise(hops):
                self.entering[hop.case_id, max(hop.since, 1)].append((report_id, before))
            for hop in hops:
                if hop.until is not None:
                    self.leaving[hop.case_id, hop.until].append(report_id)
        self.kept: dict[tuple[Any, ...], list[Ticking]] = defaultdict(list)
        for case_id, clock in kept:
            self.kept[_key(case_id, clock)].append(clock)
        self.traces = {case.id: Trace(case, self) for case in cases}
        self.by_number = {trace.case.number: trace for trace in self.traces.values()}

    def run(self) -> None:
        """Go through all of them; `Trace.broken` tells of those whose acts do not fit."""
        for trace in self.traces.values():
            trace.advance(None)
        for trace in self.traces.values():
            # Without this circle a batch that is done with goes at once.
            del trace.together

    def match(self, case_id: int, clock: Ticking) -> Ticking | None:
        """The stored clock that this one is, taken out of what is left in `kept`."""
        same = self.kept.get(_key(case_id, clock))
        return same.pop(0) if same else None


def _key(case_id: int, clock: Ticking) -> tuple[Any, ...]:
    owner = -case_id if clock.report_id is None else clock.report_id
    return owner, clock.name, clock.started_at


class Trace:
    """One case on its way through its acts."""

    def __init__(self, case: PastCase, together: Retraced) -> None:
        self.case, self.together = case, together
        self.broken = ""
        self.counted: list[Counted] = []
        self.ended: list[Ticking] = []  # clocks that stopped while they were here
        self.kept: dict[int, Ticking | None] = {}  # by a clock's number: as it is stored
        self.answered_at: dict[int, datetime] = {}
        self.rated_at: dict[int, datetime] = {}
        self.closed_at: datetime | None = None
        self.standing: Facts | None = None
        self._left: dict[int, tuple[ReportFacts, list[tuple[Ticking, Ticking | None]]]] = {}
        self._people_taken_along = 0
        self._next = 0
        self._at_work = False
        begins = case.acts[0].data.get(BEGINS, {}) if case.acts else {}
        first = case.acts[0].report_id if case.acts else None
        self.facts = Facts(
            id=case.id,
            number=case.number,
            state=START,
            version=0,
            kind=case.kind,
            category=begins.get("category", ""),
            urgency=begins.get("urgency", ""),
            title="",
            place_text="",
            lead_organisation_id=begins.get("unit"),
            officer_id=None,
            grid_code=case.grid_code,
            division_code=case.division_code,
            people_involved=begins.get("people", 1),
            assisting_ids=frozenset(begins.get("assisting", ())),
            reports=() if first is None else (ReportFacts(first, ReportState.RECEIVED.value),),
        )
        # The dispatch by rule is part of the beginning.
        self._begun = 2 if len(case.acts) > 1 and case.acts[1].by_rule else 1

    @property
    def clocks(self) -> list[Ticking]:
        """All clocks of the case, the ended ones too."""
        return [*self.ended, *self.facts.clocks]

    @property
    def open(self) -> bool:
        return not self.case.procedure.is_final(self.facts.state)

    def advance(self, until: int | None) -> None:
        """Go on up to this act; to the last with None. What does not fit ends it: see `broken`."""
        if until is not None and self.facts.version >= until:
            return
        if self._at_work:
            raise BrokenHistory("reports went round in a circle")
        self._at_work = True
        try:
            while (
                not self.broken
                and self._next < len(self.case.acts)
                and (until is None or self.facts.version < until)
            ):
                self._step(self.case.acts[self._next])
                self._next += 1
        except BrokenHistory as error:
            self.broken = str(error)
        finally:
            self._at_work = False

    def _step(self, act: PastAct) -> None:
        before = self.facts
        if act.from_state != before.state:
            raise BrokenHistory(f"{act.action} from {act.from_state} in {before.state}")
        level = act.data.get("rating")
        rates = level and act.report_id is not None
        if rates:
            self._rate(act)
        if engine.knows(self.case.procedure, act.action):
            self._redo(act, before)
            if rates and act.counted:
                self.counted.append(Counted("RATED", act.at, str(level), before))
        else:
            self._note(act)
        if act.to_state != self.facts.state:
            raise BrokenHistory(f"{act.action} does not lead to {act.to_state}")
        self.facts = changed(self.facts, version=act.seq)
        self._exchange(act)
        if act.seq == self._begun and act.counted:
            self.counted.append(Counted("OPENED", act.at, "", self.facts))
            if self.case.acts[0].report_id is not None:
                self.counted.append(Counted("RECEIVED", act.at, "", self.facts))
        if self.open:
            self.closed_at = None
        else:
            self.closed_at = self.closed_at or max(act.at, self.case.created_at)
        if act.counted:
            self.standing = self.facts

    # An act of the procedure.

    def _redo(self, act: PastAct, before: Facts) -> None:
        plan = _redone(self.case.procedure, self.facts, act, self.together.calendar)
        late = self._is_late(act.at)
        self._take_over(plan.facts)
        for report_id in plan.answered:
            self.answered_at[report_id] = act.at
            self._report(report_id, ReportState.ANSWERED)
        for report_id in plan.withdrawn:
            self._report(report_id, ReportState.WITHDRAWN)
        if not act.counted or act.seq <= self._begun:
            return
        if not self.case.procedure.is_final(before.state) and not self.open:
            self.counted.append(
                Counted("CLOSED", act.at, "LATE" if late else "ON_TIME", self.facts)
            )
        if plan.answered:
            self.counted.append(Counted("REPLIED", act.at, "", self.facts, len(plan.answered)))

    def _is_late(self, now: datetime) -> bool:
        """Whether something that runs is past its due time, as it was counted then."""
        for clock in self.facts.clocks:
            kept = self.kept.get(clock.id or 0) or clock
            # That a quiet step was due is no act, and known by the stored clock alone.
            ran_out = clock.escalated_at if self.notes_end(clock) else kept.escalated_at
            if ran_out or (clock.runs and self._due(clock) <= now):
                return True
        return False

    def _due(self, clock: Ticking) -> datetime:
        """When it was due as it was counted then."""
        kept = self.kept.get(clock.id or 0)
        return kept.due_at if kept and self.together.of_its_day(kept) else clock.due_at

    def notes_end(self, clock: Ticking) -> bool:
        """Whether there is an act that tells when this clock ran out."""
        spec = self.case.procedure.clocks.get(clock.name)
        return spec is not None and not spec.overdue_action

    def _take_over(self, after: Facts) -> None:
        """The facts after an act, new clocks numbered and those that stopped put away."""
        running = []
        for clock in after.clocks:
            numbered = clock
            if clock.id is None:
                number = len(self.kept) + 1
                numbered = changed(clock, id=number)
                self.kept[number] = self.together.match(self.case.id, clock)
            if numbered.stopped_at is None:
                running.append(numbered)
            else:
                self.ended.append(numbered)
        self.facts = changed(after, clocks=tuple(running))

    def _report(self, report_id: int, state: ReportState, rating: str | None = None) -> None:
        self.facts = changed(
            self.facts,
            reports=tuple(
                _moved_on(one, state, rating) if one.id == report_id else one
                for one in self.facts.reports
            ),
        )

    def _rate(self, act: PastAct) -> None:
        level, report_id = str(act.data["rating"]), act.report_id or 0
        state = ReportState.CALLBACK if level in BAD_RATINGS else ReportState.RATED
        self._report(report_id, state, level)
        self.rated_at[report_id] = act.at

    # What stands outside every procedure.

    def _note(self, act: PastAct) -> None:
        facts, data = self.facts, act.data
        if act.action == "clock_ran_out":
            self._ran_out(act)
        elif act.action == engine.JOIN:
            self._join(act)
        elif act.action == "merge":
            ticking = [
                clock if clock.report_id else clockwork.stop(clock, act.at)
                for clock in facts.clocks
            ]
            self._people_taken_along = facts.people_involved
            self._take_over(changed(facts, state=MERGED, clocks=tuple(ticking), pending={}))
        elif act.action == "hand_over":
            self.facts = changed(facts, officer_id=data.get("to"))
        elif act.action == "note_people_involved":
            self.facts = changed(facts, people_involved=data.get("people_involved"))

    def _ran_out(self, act: PastAct) -> None:
        names = act.data.get("clocks", ())
        self.facts = changed(
            self.facts,
            clocks=tuple(
                changed(clock, escalated_at=act.at, warned_at=clock.warned_at or act.at)
                if clock.name in names
                and clock.runs
                and not clock.escalated_at
                and self._due(clock) <= act.at
                else clock
                for clock in self.facts.clocks
            ),
        )
        if act.counted:
            self.counted += [Counted("OVERDUE", act.at, name, self.facts) for name in names]

    def _join(self, act: PastAct) -> None:
        facts, report_id = self.facts, act.report_id or 0
        started = engine.joined(
            self.case.procedure, facts, report_id, now=act.at, calendar=self.together.calendar
        )
        joined = ReportFacts(report_id, ReportState.RECEIVED.value)
        self._take_over(
            changed(
                facts,
                clocks=(*facts.clocks, *started),
                reports=(*facts.reports, joined),
                people_involved=facts.people_involved + 1,
            )
        )
        if act.counted:
            self.counted.append(Counted("RECEIVED", act.at, "", self.facts))

    # Reports that come and go, each with its clocks.

    def _exchange(self, act: PastAct) -> None:
        place = self.case.id, act.seq
        gone = self.together.leaving.get(place, ())
        if gone:
            self._let_go(set(gone))
        for report_id, before in self.together.entering.get(place, ()):
            self._take_in(report_id, before)
        people = self.facts.people_involved
        if act.action == "split":
            people = max(1, people - len(gone))
        elif act.action == "absorb":
            for number in act.data.get("merged", ()):
                other = self.together.by_number.get(number)
                if other is None:
                    raise BrokenHistory(f"{number} is not there")
                other.advance(None)
                people += other._people_taken_along
        self.facts = changed(self.facts, people_involved=people)

    def _let_go(self, gone: set[int]) -> None:
        facts = self.facts
        for report in facts.reports:
            if report.id in gone:
                theirs = [
                    (clock, self.kept[clock.id or 0])
                    for clock in self.clocks
                    if clock.report_id == report.id
                ]
                self._left[report.id] = report, theirs
        self.ended = [clock for clock in self.ended if clock.report_id not in gone]
        self.facts = changed(
            facts,
            reports=tuple(one for one in facts.reports if one.id not in gone),
            clocks=tuple(one for one in facts.clocks if one.report_id not in gone),
        )

    def _take_in(self, report_id: int, before: Hop) -> None:
        other = self.together.traces.get(before.case_id)
        if other is not None:
            other.advance(before.until)
        if other is None or report_id not in other._left:
            raise BrokenHistory(f"report {report_id} did not come from case {before.case_id}")
        report, theirs = other._left[report_id]
        running = list(self.facts.clocks)
        for clock, kept in theirs:
            number = len(self.kept) + 1
            self.kept[number] = kept
            mine = changed(clock, id=number)
            (running if mine.stopped_at is None else self.ended).append(mine)
        reports = sorted((*self.facts.reports, report), key=lambda one: one.id)
        self.facts = changed(self.facts, reports=tuple(reports), clocks=tuple(running))
        for moments, theirs_at in (
            (self.answered_at, other.answered_at),
            (self.rated_at, other.rated_at),
        ):
            if report_id in theirs_at:
                moments[report_id] = theirs_at[report_id]


def _moved_on(report: ReportFacts, state: ReportState, rating: str | None) -> ReportFacts:
    level = report.rating if rating is None else rating
    if state is ReportState.ANSWERED and level:
        state = ReportState.RATED
    return ReportFacts(report.id, state.value, level)


def _redone(procedure: Procedure, facts: Facts, act: PastAct, calendar: WorkingCalendar) -> Plan:
    """The plan of an act of the past; its words are left aside. `BrokenHistory` where the case
    did not allow it, whoever took it."""
    code, prefix = act.action, ""
    if code not in procedure.actions:
        prefix = APPROVE if code.startswith(APPROVE) else DECLINE
    base = code.removeprefix(prefix)
    spec = procedure.actions[base]
    mode = Mode.REQUEST if spec.approved_by else Mode.DO
    if prefix:
        mode = Mode.APPROVE if prefix == APPROVE else Mode.DECLINE
    if facts.state == MERGED or not engine.possible(procedure, spec, facts):
        raise BrokenHistory(f"{code} in {facts.state}")
    try:
        return engine.planned(
            procedure,
            facts,
            Offer(code, base, mode, spec, (), spec.tone),
            dict(act.data),
            "",
            act.report_id,
            act.account_id,
            act.at,
            calendar,
        )
    except engine.NotOffered:
        raise BrokenHistory(f"{code} in {facts.state}") from None
