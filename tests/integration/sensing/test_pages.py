"""The pages of sensing: who sees them, and that their buttons do what they say."""

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from huying.directory.models import Account
from huying.directory.permissions import Role
from huying.sensing.models import (
    Alert,
    AlertRule,
    Device,
    DeviceState,
    MaintenanceWindow,
    Observation,
    Property,
    Quarantine,
)
from tests.factories.directory import GRIDS, make_places, make_staff
from tests.factories.sensing import make_device, make_reading, take, this_hour

pytestmark = pytest.mark.django_db


def client_of(role: Role, **post: str) -> Client:
    actor = make_staff(role, **post)  # type: ignore[arg-type]  # the factory's own keywords
    client = Client()
    client.force_login(Account.objects.get(pk=actor.own_account()))
    return client


@pytest.fixture
def admin() -> Client:
    return client_of(Role.SYSTEM_ADMIN)


def test_stations_show_the_newest_values_and_what_is_wrong(admin: Client) -> None:
    good = make_device(name="东门站")
    bad = make_device(name="西门站")
    for device, value in ((good, 35.0), (bad, 182.0)):
        values = {"a34004": value, "a34002": 60.0}
        take(make_reading(device.mn, values, kind="HOUR", at=this_hour(1)))

    page = admin.get("/sensing/").content.decode()

    assert "东门站" in page
    assert "正在预警" in page
    assert "PM2.5 小时均值 182 µg/m³，达到预警值（150 µg/m³）" in page
    assert 'data-level="5"' in page
    assert "超标" not in page


def test_a_device_with_its_chart(admin: Client) -> None:
    device = make_device()
    for hour in range(3):
        take(make_reading(device.mn, {"a34004": 40.0 + hour}, kind="HOUR", at=this_hour(3 - hour)))

    assert admin.get(f"/sensing/devices/{device.mn}/").status_code == 200
    chart = admin.get(f"/sensing/devices/{device.mn}/chart.json?property=a34004").json()
    assert chart["series"][0]["values"] == [40.0, 41.0, 42.0]
    assert chart["threshold"]["value"] == 150
    assert admin.get("/sensing/devices/nobody/").status_code == 404


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ({"drift_seconds": 900}, "不支持远程对时，请到现场校准"),
        ({"drift_seconds": 900, "clock_result": "SENT"}, "已下发对时命令，等待设备应答"),
        ({"drift_seconds": 900, "clock_result": "DONE"}, "时钟仍然不准"),
        ({"clock_result": "REFUSED", "clock_code": 3}, "设备拒绝对时命令（QnRtn=3）"),
        ({"clock_result": "FAILED", "clock_code": 6}, "执行对时命令失败（ExeRtn=6）"),
        ({"clock_result": "NO_ANSWER"}, "设备没有应答"),
        ({"clock_result": "DONE"}, ""),
    ],
)
def test_what_became_of_setting_the_clock_is_seen(
    admin: Client, state: dict[str, Any], words: str
) -> None:
    device = make_device()
    if "clock_result" in state:
        state = {**state, "clock_at": timezone.now()}
    DeviceState.objects.create(device=device, **state)
    page = admin.get(f"/sensing/devices/{device.mn}/").content.decode()

    assert (words in page) if words else ("hy-inset" not in page)


def test_who_may_see_what() -> None:
    make_places()
    device = make_device(lon=117.005, lat=39.005)
    elsewhere = make_device(lon=117.025, lat=39.005)
    worker = client_of(Role.GRID_WORKER, grid=GRIDS[0])
    assert Client().get("/sensing/").status_code == 302
    assert client_of(Role.INTAKE_CLERK).get("/sensing/").status_code == 403
    assert worker.get(f"/sensing/devices/{device.mn}/").status_code == 200
    assert worker.get(f"/sensing/devices/{elsewhere.mn}/").status_code == 404
    assert worker.get("/sensing/quarantine/").status_code == 403
    assert worker.post("/sensing/rules/new/").status_code == 403
    assert worker.get("/sensing/rules/").status_code == 200


def test_registering_from_quarantine_and_replaying(admin: Client) -> None:
    raw = b'{"device":"NEW1","time":"2026-01-01T08:00:00+08:00","values":{"a34004":35}}'
    take(make_reading("NEW1", {"a34004": 35.0}, listener="HTTP", raw=raw))
    page = admin.get("/sensing/quarantine/").content.decode()
    assert "设备编号 NEW1 尚未登记。登记后可重新入库，数据不会丢失。" in page

    form = {"mn": "NEW1", "name": "新站", "kind": "AIR", "protocol": "HTTP", "units": "MICROGRAM"}
    assert admin.post("/sensing/devices/new/", form).status_code == 302
    assert Device.objects.get(mn="NEW1").name == "新站"
    answer = admin.post("/sensing/quarantine/replay/", {"all": "1", "reason": "UNKNOWN_DEVICE"})
    assert answer.status_code == 302
    assert Quarantine.objects.get().outcome == "ACCEPTED"
    again = admin.post("/sensing/quarantine/replay/", {"all": "1", "reason": "UNKNOWN_DEVICE"})
    assert again.status_code == 409

    assert admin.post("/sensing/devices/new/", form).status_code == 422


def test_dismissing(admin: Client) -> None:
    take(make_reading("NOBODY", {"a34004": 35.0}))
    item = Quarantine.objects.get()
    admin.post("/sensing/quarantine/dismiss/", {"only": item.id})

    item.refresh_from_db()
    assert item.outcome == "DISMISSED"
    assert "已标为不采用" in admin.get("/sensing/quarantine/?outcome=DISMISSED").content.decode()


