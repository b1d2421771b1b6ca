"""An urgent notice of a shipped procedure and the roster: whose turn it is, and who is next."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.utils import timezone

from huying.cases import queries
from huying.cases.queries.facts import case_record
from huying.cases.queries.procedures import procedure
from huying.cases.queries.recipients import ladders
from huying.cases.rules.procedure import Notice as Owed
from huying.directory import actions as directory
from huying.directory.models import Account, Organisation, Post
from huying.directory.permissions import Actor, Role
from huying.notices import actions as notices
from huying.notices.models import Notice
from tests.factories.cases import (
    IN_FIRST_GRID,
    Office,
    account,
    do,
    make_alert_case,
    make_office,
    make_report,
)
from tests.factories.directory import GRIDS, TOWNSHIP, make_organisation, make_staff
from tests.factories.notices import SYSTEM, make_address

pytestmark = pytest.mark.django_db


def on_duty(unit: Organisation, *people: Actor) -> None:
    """On shift now, the first with rank 1."""
    now = timezone.now()
    directory.set_shifts(
        shifts=[
            directory.NewShift(
                organisation_id=unit.pk,
                account_id=account(person),
                starts_at=now - timedelta(hours=1),
                ends_at=now + timedelta(hours=23),
                rank=rank,
            )
            for rank, person in enumerate(people, start=1)
        ],
        by=SYSTEM,
    )
    queries.forget_caches()


def officer(unit: Organisation, name: str, role: Role = Role.OFFICER) -> Actor:
    return make_staff(role, name=name, organisation=unit)


def told(kind: str, *people: Actor) -> list[str]:
    """Who has been told by now, of these people, in order."""
    ids = [account(person) for person in people]
    rows = Notice.objects.filter(account_id__in=ids, kind=kind).order_by("id")
    return [row.account.name for row in rows.select_related("account")]


def silence(minutes: float) -> None:
    """Nobody reads anything until then."""
    notices.escalate_unread(by=SYSTEM, now=timezone.now() + timedelta(minutes=minutes))


def test_the_first_on_duty_is_silent_then_the_second_hears_then_the_head() -> None:
    office = make_office()
    bureau = office.other_bureau
    first, second = officer(bureau, "一值班"), officer(bureau, "二值班")
    head = officer(bureau, "局长", Role.UNIT_HEAD)
    on_duty(bureau, first, second)
    make_address(Account.objects.get(pk=account(first)), "WEB_PUSH")
    make_address(Account.objects.get(pk=account(first)), "APPRISE")
    everybody = (first, second, head, office.other_officer, office.dispatcher, office.leader)
    make_alert_case()
    assert told("case.open", *everybody) == ["一值班"]
    assert told("case.open", office.grid_worker) == ["陈网格"], "told at the same moment"
    Notice.objects.filter(account_id=account(office.grid_worker)).update(
        escalate_at=None, read_at=timezone.now()
    )
    silence(11)
    assert told("case.open", *everybody) == ["一值班"], "first rung through the next channel"
    silence(22)
    assert told("case.open", *everybody) == ["一值班", "二值班"]
    silence(33)
    assert told("case.open", *everybody) == ["一值班", "二值班", "局长"]
    silence(44)
    assert told("case.open", *everybody) == ["一值班", "二值班", "局长", "周调度"]
    silence(55)
    assert told("case.open", *everybody)[4:] == ["卫县长"]
    silence(66)
    assert len(told("case.open", *everybody)) == 5


def test_in_a_unit_without_a_head_it_goes_to_the_centre() -> None:
    office = make_office()
    first = officer(office.other_bureau, "一值班")
    on_duty(office.other_bureau, first)
    behind = officer(office.centre, "替班调度", Role.DISPATCHER)
    on_duty(office.centre, behind, office.dispatcher)
    make_alert_case()
    silence(11)
    assert told("case.open", first, office.dispatcher, behind)[:2] == ["一值班", "替班调度"]


def test_a_grid_worker_s_silence_is_heard_in_the_township_then_at_the_centre() -> None:
    office = make_office()
    centre = make_organisation(name="镇综治中心", kind="CENTRE", division=TOWNSHIP)
    nearby = make_staff(Role.DISPATCHER, name="镇值班", organisation=centre, division=TOWNSHIP)
    queries.forget_caches()
    case = make_alert_case()
    do(case.case_id, "remark", office.dispatcher, "先看看")
    Notice.objects.exclude(account_id=account(office.grid_worker)).update(escalate_at=None)
    people = (office.grid_worker, nearby, office.dispatcher)
    silence(11)
    assert told("case.open", *people) == ["陈网格", "镇值班"]
    silence(22)
    assert told("case.open", *people) == ["陈网格", "镇值班", "周调度"]


def test_read_by_the_first_it_troubles_nobody_else() -> None:
    office = make_office()
    first, second = officer(office.bureau, "一值班"), officer(office.bureau, "二值班")
    on_duty(office.bureau, first, second)
    report = make_report()
    do(report.case_id, "supervise", office.leader, "群众反映强烈")
    assert told("case.supervise", first, second, office.head) == ["王局长", "一值班"]
    Notice.objects.update(read_at=timezone.now(), escalate_at=None)
    silence(60)
    assert told("case.supervise", first, second, office.head) == ["王局长", "一值班"]


def test_an_ordinary_notice_goes_to_the_whole_shift() -> None:
    office = make_office()
    first, second = officer(office.bureau, "一值班"), officer(office.bureau, "二值班")
    on_duty(office.bureau, first, second)
    make_report()
    assert told("case.dispatch", first, second, office.officer) == ["一值班", "二值班"]


def urgent_notices() -> Iterator[tuple[str, Owed]]:
    for name in ("environmental_alert", "residents_report"):
        found = procedure(name)
        for code, action in found.actions.items():
            yield from ((f"{name}.{code}", notice) for notice in action.notices)
        for code, clock in found.clocks.items():
            yield from ((f"{name}.{code}", one) for one in (*clock.on_warn, *clock.on_overdue))


@pytest.fixture
def lone_office() -> Office:
    """Every duty held by one person, and no bureau with a head."""
    office = make_office()
    Post.objects.filter(role=Role.UNIT_HEAD).delete()
    queries.forget_caches()
    return office


def test_no_urgent_notice_that_ships_ends_with_the_first_who_is_silent(lone_office: Office) -> None:
    lon, lat = IN_FIRST_GRID
    case = make_alert_case(lon=lon, lat=lat, assisting=[lone_office.bureau.pk])
    facts = case_record(case.case_id).facts
    assert facts.grid_code == GRIDS[0]
    urgent = [(name, one) for name, one in urgent_notices() if one.urgency != "NORMAL"]
    assert len(urgent) > 15
    for name, one in urgent:
        for ladder in ladders(one.to, one.escalate_to, facts, timezone.now()):
            assert len(ladder) > 1, f"{name}: {one.to}"
