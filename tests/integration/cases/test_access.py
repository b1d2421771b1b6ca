"""Lists are where authorisation fails: each query, each role."""

from typing import Any

import pytest
from django.test import Client

from huying.cases import actions, queries
from huying.cases.models import Case, Report
from huying.cases.queries.facts import case_record, may_see
from huying.directory.models import Account
from huying.directory.permissions import Actor, NotAllowed, Role
from huying.directory.queries import actor_for
from huying.notices.models import Notice
from tests.factories.cases import (
    Office,
    account,
    do,
    make_alert_case,
    make_office,
    make_photo,
    make_report,
)
from tests.factories.directory import OTHER_VILLAGE, TOWNSHIP, make_post, make_staff

pytestmark = pytest.mark.django_db

ROLES = [
    "dispatcher",
    "clerk",
    "officer",
    "head",
    "other_officer",
    "grid_worker",
    "other_grid_worker",
    "leader",
    "auditor",
]
SEES_REPORT = {"dispatcher", "clerk", "officer", "head", "grid_worker", "leader", "auditor"}
SEES_ALERT = {"dispatcher", "clerk", "other_officer", "grid_worker", "leader", "auditor"}


def _both(office: Office) -> tuple[int, int]:
    return make_report().case_id, make_alert_case().case_id


@pytest.mark.parametrize("role", ROLES)
def test_every_read_shows_the_same_cases(role: str) -> None:
    office = make_office()
    report, alert = _both(office)
    actor: Actor = getattr(office, role)
    expected = {
        case_id for case_id, who in ((report, SEES_REPORT), (alert, SEES_ALERT)) if role in who
    }
    assert set(Case.objects.visible_to(actor).values_list("pk", flat=True)) == expected
    assert {row.id for row in queries.queue(actor).rows} == expected
    assert queries.queue_counts(actor).open == len(expected)
    found = queries.queue(actor, queries.QueueFilters(text="东门"))
    assert {row.id for row in found.rows} <= expected
    for case_id in (report, alert):
        assert may_see(actor, case_record(case_id).facts) == (case_id in expected)
        if case_id in expected:
            assert queries.case_page(case_id, actor).case.id == case_id
        else:
            assert queries.available_actions(case_id, actor) == []
            with pytest.raises(queries.CaseNotFound):
                queries.case_page(case_id, actor)
            with pytest.raises(queries.CaseNotFound):
                do(case_id, "remark", actor, "看看")


@pytest.mark.parametrize(
    "actor", [Actor.resident(), Actor.device("MN1"), Actor(kind="STAFF", ref="staff:0")]
)
def test_who_has_no_post_sees_nothing(actor: Actor) -> None:
    _both(make_office())
    assert not Case.objects.visible_to(actor).exists()
    assert not Report.objects.visible_to(actor).exists()
    assert queries.queue(actor).rows == []
    assert queries.queue_counts(actor).open == 0
    assert queries.tasks_near(actor, 117.0, 39.0) == []


def test_the_auditor_changes_nothing() -> None:
    office = make_office()
    for case_id in _both(office):
        assert queries.available_actions(case_id, office.auditor) == []


def test_a_secret_report_is_not_the_grid_worker_s_to_read() -> None:
    office = make_office()
    report = make_report(secret=True)
    assert Case.objects.visible_to(office.grid_worker).filter(pk=report.case_id).exists()
    assert queries.case_page(report.case_id, office.grid_worker).reports == ()
    seen = queries.case_page(report.case_id, office.officer).reports
    assert [view.reporter_name for view in seen] == ["要求保密"]
    assert seen[0].reporter_phone == ""
    assert queries.nearby_open(117.005, 39.005) == []
    with pytest.raises(queries.ReportNotFound):
        queries.public_report(report.report_id)
    assert queries.public_reports().rows == []
    with pytest.raises(queries.ReportNotFound):
        actions.join_report(by=Actor.resident(), report_id=report.report_id)


WHISPER = "李家老三夜里偷偷往河里倒油漆桶"


