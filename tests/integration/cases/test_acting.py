"""One act: all of it or nothing, one officer or the other, and who may."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from pytest_django.plugin import DjangoDbBlocker

from huying.cases import actions, queries
from huying.cases.models import Act, AssistingUnit, Case, CaseTally, Clock
from huying.directory.permissions import Role
from huying.ledger.models import Record
from huying.notices import actions as notices
from huying.notices.models import Notice
from tests.factories.cases import (
    RESIDENT,
    account,
    do,
    make_answered,
    make_office,
    make_report,
)
from tests.factories.directory import make_staff

pytestmark = pytest.mark.django_db


@pytest.mark.django_db(transaction=True)
def test_when_the_notice_fails_nothing_has_happened(monkeypatch: pytest.MonkeyPatch) -> None:
    office = make_office()
    report = make_report()
    do(report.case_id, "take", office.officer)

    def everything() -> list[Any]:
        return [
            list(model.objects.order_by("pk").values())
            for model in (Case, Act, Clock, CaseTally, Record, Notice)
        ]

    before = everything()

    def broken(**_kwargs: Any) -> None:
        raise RuntimeError("the channel is down")

    monkeypatch.setattr(notices, "notify", broken)
    with pytest.raises(RuntimeError):
        do(report.case_id, "answer", office.officer, reply="好了。", outcome="SOLVED")
    assert everything() == before


@pytest.mark.django_db(transaction=True)
def test_of_two_officers_at_once_one_wins_and_the_other_is_told(
    django_db_blocker: DjangoDbBlocker,
) -> None:
    office = make_office()
    colleague = make_staff(Role.OFFICER, name="孙经办", organisation=office.bureau)
    report = make_report()
    version = Case.objects.get(pk=report.case_id).version

    def take(actor: Any) -> object:
        with django_db_blocker.unblock():
            try:
                return actions.act(case_id=report.case_id, action="take", by=actor, version=version)
            except actions.StaleCase as error:
                return error
            finally:
                connection.close()

    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(take, [office.officer, colleague]))
    won = [one for one in found if isinstance(one, actions.Acted)]
    lost = [one for one in found if isinstance(one, actions.StaleCase)]
    assert len(won) == len(lost) == 1
    assert lost[0].status == 409
    assert "签收" in lost[0].zh
    assert any(name in lost[0].zh for name in ("郑经办", "孙经办"))
    assert Act.objects.filter(case_id=report.case_id, action="take").count() == 1


def test_an_old_page_is_stale_but_a_clock_in_between_is_not() -> None:
    office = make_office()
    report = make_report()
    version = Case.objects.get(pk=report.case_id).version
    last = Clock.objects.filter(case_id=report.case_id, stopped_at__isnull=True).latest("due_at")
    actions.run_clocks(now=last.due_at)
    assert Case.objects.get(pk=report.case_id).version > version
    acted = actions.act(case_id=report.case_id, action="take", by=office.officer, version=version)
    with pytest.raises(actions.StaleCase):
        actions.act(
            case_id=report.case_id,
            action="answer",
            by=office.officer,
            version=acted.version - 1,
            data={"reply": "好", "outcome": "SOLVED"},
        )


def test_what_is_not_offered_is_refused_with_what_is() -> None:
    office = make_office()
    report = make_report()
    with pytest.raises(actions.ActionNotOffered) as refused:
        do(report.case_id, "answer", office.officer, reply="好", outcome="SOLVED")
    assert "待签收" in refused.value.zh
    assert "签收" in refused.value.zh
    with pytest.raises(actions.ActionNotOffered):
        do(report.case_id, "no_such_action", office.officer)


def test_an_answer_needs_a_reply_and_a_known_outcome() -> None:
    office = make_office()
    report = make_report()
    do(report.case_id, "take", office.officer)
    for data, field in (
        ({}, "reply"),
        ({"reply": "好了"}, "outcome"),
        ({"reply": "好了", "outcome": "WHATEVER"}, "outcome"),
        ({"reply": "好了", "outcome": "SOLVED", "colour": "red"}, "colour"),
        ({"reply": "很" * 5001, "outcome": "SOLVED"}, "reply"),
    ):
        with pytest.raises(actions.NeedsField) as refused:
            do(report.case_id, "answer", office.officer, **data)
        assert refused.value.field == field
    assert do(report.case_id, "answer", office.officer, "好了", outcome="SOLVED").state


def test_a_return_keeps_the_first_unit_until_the_centre_decides() -> None:
    office = make_office()
    report = make_report()
    do(report.case_id, "return", office.officer, article="权责清单第 3 条", reason="属于环境局")
    case = Case.objects.get(pk=report.case_id)
    assert (case.state, case.lead_organisation_id) == ("RETURNED", office.bureau.pk)
    do(report.case_id, "decline_return", office.dispatcher, "仍由你单位办理")
    do(report.case_id, "return", office.officer, article="权责清单第 3 条", reason="再次说明")
    do(report.case_id, "dispatch", office.dispatcher, unit=office.other_bureau.pk)
    case.refresh_from_db()
    assert case.lead_organisation_id == office.other_bureau.pk
    assert do(report.case_id, "take", office.other_officer).state == "HANDLING"


def test_an_extension_is_asked_for_approved_and_told() -> None:
    office = make_office()
    report = make_report()
    do(report.case_id, "take", office.officer)
    clock = Clock.objects.get(report_id=report.report_id, name="answer")
    do(report.case_id, "extend", office.officer, "需要等专业检测")
    clock.refresh_from_db()
    assert clock.extensions == []
    with pytest.raises(actions.ActionNotOffered):
        do(report.case_id, "approve_extend", office.officer)
    codes = {one.code for one in queries.available_actions(report.case_id, office.head)}
    assert {"approve_extend", "decline_extend"} <= codes
    due = clock.due_at
    do(report.case_id, "approve_extend", office.head, "同意")
    clock.refresh_from_db()
    assert clock.extensions == ["5 working days"]
    assert clock.due_at > due
    told = queries.progress(report.receipt).entries[0].text
    assert "需要等专业检测" in told
    assert queries.progress(report.receipt).due_at == clock.due_at
    # Used up: asking again is possible, and may be declined.
    do(report.case_id, "extend", office.officer, "还要等")
    do(report.case_id, "decline_extend", office.head, "不再延期")
    assert Case.objects.get(pk=report.case_id).pending == {}


def test_a_pause_by_law_stops_a_remedy_too_but_not_the_contact_with_people() -> None:
    office = make_office()
    report = make_answered(office)
    actions.rate(receipt=report.receipt, rating="VERY_DISSATISFIED", by=RESIDENT)
    do(report.case_id, "reopen", office.dispatcher, reason="味道还在")
    do(report.case_id, "take", office.officer)

    def clock(name: str) -> Clock:
        return Clock.objects.get(case=report.case_id, name=name, stopped_at__isnull=True)

    due_at = clock("remedy").due_at
    do(report.case_id, "pause", office.officer, article="某法第 9 条", reason="等待鉴定")
    do(report.case_id, "approve_pause", office.head)
    assert clock("remedy").paused_at is not None
    assert clock("callback").paused_at is None
    assert "contact" in {
        offer.code for offer in queries.available_actions(report.case_id, office.officer)
    }
    later = datetime.now(UTC) + timedelta(days=30)
    do(report.case_id, "call_back", office.dispatcher, result="对办理情况仍不满意")
    actions.act(case_id=report.case_id, action="resume", by=office.officer, now=later)
    remedy = clock("remedy")
    assert remedy.paused_at is None
    assert remedy.due_at > due_at


def test_a_pause_by_law_stops_the_clock_and_resuming_moves_it() -> None:
    office = make_office()
    report = make_report()
    do(report.case_id, "take", office.officer)
    do(report.case_id, "pause", office.officer, article="某法第 9 条", reason="等待鉴定")
    assert do(report.case_id, "approve_pause", office.head).state == "PAUSED"
    clock = Clock.objects.get(report_id=report.report_id, name="answer")
    assert clock.paused_at is not None
    assert Case.objects.get(pk=report.case_id).due_clock != "answer"
    do(report.case_id, "resume", office.officer)
    clock.refresh_from_db()
    assert clock.paused_at is None
    assert len(clock.pauses) == 1


def test_assisting_units_see_and_are_told() -> None:
    office = make_office()
    report = make_report()
    with pytest.raises(queries.CaseNotFound):
        queries.case_page(report.case_id, office.other_officer)
    do(
        report.case_id,
        "assist",
        office.officer,
        assisting=[office.other_bureau.pk],
        reason="一起看看",
    )
    assert AssistingUnit.objects.filter(case_id=report.case_id).count() == 1
    assert queries.case_page(report.case_id, office.other_officer).assisting
    assert Notice.objects.filter(account_id=account(office.other_officer)).exists()


def test_an_organisation_that_is_not_there_is_refused() -> None:
    office = make_office()
    report = make_report(category="")
    with pytest.raises(actions.NeedsField) as refused:
        do(report.case_id, "dispatch", office.dispatcher, unit=987654)
    assert refused.value.field == "unit"


def test_residents_cannot_act_by_number() -> None:
    make_office()
    report = make_report()
    with pytest.raises(queries.CaseNotFound):
        do(report.case_id, "supplement", RESIDENT, "我再说两句")


def test_residents_add_to_their_report_by_receipt() -> None:
    office = make_office()
    report = make_report()
    do(report.case_id, "take", office.officer)
    actions.supplement(receipt=report.receipt, text="今天又多了一堆", by=RESIDENT)
    assert Notice.objects.filter(account_id=account(office.officer)).exists()


def test_supervision_is_seen_and_urgent() -> None:
    office = make_office()
    report = make_report()
    do(report.case_id, "supervise", office.leader, "群众反映强烈")
    assert Case.objects.get(pk=report.case_id).supervised
    urgencies = Notice.objects.filter(account_id=account(office.head)).values_list(
        "urgency", flat=True
    )
    assert "URGENT" in set(urgencies)


def test_a_changed_urgency_changes_the_limit_from_the_same_beginning() -> None:
    office = make_office()
    report = make_report(category="", kind="COMPLAINT")
    clock = Clock.objects.get(report_id=report.report_id, name="answer")
    assert clock.limit == "15 working days"
    do(
        report.case_id,
        "dispatch",
        office.dispatcher,
        unit=office.bureau.pk,
        urgency="EMERGENCY",
    )
    started = clock.started_at
    clock.refresh_from_db()
    assert clock.limit == "1 working day"
    assert clock.started_at == started


def test_small_facts_are_noted_and_sealed() -> None:
    office = make_office()
    report = make_report()
    first = actions.add_reference(
        case_id=report.case_id, system="12345", number="A1", by=office.dispatcher
    )
    second = actions.note_people_involved(
        case_id=report.case_id, number=35, by=office.officer, note="整栋楼"
    )
    assert second.seq == first.seq + 1
    view = queries.case_page(report.case_id, office.dispatcher)
    assert view.references == (("12345", "A1"),)
    assert view.case.people_involved == 35
    other = make_report(text="同一个人又来反映")
    actions.mark_repeat(report_id=other.report_id, repeat_of=report.report_id, by=office.dispatcher)
    repeated = queries.case_page(other.case_id, office.dispatcher).reports[0]
    assert repeated.repeat_of_id == report.report_id
    with pytest.raises(queries.CaseNotFound):
        actions.add_reference(
            case_id=report.case_id, system="x", number="1", by=office.other_officer
        )
