from datetime import date, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from huying.directory import actions, queries, throttle
from huying.directory.events import WorkingYearImported, working_year_imported
from huying.directory.models import ApiToken, WorkingYear
from huying.directory.permissions import NotAllowed, Permission, Role
from tests.factories import directory as make

pytestmark = pytest.mark.django_db

YEAR_2027 = """date,kind
2027-01-01,HOLIDAY
2027-01-02,HOLIDAY
2027-01-03,HOLIDAY
2027-05-01,HOLIDAY
2027-10-01,HOLIDAY
2027-02-14,MAKE_UP
"""


def test_a_missing_year_is_announced_and_gone_after_the_import() -> None:
    today = date(2026, 11, 22)
    assert [(gap.year, gap.reached_already) for gap in queries.calendar_gap(today)] == [
        (2027, True)
    ]
    heard: list[WorkingYearImported] = []

    def hear(event: WorkingYearImported, **_: Any) -> None:
        heard.append(event)

    working_year_imported.connect(hear)
    try:
        years = actions.import_working_year(
            table=YEAR_2027, source="国办发明电〔2026〕7号", by=make.make_staff(Role.SYSTEM_ADMIN)
        )
    finally:
        working_year_imported.disconnect(hear)

    assert years == (2027,)
    assert heard == [WorkingYearImported(2027)]
    assert queries.calendar_gap(today) == []
    calendar = queries.working_calendar()
    assert not calendar.is_working_day(date(2027, 1, 1))
    assert calendar.is_working_day(date(2027, 2, 14))
    assert calendar.knows(2026)


def test_the_same_table_again_changes_nothing() -> None:
    actions.import_working_year(table=YEAR_2027, source="文", by=make.SYSTEM)
    assert actions.import_working_year(table=YEAR_2027, source="文", by=make.SYSTEM) == ()


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ("date,kind\n2027-02-30,HOLIDAY\n", "2027-02-30"),
        ("date,kind\n2027-01-01,HOLIDAY\n", "不完整"),
        ("", "首行"),
        ("[{]", "JSON"),
    ],
)
def test_a_wrong_table_is_refused_whole(table: str, says: str) -> None:
    with pytest.raises(actions.CalendarRefused, match=says):
        actions.import_working_year(table=table, source="文", by=make.SYSTEM)
    assert not WorkingYear.objects.exists()


def test_only_the_system_administrator_imports() -> None:
    for role in Role:
        if role is not Role.SYSTEM_ADMIN:
            with pytest.raises(NotAllowed):
                actions.import_working_year(table=YEAR_2027, source="文", by=make.make_staff(role))


def issue(scopes: list[str], **more: Any) -> tuple[int, str]:
    account = make.make_account()
    return actions.issue_token(
        account_id=account.pk,
        name="市热线",
        scopes=scopes,
        expires_at=more.get("expires_at", timezone.now() + timedelta(days=30)),
        by=make.SYSTEM,
    )


def me(client: Client, token: str) -> int:
    return client.get("/api/v1/me", headers={"Authorization": f"Bearer {token}"}).status_code


def test_a_token_works_until_revoked_and_is_not_stored(client: Client) -> None:
    make.make_places()
    token_id, token = issue(["reports:write"])
    answer = client.get("/api/v1/me", headers={"Authorization": f"Bearer {token}"})
    assert answer.json()["ref"] == f"client:{token_id}"
    assert answer.json()["permissions"] == ["REPORT_RECORD"]
    assert answer.json()["divisions"] == ["990101"]
    assert token not in str(ApiToken.objects.values())

    actions.revoke_token(token_id=token_id, by=make.SYSTEM)
    assert me(client, token) == 401


def test_strangers_expired_tokens_and_those_of_gone_people_are_refused(client: Client) -> None:
    assert client.get("/api/v1/me").status_code == 401
    assert me(client, "hy_nonsense") == 401
    token_id, token = issue(["cases:read"])
    ApiToken.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert me(client, token) == 401
    token_id, token = issue(["cases:read"])
    responsible = ApiToken.objects.get(pk=token_id).account_id
    actions.set_account_active(account_id=responsible, active=False, by=make.SYSTEM)
    assert me(client, token) == 401


def test_the_use_of_a_token_is_noted_once_in_a_while(client: Client) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    make.make_places()
    _, token = issue(["cases:read"])
    me(client, token)
    queries.forget_caches()
    me(client, token)
    with CaptureQueriesContext(connection) as statements:
        me(client, token)
    assert len(statements) == 0
    queries.forget_caches()
    with CaptureQueriesContext(connection) as statements:
        me(client, token)
    assert not [s for s in statements if s["sql"].startswith("UPDATE")]


