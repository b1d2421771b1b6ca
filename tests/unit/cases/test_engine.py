"""The engine as a table: who may, what changes, what runs."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from huying.cases.queries.procedures import BUILT_IN
from huying.cases.rules import clocks, engine
from huying.cases.rules.engine import Facts, Mode, Plan, ReportFacts
from huying.cases.rules.procedure import START
from huying.cases.rules.procedure_files import load
from huying.cases.rules.values import BadValue
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

REPORT = load(BUILT_IN / "residents_report.yaml")
ALERT = load(BUILT_IN / "environmental_alert.yaml")
NOW = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
CALENDAR = WorkingCalendar()


DISPATCHER = staff(Role.DISPATCHER, CENTRE)
OFFICER = staff(Role.OFFICER, UNIT)
STRANGER = staff(Role.OFFICER, OTHER_UNIT)
HEAD = staff(Role.UNIT_HEAD, UNIT)
GRID_WORKER = staff(Role.GRID_WORKER, TOWNSHIP_OFFICE, grid=GRID)
LEADER = staff(Role.LEADER, CENTRE)
AUDITOR = staff(Role.AUDITOR, CENTRE)
RESIDENT = Actor.resident()


@dataclass
class Matter:
    """A case carried through by the engine alone."""

    facts: Facts

    def do(
        self,
        actor: Actor,
        code: str,
        note: str = "",
        after: timedelta = timedelta(),
        **data: Any,
    ) -> Plan:
        plan = engine.plan(
            REPORT,
            self.facts,
            actor,
            code,
            account_id=actor.account_id,
            note=note,
            data=data,
            photos=0,
            report_id=7,
            now=NOW + after,
            calendar=CALENDAR,
        )
        # Stored clocks have an id; stopped ones are no longer read.
        kept = tuple(
            replace(clock, id=clock.id or 100 + number)
            for number, clock in enumerate(plan.facts.clocks)
            if clock.stopped_at is None
        )
        self.facts = replace(plan.facts, clocks=kept, version=self.facts.version + 1)
        return plan


@pytest.fixture
def matter() -> Matter:
    matter = Matter(fresh())
    matter.do(RESIDENT, "register")
    matter.do(DISPATCHER, "dispatch", unit=UNIT)
    return matter


@pytest.mark.parametrize(
    ("state", "actor", "expected"),
    [
        ("REGISTERED", DISPATCHER, {"dispatch", "classify", "withdraw", "supervise", "remark"}),
        ("REGISTERED", STRANGER, set()),
        ("DISPATCHED", OFFICER, {"take", "return", "contact", "assist", "classify", "remark"}),
        ("DISPATCHED", STRANGER, set()),
        ("HANDLING", OFFICER, {"answer", "extend", "pause", "return", "assist", "contact"}),
        ("ANSWERED", GRID_WORKER, {"verify", "reject", "remark"}),
        ("ANSWERED", DISPATCHER, {"verify", "reject", "close"}),
        ("CLOSED", OFFICER, set()),
        ("CLOSED", DISPATCHER, {"reopen", "rate", "rate_badly"}),
        ("HANDLING", LEADER, {"supervise"}),
        ("HANDLING", AUDITOR, set()),
        ("MERGED", DISPATCHER, set()),
    ],
)
def test_what_is_offered_to_whom(state: str, actor: Actor, expected: set[str]) -> None:
    offers = engine.offered(REPORT, fresh(state, UNIT), actor)
    codes = {offer.code for offer in offers}
    assert expected <= codes
    if not expected or actor is LEADER:
        assert codes == expected
    tones = [offer.tone.value for offer in offers]
    assert tones == sorted(tones, key=lambda tone: tone != "MAIN")


def test_receiving_starts_the_answer_and_the_dispatch(matter: Matter) -> None:
    running = {clock.name for clock in matter.facts.clocks}
    assert running == {"answer", "take", "contact"}
    assert [c.report_id for c in matter.facts.clocks if c.name == "answer"] == [7]


def test_taking_names_the_officer_and_stops_its_clock(matter: Matter) -> None:
    plan = matter.do(OFFICER, "take")
    assert plan.facts.officer_id == OFFICER.account_id
    assert [clock.name for clock in plan.changed if clock.stopped_at] == ["take"]


def test_another_unit_forgets_the_officer_and_starts_taking_anew(matter: Matter) -> None:
    matter.do(OFFICER, "take")
    plan = matter.do(DISPATCHER, "reassign", "不归他们管", unit=OTHER_UNIT)
    assert (plan.facts.lead_organisation_id, plan.facts.officer_id) == (OTHER_UNIT, None)
    assert "take" in {clock.name for clock in plan.started}


def test_reassigning_what_is_not_yet_taken_turns_the_same_clock_over(matter: Matter) -> None:
    plan = matter.do(DISPATCHER, "reassign", "换", unit=OTHER_UNIT, after=timedelta(hours=1))
    assert [c.name for c in plan.changed if c.stopped_at] == ["take", "contact"]
    assert [c.name for c in plan.started] == ["take", "contact"]


def test_the_end_stops_every_clock(matter: Matter) -> None:
    plan = matter.do(DISPATCHER, "withdraw", "本人撤回")
    assert plan.facts.outcome == "WITHDRAWN"
    assert not plan.clocks


def test_a_request_waits_and_a_changed_state_forgets_it(matter: Matter) -> None:
    matter.do(OFFICER, "take")
    asked = matter.do(OFFICER, "extend", "要检测")
    assert asked.offer.mode is Mode.REQUEST
    assert asked.facts.pending["extend"]["data"] == {"reason": "要检测"}
    assert {o.code for o in engine.offered(REPORT, matter.facts, HEAD)} >= {
        "approve_extend",
        "decline_extend",
    }
    assert "extend" not in {o.code for o in engine.offered(REPORT, matter.facts, OFFICER)}
    matter.do(OFFICER, "answer", reply="好了", outcome="SOLVED")
    assert matter.facts.pending == {}


def test_approval_has_the_effect_and_the_reason_asked_with(matter: Matter) -> None:
    matter.do(OFFICER, "take")
    matter.do(OFFICER, "extend", "要检测")
    plan = matter.do(HEAD, "approve_extend")
    assert plan.data["reason"] == "要检测"
    assert plan.requester == OFFICER.account_id
    (extended,) = [clock for clock in plan.changed if clock.name == "answer"]
    assert extended.extensions == ("5 working days",)


@pytest.mark.parametrize(
    ("code", "data", "name"),
    [
        ("answer", {}, "reply"),
        ("answer", {"reply": "好"}, "outcome"),
        ("answer", {"reply": "好", "outcome": "FINE"}, "outcome"),
        ("answer", {"reply": " \x00 ", "outcome": "SOLVED"}, "reply"),
        ("answer", {"reply": "好", "outcome": "SOLVED", "extra": 1}, "extra"),
        ("assist", {"assisting": "many", "reason": "x"}, "assisting"),
    ],
)
def test_values_are_checked(matter: Matter, code: str, data: dict[str, Any], name: str) -> None:
    matter.do(OFFICER, "take")
    with pytest.raises(BadValue) as wrong:
        matter.do(OFFICER, code, **data)
    assert wrong.value.name == name
    assert wrong.value.zh


def test_an_alert_needs_no_photograph() -> None:
    facts = replace(fresh("ON_SITE", UNIT), reports=())
    plan = engine.plan(
        ALERT,
        facts,
        GRID_WORKER,
        "confirm_true",
        account_id=1,
        note="",
        data={"cause": "OPEN_BURNING"},
        photos=0,
        report_id=None,
        now=NOW,
        calendar=CALENDAR,
    )
    assert plan.true_alarm is True
    assert plan.facts.true_alarm is True
    assert [clock.limit for clock in plan.started] == ["24 hours"]


def test_replaying_follows_and_refuses_what_does_not_fit() -> None:
    good = [
        ("register", START, "REGISTERED"),
        ("dispatch", "REGISTERED", "DISPATCHED"),
        ("remark", "DISPATCHED", "DISPATCHED"),
        ("absorb", "DISPATCHED", "DISPATCHED"),
        ("merge", "DISPATCHED", "MERGED"),
    ]
    assert engine.replay(REPORT, good) == "MERGED"
    with pytest.raises(engine.BrokenHistory):
        engine.replay(REPORT, [good[0], ("take", "DISPATCHED", "HANDLING")])
    with pytest.raises(engine.BrokenHistory):
        engine.replay(REPORT, [good[0], ("dispatch", "REGISTERED", "CLOSED")])


def test_a_second_report_starts_its_own_answer(matter: Matter) -> None:
    started = engine.joined(REPORT, matter.facts, 8, now=NOW + timedelta(days=2), calendar=CALENDAR)
    assert [(clock.name, clock.report_id) for clock in started] == [("answer", 8)]
    assert engine.takes_more_reports(REPORT, matter.facts)
    assert not engine.takes_more_reports(
        REPORT, replace(matter.facts, reports=(ReportFacts(7, "ANSWERED"),))
    )


def test_no_clock_is_ever_started_twice(matter: Matter) -> None:
    names = [(c.name, c.report_id) for c in matter.facts.clocks]
    assert len(names) == len(set(names))
    earliest = clocks.earliest(matter.facts.clocks)
    assert earliest is not None
    assert earliest.due_at == min(clock.due_at for clock in matter.facts.clocks)


def test_a_program_with_a_token_acts_for_whichever_unit() -> None:
    client = Actor.client(3, "城市热线", frozenset({"cases:act"}), "990101")
    codes = {offer.code for offer in engine.offered(REPORT, fresh("DISPATCHED", UNIT), client)}
    assert "take" in codes
    assert "supervise" not in codes
