"""The outbox: sent once by two drains, at least once by a killed one, retried, given up."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from threading import Barrier, Lock, Thread
from typing import Any

import pytest
from django.db import connections
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from huying.directory.permissions import NotAllowed, Permission
from huying.notices import actions, queries
from huying.notices.actions import deliver
from huying.notices.channels.base import Message, SendFailed
from huying.notices.channels.demo import DemoChannel
from huying.notices.models import Address, Delivery
from tests.factories.notices import (
    SYSTEM,
    make_address,
    make_reader,
    reading,
    tell,
)

pytestmark = pytest.mark.django_db


class Fake(DemoChannel):
    """The demo channel, keeping what it was asked to send."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str]] = []
        self.messages: list[Message] = []
        self.lock = Lock()

    def send(self, address: str, message: Message) -> None:
        with self.lock:
            self.sent.append((address, message.key))
            self.messages.append(message)
        super().send(address, message)


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Fake:
    channel = Fake()
    monkeypatch.setattr(deliver, "registry", lambda: {"DEMO": channel})
    return channel


def told(value: str = "take", urgency: str = "URGENT", count: int = 1) -> list[Delivery]:
    """Deliveries to a reader who chose the demo channel."""
    reader = make_reader()
    make_address(reader, "DEMO", value)
    actions.set_preferences(channels={"case": ["DEMO"]}, quiet_hours=None, by=reading(reader))
    ids = [notice for _ in range(count) for notice in tell(reader, urgency=urgency)]
    return list(Delivery.objects.filter(notice_id__in=ids).order_by("id"))


def make_due() -> None:
    Delivery.objects.update(next_attempt_at=timezone.now() - timedelta(seconds=1))


def test_what_waits_is_sent_and_its_time_kept(fake: Fake) -> None:
    [delivery] = told()
    assert actions.drain(by=SYSTEM) == actions.DrainResult(sent=1)
    delivery.refresh_from_db()
    assert (delivery.state, delivery.attempts, delivery.leased_until) == ("SENT", 1, None)
    assert delivery.sent_at is not None
    assert fake.sent == [("take", f"notice:{delivery.notice_id}")]
    [row] = queries.inbox(delivery.notice.account_id).rows
    assert [(d.name, d.state, d.sent_at) for d in row.deliveries] == [
        ("测试地址", "SENT", delivery.sent_at)
    ]
    assert actions.drain(by=SYSTEM).taken == 0


def test_the_glance_goes_out_and_the_words_stay(fake: Fake) -> None:
    reader = make_reader()
    make_address(reader, "DEMO", "refuse")
    actions.set_preferences(channels={"case": ["DEMO"]}, quiet_hours=None, by=reading(reader))
    tell(
        reader,
        title="新派单：张三家门口的垃圾",
        body="东街7号",
        glance=actions.Glance("新派单：垃圾清运", "城关镇东门社区第1网格 · 2026-000001"),
        urgency="URGENT",
    )
    actions.drain(by=SYSTEM)
    [message] = fake.messages
    assert (message.title, message.body) == (
        "新派单：垃圾清运",
        "城关镇东门社区第1网格 · 2026-000001",
    )
    [row] = queries.inbox(reader.pk).rows
    assert (row.title, row.body) == ("新派单：张三家门口的垃圾", "东街7号")
    [letter] = queries.dead_letters()
    assert (letter.title, letter.body) == (message.title, message.body)


