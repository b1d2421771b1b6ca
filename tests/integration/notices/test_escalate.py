"""An urgent notice left unread: the next channel, the next person, and a record of each."""

from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from huying.directory.models import Account
from huying.directory.permissions import NotAllowed
from huying.notices import actions, queries
from huying.notices.models import Delivery, Escalation, Notice
from tests.factories.notices import SYSTEM, make_address, make_reader, reading, tell

pytestmark = pytest.mark.django_db


def in_minutes(minutes: float) -> datetime:
    return timezone.now() + timedelta(minutes=minutes)


def steps() -> list[tuple[int, str, str]]:
    return list(
        Escalation.objects.order_by("id").values_list("notice__account_id", "step", "channel")
    )


def unread(account: Account) -> list[str]:
    return [row.title for row in queries.inbox(account.pk, only_unread=True).rows]


def test_first_the_next_channel_then_the_next_person_then_nobody() -> None:
    first, second, third = make_reader(), make_reader(), make_reader()
    make_address(first, "WEB_PUSH", "x")
    make_address(first, "APPRISE", "x")
    [notice_id] = tell(first, urgency="URGENT", escalate_to=[second, third])
    assert [d.channel for d in Delivery.objects.all()] == ["WEB_PUSH"]
    assert actions.escalate_unread(by=SYSTEM, now=in_minutes(9)) == 0

    assert actions.escalate_unread(by=SYSTEM, now=in_minutes(10.1)) == 1
    assert steps() == [(first.pk, "NEXT_CHANNEL", "APPRISE")]
    assert [d.channel for d in Delivery.objects.order_by("id")] == ["WEB_PUSH", "APPRISE"]
    assert actions.escalate_unread(by=SYSTEM, now=in_minutes(10.1)) == 0

    assert actions.escalate_unread(by=SYSTEM, now=in_minutes(21)) == 1
    assert steps()[1:] == [(first.pk, "NEXT_PERSON", "")]
    [passed] = queries.inbox(second.pk).rows
    assert passed.body.startswith("原接收人 21 分钟内没有查看，现转给您。\n请在两小时内响应。")
    assert Escalation.objects.get(step="NEXT_PERSON").to_notice_id == passed.id
    assert Notice.objects.get(pk=passed.id).escalated_from_id == notice_id
    assert unread(first), "the first keeps it"

    assert actions.escalate_unread(by=SYSTEM, now=in_minutes(32)) == 1
    assert unread(third)
    assert actions.escalate_unread(by=SYSTEM, now=in_minutes(43)) == 1
    assert [step for _, step, _ in steps()][-1] == "NOBODY_LEFT"
    assert actions.escalate_unread(by=SYSTEM, now=in_minutes(999)) == 0
    [left] = queries.unread_urgent()
    assert left.account_name == third.name


def test_what_goes_out_says_that_it_was_passed_on_and_no_more() -> None:
    first, second, third = make_reader(), make_reader(), make_reader()
    glance = actions.Glance("督办：垃圾清运", "城关镇东门社区第1网格 · 2026-000001")
    tell(first, urgency="URGENT", title="督办：张三家", glance=glance, escalate_to=[second, third])
    actions.escalate_unread(by=SYSTEM, now=in_minutes(11))
    actions.escalate_unread(by=SYSTEM, now=in_minutes(22))
    told = Notice.objects.filter(account_id__in=[second.pk, third.pk]).order_by("id")
    assert [(one.glance_title, one.glance_body.split("\n")) for one in told] == [
        (glance.title, [glance.body, f"原接收人 {minutes} 分钟内没有查看，现转给您。"])
        for minutes in (11, 22)
    ]


def test_an_emergency_goes_on_sooner() -> None:
    first, second = make_reader(), make_reader()
    tell(first, urgency="EMERGENCY", escalate_to=[second])
    assert actions.escalate_unread(by=SYSTEM, now=in_minutes(3.1)) == 1
    assert unread(second)


def test_read_in_time_it_goes_no_further() -> None:
    first, second = make_reader(), make_reader()
    ids = tell(first, urgency="URGENT", escalate_to=[second])
    actions.mark_read(notice_ids=ids, by=reading(first))
    assert actions.escalate_unread(by=SYSTEM, now=in_minutes(60)) == 0
    assert not unread(second)


def test_somebody_on_the_matter_it_goes_no_further() -> None:
    first, second = make_reader(), make_reader()
    tell(first, urgency="URGENT", subject="case:7", escalate_to=[second])
    tell(first, urgency="URGENT", subject="case:8", escalate_to=[second])
    assert actions.stop_escalation(subject="case:7", by=SYSTEM) == 1
    assert actions.escalate_unread(by=SYSTEM, now=in_minutes(60)) == 1
    assert len(unread(first)) == 2, "it stays in the inbox"


def test_people_told_together_are_passed_on_once() -> None:
    first, second, third = make_reader(), make_reader(), make_reader()
    tell(first, second, urgency="URGENT", escalate_to=[third])
    assert actions.escalate_unread(by=SYSTEM, now=in_minutes(11)) == 2
    assert len(unread(third)) == 1
    assert sorted(step for _, step, _ in steps()) == ["NEXT_PERSON", "NOBODY_LEFT"]


def test_people_told_together_of_whom_one_read_it_are_not_passed_on() -> None:
    first, second, third = make_reader(), make_reader(), make_reader()
    ids = tell(first, second, urgency="URGENT", escalate_to=[third])
    actions.mark_read(notice_ids=ids, by=reading(second))
    make_address(first, "APPRISE", "x")
    actions.escalate_unread(by=SYSTEM, now=in_minutes(11))
    actions.escalate_unread(by=SYSTEM, now=in_minutes(22))
    assert steps() == [(first.pk, "NEXT_CHANNEL", "APPRISE"), (first.pk, "NOBODY_LEFT", "")]
    assert not unread(third)


def test_in_quiet_hours_the_next_person_is_told_instead_of_ringing() -> None:
    first, second = make_reader(), make_reader()
    make_address(first, "APPRISE", "x")
    now = timezone.localtime()
    hours = ((now - timedelta(hours=2)).time(), (now + timedelta(hours=2)).time())
    actions.set_preferences(channels={}, quiet_hours=hours, by=reading(first))
    tell(first, urgency="URGENT", escalate_to=[second])
    actions.escalate_unread(by=SYSTEM, now=in_minutes(11))
    assert steps() == [(first.pk, "NEXT_PERSON", "")]
    assert not Delivery.objects.exists()
    tell(first, urgency="EMERGENCY", escalate_to=[second])
    Delivery.objects.all().delete()
    actions.escalate_unread(by=SYSTEM, now=in_minutes(4))
    assert steps()[1:] == [(first.pk, "NEXT_CHANNEL", "APPRISE")], "an emergency rings"


def test_only_who_administers_notices_escalates() -> None:
    with pytest.raises(NotAllowed):
        actions.escalate_unread(by=reading(make_reader()))


def test_old_notices_are_forgotten_with_their_deliveries() -> None:
    reader = make_reader()
    make_address(reader)
    actions.set_preferences(channels={"case": ["DEMO"]}, quiet_hours=None, by=reading(reader))
    [old] = tell(reader)
    [recent] = tell(reader)
    Notice.objects.filter(pk=old).update(created_at=timezone.now() - timedelta(days=366))
    assert actions.forget_old(by=SYSTEM) == 1
    assert [n.pk for n in Notice.objects.all()] == [recent]
    assert [d.notice_id for d in Delivery.objects.all()] == [recent]
    assert actions.forget_old(by=SYSTEM) == 0
