"""The desk: which page opens for whom, and what another unit finds of a case."""

from collections.abc import Callable

import pytest
from django.test import Client

from huying.cases.models import Attachment
from tests.factories.cases import (
    Office,
    make_photo,
    make_report,
)
from tests.integration.cases.desk import (
    rows_of,
    state,
)

pytestmark = pytest.mark.django_db

ROLES = (
    "dispatcher",
    "clerk",
    "officer",
    "head",
    "leader",
    "auditor",
    "grid_worker",
    "system_admin",
    "security_admin",
)
LOOKERS = {"dispatcher", "clerk", "officer", "head", "leader", "auditor"}
RECORDERS = {"dispatcher", "clerk", "grid_worker"}


def pages_of(case_id: int) -> list[tuple[str, set[str]]]:
    dispatchers = {"dispatcher"}
    notes = {"dispatcher", "clerk", "officer", "head"}
    return [
        ("/desk/", LOOKERS),
        ("/desk/queues/", LOOKERS),
        ("/desk/new/", LOOKERS),
        ("/desk/export.csv", LOOKERS),
        ("/desk/map/", LOOKERS),
        ("/desk/map/grids.geojson", LOOKERS),
        ("/desk/map/points.geojson", LOOKERS),
        (f"/desk/{case_id}/", LOOKERS),
        (f"/desk/{case_id}/print/", LOOKERS),
        (f"/desk/{case_id}/around.geojson", LOOKERS),
        (f"/desk/{case_id}/around-points.geojson", LOOKERS),
        (f"/desk/{case_id}/do/supervise/", LOOKERS),
        (f"/desk/{case_id}/reference/", notes | {"grid_worker"}),
        (f"/desk/{case_id}/people/", notes | {"grid_worker"}),
        (f"/desk/{case_id}/papers/", notes | {"grid_worker"}),
        (f"/desk/{case_id}/rate/", {"dispatcher", "clerk", "grid_worker"}),
        (f"/desk/{case_id}/split/", dispatchers),
        (f"/desk/{case_id}/repeat/", dispatchers),
        ("/desk/bulk/dispatch/", dispatchers),
        ("/desk/bulk/merge/", dispatchers),
        ("/desk/intake/", RECORDERS),
        ("/desk/places/?q=东", RECORDERS | {"leader", "auditor"}),
    ]


@pytest.mark.parametrize("who", ROLES)
def test_each_page_opens_for_its_roles_alone(
    who: str, office: Office, signed_in: Callable[[str], Client]
) -> None:
    case_id = make_report().case_id
    browser = signed_in(who)
    for path, may in pages_of(case_id):
        answer = browser.get(path)
        assert answer.status_code == (200 if who in may else 403), (path, who)


def test_nobody_sees_the_desk_without_signing_in(client: Client, office: Office) -> None:
    case_id = make_report().case_id
    for path, _may in pages_of(case_id):
        answer = client.get(path)
        assert answer.status_code == 302, path
        assert answer.headers["Location"].startswith("/sign-in/")


def test_another_unit_finds_nothing_of_the_case(
    office: Office, signed_in: Callable[[str], Client]
) -> None:
    report = make_report(photos=[make_photo()])
    photo = Attachment.objects.get(report_id=report.report_id)
    other = signed_in("other_officer")
    paths = [
        f"/desk/{report.case_id}/",
        f"/desk/{report.case_id}/print/",
        f"/desk/{report.case_id}/news/",
        f"/desk/{report.case_id}/around.geojson",
        f"/desk/{report.case_id}/do/take/",
        f"/desk/{report.case_id}/reference/",
        f"/desk/{report.case_id}/files/{photo.pk}/",
    ]
    for path in paths:
        assert other.get(path).status_code == 404, path
    assert other.post(f"/desk/{report.case_id}/do/take/").status_code == 404
    assert rows_of(other.get("/desk/?closed=all")) == []
    assert report.case_number not in b"".join(other.get("/desk/export.csv")).decode()
    assert other.get("/desk/map/points.geojson").json()["features"] == []
    assert other.get(f"/desk/new/?case={report.case_id}").json() == {"count": 0}
    assert state(report.case_id) == "DISPATCHED"


@pytest.mark.parametrize(
    ("who", "page"),
    [
        ("dispatcher", "desk"),
        ("officer", "desk"),
        ("auditor", "audit/cases"),
        ("grid_worker", "work"),
    ],
)
def test_the_link_of_a_notice_leads_to_ones_own_page(
    who: str, page: str, signed_in: Callable[[str], Client]
) -> None:
    case_id = make_report().case_id
    answer = signed_in(who).get(f"/cases/{case_id}/")
    assert answer.headers["Location"] == f"/{page}/{case_id}/"
