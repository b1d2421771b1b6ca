"""A report and an alert from the first word to the end."""

from datetime import timedelta

import pytest

from huying.cases import actions, queries
from huying.cases.models import Act, Case, Clock, Report
from tests.factories.cases import (
    RESIDENT,
    do,
    make_alert_case,
    make_answered,
    make_office,
    make_report,
)

pytestmark = pytest.mark.django_db


def test_a_report_is_received_dispatched_answered_verified_closed_and_rated() -> None:
    office = make_office()
    report = make_report()
    assert report.created
    assert report.state == "DISPATCHED"
    assert report.unit_id == office.bureau.pk
    assert report.due_at is not None
    case_id = report.case_id
    assert do(case_id, "take", office.officer).state == "HANDLING"
    assert Case.objects.get(pk=case_id).officer_id == office.officer.account_id
    do(case_id, "contact", office.officer, "已电话联系，今天去看")
    answered = do(case_id, "answer", office.officer, reply="已清运。", outcome="SOLVED")
    assert answered.state == "ANSWERED"
    assert do(case_id, "verify", office.grid_worker).state == "VERIFIED"
    assert do(case_id, "close", office.dispatcher).state == "CLOSED"
    rated = actions.rate(receipt=report.receipt, rating=5, by=RESIDENT)
    assert rated.rating == "VERY_SATISFIED"
    case = Case.objects.get(pk=case_id)
    assert case.closed_at is not None
    assert case.outcome == "SOLVED"
    assert queries.replay_state(case_id) == case.state == "CLOSED"
    assert not Clock.objects.filter(case_id=case_id, stopped_at__isnull=True).exists()
    acts = Act.objects.filter(case_id=case_id).order_by("seq")
    assert [act.seq for act in acts] == list(range(1, 9))
    assert all(act.record_id for act in acts)


def test_a_bad_rating_owes_a_callback_and_a_remedy() -> None:
    office = make_office()
    report = make_answered(office)
    rated = actions.rate(
        receipt=report.receipt, rating="DISSATISFIED", comment="还是有味道", by=RESIDENT
    )
    assert rated.state == "CALLBACK"
    assert rated.callback_due_at is not None
    codes = {offer.code for offer in queries.available_actions(report.case_id, office.dispatcher)}
    assert "close" not in codes  # blocked while the callback is owed
    assert {"call_back", "reopen"} <= codes
    do(report.case_id, "reopen", office.dispatcher, "重新清运并消毒")
    do(report.case_id, "call_back", office.clerk, "已致歉")
    do(report.case_id, "take", office.officer)
    do(report.case_id, "answer", office.officer, reply="已消毒。", outcome="SOLVED")
    assert Report.objects.get(pk=report.report_id).reply == "已消毒。"
    with pytest.raises(actions.AlreadyRated):
        actions.rate(receipt=report.receipt, rating=5, by=RESIDENT)
    actions.follow_up(receipt=report.receipt, comment="这次好了", by=RESIDENT)
    assert Report.objects.get(pk=report.report_id).follow_up == "这次好了"


def test_what_was_not_done_is_due_again() -> None:
    office = make_office()
    report = make_answered(office)
    do(report.case_id, "reject", office.grid_worker, "还有一堆没清")
    case = Case.objects.get(pk=report.case_id)
    remedy = Clock.objects.get(case=case, name="remedy")
    assert (case.state, remedy.stopped_at) == ("HANDLING", None)
    assert case.due_at == remedy.due_at
    do(report.case_id, "answer", office.officer, reply="都清走了。", outcome="SOLVED")
    assert Clock.objects.get(pk=remedy.pk).stopped_at is not None


def test_an_alert_that_was_not_dealt_with_is_due_again() -> None:
    office = make_office()
    case = make_alert_case()
    do(case.case_id, "confirm_true", office.grid_worker, cause="OPEN_BURNING")
    do(case.case_id, "measure", office.other_officer, "已制止")
    do(case.case_id, "resolve", office.other_officer, "已熄灭")
    do(case.case_id, "reject", office.grid_worker, "还在冒烟")
    again = Clock.objects.get(case_id=case.case_id, name="handling", stopped_at__isnull=True)
    assert Case.objects.get(pk=case.case_id).due_at == again.due_at


def test_an_alert_says_how_it_came_out_even_where_nobody_closes_it() -> None:
    office = make_office()
    unfounded, solved = make_alert_case().case_id, make_alert_case().case_id
    do(unfounded, "confirm_false", office.grid_worker, why_false="PASSING")
    do(solved, "confirm_true", office.grid_worker, cause="OPEN_BURNING")
    do(solved, "resolve", office.other_officer, "已熄灭")
    do(solved, "reject", office.grid_worker, "还在冒烟")
    assert Case.objects.get(pk=solved).outcome == "", "what was not done has no outcome yet"
    do(solved, "resolve", office.other_officer, "已浇透")
    do(solved, "verify", office.grid_worker)
    last = Clock.objects.filter(name="closing").latest("due_at")
    assert actions.run_clocks(now=last.due_at + timedelta(minutes=1)).acted == 2
    outcomes = {pk: Case.objects.get(pk=pk).outcome for pk in (unfounded, solved)}
    assert outcomes == {unfounded: "UNFOUNDED", solved: "SOLVED"}
    assert not Case.objects.open().exists()


def test_an_alert_reaches_both_and_ends() -> None:
    office = make_office()
    case = make_alert_case()
    assert case.state == "ALERTED"
    row = queries.tasks_near(office.grid_worker, 117.005, 39.006)
    assert [task.case.id for task in row] == [case.case_id]
    assert row[0].main_action is not None
    assert row[0].main_action.code == "take"
    assert row[0].distance_m == pytest.approx(111, abs=2)
    do(case.case_id, "take", office.grid_worker)
    do(case.case_id, "arrive", office.grid_worker)
    do(case.case_id, "confirm_true", office.grid_worker, cause="OPEN_BURNING")
    do(case.case_id, "measure", office.other_officer, "已制止并清理")
    do(case.case_id, "resolve", office.other_officer, "已熄灭")
    do(case.case_id, "verify", office.grid_worker)
    do(case.case_id, "close", office.dispatcher, outcome="SOLVED")
    view = queries.case_page(case.case_id, office.dispatcher)
    assert view.true_alarm is True
    assert view.case.state_label == "已办结"
    ended = queries.finished_tasks(office.grid_worker)
    assert ended[0].ended == "已熄灭"
    assert ended[0].outcome_label == "已解决"
