"""The REST interface: judged at once, batches, lists that respect territory."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client

from huying.directory.permissions import Role
from huying.sensing import actions, queries
from huying.sensing.actions import RuleWording
from huying.sensing.models import Alert, Observation, Quarantine
from tests.factories.directory import GRIDS, make_places, make_staff, make_token
from tests.factories.sensing import SYSTEM, make_device, make_reading, take, this_hour

pytestmark = pytest.mark.django_db


def now() -> str:
    return datetime.now(UTC).isoformat()


@pytest.fixture
def write() -> dict[str, str]:
    return {"Authorization": f"Bearer {make_token('observations:write')}"}


@pytest.fixture
def read() -> dict[str, str]:
    make_places()  # a token reaches the county there is
    return {"Authorization": f"Bearer {make_token('observations:read')}"}


def post(client: Client, headers: dict[str, str], body: Any) -> Any:
    return client.post(
        "/api/v1/observations", body, content_type="application/json", headers=headers
    )


def one(mn: str, value: float, **fields: Any) -> dict[str, Any]:
    values = [{"property": "a34004", "value": value, **fields.pop("extra", {})}]
    return {"device": mn, "time": now(), "values": values, **fields}


def test_a_normal_reading(client: Client, write: dict[str, str]) -> None:
    device = make_device(protocol="HTTP", units={})
    answer = post(client, write, one(device.mn, 35, period="HOUR"))

    assert answer.status_code == 200
    body = answer.json()
    assert (body["result"], body["verdict"], body["threshold"]) == ("STORED", "NORMAL", 150)
    assert body["why"] == "PM2.5 35 µg/m³，不高于预警值 150 µg/m³"
    assert Observation.objects.get().values == [35.0]


def test_a_warning_says_why_and_opens_the_alert(client: Client, write: dict[str, str]) -> None:
    device = make_device(protocol="HTTP", units={})
    body = post(client, write, one(device.mn, 182, period="HOUR")).json()

    assert (body["verdict"], body["value"], body["threshold"]) == ("WARNING", 182, 150)
    assert body["why"] == "PM2.5 182 µg/m³，高于预警值 150 µg/m³"
    assert body["alerts"] == [Alert.objects.get().id]


def test_a_moment_is_not_judged_as_an_hour(client: Client, write: dict[str, str]) -> None:
    device = make_device(protocol="HTTP", units={})
    body = post(client, write, one(device.mn, 0.182, extra={"unit": "mg/m3"})).json()

    assert (body["verdict"], body["value"], body["alerts"]) == ("WARNING", 182, [])
    assert "按小时均值判断" in body["why"]


def test_any_property_at_all(client: Client, write: dict[str, str]) -> None:
    device = make_device(kind="PEOPLE_FLOW", protocol="HTTP", units={})
    actions.save_rule(
        code="crowd",
        wording=RuleWording(
            name="广场人流", test="THRESHOLD", property_code="people_count", period="REALTIME",
            threshold=5000,
        ),
        by=SYSTEM,
    )  # fmt: skip
    values = [{"property": "people_count", "value": 5600}]
    body = post(client, write, {"device": device.mn, "time": now(), "values": values}).json()

    assert body["verdict"] == "WARNING"
    assert len(body["alerts"]) == 1


def test_what_cannot_be_taken_is_kept(client: Client, write: dict[str, str]) -> None:
    answer = post(client, write, one("nobody", 35))

    assert answer.status_code == 202
    assert answer.json()["refusals"][0]["reason"] == "UNKNOWN_DEVICE"
    make_device("nobody", protocol="HTTP", units={})
    assert actions.replay_quarantine(by=SYSTEM).accepted == 1


def test_a_batch_has_a_result_for_each(client: Client, write: dict[str, str]) -> None:
    device = make_device(protocol="HTTP", units={})
    good = one(device.mn, 35)
    body = {"observations": [good, good, one(device.mn, -5), one("nobody", 1),
                             {**one(device.mn, 1), "time": "yesterday"}]}  # fmt: skip
    answer = post(client, write, body).json()

    assert [r["result"] for r in answer["results"]] == [
        "STORED", "DUPLICATE", "QUARANTINED", "QUARANTINED", "QUARANTINED",
    ]  # fmt: skip
    reasons = [r["refusals"][0]["reason"] for r in answer["results"][2:]]
    assert reasons == ["NEGATIVE", "UNKNOWN_DEVICE", "BAD_TIME"]
    assert (answer["stored"], answer["duplicates"], answer["quarantined"]) == (1, 1, 3)
    assert Quarantine.objects.count() == 3


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"values": [{"property": "a34004", "value": "NaN"}]}, "NOT_A_NUMBER"),
        ({"values": [{"property": "a34004", "value": None}]}, "NOT_A_NUMBER"),
        ({"values": []}, "MALFORMED"),
        ({"period": "WEEK"}, "MALFORMED"),
        ({"device": 7}, "MALFORMED"),
        ({"device": "\ud800"}, "MALFORMED"),
        ({"time": None}, "BAD_TIME"),
        (None, "MALFORMED"),
        ("35", "MALFORMED"),
        ([], "MALFORMED"),
    ],
)
def test_what_cannot_be_read_is_kept_and_stops_no_other(
    client: Client, write: dict[str, str], change: Any, reason: str
) -> None:
    device = make_device(protocol="HTTP", units={})
    bad = {**one(device.mn, 1), **change} if isinstance(change, dict) else change
    answer = post(client, write, {"observations": [bad, one(device.mn, 35)]})

    assert answer.status_code == 200
    first, second = answer.json()["results"]
    assert (first["result"], second["result"]) == ("QUARANTINED", "STORED")
    assert first["refusals"][0]["reason"] == reason
    assert (answer.json()["stored"], answer.json()["quarantined"]) == (1, 1)
    assert Observation.objects.get().values == [35.0]
    item = Quarantine.objects.get()
    assert (item.listener, item.reason, json.loads(bytes(item.raw))) == ("HTTP", reason, bad)


def test_a_misspelt_field_is_told_and_the_rest_taken(client: Client, write: dict[str, str]) -> None:
    device = make_device(protocol="HTTP", units={})
    body = {"observations": [one(device.mn, 35, periode="HOUR")]}
    (result,) = post(client, write, body).json()["results"]

    assert (result["result"], result["refusals"][0]["reason"]) == ("STORED", "UNKNOWN_FIELD")
    assert Quarantine.objects.get().detail["field"] == "periode"


def test_no_json_is_refused_as_a_whole(client: Client, write: dict[str, str]) -> None:
    answer = client.post(
        "/api/v1/observations", '{"observations": [', content_type="application/json", headers=write
    )

    assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")
    assert answer.json()["title"] == "请求无法读取，请检查后重试"
    assert not Quarantine.objects.exists()


def test_ten_thousand_at_once(client: Client, write: dict[str, str]) -> None:
    device = make_device(protocol="HTTP", units={})
    begin = this_hour(5)
    body = {
        "observations": [
            one(device.mn, 35, time=datetime.fromtimestamp(begin + n, UTC).isoformat())
            for n in range(10_000)
        ]
    }
    assert post(client, write, body).json()["stored"] == 10_000

    body["observations"].append(one(device.mn, 35))
    assert post(client, write, body).status_code == 422


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"device": "x", "time": "2026-11-22T10:00:00Z", "values": []},
        {"device": "x", "time": "2026-11-22T10:00:00Z", "values": [{"property": "a"}]},
        {"device": "x", "values": [{"property": "a34004", "value": "much"}]},
        {"device": "x", "time": "soon", "values": [{"property": "a34004", "value": 1}]},
        {"observations": []},
        {"observations": {"device": "x"}},
        [],
    ],
)
def test_what_is_no_reading_is_told(client: Client, write: dict[str, str], body: Any) -> None:
    answer = post(client, write, body)

    assert answer.status_code == 422
    assert answer["Content-Type"] == "application/problem+json"


def test_scopes(client: Client, write: dict[str, str], read: dict[str, str]) -> None:
    device = make_device()
    assert post(client, {}, one(device.mn, 1)).status_code == 401
    assert post(client, read, one(device.mn, 1)).status_code == 403
    assert client.get("/api/v1/devices", headers=write).status_code == 403
    assert client.get("/api/v1/devices").status_code == 401


def test_lists_page_by_key(client: Client, read: dict[str, str]) -> None:
    devices = [make_device() for _ in range(3)]
    begin = this_hour(2)
    take(*[make_reading(devices[0].mn, {"a34004": n}, at=begin + n) for n in range(5)])
    first = client.get("/api/v1/devices?limit=2", headers=read).json()
    second = client.get(f"/api/v1/devices?limit=2&after={first['next_after']}", headers=read).json()
    assert [d["device"] for d in first["devices"] + second["devices"]] == [d.mn for d in devices]
    assert second["next_after"] is None

    path = f"/api/v1/observations?device={devices[0].mn}&limit=3"
    page = client.get(path, headers=read).json()
    rest = client.get(
        "/api/v1/observations",
        {"device": devices[0].mn, "limit": 3, "since": page["next_since"]},
        headers=read,
    )
    values = [o["values"]["a34004"] for o in page["observations"] + rest.json()["observations"]]
    assert values == [0, 1, 2, 3, 4]
    assert client.get("/api/v1/observations?device=nobody", headers=read).status_code == 404


def test_territory_decides_what_is_seen() -> None:
    inside = make_device(grid_code=GRIDS[0], lon=117.005, lat=39.005)
    outside = make_device(grid_code=GRIDS[2], lon=117.025, lat=39.005)
    for device in (inside, outside):
        take(make_reading(device.mn, {"a34004": 200.0}, kind="HOUR"))
    worker = make_staff(Role.GRID_WORKER, grid=GRIDS[0])
    county = make_staff(Role.DISPATCHER)
    clerk = make_staff(Role.INTAKE_CLERK)

    assert [a.device_mn for a in queries.open_alerts(worker)] == [inside.mn]
    assert {a.device_mn for a in queries.open_alerts(county)} == {inside.mn, outside.mn}
    assert [row.mn for row in queries.latest_values(worker)] == [inside.mn]
    assert queries.open_alerts(clerk) == []
