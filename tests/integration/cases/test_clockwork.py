"""Time passing: warnings, escalation, quiet closing, calendars that come later."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import connection

from huying.cases import actions, queries
from huying.cases.models import Act, Case, Clock
from huying.directory import actions as directory
from huying.directory.permissions import Actor
from huying.notices.models import Notice
from tests.connections import other_connection, wait_until_somebody_waits_for
from tests.factories.cases import (
    RESIDENT,
    account,
    do,
    make_alert_case,
    make_answered,
    make_office,
    make_report,
)

pytestmark = pytest.mark.django_db


def _told(actor: Actor, kind: str) -> list[str]:
    rows = Notice.objects.filter(account_id=account(actor), kind=kind).order_by("id")
    return [row.title for row in rows]


def test_an_alert_warns_after_an_hour_and_escalates_after_two() -> None:
    office = make_office()
    start = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
    case = make_alert_case(now=start)
    clock = Clock.objects.get(case_id=case.case_id, name="response")
    assert clock.due_at == start + timedelta(hours=2)
    assert actions.run_clocks(now=start + timedelta(minutes=59)).warned == 0
    assert actions.run_clocks(now=start + timedelta(minutes=61)).warned == 1
    assert _told(office.grid_worker, "clock.soon")
    assert actions.run_clocks(now=start + timedelta(minutes=62)).warned == 0
    run = actions.run_clocks(now=start + timedelta(minutes=121))
    assert (run.warned, run.overdue) == (0, 1)
    assert _told(office.dispatcher, "clock.overdue")
    assert actions.run_clocks(now=start + timedelta(minutes=180)).overdue == 0
    act = Act.objects.filter(case_id=case.case_id).latest("seq")
    assert (act.action, act.actor_ref) == ("clock_ran_out", "system:clocks")
    assert act.record_id
    page = queries.queue(
        office.dispatcher, queries.QueueFilters(overdue=True), now=start + timedelta(hours=3)
    )
    assert [row.status for row in page.rows] == ["OVERDUE"]
    assert queries.overdue_by_unit(start + timedelta(hours=3)) == [
        (office.other_bureau.pk, "生态环境局", 1)
    ]


def test_before_each_time_ends_somebody_is_told() -> None:
    office = make_office()
    monday = datetime(2026, 12, 7, 1, 0, tzinfo=UTC)
    waiting = make_report(category="", now=monday)
    sent = make_report(now=monday)
    dispatch = Clock.objects.get(case_id=waiting.case_id, name="dispatch")
    actions.run_clocks(now=dispatch.due_at - timedelta(minutes=30))
    assert [title[:6] for title in _told(office.dispatcher, "clock.soon")] == ["快到派单时限"]
    assert [title[:6] for title in _told(office.officer, "clock.soon")] == ["快到签收时限"]
    do(sent.case_id, "take", office.officer)
    contact = Clock.objects.get(case_id=sent.case_id, name="contact")
    actions.run_clocks(now=contact.due_at - timedelta(minutes=30))
    assert [title[:5] for title in _told(office.officer, "clock.soon")[1:]] == ["请联系群众"]
    do(sent.case_id, "answer", office.officer, reply="已清运。", outcome="SOLVED")
    verify = Clock.objects.get(case_id=sent.case_id, name="verify")
    actions.run_clocks(now=verify.due_at - timedelta(hours=1))
    assert [title[:3] for title in _told(office.grid_worker, "clock.soon")] == ["请核查"]


def test_a_time_without_an_article_of_law_says_what_it_rests_on() -> None:
    office = make_office()
    case = make_alert_case()
    do(case.case_id, "confirm_true", office.grid_worker, cause="OPEN_BURNING")
    view = queries.case_page(case.case_id, office.dispatcher)
    [handling] = [clock for clock in view.clocks if clock.name == "handling"]
    assert handling.article == "本县规定，由县生态环境局与综治中心议定"
    assert handling.source == "", "not said twice"
    [response] = [clock for clock in view.clocks if clock.name == "response"]
    assert (response.article, response.source) == (
        "接到预警后 2 小时内到场核实",
        "本县规定，由县生态环境局与综治中心议定",
    )


def test_somebody_who_came_in_time_is_not_warned_of() -> None:
    office = make_office()
    start = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
    case = make_alert_case(now=start)
    actions.act(
        case_id=case.case_id,
        action="arrive",
        by=office.grid_worker,
        now=start + timedelta(minutes=30),
    )
    run = actions.run_clocks(now=start + timedelta(hours=3))
    assert (run.warned, run.overdue) == (0, 0)
    view = queries.case_page(case.case_id, office.dispatcher)
    assert [clock.status for clock in view.clocks if clock.name == "response"] == ["MET"]


def test_an_answer_nobody_rates_badly_closes_by_itself() -> None:
    office = make_office()
    report = make_answered(office)
    clock = Clock.objects.get(case_id=report.case_id, name="closing")
    run = actions.run_clocks(now=clock.due_at + timedelta(minutes=1))
    assert run.acted == 1
    case = Case.objects.get(pk=report.case_id)
    assert case.state == "CLOSED"
    assert Act.objects.filter(case_id=case.pk, actor_ref="system:clocks", action="close").exists()


def test_a_callback_owed_keeps_it_open_and_runs_out() -> None:
    office = make_office()
    report = make_answered(office)
    rated = actions.rate(receipt=report.receipt, rating=2, by=RESIDENT)
    assert rated.callback_due_at is not None
    run = actions.run_clocks(now=rated.callback_due_at + timedelta(hours=1))
    assert run.acted == 0
    assert Case.objects.get(pk=report.case_id).state == "CALLBACK"
    assert any("回访超期" in title for title in _told(office.dispatcher, "clock.overdue"))


def test_a_due_date_in_a_year_not_yet_published_is_provisional_until_it_is() -> None:
    make_office()
    start = datetime(2026, 12, 24, 2, 0, tzinfo=UTC)
    report = make_report(category="", kind="COMPLAINT", now=start)
    clock = Clock.objects.get(report_id=report.report_id, name="answer")
    assert clock.provisional
    progress = queries.progress(report.receipt, now=start)
    assert progress.provisional
    assert "暂定" in progress.counted
    before = clock.due_at
    holidays = [date(2027, 1, day) for day in (1, 2, 3, 4, 5)]
    holidays += [date(2027, 2, day) for day in range(5, 13)]
    holidays += [date(2027, 5, 1), date(2027, 10, 1)]
    directory.import_working_year(
        table="\n".join(["date,kind", *(f"{day.isoformat()},HOLIDAY" for day in holidays)]),
        source="国务院办公厅通知",
        by=Actor.system("tests"),
    )
    clock.refresh_from_db()
    assert not clock.provisional
    assert clock.due_at > before
    case = Case.objects.get(pk=report.case_id)
    assert not Clock.objects.filter(case=case, provisional=True, stopped_at__isnull=True).exists()
    assert not case.due_provisional


def test_working_days_skip_the_weekend() -> None:
    make_office()
    friday = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)
    report = make_report(category="", kind="CONSULTATION", now=friday)
    # Two working days from Friday: Monday, Tuesday; too late from Wednesday 0:00 in Shanghai.
    clock = Clock.objects.get(report_id=report.report_id, name="answer")
    assert clock.due_at == datetime(2026, 11, 24, 16, 0, tzinfo=UTC)
    assert "11月24日前" in queries.progress(report.receipt, now=friday).counted


def test_many_clocks_in_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    make_office()
    monkeypatch.setattr("huying.cases.actions.clockwork.BATCH", 2)
    start = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
    for _number in range(5):
        make_alert_case(now=start)
    assert actions.run_clocks(now=start + timedelta(hours=3)).overdue == 5


def test_an_extension_lets_the_clock_speak_again() -> None:
    office = make_office()
    report = make_report()
    do(report.case_id, "take", office.officer)
    clock = Clock.objects.get(report_id=report.report_id, name="answer")
    actions.run_clocks(now=clock.due_at)
    clock.refresh_from_db()
    assert clock.escalated_at is not None
    do(report.case_id, "extend", office.officer, "仍在检测")
    do(report.case_id, "approve_extend", office.head)
    clock.refresh_from_db()
    assert clock.escalated_at is None
    assert clock.warned_at is None


@pytest.mark.django_db(transaction=True)
def test_the_clocks_leave_a_case_somebody_is_acting_on_for_the_next_minute() -> None:
    make_office()
    start = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
    busy, idle = (make_alert_case(now=start).case_id for _number in range(2))
    late = start + timedelta(hours=3)
    with other_connection() as officer, connection.cursor() as cursor:
        officer.execute("SELECT FROM cases_case WHERE id = %s FOR UPDATE", [busy])
        cursor.execute("SET lock_timeout = '5s'")
        assert actions.run_clocks(now=late).overdue == 1
        # The officer's act writes the clocks next, and finds none of them held.
        officer.execute("SELECT FROM cases_clock WHERE case_id = %s FOR UPDATE NOWAIT", [busy])
    assert Act.objects.filter(case_id=idle, action="clock_ran_out").count() == 1
    assert actions.run_clocks(now=late).overdue == 1
    assert Act.objects.filter(case_id=busy, action="clock_ran_out").count() == 1


@pytest.mark.django_db(transaction=True)
def test_counting_anew_waits_for_an_act_without_standing_in_its_way() -> None:
    make_office()
    december = datetime(2026, 12, 24, 2, 0, tzinfo=UTC)
    report = make_report(category="", kind="COMPLAINT", now=december)

    def recompute() -> int:
        try:
            return actions.recompute_provisional()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool, other_connection() as officer:
        officer.execute("SELECT FROM cases_case WHERE id = %s FOR UPDATE", [report.case_id])
        counting = pool.submit(recompute)
        wait_until_somebody_waits_for(officer.info.backend_pid)
        officer.execute(
            "SELECT FROM cases_clock WHERE case_id = %s FOR UPDATE NOWAIT", [report.case_id]
        )
        officer.commit()
        assert counting.result(timeout=30) == 0
