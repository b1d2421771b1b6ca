import io
import json
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from huying.directory import queries
from huying.directory.models import (
    Account,
    ApiToken,
    DutyShift,
    Grid,
    Organisation,
    Post,
    WorkingYear,
)
from huying.directory.permissions import Role
from huying.ledger.models import Record
from tests.factories import directory as make

pytestmark = pytest.mark.django_db

PLACES = ["division", "grid", "organisation", "dutyshift", "workingyear"]
PEOPLE = ["account", "post", "apitoken"]


def signed_in(role: Role) -> Client:
    client = Client()
    username = f"{role.lower()}-admin-test"
    make.make_staff(role, username=username, password=make.PASSWORD)
    client.post("/sign-in/", {"username": username, "password": make.PASSWORD})
    return client


@pytest.mark.parametrize("role", list(Role))
def test_each_list_opens_to_whom_it_belongs(role: Role) -> None:
    client = signed_in(role)
    expected = {
        Role.SYSTEM_ADMIN: {*PLACES},
        Role.SECURITY_ADMIN: {*PEOPLE, "division", "grid", "organisation"},
    }.get(role, set())
    adds = {Role.SYSTEM_ADMIN: {*PLACES}, Role.SECURITY_ADMIN: {*PEOPLE}}.get(role, set())
    for model in PLACES + PEOPLE:
        opened = client.get(f"/admin/directory/{model}/").status_code == 200
        assert opened == (model in expected), model
        added = client.get(f"/admin/directory/{model}/add/").status_code == 200
        assert added == (model in adds), model
    assert (client.get("/admin/", follow=False).status_code == 200) == bool(expected)
    imports = client.get("/admin/directory/grid/import/").status_code
    assert (imports == 200) == (role is Role.SYSTEM_ADMIN)


def test_strangers_are_asked_to_sign_in(client: Client) -> None:
    answer = client.get("/admin/directory/grid/", follow=True)
    assert answer.redirect_chain[-1][0].startswith("/sign-in/?next=%2Fadmin%2Fdirectory%2Fgrid")


def test_no_framework_look_and_no_foreign_models(client: Client) -> None:
    page = signed_in(Role.SYSTEM_ADMIN).get("/admin/").content.decode()
    assert "组织与人员" in page
    assert "Procrastinate" not in page
    assert "admin/css/base.css" not in page
    assert "2027" in page


def test_a_saved_unit_is_an_action_with_its_record() -> None:
    make.make_places()
    client = signed_in(Role.SYSTEM_ADMIN)
    before = Record.objects.filter(kind="organisation.imported").count()
    values = {
        "code": "SW",
        "name": "清和县水务局",
        "short_name": "水务局",
        "kind": "DEPARTMENT",
        "division": make.COUNTY,
    }
    assert client.post("/admin/directory/organisation/add/", values).status_code == 302
    unit = Organisation.objects.get(code="SW")
    assert Record.objects.filter(kind="organisation.imported").count() == before + 1
    assert "水务局" in {o.short_name for o in queries.organisations()}

    changed = client.post(
        f"/admin/directory/organisation/{unit.pk}/change/", {**values, "phone": "0316-12345"}
    )
    assert changed.status_code == 302
    assert Organisation.objects.get(code="SW").phone == "0316-12345"


def test_a_refusal_stands_beside_what_was_typed() -> None:
    make.make_places()
    client = signed_in(Role.SYSTEM_ADMIN)
    answer = client.post(
        "/admin/directory/grid/add/",
        {
            "code": "990101001001099",
            "name": "新网格",
            "kind": "GENERAL",
            "boundary": json.dumps({"type": "Point", "coordinates": [1, 2]}),
        },
    )
    page = answer.content.decode()
    assert answer.status_code == 200
    assert "Polygon" in page
    assert "新网格" in page
    assert not Grid.objects.filter(pk="990101001001099").exists()


