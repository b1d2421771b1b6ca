"""Who may see whose data: for a matter the person spoke in, by the post that reaches it."""

from typing import Any

import pytest
from django.test import Client

from huying.cases.actions import Contact
from huying.cases.models import Report
from huying.directory import actions as directory
from huying.directory import queries as directory_queries
from huying.directory.models import AccessRecord
from huying.directory.permissions import Actor, NotAllowed, Permission, Role
from huying.directory.queries import actor_for
from huying.ledger.models import Record
from tests.factories.cases import do, make_office, make_report
from tests.factories.directory import SYSTEM, TOWNSHIP, account_of, make_post, make_staff
from tests.factories.territories import OTHER_TOWNSHIP, SEATS, County, Matter, Seat, make_county

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _files(tmp_path: Any, settings: Any) -> None:
    settings.MEDIA_ROOT = tmp_path


def _look(matter: Matter, by: Actor, *, at: int | None = None, person: int | None = None) -> str:
    return directory.reveal_person(
        person_id=matter.person_id if person is None else person,
        fields=["phone"],
        purpose="回访核实",
        matter=f"case:{matter.case_id if at is None else at}",
        by=by,
    )["phone"]


def _refused(*args: Any, **options: Any) -> None:
    before = AccessRecord.objects.count(), Record.objects.count()
    with pytest.raises(NotAllowed):
        _look(*args, **options)
    assert (AccessRecord.objects.count(), Record.objects.count()) == before


@pytest.mark.parametrize("seat", SEATS, ids=lambda seat: seat.name)
def test_each_seat_sees_the_people_of_its_own_matters(seat: Seat) -> None:
    county = make_county()
    actor = seat.take(county)
    may = seat.cases if actor.may(Permission.PERSON_REVEAL) else frozenset()
    for name, matter in county.matters.items():
        if name in may:
            assert _look(matter, actor) == matter.phone
        else:
            _refused(matter, actor)
            # Nor by way of a matter of one's own.
            for own in may:
                _refused(matter, actor, at=county.matters[own].case_id)


def _double(county: County) -> Actor:
    """Leads the whole county, and is an officer of one bureau."""
    leader = make_staff(Role.LEADER)
    make_post(account_of(leader), Role.OFFICER, organisation=county.bureau)
    directory_queries.forget_caches()
    return actor_for(leader.own_account())


def test_a_post_that_sees_and_another_that_reveals_make_no_third() -> None:
    county = make_county()
    both = _double(county)
    assert _look(county.own, both) == county.own.phone
    for matter in (county.other_unit, county.other_place):
        _refused(matter, both)
    # Clerk of one township, auditor of the other.
    clerk = make_staff(Role.INTAKE_CLERK, division=TOWNSHIP)
    make_post(account_of(clerk), Role.AUDITOR, division=OTHER_TOWNSHIP)
    directory_queries.forget_caches()
    clerk = actor_for(clerk.own_account())
    assert _look(county.other_unit, clerk) == county.other_unit.phone
    _refused(county.other_place, clerk)


@pytest.mark.parametrize("matter", ["", "case:", "case:x", "case:0", "device:1", "case:-1"])
def test_for_no_matter_nobody_looks(matter: str) -> None:
    county = make_county()
    with pytest.raises(NotAllowed):
        directory.reveal_person(
            person_id=county.own.person_id,
            fields=["phone"],
            purpose="回访核实",
            matter=matter,
            by=SYSTEM,
        )


def test_who_keeps_a_secret_is_seen_by_who_answers_alone(client: Client) -> None:
    office = make_office()
    given = make_report(secret=True, contact=Contact(name="保密人", phone="13900000077"))
    person = Report.objects.get(pk=given.report_id).reporter_id
    assert person is not None

    def look(by: Actor) -> str:
        return directory.reveal_person(
            person_id=person,
            fields=["phone"],
            purpose="回访核实",
            matter=f"case:{given.case_id}",
            by=by,
        )["phone"]

    for by in (office.officer, office.dispatcher):
        assert look(by) == "13900000077"
    with pytest.raises(NotAllowed):
        look(office.grid_worker)


def test_the_page_reveals_through_the_same_door_and_the_resident_reads_of_it(
    client: Client,
) -> None:
    """Looked at by an officer who then leaves: the case goes on, the look stays on record."""
    office = make_office()
    given = make_report(contact=Contact(name="李梅", phone="13900000078"))
    person = Report.objects.get(pk=given.report_id).reporter_id
    do(given.case_id, "take", office.officer)
    client.force_login(account_of(office.officer))
    path = f"/desk/{given.case_id}/reports/{given.report_id}/people/{person}/"
    answer = client.post(path, {"purpose": "回访核实垃圾点位", "fields_wanted": ["phone"]})
    assert answer.status_code == 200
    assert "13900000078" in answer.content.decode()
    assert answer.headers["Cache-Control"].count("no-store")
    security = make_staff(Role.SECURITY_ADMIN)
    directory.set_account_active(
        account_id=account_of(office.officer).pk, active=False, by=security
    )
    assert client.post(path, {"purpose": "再看一次", "fields_wanted": ["phone"]}).status_code in (
        302,
        403,
    )
    # The case has new hands, who may look in their turn.
    client.force_login(account_of(office.head))
    answer = client.post(path, {"purpose": "接手后联系本人", "fields_wanted": ["name"]})
    assert "李梅" in answer.content.decode()
    # The resident's own page says who looked, by unit and role, and what for; it names nobody.
    page = Client().get(f"/r/{given.receipt}/").content.decode()
    for said in ("回访核实垃圾点位", "接手后联系本人", "部门经办人", "单位负责人"):
        assert said in page, said
    assert "郑经办" not in page
    assert "再看一次" not in page
    looks = AccessRecord.objects.order_by("id")
    assert [one.account_id for one in looks] == [
        account_of(office.officer).pk,
        account_of(office.head).pk,
    ]
    for one in looks:
        record = Record.objects.get(pk=one.record_id)
        assert record.kind == "person.revealed"
        assert f"/verify/{one.record_id}/" in page
        assert Client().get(f"/verify/{one.record_id}/").status_code == 200
    client.force_login(account_of(office.auditor))
    audit = client.get("/audit/access/").content.decode()
    assert "回访核实垃圾点位" in audit
    assert "李梅" not in audit
