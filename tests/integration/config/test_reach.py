"""Every endpoint and page × every seat × own, other unit's, other township's: what each shows.

Nothing here is written address by address: the tables of test_access.py and addresses.py and the
routes themselves say what is asked. Whatever answers shows no mark of a matter outside the reach
of who asks; whatever names a matter outside it is not there.
"""

import json
import re
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from huying.cases.models import Attachment, Case
from huying.directory import queries as directory_queries
from huying.directory.models import Person
from huying.directory.permissions import SCOPE_PERMISSIONS, Actor, Permission, Role
from huying.directory.queries import actor_for
from huying.ledger.models import Record
from huying.notices.models import Address
from huying.notices.stream.catch_up import missed
from huying.notices.stream.hub import may_see_case
from tests.browser.addresses import ADDRESSES
from tests.factories.cases import make_photo
from tests.factories.directory import (
    TOWNSHIP,
    account_of,
    make_organisation,
    make_post,
    make_staff,
    make_token,
)
from tests.factories.notices import tell
from tests.factories.territories import OTHER_TOWNSHIP, SEATS, County, Matter, Seat, make_county
from tests.integration.config.test_access import ENDPOINTS

pytestmark = pytest.mark.django_db
SEAT = pytest.mark.parametrize("seat", SEATS, ids=lambda seat: seat.name)


@pytest.fixture(autouse=True)
def _files(tmp_path: Path, settings: Any) -> None:
    settings.MEDIA_ROOT = tmp_path / "attachments"


@pytest.fixture
def county() -> County:
    return make_county()


def _signed_in(actor: Actor, *, csrf: bool = False) -> Client:
    client = Client(enforce_csrf_checks=csrf)
    client.force_login(account_of(actor))
    return client


def _body(answer: Any) -> str:
    """What a reader gets to see; JSON with its characters as they read."""
    kind = answer.headers.get("Content-Type", "")
    said = b"".join(answer.streaming_content if answer.streaming else [answer.content])
    if kind.startswith("image/"):
        return ""
    if "json" in kind:
        return json.dumps(json.loads(said), ensure_ascii=False)
    return said.decode()


def _shown(answer: Any, county: County) -> set[str]:
    body = _body(answer)
    return {
        name
        for name, matter in county.matters.items()
        if any(mark in body for mark in (*matter.marks, matter.mn))
    }


# Lists, counts, search, maps and exports: every address that names no one matter.

_SEARCHES = ("q", "text", "number", "person")
_IDS = re.compile(r'/(?:desk|work|audit/cases)/(\d+)/|"id": (\d+)')


def _lists() -> Iterator[str]:
    for address in ADDRESSES:
        if "{" not in address.path:
            yield address.path
    for route in _routes(get_resolver()):
        if "<" not in route and not route.startswith(("api", "open311", "sign-out", "static")):
            yield f"/{route}"
    for method, path in ENDPOINTS:
        if method == "GET" and "{" not in path and not ENDPOINTS[method, path].everybody:
            yield f"/api/v1{path}"


def _routes(resolver: URLResolver, before: str = "") -> Iterator[str]:
    for item in resolver.url_patterns:
        route = before + str(item.pattern).replace("^", "")
        if isinstance(item, URLResolver):
            yield from _routes(item, route)
        elif isinstance(item, URLPattern) and "(" not in route and "$" not in route:
            yield route


@SEAT
def test_no_list_shows_what_lies_outside_the_reach(seat: Seat, county: County) -> None:
    client = _signed_in(seat.take(county))
    reach = seat.cases | seat.devices
    leaks = []
    for path in sorted(set(_lists())):
        for query in ({}, {"text": "垃圾"}, {"q": "垃圾"}):
            answer = client.get(path, query)
            if outside := _shown(answer, county) - reach:
                leaks.append((path, query, sorted(outside)))
    # Asked for by what is known of it: the words come back in the form, the case does not.
    for name in set(county.matters) - seat.cases:
        matter = county.matters[name]
        for path in ("/desk/", "/api/v1/cases", "/audit/", "/work/"):
            for field in _SEARCHES:
                for mark in matter.marks:
                    body = _body(client.get(path, {field: mark}))
                    if str(matter.case_id) in {a or b for a, b in _IDS.findall(body)}:
                        leaks.append((path, {field: mark}, [name]))
    assert not leaks


_FULL = (
    "/api/v1/cases",
    "/desk/",
    "/desk/export.csv",
    "/desk/map/points.geojson",
    "/audit/",
    "/audit/export.csv",
    "/command/",
)


