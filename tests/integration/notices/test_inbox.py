"""The inbox: whose it is, in pages, read and unread; choices and addresses."""

from datetime import time

import orjson
import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from huying.directory.permissions import Actor, NotAllowed, Permission
from huying.notices import actions, queries
from huying.notices.models import Address, Delivery, Notice, Preference, QuietHours
from tests.factories.notices import SYSTEM, make_address, make_reader, reading, tell
from tests.integration.notices.test_channels import subscription

pytestmark = pytest.mark.django_db
PUSH = "https://fcm.googleapis.com/fcm/send/abc"


def test_the_inbox_is_paged_newest_first(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    reader, other = make_reader(), make_reader()
    ids = [tell(reader, other)[0] for _ in range(5)]
    with django_assert_num_queries(2):
        first = queries.inbox(reader.pk, limit=2)
    assert [row.id for row in first.rows] == ids[:2:-1]
    second = queries.inbox(reader.pk, limit=2, before=first.next_before)
    third = queries.inbox(reader.pk, limit=2, before=second.next_before)
    assert [row.id for row in second.rows + third.rows] == ids[2::-1]
    assert third.next_before is None


def test_one_marks_only_one_s_own_notices_read() -> None:
    reader, other = make_reader(), make_reader()
    ids = tell(reader, other, urgency="URGENT")
    assert actions.mark_read(notice_ids=ids, by=reading(reader)) == 1
    assert actions.mark_read(notice_ids=ids, by=reading(reader)) == 0
    assert (queries.unread_count(reader.pk), queries.unread_count(other.pk)) == (0, 1)
    mine = Notice.objects.get(account=reader)
    assert mine.read_at is not None
    assert mine.escalate_at is None
    assert queries.notice_of(reader.pk, mine.pk) is not None
    assert queries.notice_of(other.pk, mine.pk) is None


def test_what_came_while_the_page_was_open_stays_unread() -> None:
    reader = make_reader()
    [seen] = tell(reader)
    tell(reader)
    assert actions.mark_all_read(up_to=seen, by=reading(reader)) == 1
    assert queries.unread_count(reader.pk) == 1
    assert len(queries.inbox(reader.pk, only_unread=True).rows) == 1


def test_without_an_account_there_is_no_inbox() -> None:
    with pytest.raises(NotAllowed):
        actions.mark_read(notice_ids=[1], by=Actor.resident())
    with pytest.raises(NotAllowed):
        actions.set_preferences(channels={}, quiet_hours=None, by=SYSTEM)


def test_counting_unread_stops_at_a_hundred() -> None:
    reader = make_reader()
    for _ in range(102):
        tell(reader)
    assert queries.unread_count(reader.pk) == 100


def test_choices_replace_the_county_s_defaults() -> None:
    reader = make_reader()
    make_address(reader, "APPRISE", "x")
    assert queries.choices(reader.pk).channels["case"] == ("WEB_PUSH",)
    actions.set_preferences(
        channels={"case": ["DEMO", "APPRISE"], "alert": []},
        quiet_hours=(time(22), time(7)),
        by=reading(reader),
    )
    chosen = queries.choices(reader.pk)
    assert chosen.channels["case"] == ("APPRISE", "DEMO")
    assert chosen.channels["alert"] == ()
    assert chosen.chosen == {"case", "alert"}
    assert chosen.quiet_hours == (time(22), time(7))
    assert chosen.reachable == {"APPRISE"}
    actions.set_preferences(channels={"alert": ["APPRISE"]}, quiet_hours=None, by=reading(reader))
    chosen = queries.choices(reader.pk)
    assert chosen.chosen == {"alert"}
    assert chosen.quiet_hours is None


@pytest.mark.parametrize(
    ("channels", "quiet"),
    [
        ({"nonsense": []}, None),
        ({"case": ["PIGEON"]}, None),
        ({"case": ["INBOX"]}, None),
        ({}, (time(7), time(7))),
    ],
)
def test_choices_that_cannot_be_are_refused(
    channels: dict[str, list[str]], quiet: tuple[time, time] | None
) -> None:
    with pytest.raises(actions.AddressRefused):
        actions.set_preferences(channels=channels, quiet_hours=quiet, by=reading(make_reader()))


def subscribe(by: Actor, endpoint: str = PUSH) -> int:
    keys = subscription_keys()
    return actions.subscribe_push(
        endpoint=endpoint, p256dh=keys["p256dh"], auth=keys["auth"], name="手机", by=by
    )


def subscription_keys() -> dict[str, str]:
    keys: dict[str, str] = orjson.loads(subscription(PUSH))["keys"]
    return keys


def test_a_browser_is_one_person_s_at_a_time_and_sealed() -> None:
    first, second = make_reader(), make_reader()
    address = subscribe(reading(first))
    assert subscribe(reading(first)) == address, "twice is once"
    with connection.cursor() as cursor:
        cursor.execute("SELECT sealed FROM notices_address WHERE id = %s", [address])
        assert b"fcm.googleapis" not in bytes(cursor.fetchone()[0])
    taken_over = subscribe(reading(second))
    assert not Address.objects.get(pk=address).is_active
    assert queries.choices(second.pk).reachable == {"WEB_PUSH"}
    assert not actions.unsubscribe_push(endpoint=PUSH, by=reading(first))
    assert actions.unsubscribe_push(endpoint=PUSH, by=reading(second))
    assert not Address.objects.get(pk=taken_over).is_active
    assert subscribe(reading(second)) == taken_over


@pytest.mark.parametrize(
    "endpoint", ["http://127.0.0.1:6379/", "https://10.0.0.1/x", "https://example.net/x"]
)
def test_a_push_service_of_one_s_own_is_refused(endpoint: str) -> None:
    with pytest.raises(actions.AddressRefused):
        subscribe(reading(make_reader()), endpoint)
    assert not Address.objects.exists()


@pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")
def test_addresses_are_given_by_who_administers_notices() -> None:
    reader = make_reader()
    administrator = reading(make_reader(), Permission.NOTICE_ADMIN)

    def give(value: str, by: Actor) -> int:
        return actions.add_address(
            account_id=reader.pk, channel="APPRISE", name="政务微信", value=value, by=by
        )

    with pytest.raises(NotAllowed):
        give("wecombot://abcdef", reading(reader))
    with pytest.raises(actions.AddressRefused):
        give("nonsense", administrator)
    address = give("wecombot://abcdef", administrator)
    [row] = queries.addresses(account_id=reader.pk)
    assert (row.id, row.name, row.account_name) == (address, "政务微信", reader.name)
    other = reading(make_reader())
    assert not actions.remove_address(address_id=address, by=other)
    assert actions.remove_address(address_id=address, by=reading(reader))
    assert queries.addresses() == []


# Integrity lives in the database; each constraint from both sides.


def test_the_database_refuses_what_makes_no_sense() -> None:
    reader = make_reader()
    address = make_address(reader)
    [notice_id] = tell(reader)
    now = timezone.now()
    for change in (
        lambda: Notice.objects.update(urgency="LOUD"),
        lambda: Notice.objects.update(title=""),
        lambda: Notice.objects.update(glance_title=""),
        lambda: Notice.objects.update(kind=""),
        lambda: Notice.objects.update(read_at=now, escalate_at=now),
        lambda: Delivery.objects.create(notice_id=notice_id, address=address, state="LOST"),
        lambda: Delivery.objects.create(notice_id=notice_id, address=address, state="SENT"),
        lambda: Delivery.objects.create(
            notice_id=notice_id, address=address, state="PENDING", sent_at=now
        ),
        lambda: make_address(reader, "INBOX"),
        lambda: Address.objects.create(
            account=reader, channel="DEMO", name="x", sealed="x", digest=address.digest
        ),
        lambda: Preference.objects.create(account=reader, topic="case", channels=["INBOX"]),
        lambda: QuietHours.objects.create(account=reader, starts=time(1), ends=time(1)),
    ):
        with pytest.raises((IntegrityError, ValidationError)), transaction.atomic():
            change()
    Delivery.objects.create(notice_id=notice_id, address=address, channel="DEMO")
    with pytest.raises(IntegrityError), transaction.atomic():
        Delivery.objects.create(notice_id=notice_id, address=address, channel="DEMO")
    Notice.objects.update(read_at=now)
    Delivery.objects.update(state="SENT", sent_at=now)
    Preference.objects.create(account=reader, topic="case", channels=["DEMO"])
    with pytest.raises(IntegrityError), transaction.atomic():
        Preference.objects.create(account=reader, topic="case", channels=[])
    QuietHours.objects.create(account=reader, starts=time(22), ends=time(7))
