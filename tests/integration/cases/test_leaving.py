"""An officer leaves: cases and shifts find new hands, all or nothing, and it can be seen before."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from huying.cases import queries
from huying.cases.models import Act, Case
from huying.directory import actions as directory
from huying.directory import queries as directory_queries
from huying.directory.events import staff_left
from huying.directory.models import Account, DutyShift, Organisation, Post
from huying.directory.permissions import Actor, Role
from huying.directory.queries import actor_for
from huying.directory.tasks import hand_over_ended
from huying.ledger.models import Record
from huying.notices.models import Notice
from tests.factories.cases import Office, account, do, make_report
from tests.factories.directory import SYSTEM, account_of, make_post, make_staff

pytestmark = pytest.mark.django_db


def _taken(office: Office, number: int = 2) -> list[int]:
    found = [make_report(text=f"第{one}处垃圾没人清运").case_id for one in range(number)]
    for case_id in found:
        do(case_id, "take", office.officer)
    return found


def _shift(unit: Organisation, who: Actor, starts: float, ends: float, rank: int = 1) -> None:
    now = timezone.now().replace(minute=0, second=0, microsecond=0)
    directory.set_shifts(
        shifts=[
            directory.NewShift(
                organisation_id=unit.pk,
                account_id=account(who),
                starts_at=now + timedelta(hours=starts),
                ends_at=now + timedelta(hours=ends),
                rank=rank,
            )
        ],
        by=SYSTEM,
    )


def _switch_off(who: Actor, by: Actor = SYSTEM) -> None:
    directory.set_account_active(account_id=account(who), active=False, by=by)


def test_open_cases_go_to_the_head_by_a_sealed_act_and_one_notice(office: Office) -> None:
    first, second = _taken(office)
    done = make_report(text="早先的一处垃圾").case_id
    do(done, "take", office.officer)
    do(done, "answer", office.officer, reply="已清运干净。", outcome="SOLVED")
    do(done, "close", office.dispatcher)
    security = make_staff(Role.SECURITY_ADMIN, name="韩安全")
    due = Case.objects.get(pk=first).due_at
    _switch_off(office.officer, by=security)
    for case_id in (first, second):
        case = Case.objects.get(pk=case_id)
        assert case.officer_id == account(office.head)
        assert (case.state, case.due_at) == ("HANDLING", due if case_id == first else case.due_at)
        act = Act.objects.filter(case=case_id).latest("seq")
        assert (act.action, act.actor_ref) == ("hand_over", security.ref)
        assert act.data == {"from": account(office.officer), "to": account(office.head)}
        assert "郑经办离岗，移交王局长" in act.note
        assert act.record_id is not None
        assert Record.objects.filter(pk=act.record_id, subject=f"case:{case_id}").exists()
        assert queries.replay_state(case_id) == case.state
        page = queries.case_page(case_id, office.head)
        assert "移交经办人" in {one.label for one in page.acts}
    assert Case.objects.get(pk=done).officer_id == account(office.officer)
    notice = Notice.objects.get(kind="case.handed_over")
    assert notice.account_id == account(office.head)
    assert "2 件" in notice.title
    # Goes on at once.
    do(first, "answer", office.head, reply="已经清运。", outcome="SOLVED")


def test_who_is_on_duty_comes_before_the_head(office: Office) -> None:
    (case_id,) = _taken(office, 1)
    colleague = make_staff(Role.OFFICER, name="孙同事", organisation=office.bureau)
    _shift(office.bureau, office.officer, -1, 5)
    _shift(office.bureau, colleague, -1, 5, rank=2)
    _switch_off(office.officer)
    assert Case.objects.get(pk=case_id).officer_id == account(colleague)


def test_a_unit_without_anybody_keeps_the_case_and_the_dispatchers_hear(office: Office) -> None:
    (case_id,) = _taken(office, 1)
    _switch_off(office.head)
    _switch_off(office.officer)
    case = Case.objects.get(pk=case_id)
    assert case.officer_id is None
    assert case.lead_organisation_id == office.bureau.pk
    notice = Notice.objects.get(kind="case.handed_over")
    assert notice.account_id == account(office.dispatcher)
    assert "无人接办" in notice.title


def test_the_end_of_a_post_hands_over_what_was_held_by_it_alone(office: Office) -> None:
    (case_id,) = _taken(office, 1)
    make_post(account_of(office.officer), Role.OFFICER, organisation=office.other_bureau)
    held = make_report(category="ALERT", text="河水发黑").case_id
    do(held, "take", actor_for(account(office.officer)))
    post = Post.objects.get(account=account(office.officer), organisation=office.bureau)
    directory.end_post(post_id=post.pk, by=SYSTEM)
    assert Case.objects.get(pk=case_id).officer_id == account(office.head)
    assert Case.objects.get(pk=held).officer_id == account(office.officer)


def test_two_posts_in_one_unit_keep_the_cases(office: Office) -> None:
    (case_id,) = _taken(office, 1)
    make_post(account_of(office.officer), Role.UNIT_HEAD, organisation=office.bureau)
    post = Post.objects.get(account=account(office.officer), role=Role.OFFICER)
    directory.end_post(post_id=post.pk, by=SYSTEM)
    assert Case.objects.get(pk=case_id).officer_id == account(office.officer)


def test_a_post_that_ends_by_the_calendar_is_seen_at_midnight(office: Office) -> None:
    (case_id,) = _taken(office, 1)
    post = Post.objects.get(account=account(office.officer))
    tomorrow = timezone.localdate() + timedelta(days=1)
    directory.end_post(post_id=post.pk, on=tomorrow, by=SYSTEM)
    assert Case.objects.get(pk=case_id).officer_id == account(office.officer)
    yesterday = timezone.localdate() - timedelta(days=1)
    Post.objects.filter(pk=post.pk).update(start_date=yesterday, end_date=yesterday)
    hand_over_ended(timestamp=0)
    assert Case.objects.get(pk=case_id).officer_id == account(office.head)
    acts = Act.objects.filter(action="hand_over").count()
    hand_over_ended(timestamp=0)
    assert Act.objects.filter(action="hand_over").count() == acts


def test_shifts_go_to_the_head_unless_somebody_else_has_them(office: Office) -> None:
    colleague = make_staff(Role.OFFICER, name="孙同事", organisation=office.bureau)
    _shift(office.bureau, office.officer, -2, 3)  # running, alone
    _shift(office.bureau, office.officer, 24, 32)  # with a second
    _shift(office.bureau, colleague, 24, 32, rank=2)
    _shift(office.bureau, office.officer, 48, 56)  # alone
    _shift(office.bureau, office.officer, -50, -40)  # served
    _switch_off(office.officer)
    now = timezone.now()
    assert not DutyShift.objects.filter(account=account(office.officer), ends_at__gt=now).exists()
    assert DutyShift.objects.filter(account=account(office.officer)).count() == 2
    assert DutyShift.objects.filter(account=account(office.head)).count() == 2
    assert DutyShift.objects.filter(account=account(colleague)).count() == 1
    assert DutyShift.objects.on(now + timedelta(hours=1)).get().account_id == account(office.head)
    entry = bytes(Record.objects.get(kind="roster.handed_over").entry)
    assert b"covered_by_others" in entry


def test_all_or_nothing(office: Office) -> None:
    (case_id,) = _taken(office, 1)
    _shift(office.bureau, office.officer, 24, 32)

    def fails(**_kwargs: Any) -> None:
        raise RuntimeError("a room that cannot let go")

    staff_left.connect(fails, dispatch_uid="tests.fails")
    records = Record.objects.count()
    try:
        with pytest.raises(RuntimeError):
            _switch_off(office.officer)
    finally:
        staff_left.disconnect(dispatch_uid="tests.fails")
    assert Account.objects.get(pk=account(office.officer)).is_active
    assert Case.objects.get(pk=case_id).officer_id == account(office.officer)
    assert DutyShift.objects.filter(account=account(office.officer)).exists()
    assert not Notice.objects.filter(kind="case.handed_over").exists()
    assert Record.objects.count() == records


def test_the_administrator_sees_before_how_much_it_is(office: Office, client: Client) -> None:
    _taken(office)
    _shift(office.bureau, office.officer, 24, 32)
    held = {one.label: one.count for one in directory_queries.held_by(account(office.officer))}
    assert held == {"值班班次": 1, "在办事项": 2}
    client.force_login(account_of(make_staff(Role.SECURITY_ADMIN)))
    page = client.get(f"/admin/directory/account/{account(office.officer)}/change/")
    assert "值班班次 1、在办事项 2会移交给" in page.content.decode()
    post = Post.objects.get(account=account(office.officer))
    page = client.get(f"/admin/directory/post/{post.pk}/change/")
    assert "在办事项 2会移交给" in page.content.decode()
    page = client.get(f"/admin/directory/account/{account(office.clerk)}/change/")
    assert "没有在办事项和值班班次" in page.content.decode()