@SEAT
def test_every_list_shows_all_that_lies_within_the_reach(seat: Seat, county: County) -> None:
    client = _signed_in(seat.take(county))
    asked = 0
    for path in _FULL:
        answer = client.get(path)
        if answer.status_code != 200:
            continue
        asked += 1
        assert _shown(answer, county) & seat.cases == seat.cases, path
    assert asked or not seat.cases


@SEAT
def test_counts_count_what_lies_within_the_reach(seat: Seat, county: County) -> None:
    actor = seat.take(county)
    client = _signed_in(actor)
    expected = len(seat.cases)
    assert client.get("/api/v1/cases/counts").json()["open"] == expected
    assert client.get("/api/v1/cases/counts").json()["overdue"] == expected
    assert len(client.get("/api/v1/cases").json()["rows"]) == expected
    exported = client.get("/desk/export.csv")
    if exported.status_code == 200:
        assert len(_body(exported).strip().splitlines()) == 1 + expected
    grids = client.get("/desk/map/grids.geojson")
    if grids.status_code == 200:
        total = sum(one["properties"].get("OPEN", 0) for one in grids.json()["features"])
        assert total == expected
    if seat.devices:
        found = {row["device"] for row in client.get("/api/v1/devices").json()["devices"]}
        assert found == {county.matters[name].mn for name in seat.devices}


@SEAT
def test_indicators_stay_within_the_territory(seat: Seat, county: County) -> None:
    """A bureau of the county is answered for the county, a township for the township."""
    client = _signed_in(seat.take(county))
    grids = client.get("/command/grids.geojson")
    if grids.status_code != 200:
        assert Role(seat.role) not in {Role.DISPATCHER, Role.LEADER, Role.AUDITOR, Role.UNIT_HEAD}
        return
    inside = set(county.matters) if seat.where != "TOWNSHIP" else set(seat.cases)
    counted = {
        one["properties"]["code"]
        for one in grids.json()["features"]
        if one["properties"]["open"] or one["properties"]["received_7_days"]
    }
    assert counted == {county.matters[name].grid for name in inside}
    morning = _body(client.get("/leader/"))
    late = [int(n) for n in re.findall(r"超期\s*</[^>]+>\s*<[^>]+>\s*(\d+)", morning)]
    assert not late or late[0] == len(inside)
    context = client.get("/leader/").context["morning"]
    assert context.overdue == len(inside)
    assert context.day.received == 0
    assert client.get("/command/").context["screen"].received == len(inside)


# Every address that names one matter, by reading and by writing.

_NAMES: dict[str, Callable[[Matter], Any]] = {
    "case_id": lambda one: one.case_id,
    "report_id": lambda one: one.report_id,
    "attachment_id": lambda one: one.attachment_id,
    "person_id": lambda one: one.person_id,
    "mn": lambda one: one.mn,
    "action": lambda _one: "remark",
}
_KEYS = {"case_id", "attachment_id", "person_id", "mn"}
_PART = re.compile(r"<(?:\w+:)?(\w+)>")


def _named_routes() -> list[str]:
    """The routes with a matter, its file, its person or its device in their address."""
    found = []
    for route in _routes(get_resolver()):
        names = set(_PART.findall(route))
        # By receipt comes the reporter, who needs no post: whoever holds it may look.
        if names & _KEYS and "code" not in names and "receipt" not in names:
            found.append(route)
    return found


def _address(route: str, matter: Matter, **other: Any) -> str:
    values = {name: make(matter) for name, make in _NAMES.items()} | other
    return "/" + _PART.sub(lambda part: str(values[part[1]]), route)


_BODIES: dict[str, dict[str, Any]] = {
    "acts": {"action": "remark", "data": {"remark": "看过了"}},
    "references": {"system": "12345", "number": "A1"},
    "merge": {"merged": [1]},
    "split": {"reports": [1]},
}


def _post(client: Client, path: str) -> Any:
    if path.startswith("/api/"):
        body = _BODIES.get(path.rsplit("/", 1)[-1], {"action": "remark"})
        if path.endswith("with-photos"):
            photo = BytesIO(make_photo().content)
            return client.post(path, {**body, "data": "{}", "photos": photo})
        return client.post(path, body, content_type="application/json")
    return client.post(
        path,
        {
            "remark": "看过了",
            "note": "看过了",
            "purpose": "核实情况用",
            "fields_wanted": ["phone"],
            "ground": "WITHDRAWN",
            "reason": "本人申请删除",
            "confirm": "on",
            "sure": "on",
        },
    )


