"""Telling people: one statement, one transaction, the channels they chose."""

import itertools
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any, TypeAlias

import orjson
import psycopg
import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from psycopg import sql
from pytest_django import DjangoAssertNumQueries

from huying.notices import actions, wire
from huying.notices.actions import announce
from huying.notices.models import Delivery, Notice
from tests.factories.notices import (
    SYSTEM,
    make_address,
    make_reader,
    reading,
    tell,
)
from tests.integration.notices.live import database_url, second_connection

Listener: TypeAlias = psycopg.Connection[Any]
_markers = itertools.count()
X = actions.Glance("x")

pytestmark = pytest.mark.django_db


@pytest.fixture
def listener(transactional_db: None) -> Iterator[Listener]:
    """A second connection that listens to the county's live channel."""
    with second_connection() as other:
        other.autocommit = True
        other.execute(sql.SQL("LISTEN {}").format(sql.Identifier(wire.channel_name())))
        yield other


def drains() -> int:
    """How often the drain waits to be run."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM procrastinate_jobs WHERE task_name='notices.drain'")
        return int(cursor.fetchone()[0])


@pytest.fixture
def no_jobs(transactional_db: None) -> None:
    """The queue's tables are not Django's, so nothing empties them between tests."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM procrastinate_jobs")


def heard(listener: Listener) -> list[dict[str, Any]]:
    """What was announced up to now: all that comes before a marker of our own."""
    marker = {"k": "marker", "number": next(_markers)}
    found: list[dict[str, Any]] = []
    for _second in range(30):
        # Again each second: an announcer whose connection was cut loses what it was sending.
        announce.after_commit(orjson.dumps(marker).decode())
        for notification in listener.notifies(timeout=1):
            news = orjson.loads(notification.payload)
            if news == marker:
                return [one for one in found if one["k"] != "marker"]
            found.append(news)
    raise AssertionError(f"the announcer said nothing in 30 s but {found}")