@pytest.mark.parametrize("scopes", [[], ["everything"]])
def test_unknown_scopes_are_refused(scopes: list[str]) -> None:
    with pytest.raises(actions.TokenRefused):
        issue(scopes)
    with pytest.raises(actions.TokenRefused):
        issue(["cases:read"], expires_at=timezone.now() + timedelta(days=10_000))


def test_a_session_may_call_too(client: Client) -> None:
    actor = make.make_staff(Role.OFFICER, username="li", password=make.PASSWORD)
    client.post("/sign-in/", {"username": "li", "password": make.PASSWORD})
    answer = client.get("/api/v1/me").json()
    assert answer["ref"] == actor.ref
    assert Permission.CASE_HANDLE in answer["permissions"]


def test_public_lists_answer_and_cache(client: Client) -> None:
    make.make_organisation(name="清和县综治中心", kind="CENTRE")
    assert len(client.get("/api/v1/divisions").json()) == 4
    below = client.get("/api/v1/divisions", {"parent": make.TOWNSHIP}).json()
    assert [d["name"] for d in below] == ["东门社区", "柳林村"]
    assert client.get("/api/v1/organisations?kind=centre").json()[0]["kind"] == "CENTRE"

    grids = client.get("/grids.geojson")
    assert len(grids.json()["features"]) == 3
    again = client.get("/grids.geojson", headers={"If-None-Match": grids.headers["ETag"]})
    assert again.status_code == 304
    make.make_organisation()
    later = client.get("/grids.geojson", headers={"If-None-Match": grids.headers["ETag"]})
    assert later.status_code == 200

    box = client.get("/api/v1/grids", {"bbox": "117.021,39,117.03,39.01"}).json()
    assert [f["id"] for f in box["features"]] == [make.GRIDS[2]]


@pytest.mark.parametrize("bbox", ["1,2,3", "a,b,c,d", "117,39,116,40", "0,0,0,1000", "nan,0,1,1"])
def test_a_wrong_box_is_explained(client: Client, bbox: str) -> None:
    answer = client.get("/api/v1/grids", {"bbox": bbox})
    assert answer.status_code == 422
    assert answer.json()["code"] == "BOX_REFUSED"


def test_a_point_has_a_name(client: Client) -> None:
    make.make_places()
    inside = client.get("/places/at/", {"lon": "117.005", "lat": "39.005"}).json()
    assert inside == {
        "name": "城关镇东门社区第1网格",
        "grid_code": make.GRIDS[0],
        "inside": True,
    }
    assert not client.get("/places/at/?lon=1&lat=1").json()["inside"]
    assert client.get("/places/at/?lon=x").status_code == 400
    assert client.get("/api/v1/places/at?lon=117.005&lat=39.005").json()["inside"]


def test_knocking_too_often_is_told_gently(client: Client) -> None:
    for _ in range(3):
        throttle.allow("test", "1.2.3.4", limit=3, seconds=60)
    with pytest.raises(throttle.TooOften) as refused:
        throttle.allow("test", "1.2.3.4", limit=3, seconds=60)
    assert 0 < refused.value.retry_after <= 61
    assert "没有丢失" in refused.value.zh
    throttle.allow("test", "1.2.3.5", limit=3, seconds=60)
    throttle.allow("other", "1.2.3.4", limit=3, seconds=60)


def test_a_flood_of_addresses_does_not_grow_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throttle, "MOST_KEYS", 100)
    for n in range(1000):
        throttle.allow("flood", str(n), limit=1, seconds=60)
    assert len(throttle._windows) <= 100


@pytest.mark.parametrize(
    ("proxies", "forwarded", "expected"),
    [
        (0, "9.9.9.9", "10.0.0.1"),
        (1, "6.6.6.6, 9.9.9.9", "9.9.9.9"),
        (2, "6.6.6.6, 9.9.9.9, 10.0.0.2", "9.9.9.9"),
        (2, "9.9.9.9", "10.0.0.1"),
    ],
)
def test_only_our_own_proxies_are_believed(
    rf: Any, settings: Any, proxies: int, forwarded: str, expected: str
) -> None:
    settings.TRUSTED_PROXIES = proxies
    request = rf.get("/", REMOTE_ADDR="10.0.0.1", HTTP_X_FORWARDED_FOR=forwarded)
    assert throttle.client_address(request) == expected