def test_a_secret_report_is_found_by_its_number_alone() -> None:
    """By nobody by its words: that a search finds a case tells what was said in it."""
    office = make_office()
    alone = make_report(secret=True, text=WHISPER, title=WHISPER, place_text="老码头")
    open_one = make_report()
    whispered: dict[str, Any] = {
        "by": Actor.resident(),
        "text": WHISPER,
        "secret": True,
        "place_text": "老码头",
    }
    actions.join_report(**whispered, receipt=open_one.receipt)
    stays = make_report(text="井盖丢了")
    joined = actions.join_report(**whispered, receipt=stays.receipt)
    actions.split(case_id=stays.case_id, report_ids=[joined.report_id], by=office.dispatcher)
    actions.merge_cases(into=open_one.case_id, merged=[alone.case_id], by=office.dispatcher)
    for role in ROLES:
        for text in ("油漆桶", "李家老三", "河里", "老码头"):
            asked = queries.QueueFilters(text=text, closed=None)
            assert queries.queue(getattr(office, role), asked).rows == [], (role, text)
    asked = queries.QueueFilters(text=alone.case_number, closed=None)
    assert len(queries.queue(office.dispatcher, asked).rows) == 1


def test_the_words_of_a_secret_report_reach_nobody_it_is_hidden_from(client: Client) -> None:
    office = make_office()
    report = make_report(secret=True, text=WHISPER, title=WHISPER, photos=[make_photo()])
    do(report.case_id, "take", office.officer)
    do(
        report.case_id,
        "assist",
        office.officer,
        assisting=[office.other_bureau.pk],
        reason="一起看看",
    )
    actions.supplement(
        receipt=report.receipt, text=WHISPER, by=Actor.resident(), photos=[make_photo()]
    )
    for actor, page in ((office.grid_worker, "work"), (office.other_officer, "desk")):
        view = queries.case_page(report.case_id, actor)
        assert view.case.title == "垃圾清运"
        assert WHISPER not in repr(view)
        assert view.attachments == ()
        assert all(not act.attachments for act in view.acts)
        client.force_login(Account.objects.get(pk=account(actor)))
        answer = client.get(f"/{page}/{report.case_id}/")
        assert answer.status_code == 200
        assert "垃圾清运" in answer.content.decode()
        assert WHISPER not in answer.content.decode()
        answer = client.get(f"/api/v1/cases/{report.case_id}")
        assert answer.status_code == 200
        assert answer.json()["summary"] == ""
        assert WHISPER not in answer.content.decode()
    assert Notice.objects.exists()
    for notice in Notice.objects.all():
        assert WHISPER not in notice.title + notice.body
    for actor in (office.officer, office.dispatcher):
        view = queries.case_page(report.case_id, actor)
        assert view.reports[0].text == WHISPER
        assert len(view.attachments) == 2
        assert WHISPER in repr(view.acts)


def test_rights_of_two_posts_do_not_mix() -> None:
    """Leader of one village, officer of a bureau: neither right reaches beyond its post."""
    office = make_office()
    officer_elsewhere = make_staff(Role.OFFICER, organisation=office.other_bureau)
    make_post(
        Account.objects.get(pk=account(officer_elsewhere)),
        Role.LEADER,
        organisation=office.centre,
        division=OTHER_VILLAGE,
    )
    actor = actor_for(account(officer_elsewhere))
    here = make_report()
    there = make_report(lon=117.025, lat=39.005)
    seen = set(Case.objects.visible_to(actor).values_list("pk", flat=True))
    assert here.case_id not in seen
    assert there.case_id in seen
    codes = {offer.code for offer in queries.available_actions(there.case_id, actor)}
    assert codes == {"supervise"}


def test_a_township_s_dispatcher_sees_the_township() -> None:
    office = make_office()
    report = make_report()
    outside = make_report(lon=None, lat=None)
    local = make_staff(Role.DISPATCHER, organisation=office.centre, division=TOWNSHIP)
    seen = set(Case.objects.visible_to(local).values_list("pk", flat=True))
    assert seen == {report.case_id}
    assert may_see(local, case_record(report.case_id).facts)
    assert not may_see(local, case_record(outside.case_id).facts)
    assert queries.queue_counts(local).open == 1


def test_the_audit_list_is_the_auditor_s() -> None:
    office = make_office()
    _both(office)
    assert queries.audit_list(office.auditor).rows
    for actor in (office.dispatcher, office.leader, office.grid_worker, Actor.resident()):
        with pytest.raises(NotAllowed):
            queries.audit_list(actor)
