"""Any order of acts by anybody at any time, in every shipped procedure: what must always hold."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from huying.cases.queries.procedures import BUILT_IN
from huying.cases.rules import engine
from huying.cases.rules.engine import Facts, Mode, Offer, ReportFacts
from huying.cases.rules.needs import Need, NeedKind
from huying.cases.rules.procedure import Procedure, Scope
from huying.cases.rules.procedure_files import load
from huying.cases.rules.vocabulary import ReportState
from huying.directory.permissions import Actor, Role
from huying.standards.working_days import WorkingCalendar
from tests.unit.cases.matters import (
    CENTRE,
    GRID,
    OTHER_UNIT,
    TOWNSHIP_OFFICE,
    UNIT,
    fresh,
    staff,
)

CALENDAR = WorkingCalendar()
BEGAN = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
UNITS = (UNIT, OTHER_UNIT)
ACTORS = (
    staff(Role.DISPATCHER, CENTRE, number=1),
    staff(Role.INTAKE_CLERK, CENTRE, number=2),
    staff(Role.OFFICER, UNIT, number=3),
    staff(Role.OFFICER, OTHER_UNIT, number=4),
    staff(Role.UNIT_HEAD, UNIT, number=5),
    staff(Role.UNIT_HEAD, OTHER_UNIT, number=6),
    staff(Role.GRID_WORKER, TOWNSHIP_OFFICE, number=7, grid=GRID),
    staff(Role.LEADER, CENTRE, number=8),
    staff(Role.AUDITOR, CENTRE, number=9),
    Actor.resident(),
    Actor.system("tests"),
)


def _value(need: Need, draw: st.DataObject) -> Any:
    match need.kind:
        case NeedKind.UNIT:
            return draw.draw(st.sampled_from(UNITS))
        case NeedKind.UNITS:
            return [draw.draw(st.sampled_from(UNITS))]
        case NeedKind.CHOICE:
            return draw.draw(st.sampled_from(sorted(need.choices)))
        case NeedKind.CATEGORY:
            return draw.draw(st.sampled_from(["GARBAGE", "NOISE"]))
        case NeedKind.ACCOUNT:
            return draw.draw(st.sampled_from([3, 4]))
        case NeedKind.NUMBER:
            return draw.draw(st.integers(1, 900))
        case NeedKind.YES_NO:
            return draw.draw(st.booleans())
        case NeedKind.DATE:
            return "2026-12-01"
    return "写明情况"


class Matter(RuleBasedStateMachine):
    """One case, carried by the engine alone."""

    procedure: Procedure

    def __init__(self) -> None:
        super().__init__()
        self.now = BEGAN
        self.acts: list[tuple[str, str, str]] = []
        self.ids = 100
        self.facts = fresh()

    def _keep(self, facts: Facts, ended: tuple[int, ...] = ()) -> None:
        """What is stored: clocks have an id, those stopped are read no more."""
        for clock in facts.clocks:
            if clock.stopped_at is not None:
                assert clock.stopped_at >= clock.started_at
                assert clock.paused_at is None
        kept = []
        for clock in facts.clocks:
            if clock.stopped_at is None:
                self.ids += 1
                kept.append(replace(clock, id=clock.id or self.ids))
        self.facts = replace(facts, clocks=tuple(kept), version=self.facts.version + 1)

    def _do(self, who: Actor, offer: Offer, data: dict[str, Any], report: int | None) -> None:
        before = self.facts
        plan = engine.plan(
            self.procedure,
            before,
            who,
            offer.code,
            account_id=who.account_id,
            note="",
            data=data,
            photos=1,
            report_id=report,
            now=self.now,
            calendar=CALENDAR,
        )
        assert plan.from_state == before.state
        if offer.mode in {Mode.REQUEST, Mode.DECLINE}:
            assert plan.to_state == before.state
            assert plan.facts.clocks == before.clocks
        if offer.mode is Mode.REQUEST:
            assert offer.base in plan.facts.pending
        states = dict.fromkeys(plan.answered, ReportState.ANSWERED.value)
        states |= dict.fromkeys(plan.withdrawn, ReportState.WITHDRAWN.value)
        reports = tuple(
            replace(one, state=states.get(one.id, one.state)) for one in plan.facts.reports
        )
        self.acts.append((offer.code, plan.from_state, plan.to_state))
        self._keep(replace(plan.facts, reports=reports))

    @initialize(draw=st.data())
    def open(self, draw: st.DataObject) -> None:
        opening = self.procedure.opening
        for who in reversed(ACTORS):
            offers = engine.offered(self.procedure, self.facts, who)
            chosen = next((one for one in offers if one.code == opening), None)
            if chosen is not None:
                data = {
                    need.name: _value(need, draw)
                    for need in chosen.needs
                    if need.kind is not NeedKind.PHOTO
                }
                self._do(who, chosen, data, 7)
                return
        raise AssertionError("nobody may open it")

    @rule(draw=st.data(), hours=st.integers(0, 400))
    def anything_offered(self, draw: st.DataObject, hours: int) -> None:
        self.now += timedelta(hours=hours)
        offers = [
            (who, one) for who in ACTORS for one in engine.offered(self.procedure, self.facts, who)
        ]
        if not offers:
            return
        who, offer = draw.draw(st.sampled_from(offers))
        live = [one.id for one in self.facts.reports if one.state != ReportState.WITHDRAWN]
        report: int | None = None
        if offer.spec.scope is Scope.REPORT:
            if not live and offer.spec.withdraws:
                return
            choice = live if offer.spec.withdraws else [one.id for one in self.facts.reports]
            report = draw.draw(st.sampled_from(choice))
        data = {
            need.name: _value(need, draw)
            for need in offer.needs
            if need.kind is not NeedKind.PHOTO and not (need.optional and draw.draw(st.booleans()))
        }
        self._do(who, offer, data, report)

    @rule(draw=st.data())
    def nothing_else(self, draw: st.DataObject) -> None:
        """What is not offered is refused, and leaves no trace."""
        who = draw.draw(st.sampled_from(ACTORS))
        codes = set(self.procedure.actions)
        codes |= {f"{prefix}{code}" for code in codes for prefix in ("approve_", "decline_")}
        open_to = {one.code for one in engine.offered(self.procedure, self.facts, who)}
        code = draw.draw(st.sampled_from(sorted(codes - open_to)))
        before = self.facts
        with pytest.raises(engine.NotOffered):
            engine.plan(
                self.procedure,
                self.facts,
                who,
                code,
                account_id=who.account_id,
                note="",
                data={},
                photos=0,
                report_id=7,
                now=self.now,
                calendar=CALENDAR,
            )
        assert self.facts == before

    @precondition(lambda self: engine.takes_more_reports(self.procedure, self.facts))
    @rule(hours=st.integers(0, 50))
    def a_neighbour_joins(self, hours: int) -> None:
        if len(self.facts.reports) > 3:
            return
        self.now += timedelta(hours=hours)
        number = max(one.id for one in self.facts.reports) + 1
        clocks = engine.joined(self.procedure, self.facts, number, now=self.now, calendar=CALENDAR)
        joined = ReportFacts(number, ReportState.RECEIVED.value)
        self.acts.append((engine.JOIN, self.facts.state, self.facts.state))
        self._keep(
            replace(
                self.facts,
                reports=(*self.facts.reports, joined),
                clocks=(*self.facts.clocks, *clocks),
            )
        )

    @invariant()
    def clocks_run_forwards(self) -> None:
        for clock in self.facts.clocks:
            assert clock.started_at <= self.now
            assert clock.due_at > clock.started_at
            assert clock.warn_at is None or clock.started_at < clock.warn_at < clock.due_at
            assert clock.paused_at is None or clock.started_at <= clock.paused_at <= self.now
            last = clock.started_at
            for began, ended in clock.pauses:
                assert last <= began <= ended <= self.now
                last = ended

    @invariant()
    def no_clock_runs_twice(self) -> None:
        running = [(clock.name, clock.report_id) for clock in self.facts.clocks]
        assert len(running) == len(set(running))

    @invariant()
    def what_is_over_is_over(self) -> None:
        if not self.acts:
            return
        if self.procedure.is_final(self.facts.state):
            assert not self.facts.clocks
            assert self.facts.outcome
        assert set(self.facts.pending) <= {
            code for code, spec in self.procedure.actions.items() if spec.approved_by
        }

    @invariant()
    def the_acts_are_the_state(self) -> None:
        if self.acts:
            assert engine.replay(self.procedure, self.acts) == self.facts.state
            assert self.facts.version == len(self.acts)


@pytest.mark.parametrize("name", sorted(path.stem for path in BUILT_IN.glob("*.yaml")))
def test_any_order_of_acts(name: str) -> None:
    machine = type(name, (Matter,), {"procedure": load(BUILT_IN / f"{name}.yaml")})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=60,
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
        ),
    )