# What else stands in an address, and why nobody's reach is asked of it there.
_NO_MATTER = {
    "receipt": "whoever holds it may look: it is the reporter's key",
    "code": "a receipt, or the code of a property, a rule, a button",
    "object_id": "master data: the admin's lists are in addresses.py, for their administrators",
    "content_type_id": "a redirect of Django's admin, for administrators",
    "account_id": "the security administrator's, of the whole county",
    "app_label": "a heading of the admin",
    "url": "what the admin does not know",
    "role": "a demonstration's sign-in",
    "sign_in_id": "one's own session: test_signing_in.py",
    "notice_id": "one's own inbox: see below",
    "address_id": "one's own addresses, or the operator's: see below",
    "rest": "a tile of the public log",
    "record_id": "a record of the public log",
    "procedure": "a form, for those its file names",
    "form": "json or xml",
    "service_code": "a category",
    "request_id": "a public report, as Open311 shows it",
}
_PLACE = re.compile(r"<(?:\w+:)?(\w+)>|\(\?P<(\w+)>")


def test_whatever_stands_in_an_address_is_asked_for_or_said_why_not() -> None:
    """An address with a new kind of number in it fails here until somebody decides."""
    names = {a or b for route in _all_routes(get_resolver()) for a, b in _PLACE.findall(route)}
    assert names == set(_NAMES) | set(_NO_MATTER)
    assert not set(_NAMES) & set(_NO_MATTER)


def _all_routes(resolver: URLResolver) -> Iterator[str]:
    for item in resolver.url_patterns:
        if isinstance(item, URLResolver):
            yield from _all_routes(item)
        else:
            yield str(item.pattern)


@SEAT
def test_nobody_takes_an_address_of_another_away(seat: Seat, county: County) -> None:
    theirs = Address.objects.create(
        account=account_of(make_staff(Role.OFFICER)),
        channel="DEMO",
        name="他的",
        sealed="x",
        digest="0" * 16,
    )
    client = _signed_in(seat.take(county))
    for path in (
        f"/inbox/preferences/addresses/{theirs.pk}/remove/",
        f"/notices/addresses/{theirs.pk}/remove/",
    ):
        client.post(path)
    # The operator of the channels may: an address that bounces is taken out by somebody.
    kept = Address.objects.filter(pk=theirs.pk, is_active=True).exists()
    assert kept is (seat.role is not Role.SYSTEM_ADMIN)


def test_the_routes_that_name_a_matter_are_found() -> None:
    routes = _named_routes()
    for part in ("desk/<", "work/<", "audit/cases/<", "leader/supervise/<", "api/v1/cases/<",
                 "api/v1/attachments/<", "sensing/devices/<", "desk/erasing/<"):  # fmt: skip
        assert any(route.startswith(part) for route in routes), part
    assert len(routes) > 30


@SEAT
def test_what_lies_outside_the_reach_is_not_there(seat: Seat, county: County) -> None:
    client = _signed_in(seat.take(county))
    before = _state()
    wrong = []
    for route in _named_routes():
        names = set(_PART.findall(route))
        reach = seat.devices if "mn" in names else seat.cases
        for name in set(county.matters) - reach:
            matter = county.matters[name]
            variants: list[dict[str, Any]] = [{}]
            if "attachment_id" in names:
                variants = [{}, {"attachment_id": matter.proof_id}]
                if seat.cases:
                    # Another's file under the address of a case one may see.
                    own = county.matters[min(seat.cases)].case_id
                    variants += [{**one, "case_id": own} for one in list(variants)]
            if "person_id" in names and "case_id" in names and seat.cases:
                mine = county.matters[min(seat.cases)]
                variants.append({"case_id": mine.case_id, "report_id": mine.report_id})
                variants.append({"case_id": mine.case_id})
            for other in variants:
                path = _address(route, matter, **other)
                for answer in (client.get(path, follow=True), _post(client, path)):
                    status = answer.status_code
                    if status not in (403, 404, 405) or _shown(answer, county) - seat.cases:
                        wrong.append((answer.request["REQUEST_METHOD"], path, name, status))
    assert not wrong
    assert _state() == before


def _state() -> tuple[Any, ...]:
    """What an act, an erasure or a look would have changed."""
    return (
        list(Case.objects.order_by("id").values_list("id", "version", "supervised", "state")),
        Person.objects.filter(erased_at__isnull=False).count(),
        Record.objects.filter(kind__startswith="person.").count(),
        Attachment.objects.count(),
    )