def test_script_in_what_came_is_shown_as_text(admin: Client) -> None:
    take(make_reading("NOBODY", {"a34004": 35.0}, raw=b"<script>alert(1)</script>"))

    page = admin.get("/sensing/quarantine/").content.decode()
    assert "<script>alert(1)" not in page
    assert "&lt;script&gt;alert(1)" in page


def test_a_rule_is_changed_and_its_history_kept(admin: Client) -> None:
    page = admin.get("/sensing/rules/").content.decode()
    assert "PM2.5 小时均值高于 150 µg/m³；回落到 115 µg/m³ 及以下解除" in page

    form = {
        "name": "PM2.5 小时均值达到预警值", "test": "THRESHOLD", "property_code": "a34004",
        "period": "HOUR", "comparison": "ABOVE", "threshold": "140", "clear_threshold": "110",
        "for_minutes": "0", "window_minutes": "60", "severity": "WARNING", "enabled": "on",
        "note": "入冬前调低", "version": "1",
    }  # fmt: skip
    assert admin.post("/sensing/rules/pm25_hour/", form).status_code == 302
    assert AlertRule.objects.get(code="pm25_hour").threshold == 140
    page = admin.get("/sensing/rules/pm25_hour/").content.decode()
    assert "预警值 150 → 140" in page
    assert "入冬前调低" in page

    stale = admin.post("/sensing/rules/pm25_hour/", form)
    assert stale.status_code == 422
    assert "这条规则刚被别人改过" in stale.content.decode()
    bad = admin.post("/sensing/rules/new/", {**form, "clear_threshold": "200"})
    assert bad.status_code == 422


def test_a_new_rule(admin: Client) -> None:
    form = {"name": "设备失联", "test": "SILENCE", "period": "HOUR", "comparison": "ABOVE",
            "for_minutes": "120", "window_minutes": "60", "severity": "NOTICE",
            "enabled": "on"}  # fmt: skip
    assert admin.post("/sensing/rules/new/", form).status_code == 302
    rule = AlertRule.objects.get(test="SILENCE")
    assert (rule.code, rule.for_seconds) == ("local_1", 7200)
    assert "超过 2 小时没有收到数据" in admin.get("/sensing/rules/").content.decode()


def test_maintenance(admin: Client) -> None:
    device = make_device()
    path = f"/sensing/devices/{device.mn}/maintenance/"
    bad = admin.post(path, {"starts_at": "2030-01-02T08:00", "ends_at": "2030-01-01T08:00"})
    assert bad.status_code == 422
    form = {"starts_at": "2030-01-01T08:00", "ends_at": "2030-01-02T08:00", "reason": "校准"}
    assert admin.post(path, form).status_code == 302
    assert MaintenanceWindow.objects.get().device == device
    assert "校准" in admin.get(f"/sensing/devices/{device.mn}/").content.decode()


def test_alerts_list(admin: Client) -> None:
    device = make_device(name="东门站")
    take(make_reading(device.mn, {"a34004": 200.0}, kind="HOUR", at=this_hour(3)))
    take(make_reading(device.mn, {"a34004": 20.0}, kind="HOUR", at=this_hour(2)))

    alert = Alert.objects.get()
    assert alert.closed_at
    everything = admin.get("/sensing/alerts/").content.decode()
    assert "东门站" in everything
    assert "去掉这个条件" not in everything
    of_one_rule = admin.get(f"/sensing/alerts/?rule={alert.rule.code}").content.decode()
    assert "东门站" in of_one_rule
    assert f"{alert.rule.name} <svg" in of_one_rule, "which rule's is said, and how to see all"
    assert "没有预警" in admin.get("/sensing/alerts/?open=1").content.decode()


def test_a_device_is_mended_and_its_data_replayed(admin: Client) -> None:
    device = make_device(password="111111", units={})
    raw = b"ST=22;CN=2011;PW=222222;MN=%b;CP=&&DataTime=20260101080000;a34004-Rtd=35&&"
    take(make_reading(device.mn, {"a34004": 35.0}, password="222222", raw=raw % device.mn.encode()))
    path = f"/sensing/devices/{device.mn}/edit/"
    assert device.name in admin.get(path).content.decode()
    form = {
        "name": "新名", "password": "222222", "units": "a34004 µg/m³", "minute_interval": "5",
        "frames_per_minute": "600", "enabled": "on",
    }  # fmt: skip
    assert admin.post(path, {**form, "units": "a34004 ppb"}).status_code == 422
    assert admin.post(path, {**form, "units": "a34004"}).status_code == 422
    assert admin.post(path, form).status_code == 302
    admin.post("/sensing/quarantine/replay/", {"all": "1", "reason": "WRONG_PASSWORD"})

    assert Observation.objects.get().values == [35.0]
    device.refresh_from_db()
    assert (device.name, device.minute_interval) == ("新名", 5)


def test_a_code_a_device_brought_along_is_listed(admin: Client) -> None:
    device = make_device()
    take(make_reading(device.mn, {"xyz01": 4.5}))
    page = admin.get("/sensing/properties/").content.decode()
    assert "设备发来 1 个还没登记的编码" in page

    form = {"name_zh": "负氧离子", "name_en": "Negative ions", "medium": "AIR", "unit": "个/cm³",
            "wire_unit": "", "decimals": "0", "minimum": "0", "maximum": "100000"}  # fmt: skip
    assert admin.post("/sensing/properties/xyz01/", form).status_code == 302
    row = Property.objects.get(code="xyz01")
    assert (row.name_zh, row.is_listed, row.wire_unit) == ("负氧离子", True, "个/cm³")

    # What is stored is in the old unit: it stays.
    changed = admin.post("/sensing/properties/xyz01/", {**form, "unit": "个/m³"})
    assert changed.status_code == 422
    assert client_of(Role.OFFICER).get("/sensing/properties/xyz01/").status_code == 403