def test_notify_is_one_statement_and_returns_ascending_ids(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    first, second = make_reader(), make_reader()
    with django_assert_num_queries(1):
        ids = actions.notify(
            to=[second.pk, first.pk, first.pk],
            kind="alert.opened",
            title="监测点 PM2.5 达到预警值",
            body="小时均值 168 µg/m³",
            glance=actions.Glance("监测点 PM2.5 达到预警值", "城关镇东门社区第1网格"),
            link="/desk/cases/7/",
            urgency="URGENT",
            subject="case:7",
            by=SYSTEM,
            escalate_to=[second.pk, 42],
        )
    assert ids == sorted(ids)
    told = {n.account_id: n for n in Notice.objects.filter(id__in=ids)}
    assert set(told) == {first.pk, second.pk}
    notice = told[first.pk]
    assert (notice.sent_by, notice.subject, notice.urgency) == ("system:test", "case:7", "URGENT")
    assert notice.escalate_to == [42], "who is told already is not escalated to"
    assert notice.escalate_at is not None
    assert told[second.pk].batch == notice.batch


def test_a_normal_notice_is_not_escalated() -> None:
    [notice_id] = tell(make_reader())
    assert Notice.objects.get(pk=notice_id).escalate_at is None


def test_nobody_to_tell_costs_nothing(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    with django_assert_num_queries(0):
        assert actions.notify(
            to=[], kind="case.x", title="x", body="", glance=X, link="/",
            urgency="NORMAL", subject="case:1", by=SYSTEM,
        ) == []  # fmt: skip


@pytest.mark.django_db(transaction=True)
def test_outside_a_transaction_nothing_is_told() -> None:
    reader = make_reader()
    with pytest.raises(transaction.TransactionManagementError):
        actions.notify(
            to=[reader.pk], kind="case.x", title="x", body="", glance=X, link="/",
            urgency="NORMAL", subject="case:1", by=SYSTEM,
        )  # fmt: skip
    assert not Notice.objects.exists()


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(actions.NoticeTooLong, match="201"):
        tell(make_reader(), title="长" * 201)
    with pytest.raises(actions.NoticeTooLong, match="301"):
        tell(make_reader(), glance=actions.Glance("x", "长" * 301))


@pytest.mark.parametrize(
    ("urgency", "chosen", "expected"),
    [
        ("NORMAL", None, set()),
        ("URGENT", None, {"WEB_PUSH"}),
        ("EMERGENCY", None, {"WEB_PUSH", "APPRISE"}),
        ("NORMAL", ["APPRISE"], {"APPRISE"}),
        ("URGENT", [], set()),
        ("URGENT", ["DEMO"], {"DEMO"}),
        ("EMERGENCY", [], {"WEB_PUSH", "APPRISE"}),
        ("EMERGENCY", ["DEMO"], {"WEB_PUSH", "APPRISE", "DEMO"}),
    ],
)
def test_channels_follow_urgency_and_choice(
    urgency: str, chosen: list[str] | None, expected: set[str]
) -> None:
    reader = make_reader()
    for channel in ("WEB_PUSH", "APPRISE", "DEMO"):
        make_address(reader, channel, "irrelevant")
    gone = make_address(reader, "WEB_PUSH", "gone")
    gone.is_active = False
    gone.save()
    if chosen is not None:
        actions.set_preferences(channels={"case": chosen}, quiet_hours=None, by=reading(reader))
    ids = tell(reader, urgency=urgency)
    rows = Delivery.objects.filter(notice_id__in=ids)
    assert {row.channel for row in rows} == expected
    assert gone.pk not in {row.address_id for row in rows}


def test_a_choice_for_one_topic_leaves_the_others() -> None:
    reader = make_reader()
    make_address(reader, "DEMO")
    actions.set_preferences(channels={"alert": ["DEMO"]}, quiet_hours=None, by=reading(reader))
    tell(reader, kind="case.assigned")
    assert not Delivery.objects.exists()
    tell(reader, kind="alert.opened")
    assert Delivery.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_rolled_back_nobody_was_told(listener: Listener, no_jobs: None) -> None:
    reader = make_reader()
    make_address(reader, "WEB_PUSH")
    with transaction.atomic():
        tell(reader, urgency="URGENT")
        transaction.set_rollback(True)
    assert not Notice.objects.exists()
    assert not Delivery.objects.exists()
    assert drains() == 0
    assert heard(listener) == []


@pytest.mark.django_db(transaction=True)
def test_committed_the_streams_are_woken_and_the_outbox_drained(
    listener: Listener, no_jobs: None
) -> None:
    reader = make_reader()
    make_address(reader, "WEB_PUSH")
    [notice_id] = tell(reader, urgency="URGENT", title="一\x00二", body="甲" * 500)
    assert heard(listener) == [{"k": "notice"}]
    assert Notice.objects.get(pk=notice_id).title == "一 二"
    assert drains() == 1, "an outbox row wakes the drain after the commit"


@pytest.mark.django_db(transaction=True)
def test_rolled_back_nobody_is_woken(listener: Listener) -> None:
    reader = make_reader()
    with transaction.atomic():
        tell(reader)
        transaction.set_rollback(True)
    assert heard(listener) == []


@pytest.mark.django_db(transaction=True)
def test_the_act_itself_notifies_nobody() -> None:
    """NOTIFY within it would hold a lock of the whole server until its commit is on disk."""
    reader = make_reader()
    with CaptureQueriesContext(connection) as captured:
        tell(reader)
    assert captured
    assert not any("pg_notify" in query["sql"] for query in captured)


@pytest.mark.django_db(transaction=True)
def test_a_command_that_ends_at_once_is_heard(listener: Listener) -> None:
    done = subprocess.run(
        [
            *(sys.executable, "-c"),
            "import django; django.setup()\n"
            "from huying.notices import actions\n"
            "actions.announce_case(case_id=7, division_code='990101', organisation_ids=[],"
            " state='OPEN', number='2026-000007')",
        ],
        env={
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "huying.config.settings",
            "HUYING_DATABASE_URL": database_url(),
        },
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert [news["case_id"] for news in heard(listener)] == [7]


@pytest.mark.django_db(transaction=True)
def test_a_lost_connection_is_made_anew(listener: Listener) -> None:
    reader = make_reader()
    tell(reader)
    assert heard(listener) == [{"k": "notice"}]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            " WHERE application_name = 'huying announce' AND datname = current_database()"
        )
        assert cursor.fetchone() == (1,)
    tell(reader)  # perhaps not announced: the streams look every second
    heard(listener)
    tell(reader)
    assert heard(listener) == [{"k": "notice"}]


@pytest.mark.django_db(transaction=True)
def test_a_case_is_announced_alone_or_with_the_notice(
    listener: Listener, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(0):
        actions.announce_case(
            case_id=7, division_code="990101001000", organisation_ids=[3], state="DISPATCHED",
            number="2026-000007",
        )  # fmt: skip
    expected = {
        "k": "case", "case_id": 7, "number": "2026-000007", "state": "DISPATCHED",
        "division_code": "990101001000", "organisation_ids": [3], "grid_code": "",
    }  # fmt: skip
    assert heard(listener) == [expected]
    reader = make_reader()
    with transaction.atomic(), django_assert_num_queries(1):
        actions.notify(
            to=[reader.pk], kind="case.x", title="x", body="", glance=X, link="/",
            urgency="NORMAL", subject="case:7", by=SYSTEM,
            case=actions.CaseNews(7, "2026-000007", "DISPATCHED", "990101001000", (3,)),
        )  # fmt: skip
    assert [p["k"] for p in heard(listener)] == ["case", "notice"]


def test_a_title_is_one_line(transactional_db: None) -> None:
    """It is the subject of a mail: a second line there would be a header of somebody's choice."""
    reader = make_reader()
    (notice_id,) = tell(reader, title="派单\r\nBcc: other@example.org", body="第一行\n第二行")
    notice = Notice.objects.get(pk=notice_id)
    for title in (notice.title, notice.glance_title):
        assert "\n" not in title
        assert "\r" not in title
    assert notice.body == "第一行\n第二行"


def test_a_database_that_is_away_fills_no_memory_with_news(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(announce, "MOST_WAITING", 3)
    away = threading.Event()
    monkeypatch.setattr(announce._Announcer, "_send", lambda *_: away.wait(10))
    announcer = announce._Announcer()
    try:
        for number in range(50):
            announcer.put(str(number))
        assert announcer._waiting.qsize() <= 3
    finally:
        away.set()
        announcer.close()