def test_many_are_sent_in_batches_of_two_statements(
    fake: Fake, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    told(count=deliver.BATCH + 3)
    with django_assert_num_queries(4):
        assert actions.drain(by=SYSTEM).sent == deliver.BATCH + 3
    assert len(fake.sent) == len(set(fake.sent)) == deliver.BATCH + 3


@pytest.mark.django_db(transaction=True)
def test_two_drains_at_once_send_once(fake: Fake) -> None:
    told(count=2 * deliver.BATCH)
    start, results = Barrier(2), []

    def run() -> None:
        start.wait(5)
        try:
            results.append(actions.drain(by=SYSTEM))
        finally:
            connections.close_all()

    threads = [Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(result.sent for result in results) == 2 * deliver.BATCH
    assert len(fake.sent) == len(set(fake.sent)) == 2 * deliver.BATCH


def test_a_killed_drain_s_messages_are_sent_again_with_the_same_key(
    fake: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    [delivery] = told()

    class Killed(BaseException):
        """As if the process ended between sending and noting it."""

    def kill(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(deliver, "_note", kill)
        with pytest.raises(Killed):
            actions.drain(by=SYSTEM)
    assert actions.drain(by=SYSTEM).taken == 0, "the lease runs: nobody else sends it now"
    Delivery.objects.update(leased_until=timezone.now() - timedelta(seconds=1))
    assert actions.drain(by=SYSTEM) == actions.DrainResult(sent=1)
    assert fake.sent == [("take", f"notice:{delivery.notice_id}")] * 2
    delivery.refresh_from_db()
    assert (delivery.state, delivery.attempts) == ("SENT", 2)


def test_a_drain_that_lost_its_lease_does_not_overrule_the_next(
    fake: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    [delivery] = told("fail")
    before = fake.send

    def slow(address: str, message: Message) -> None:
        Delivery.objects.update(leased_until=None, state="SKIPPED")
        before(address, message)

    monkeypatch.setattr(fake, "send", slow)
    monkeypatch.setattr(deliver, "ThreadPoolExecutor", InPlace)
    actions.drain(by=SYSTEM)
    delivery.refresh_from_db()
    assert delivery.state == "SKIPPED"


class InPlace:
    """An executor without threads, so that a send may use the test's transaction."""

    def __init__(self, *_: object, **__: object) -> None:
        pass

    def __enter__(self) -> "InPlace":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def map(self, function: Callable[[Any], Any], rows: list[Any]) -> Iterator[Any]:
        return map(function, rows)


def test_a_failure_is_retried_later_and_given_up_at_last(fake: Fake) -> None:
    [delivery] = told("fail")
    waits = []
    for attempt in range(1, 7):
        before = timezone.now()
        result = actions.drain(by=SYSTEM)
        delivery.refresh_from_db()
        assert delivery.attempts == attempt
        if attempt < 6:
            assert (result.failed, delivery.state) == (1, "FAILED")
            waits.append((delivery.next_attempt_at - before).total_seconds() / 60)
            assert actions.drain(by=SYSTEM).taken == 0, "not before its time"
            make_due()
    assert (result.dead, delivery.state, delivery.error_code) == (1, "DEAD", "DEMO_FAILED")
    assert all(
        low <= wait <= high + 0.1
        for wait, (low, high) in zip(
            waits, [(0.5, 1), (1.5, 3), (4.5, 9), (13.5, 27), (30, 60)], strict=True
        )
    )
    [letter] = queries.dead_letters()
    assert (letter.id, letter.error_code, letter.attempts, letter.can_resend) == (
        delivery.pk,
        "DEMO_FAILED",
        6,
        True,
    )
    assert queries.dead_letters(before=letter.id) == []


def test_a_refusal_for_good_is_dead_at_once(fake: Fake) -> None:
    told("refuse")
    assert actions.drain(by=SYSTEM) == actions.DrainResult(dead=1)


def test_an_address_that_is_gone_is_not_used_again(fake: Fake) -> None:
    [delivery] = told("gone")
    assert actions.drain(by=SYSTEM).dead == 1
    assert not Address.objects.get(pk=delivery.address_id).is_active
    assert not queries.dead_letters()[0].can_resend
    tell(delivery.notice.account, urgency="EMERGENCY")
    assert Delivery.objects.count() == 1
    with pytest.raises(actions.NotADeadLetter):
        actions.resend(delivery_ids=[delivery.pk], by=SYSTEM)


def test_a_faulty_plugin_stops_only_its_own_message(
    fake: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    [first] = told()
    [second] = told()
    before = fake.send

    def faulty(address: str, message: Message) -> None:
        if message.key == f"notice:{first.notice_id}":
            raise ZeroDivisionError
        before(address, message)

    monkeypatch.setattr(fake, "send", faulty)
    assert actions.drain(by=SYSTEM) == actions.DrainResult(sent=1, dead=1)
    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.error_code, second.state) == ("ZERODIVISIONERROR", "SENT")


def test_a_message_that_kills_its_drain_is_given_up(fake: Fake) -> None:
    [delivery] = told()
    Delivery.objects.update(attempts=6)
    assert actions.drain(by=SYSTEM).dead == 1
    delivery.refresh_from_db()
    assert delivery.error_code == "INTERRUPTED"
    assert fake.sent == []


def test_what_was_read_in_the_inbox_is_not_sent(fake: Fake) -> None:
    [delivery] = told()
    actions.mark_read(notice_ids=[delivery.notice_id], by=reading(delivery.notice.account))
    assert actions.drain(by=SYSTEM) == actions.DrainResult(skipped=1)
    delivery.refresh_from_db()
    assert (delivery.state, delivery.attempts) == ("SKIPPED", 0)
    assert fake.sent == []


@pytest.mark.parametrize(
    ("urgency", "rings"), [("NORMAL", False), ("URGENT", False), ("EMERGENCY", True)]
)
def test_quiet_hours_hold_back_all_but_emergencies(fake: Fake, urgency: str, rings: bool) -> None:
    reader = make_reader()
    make_address(reader)
    now = timezone.localtime()
    actions.set_preferences(
        channels={"case": ["DEMO"]},
        quiet_hours=(
            (now - timedelta(hours=1)).time().replace(microsecond=0),
            (now + timedelta(hours=1)).time().replace(microsecond=0),
        ),
        by=reading(reader),
    )
    [notice_id] = tell(reader, urgency=urgency)
    assert queries.unread_count(reader.pk) == 1, "the inbox is told at once"
    result = actions.drain(by=SYSTEM)
    delivery = Delivery.objects.get(notice_id=notice_id)
    if rings:
        assert result == actions.DrainResult(sent=1)
    else:
        assert result == actions.DrainResult(postponed=1)
        assert (delivery.state, delivery.attempts) == ("PENDING", 0)
        left = delivery.next_attempt_at - timezone.now()
        assert timedelta(minutes=59) <= left <= timedelta(minutes=60)


def test_dead_letters_are_resent_by_who_may(fake: Fake) -> None:
    [delivery] = told("refuse")
    actions.drain(by=SYSTEM)
    administrator = reading(make_reader(), Permission.NOTICE_ADMIN)
    with pytest.raises(NotAllowed):
        actions.resend(delivery_ids=[delivery.pk], by=reading(delivery.notice.account))
    assert actions.resend(delivery_ids=[delivery.pk], by=administrator) == 1
    delivery.refresh_from_db()
    assert (delivery.state, delivery.attempts) == ("PENDING", 0)
    with pytest.raises(actions.NotADeadLetter):
        actions.resend(delivery_ids=[delivery.pk], by=administrator)


def test_only_who_administers_notices_drains() -> None:
    with pytest.raises(NotAllowed):
        actions.drain(by=reading(make_reader()))


def test_the_outbox_s_health() -> None:
    assert queries.outbox_health() == (0, 0.0, 0)
    told(count=2)
    Delivery.objects.update(next_attempt_at=timezone.now() - timedelta(minutes=5))
    waiting, age, dead = queries.outbox_health()
    assert (waiting, dead) == (2, 0)
    assert age == pytest.approx(300, abs=5)


def test_the_fake_behaves_as_the_demo_channel_does() -> None:
    fake, message = Fake(), Message("k", "t", "b", "u", "NORMAL")
    fake.send("take", message)
    with pytest.raises(SendFailed):
        fake.send("fail", message)
    assert fake.sent == [("take", "k"), ("fail", "k")]


def test_a_worker_whose_clock_stands_still_delays_nobody(
    fake: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    told()
    long_ago = timezone.now() - timedelta(days=200)
    monkeypatch.setattr(timezone, "now", lambda: long_ago)
    assert actions.drain(by=SYSTEM) == actions.DrainResult(sent=1)