_DETAIL = {
    Permission.CASE_VIEW_ALL: "/desk/{case_id}/",
    Permission.CASE_VIEW_OWN_UNIT: "/desk/{case_id}/",
    Permission.CASE_VIEW_OWN_GRID: "/work/{case_id}/",
    Permission.LEDGER_AUDIT: "/audit/cases/{case_id}/",
}


@SEAT
def test_what_lies_within_the_reach_opens(seat: Seat, county: County) -> None:
    actor = seat.take(county)
    client = _signed_in(actor)
    for name in seat.cases:
        matter = county.matters[name]
        assert client.get(f"/api/v1/cases/{matter.case_id}").status_code == 200
        for permission, path in _DETAIL.items():
            if actor.may(permission):
                answer = client.get(path.format(case_id=matter.case_id))
                assert answer.status_code == 200
                assert _shown(answer, county) <= seat.cases | seat.devices
        for file in (matter.attachment_id, matter.proof_id):
            answer = client.get(f"/api/v1/attachments/{file}")
            _body(answer)
            assert answer.status_code == 200
    for name in seat.devices:
        mn = county.matters[name].mn
        assert client.get(f"/sensing/devices/{mn}/").status_code == 200
        assert client.get(f"/api/v1/observations?device={mn}").status_code == 200


@SEAT
def test_a_merge_reaches_no_case_outside_it(seat: Seat, county: County) -> None:
    if not seat.cases:
        return
    client = _signed_in(seat.take(county))
    own = county.matters[min(seat.cases)].case_id
    for name in set(county.matters) - seat.cases:
        other = county.matters[name].case_id
        for into, merged in ((own, other), (other, own)):
            body = {"merged": [merged]}
            path = f"/api/v1/cases/{into}/merge"
            answer = client.post(path, body, content_type="application/json")
            assert answer.status_code in (403, 404), (into, merged)
    assert Case.objects.open().count() == len(county.matters)


# The live stream, inboxes, access records.


@SEAT
def test_the_live_stream_tells_of_the_same_cases(seat: Seat, county: County) -> None:
    actor = seat.take(county)
    for name, matter in county.matters.items():
        case = Case.objects.get(pk=matter.case_id)
        news = {
            "case_id": case.pk,
            "division_code": case.division_code,
            "organisation_ids": [case.lead_organisation_id],
            "grid_code": case.grid_code,
        }
        assert may_see_case(actor, news) is (name in seat.cases), name


def test_rights_of_two_posts_do_not_mix_on_the_live_stream(county: County) -> None:
    """Dispatcher of one township, officer of a unit in another: no case of the other's."""
    unit = make_organisation(name="石桥镇政府", division=OTHER_TOWNSHIP)
    double = make_staff(Role.DISPATCHER, division=TOWNSHIP)
    make_post(account_of(double), Role.OFFICER, organisation=unit)
    directory_queries.forget_caches()
    actor = actor_for(double.own_account())
    seen = set(Case.objects.visible_to(actor).values_list("pk", flat=True))
    for matter in county.matters.values():
        case = Case.objects.get(pk=matter.case_id)
        news = {
            "division_code": case.division_code,
            "organisation_ids": [case.lead_organisation_id],
            "grid_code": case.grid_code,
        }
        assert may_see_case(actor, news) is (case.pk in seen)
    assert county.other_place.case_id not in seen


@SEAT
def test_nobody_reads_the_inbox_of_another(seat: Seat, county: County) -> None:
    actor, other = seat.take(county), make_staff(Role.OFFICER)
    (theirs,) = tell(account_of(other), title="只给他看的", body="只给他看的")
    (mine,) = tell(account_of(actor), title="只给我看的")
    client = _signed_in(actor)
    for path in ("/inbox/", "/api/v1/notices", f"/inbox/?before={theirs + 9}"):
        body = _body(client.get(path))
        assert "只给我看的" in body
        assert "只给他看的" not in body
    assert client.get(f"/inbox/{theirs}/").status_code in (403, 404)
    given = {"ids": [theirs]}
    marked = client.post("/api/v1/notices/read", given, content_type="application/json")
    assert marked.json()["marked"] == 0
    assert [row[0] for row in missed(actor.own_account(), 0).notices] == [mine]


