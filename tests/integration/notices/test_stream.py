"""Live updates end to end: COMMIT in PostgreSQL → bytes at an HTTP client, and back again
after every kind of break."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.db import connection, transaction
from django.test import Client
from pytest_django import DjangoDbBlocker

from huying.directory.models import Account
from huying.directory.permissions import Actor, Role
from huying.notices import actions
from tests.factories.directory import COUNTY, TOWNSHIP, make_organisation, make_staff
from tests.factories.notices import make_reader, tell
from tests.integration.notices.live import (
    ORIGIN,
    Live,
    cookie_of,
    running_live,
    second_connection,
    wait_until_listening,
)

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(scope="module")
def live(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[Live]:
    with django_db_blocker.unblock(), running_live() as running:
        yield running


def write_notice(cursor: Any, account_id: int, title: str) -> int:
    """What another process writes in its own transaction, and dies before it wakes anybody."""
    cursor.execute(
        """
        INSERT INTO notices_notice (account_id, kind, urgency, title, body, glance_title,
            glance_body, link, subject, sent_by, batch, escalate_to, escalated_steps)
        VALUES (%s, 'case.x', 'NORMAL', %s, '', 'x', '', '/', 'case:1', 'system:test',
            gen_random_uuid(), '{}', 0)
        RETURNING id
        """,
        [account_id, title],
    )
    return int(cursor.fetchone()[0])


def test_a_notice_reaches_its_reader_and_nobody_else(live: Live) -> None:
    reader, other = make_reader(), make_reader()
    with live.reading(reader) as mine, live.reading(other) as theirs:
        first = mine.next()
        assert (first.kind, first.data) == ("sync", {"unread": 0, "reload": False})
        assert first.id, "a browser that loses the line before the first event can resume"
        theirs.next()
        [notice_id] = tell(reader, urgency="URGENT", title="监测点达到预警值")
        event = mine.next()
        assert (event.kind, event.data["id"], event.data["title"], event.data["urgency"]) == (
            "notice", notice_id, "监测点达到预警值", "URGENT",
        )  # fmt: skip
        assert set(event.data) == {"id", "kind", "title", "body", "link", "urgency", "at"}
        [other_id] = tell(other)
        assert theirs.next().data["id"] == other_id


def test_a_resumed_stream_has_what_it_missed_once_and_nothing_twice(live: Live) -> None:
    reader = make_reader()
    with live.reading(reader) as stream:
        stream.next()
        tell(reader)
        seen = stream.next()
    missed = [*tell(reader, title="二"), *tell(reader, title="三")]
    with live.reading(reader, last=seen.id) as stream:
        again = [stream.next(), stream.next()]
        assert [event.data["id"] for event in again] == missed
        assert [event.data["title"] for event in again] == ["二", "三"]
        sync = stream.next()
        assert (sync.kind, sync.data) == ("sync", {"unread": 3, "reload": True})
        [live_id] = tell(reader)
        assert stream.next().data["id"] == live_id
    # Lost in the middle of catching up: the first of the two was received, not the second.
    with live.reading(reader, path=f"/live/?last_event_id={again[0].id}") as stream:
        assert [stream.next().data["id"], stream.next().data["id"]] == [missed[1], live_id]
        assert stream.next().kind == "sync"


def test_a_lower_id_that_commits_later_is_not_lost(live: Live) -> None:
    reader = make_reader()
    with second_connection() as slow, live.reading(reader) as stream:
        stream.next()
        lower = write_notice(slow.cursor(), reader.pk, "先写后提交")
        [higher] = tell(reader, title="后写先提交")
        assert lower < higher
        seen = stream.next()
        assert seen.data["id"] == higher
        stream.response.close()
        slow.commit()
        with live.reading(reader, last=seen.id) as resumed:
            assert resumed.next().data["id"] == lower
            sync = resumed.next()
            assert sync.kind == "sync"
            [newest] = tell(reader)
            assert resumed.next().data["id"] == newest
        with live.reading(reader, last=sync.id) as resumed:
            assert [resumed.next().data["id"], resumed.next().kind] == [newest, "sync"]


def test_a_lower_id_that_commits_later_comes_live_and_not_again(live: Live) -> None:
    reader = make_reader()
    with second_connection() as slow, live.reading(reader) as stream:
        stream.next()
        lower = write_notice(slow.cursor(), reader.pk, "先写后提交")
        [higher] = tell(reader)
        assert stream.next().data["id"] == higher
        slow.commit()
        last = stream.next()
        assert last.data["id"] == lower
    with live.reading(reader, last=last.id) as resumed:
        assert resumed.next().kind == "sync"


def test_a_lost_database_connection_loses_no_notice(live: Live) -> None:
    reader = make_reader()
    with live.reading(reader) as stream:
        stream.next()
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
                "WHERE application_name = 'huying live' AND datname = current_database()"
            )
            assert cursor.fetchone() == (2,)
        [notice_id] = tell(reader)
        event = stream.next()
        assert (event.kind, event.data["id"]) == ("notice", notice_id)
        sync = stream.next()
        assert (sync.kind, sync.data["reload"]) == ("sync", True)
        wait_until_listening(live)
        [notice_id] = tell(reader)
        assert stream.next().data["id"] == notice_id


def test_too_far_behind_the_page_is_told_to_read_anew(live: Live) -> None:
    reader = make_reader()
    with live.reading(reader) as stream:
        first = stream.next()
    with transaction.atomic():
        for _ in range(101):
            tell(reader)
    for last in (first.id, "not a position", str(2**63)):
        with live.reading(reader, last=last) as stream:
            sync = stream.next()
            assert (sync.kind, sync.data) == ("sync", {"unread": 100, "reload": True})


def test_a_case_reaches_those_who_may_see_it(live: Live) -> None:
    unit = make_organisation()
    county = make_staff(Role.DISPATCHER, division=COUNTY)
    officer = make_staff(Role.OFFICER, organisation=unit)
    township = make_staff(Role.DISPATCHER, division=TOWNSHIP)
    accounts = [_account(actor) for actor in (county, officer, township)]
    with (
        live.reading(accounts[0]) as at_county,
        live.reading(accounts[1]) as in_unit,
        live.reading(accounts[2]) as in_township,
    ):
        for stream in (at_county, in_unit, in_township):
            stream.next()
        with transaction.atomic():
            _announce(7, "990101002001", [unit.pk])
            _announce(8, "990101001001", [0])
            _announce(9, "990101001001", [unit.pk])
        assert [at_county.next().data["case_id"] for _ in range(3)] == [7, 8, 9]
        assert [in_unit.next().data["case_id"] for _ in range(2)] == [7, 9]
        event = in_township.next()
        assert (event.kind, event.data) == (
            "case", {"case_id": 8, "number": "2026-000008", "state": "DISPATCHED"},
        )  # fmt: skip
        assert event.id == "", "a case event does not move the position"


def _announce(case_id: int, division: str, units: list[int]) -> None:
    actions.announce_case(
        case_id=case_id,
        division_code=division,
        organisation_ids=units,
        state="DISPATCHED",
        number=f"2026-{case_id:06d}",
    )


def _account(actor: Actor) -> Account:
    assert actor.account_id is not None
    return Account.objects.get(pk=actor.account_id)


def test_nobody_listens_without_a_session(live: Live) -> None:
    assert live.get().status_code == 401
    assert live.get(Cookie="sessionid=invented").status_code == 401
    reader = make_reader()
    cookie = cookie_of(reader)
    Session.objects.all().delete()
    assert live.get(Cookie=cookie).status_code == 401


@pytest.mark.parametrize("change", ["idle", "started", "inactive", "password"])
def test_a_session_is_held_to_the_rules_of_the_pages(live: Live, change: str) -> None:
    reader = make_reader()
    client = Client()
    client.force_login(reader)
    session = client.session
    if change == "idle":
        session["seen_at"] = 1
    elif change == "started":
        session["started_at"] = 1
    elif change == "inactive":
        reader.is_active = False
    else:
        reader.set_password("Another-2026-password")
    session.save()
    reader.save()
    answer = live.get(Cookie=f"sessionid={client.cookies['sessionid'].value}")
    assert (answer.status_code, answer.json()) == (401, {"code": "NOT_SIGNED_IN"})


def test_watching_does_not_keep_a_session_alive(live: Live) -> None:
    reader = make_reader()
    before = cookie_of(reader)
    stored = Session.objects.get().session_data
    with live.reading(reader) as stream:
        stream.next()
        assert stored in set(Session.objects.values_list("session_data", flat=True))
    assert before


def test_only_the_site_may_read_it_from_a_browser(live: Live) -> None:
    reader = make_reader()
    refused = live.get(Cookie=cookie_of(reader), Origin="http://elsewhere.test")
    assert refused.status_code == 403
    assert "access-control-allow-origin" not in refused.headers
    with live.reading(reader) as stream:
        headers = stream.response.headers
        assert headers["access-control-allow-origin"] == ORIGIN
        assert headers["access-control-allow-credentials"] == "true"
        assert headers["content-type"].startswith("text/event-stream")
        assert headers["cache-control"] == "no-store"


def test_its_health_says_whether_it_listens(live: Live) -> None:
    reader = make_reader()
    with live.reading(reader) as stream:
        stream.next()
        answer = live.get("/healthz")
        assert answer.status_code == 200
        assert answer.json()["listening"] is True
        assert answer.json()["browsers"] >= 1