def test_files_are_imported_whole_or_not_at_all() -> None:
    make.make_places()
    client = signed_in(Role.SYSTEM_ADMIN)
    collection = {
        "type": "FeatureCollection",
        "features": [
            {
                "type": "Feature",
                "properties": {"code": "990101001201002", "name": "第4网格"},
                "geometry": make.square(117.03, 39.0),
            }
        ],
    }
    upload = io.BytesIO(json.dumps(collection).encode())
    upload.name = "grids.geojson"
    answer = client.post("/admin/directory/grid/import/", {"file": upload})
    assert answer.status_code == 302
    found = queries.grid_at(117.035, 39.005)
    assert found is not None
    assert found.name == "第4网格"

    triangle = "POLYGON((118 39,118 40,119 40,118 39))"
    csv = f'编码,名称,类别,边界\n990101001201003,丙,专属网格,"{triangle}"\n'
    gbk = SimpleUploadedFile("grids.csv", csv.encode("gb18030"))
    assert client.post("/admin/directory/grid/import/", {"file": gbk}).status_code == 302
    assert Grid.objects.get(pk="990101001201003").kind == "SPECIAL"

    for text in ("{}", "{", "编码,名称\n12,甲\n", "\u0000", ""):
        answer = client.post("/admin/directory/grid/import/", {"text": text})
        assert answer.status_code == 422, text
    binary = SimpleUploadedFile("x.xlsx", b"PK\x03\x04\xff\xfe\xff\xff")
    assert client.post("/admin/directory/grid/import/", {"file": binary}).status_code == 422


def test_a_grid_in_use_is_not_deleted_and_another_is() -> None:
    make.make_staff(Role.GRID_WORKER, grid=None)
    client = signed_in(Role.SYSTEM_ADMIN)
    used = client.post(f"/admin/directory/grid/{make.GRIDS[0]}/delete/", {"post": "yes"})
    assert "不能删除" in used.content.decode()
    assert Grid.objects.filter(pk=make.GRIDS[0]).exists()
    client.post(f"/admin/directory/grid/{make.GRIDS[2]}/delete/", {"post": "yes"})
    assert not Grid.objects.filter(pk=make.GRIDS[2]).exists()


def test_the_calendar_is_imported_by_its_table() -> None:
    client = signed_in(Role.SYSTEM_ADMIN)
    table = "日期,类型\n2027-01-01,放假\n2027-05-01,放假\n2027-10-01,放假\n"
    wrong = client.post(
        "/admin/directory/workingyear/add/", {"source": "文", "table": "日期,类型\n2027-13-01,放假"}
    )
    assert "2027-13-01" in wrong.content.decode()
    answer = client.post(
        "/admin/directory/workingyear/add/", {"source": "国办发明电", "table": table}
    )
    assert answer.status_code == 302
    assert WorkingYear.objects.get().year == 2027


def test_the_roster_is_kept() -> None:
    unit = make.make_organisation()
    officer = make.make_staff(Role.OFFICER, organisation=unit)
    client = signed_in(Role.SYSTEM_ADMIN)
    values = {
        "organisation": unit.pk,
        "account": officer.account_id,
        "starts_at": "2026-11-22T18:00",
        "ends_at": "2026-11-23T08:00",
        "rank": 1,
    }
    assert client.post("/admin/directory/dutyshift/add/", values).status_code == 302
    shift = DutyShift.objects.get()
    wrong = client.post(
        f"/admin/directory/dutyshift/{shift.pk}/change/", {**values, "ends_at": "2026-11-22T17:00"}
    )
    assert "晚于开始时间" in wrong.content.decode()
    assert DutyShift.objects.get().ends_at == shift.ends_at
    client.post(f"/admin/directory/dutyshift/{shift.pk}/delete/", {"post": "yes"})
    assert not DutyShift.objects.exists()