@SEAT
def test_who_looked_at_whom_is_told_for_the_territory_alone(seat: Seat, county: County) -> None:
    client = _signed_in(seat.take(county))
    answer = client.get("/audit/access/")
    if seat.role is not Role.AUDITOR:
        assert answer.status_code == 403
        return
    # The looks were of staff of the county's bureaus: of no township.
    words = _body(answer)
    assert ("核实" in words) is (seat.where == "COUNTY")


# API tokens: a scope opens its own endpoints and no other.

_SCOPES: dict[tuple[str, str], str] = {
    ("POST", "/observations"): "observations:write",
    ("GET", "/observations?device={device}"): "observations:read",
    ("GET", "/devices"): "observations:read",
    ("GET", "/alerts"): "observations:read",
    ("GET", "/procedures"): "cases:read",
    ("GET", "/cases"): "cases:read",
    ("GET", "/cases/counts"): "cases:read",
    ("GET", "/cases/{case_id}"): "cases:read",
    ("GET", "/tasks"): "cases:read",
    ("POST", "/cases"): "cases:act",
    ("POST", "/cases/{case_id}/acts"): "cases:act",
    ("POST", "/cases/{case_id}/acts-with-photos"): "cases:act",
    ("POST", "/cases/{case_id}/merge"): "cases:act",
    ("POST", "/cases/{case_id}/split"): "cases:act",
    ("POST", "/cases/{case_id}/references"): "cases:act",
    ("POST", "/reports"): "reports:write",
    ("POST", "/public-reports/{report_id}/join"): "reports:write",
}
_PERSONS_ONLY = {"/notices", "/notices/read", "/notices/read-all", "/notices/push",
                 "/notices/push/remove"}  # fmt: skip
_ANY_TOKEN = {"/me"}


def test_each_endpoint_has_its_scope() -> None:
    rest = {
        (method, path)
        for (method, path), rule in ENDPOINTS.items()
        if not rule.everybody and path not in _PERSONS_ONLY | _ANY_TOKEN
    }
    assert rest <= set(_SCOPES)
    assert set(_SCOPES.values()) == set(SCOPE_PERMISSIONS)


@pytest.mark.parametrize("scope", sorted(SCOPE_PERMISSIONS))
def test_a_token_opens_what_its_scope_names(scope: str, county: County) -> None:
    client = Client(headers={"Authorization": f"Bearer {make_token(scope)}"})
    wrong = []
    for (method, path), rule in ENDPOINTS.items():
        at = "/api/v1" + path.format(
            device=county.own.mn,
            case_id=county.own.case_id,
            report_id=county.own.report_id,
            receipt=county.own.receipt,
        )
        if method == "GET":
            status = client.get(at).status_code
        else:
            body = rule.body if isinstance(rule.body, dict) else {}
            status = client.post(at, body, content_type="application/json").status_code
        refused = status in (401, 403)
        needed = _SCOPES.get((method, path), "")
        if path in _PERSONS_ONLY:
            fine = refused
        elif needed:
            fine = refused is (scope != needed)
        else:
            fine = not refused
        if not fine:
            wrong.append((method, path, status))
    assert not wrong
    file = client.get(f"/api/v1/attachments/{county.own.attachment_id}")
    _body(file)
    assert (file.status_code == 200) is (scope == "cases:read")


def test_nobody_without_a_sign_in_sees_a_mark_of_anything(county: County) -> None:
    """Public pages show that there are matters, never who said them, nor the receipt."""
    client = Client()
    paths = set(_lists())
    for matter in county.matters.values():
        paths |= {_address(route, matter) for route in _named_routes()}
    for method, path in ENDPOINTS:
        if method == "GET" and "{" not in path:
            paths.add(f"/api/v1{path}")
    paths |= {"/open311/v2/requests.json", "/open311/v2/services.json"}
    for path in sorted(paths):
        body = _body(client.get(path))
        for matter in county.matters.values():
            assert matter.receipt not in body, path
            assert matter.phone not in body, path
            assert f"{matter.word}住户" not in body, path
            assert f"{matter.word}的垃圾" not in body, path


def test_the_ledger_names_no_mark(county: County) -> None:
    for subject, entry in Record.objects.values_list("subject", "entry"):
        said = subject + bytes(entry).decode()
        for matter in county.matters.values():
            # The device is named; the people, their words and places are not.
            words = (f"{matter.word}{what}" for what in ("住户", "的垃圾", "垃圾", "路口"))
            assert not any(mark in said for mark in (*words, matter.receipt, matter.phone))
