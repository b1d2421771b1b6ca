"""Whatever is done in whatever order: what must always hold."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from huying.cases import actions, queries
from huying.cases.models import Act, Case, Clock, Report
from huying.cases.queries import Need, NeedKind
from huying.directory.permissions import Actor, DomainError
from tests.factories.cases import RESIDENT, Office, make_alert_case, make_office, make_report

pytestmark = pytest.mark.django_db
START = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)


class _Undone(Exception):
    pass


def _value(need: Need, office: Office) -> Any:
    match need.kind:
        case NeedKind.UNIT:
            return office.other_bureau.pk
        case NeedKind.UNITS:
            return [office.other_bureau.pk]
        case NeedKind.CHOICE:
            return next(iter(need.choices))
        case NeedKind.CATEGORY:
            return "GARBAGE"
        case NeedKind.ACCOUNT:
            return office.officer.account_id
        case NeedKind.NUMBER:
            return 3
        case NeedKind.YES_NO:
            return True
    return "写明情况"


def _step(case_id: int, report: Any, office: Office, draw: Any, now: datetime) -> None:
    """One of: an offered act, a rating, a neighbour, the clocks."""
    actors: list[Actor] = [
        office.dispatcher,
        office.clerk,
        office.officer,
        office.head,
        office.other_officer,
        office.grid_worker,
        office.leader,
    ]
    offers = [
        (actor, offer)
        for actor in actors
        for offer in queries.available_actions(case_id, actor)
        if offer.scope == "CASE" or Case.objects.get(pk=case_id).report_count == 1
    ]
    others = ["clocks"]
    if report is not None:
        others += ["join"]
        progress = queries.progress(report.receipt)
        if progress.can_rate:
            others += ["good", "bad"]
    choice = draw(st.integers(0, len(offers) + len(others) - 1))
    if choice < len(offers):
        actor, offer = offers[choice]
        data = {
            need.name: _value(need, office)
            for need in offer.needs
            if need.kind is not NeedKind.PHOTO and not (need.optional and draw(st.booleans()))
        }
        actions.act(case_id=case_id, action=offer.code, by=actor, data=data, now=now)
        return
    match others[choice - len(offers)]:
        case "clocks":
            actions.run_clocks(now=now)
        case "join":
            actions.join_report(by=RESIDENT, receipt=report.receipt, now=now)
        case "good":
            actions.rate(receipt=report.receipt, rating=5, by=RESIDENT, now=now)
        case "bad":
            actions.rate(receipt=report.receipt, rating=1, by=RESIDENT, now=now)


def _holds(case_id: int) -> None:
    case = Case.objects.get(pk=case_id)
    acts = list(Act.objects.filter(case_id=case_id).order_by("seq"))
    assert queries.replay_state(case_id) == case.state
    assert [act.seq for act in acts] == list(range(1, case.version + 1))
    assert all(act.record_id for act in acts)
    procedure = queries.procedure(case.procedure, case.procedure_version)
    final = procedure.is_final(case.state)
    assert (case.closed_at is not None) == final
    running = list(Clock.objects.filter(case_id=case_id, stopped_at__isnull=True))
    assert not (final and running)
    ticking = sorted((clock.due_at, clock.name) for clock in running if clock.paused_at is None)
    assert (case.due_at, case.due_clock) == (ticking[0] if ticking else (None, ""))
    for clock in Clock.objects.filter(case_id=case_id):
        assert clock.due_at > clock.started_at
        assert clock.stopped_at is None or clock.stopped_at >= clock.started_at
    assert case.report_count == Report.objects.filter(case_id=case_id).count()
    counted = sum(row.count for row in queries.queue_counts(Actor.system("tests")).by_state)
    assert counted == Case.objects.open().count()


@pytest.mark.parametrize("kind", ["report", "alert"])
@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_any_order_of_offered_acts(kind: str, data: st.DataObject) -> None:
    try:
        with transaction.atomic():
            office = make_office()
            report = make_report(now=START) if kind == "report" else None
            case_id = report.case_id if report else make_alert_case(now=START).case_id
            now = START
            for _number in range(data.draw(st.integers(1, 8), label="steps")):
                now += timedelta(hours=data.draw(st.integers(0, 60), label="hours"))
                _step(case_id, report, office, data.draw, now)
                _holds(case_id)
            assert list(actions.recount_cases(by=Actor.system("fsck"))) == []
            raise _Undone
    except _Undone:
        pass


def _moves(office: Office, receipts: list[str], draw: Any, now: datetime) -> None:
    """One of: a merger, a division, a report taken back, one more, an offered act."""
    cases = list(Case.objects.open().order_by("pk").values_list("pk", flat=True))
    chosen = draw(st.sampled_from(cases)) if cases else None
    step = draw(st.sampled_from(["merge", "split", "withdraw", "report", "join", "act", "act"]))
    if step == "report" or chosen is None:
        receipts.append(make_report(now=now, urgency=draw(_URGENCIES)).receipt)
    elif step == "merge":
        others = draw(st.lists(st.sampled_from(cases), min_size=1, max_size=2))
        actions.merge_cases(into=chosen, merged=others, by=office.dispatcher, now=now)
    elif step == "split":
        theirs = list(Report.objects.filter(case_id=chosen).values_list("pk", flat=True))
        some = draw(st.lists(st.sampled_from(theirs), min_size=1, unique=True))
        actions.split(case_id=chosen, report_ids=some, by=office.dispatcher, now=now)
    elif step == "withdraw":
        receipt = draw(st.sampled_from(receipts))
        actions.withdraw(receipt=receipt, reason="不用了", by=RESIDENT, now=now)
    elif step == "join":
        receipt = draw(st.sampled_from(receipts))
        receipts.append(actions.join_report(by=RESIDENT, receipt=receipt, now=now).receipt)
    else:
        _step(chosen, None, office, draw, now)


_URGENCIES = st.sampled_from(["NORMAL", "URGENT", "EMERGENCY"])


@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_reports_that_move_about(data: st.DataObject) -> None:
    """Whatever went where: everything derived is what the acts make it."""
    try:
        with transaction.atomic():
            office, now = make_office(), START
            receipts = [make_report(now=now).receipt for _number in range(3)]
            for _number in range(data.draw(st.integers(1, 12), label="steps")):
                now += timedelta(hours=data.draw(st.integers(1, 60), label="hours"))
                with suppress(DomainError), transaction.atomic():
                    _moves(office, receipts, data.draw, now)
            assert list(actions.recount_cases(by=Actor.system("fsck"))) == []
            assert list(actions.recount_words(by=Actor.system("fsck"))) == []
            raise _Undone
    except _Undone:
        pass