def test_the_security_administrator_makes_accounts_and_grants_posts() -> None:
    unit = make.make_organisation()
    client = signed_in(Role.SECURITY_ADMIN)
    weak = client.post(
        "/admin/directory/account/add/",
        {"username": "feng", "name": "冯雪", "password": "weak"},
    )
    assert "太短" in weak.content.decode()
    client.post(
        "/admin/directory/account/add/",
        {"username": "Feng", "name": "冯雪", "password": make.PASSWORD},
    )
    account = Account.objects.get(username="feng")
    assert account.must_change_password

    post = {"account": account.pk, "organisation": unit.pk, "start_date": "2026-01-01"}
    client.post("/admin/directory/post/add/", {**post, "role": "AUDITOR"})
    assert queries.actor_for(account.pk).roles == {Role.AUDITOR}
    apart = client.post("/admin/directory/post/add/", {**post, "role": "SYSTEM_ADMIN"})
    assert "三员分立" in apart.content.decode()
    assert "冯雪 · feng" in apart.content.decode(), "told apart from a namesake"

    row = Post.objects.get(account=account)
    client.post(
        f"/admin/directory/post/{row.pk}/change/",
        {"end_date": timezone.localdate().isoformat()},
    )
    assert not queries.actor_for(account.pk).roles


def test_operations_on_an_account() -> None:
    client = signed_in(Role.SECURITY_ADMIN)
    account = make.make_account("feng", password=make.PASSWORD)
    Account.objects.filter(pk=account.pk).update(locked_until=timezone.now() + timedelta(minutes=5))
    address = f"/admin/directory/account/{account.pk}"
    assert "解锁" in client.get(f"{address}/change/").content.decode()
    client.post(f"{address}/do/unlock/")
    account.refresh_from_db()
    assert account.locked_until is None
    client.post(f"{address}/do/switch-off/")
    account.refresh_from_db()
    assert not account.is_active
    assert client.get(f"{address}/do/switch-on/").status_code == 404
    client.post(f"{address}/do/switch-on/")
    client.post(f"{address}/password/", {"password": "Another-Pass-77"})
    account.refresh_from_db()
    assert account.check_password("Another-Pass-77")
    assert account.must_change_password
    kinds = set(
        Record.objects.filter(subject=f"account:{account.pk}").values_list("kind", flat=True)
    )
    assert {"account.unlocked", "account.switched_off", "account.password_set"} <= kinds

    stranger = signed_in(Role.SYSTEM_ADMIN)
    assert stranger.post(f"{address}/do/switch-off/").status_code == 403
    account.refresh_from_db()
    assert account.is_active


def test_a_token_is_shown_once_and_revoked_instead_of_deleted() -> None:
    client = signed_in(Role.SECURITY_ADMIN)
    account = make.make_account()
    answer = client.post(
        "/admin/directory/apitoken/add/",
        {
            "name": "市热线",
            "account": account.pk,
            "scopes": ["reports:write"],
            "expires_at": (timezone.now() + timedelta(days=10)).strftime("%Y-%m-%dT%H:%M"),
        },
        follow=True,
    )
    assert "hy_" in answer.content.decode()
    token = ApiToken.objects.get()
    assert "hy_" not in client.get("/admin/directory/apitoken/").content.decode()
    client.post(f"/admin/directory/apitoken/{token.pk}/delete/", {"post": "yes"})
    token.refresh_from_db()
    assert token.revoked_at is not None


def test_accounts_nobody_uses_are_a_list_from_which_one_is_switched_off() -> None:
    client = signed_in(Role.SECURITY_ADMIN)
    idle = make.make_account(name="久未登录")
    make.make_account(name="刚来的人")
    Account.objects.filter(pk=idle.pk).update(created_at=timezone.now() - timedelta(days=91))
    page = client.get("/admin/directory/account/?active=idle").content.decode()
    assert "久未登录" in page
    assert "刚来的人" not in page
    client.post(f"/admin/directory/account/{idle.pk}/do/switch-off/")
    assert "久未登录" not in client.get("/admin/directory/account/?active=idle").content.decode()
    assert not Account.objects.get(pk=idle.pk).is_active
