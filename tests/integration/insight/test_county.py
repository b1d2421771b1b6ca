"""The morning page and the command screen: each figure against acts done for it."""

from datetime import UTC, datetime, timedelta

import orjson
import pytest
from django.test import Client

from huying.cases import actions
from huying.cases.models import Act, Case
from huying.insight import queries
from huying.sensing.actions import ensure_catalogue
from tests.factories.cases import (
    Office,
    account,
    make_alert_case,
    make_office,
    make_report,
)
from tests.factories.directory import GRIDS, VILLAGE, account_of
from tests.factories.sensing import SYSTEM, make_device, make_reading, take, this_hour

pytestmark = pytest.mark.django_db

# Tuesday, 10:00 in Shanghai; the leader reads on Wednesday at 8:00.
TUESDAY = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)
WEDNESDAY = datetime(2026, 11, 25, 0, 0, tzinfo=UTC)


@pytest.fixture
def office() -> Office:
    return make_office()


def answer_and_close(office: Office, case_id: int, *, now: datetime) -> None:
    for action, data in (("take", {}), ("answer", {"reply": "已清运。", "outcome": "SOLVED"})):
        actions.act(case_id=case_id, action=action, by=office.officer, data=data, now=now)
    actions.act(case_id=case_id, action="close", by=office.dispatcher, now=now)


def test_yesterday_counts_what_came_and_what_was_closed_in_shanghai_days(office: Office) -> None:
    monday_night = datetime(2026, 11, 23, 15, 59, tzinfo=UTC)  # 23:59 in Shanghai
    make_report(now=monday_night)
    closed = make_report(now=TUESDAY)
    make_report(now=TUESDAY + timedelta(hours=1), text="路灯下的垃圾没人收拾")
    make_report(now=WEDNESDAY, text="今天才反映的垃圾")
    answer_and_close(office, closed.case_id, now=TUESDAY + timedelta(hours=2))
    page = queries.morning(office.leader, WEDNESDAY + timedelta(minutes=1))
    assert page.day.received == 2
    assert page.day.closed == 1
    assert page.on_time_percent == 100


def test_what_is_late_is_late_at_the_unit_whose_turn_it_is(office: Office) -> None:
    make_alert_case(now=TUESDAY)
    make_report(now=TUESDAY)
    actions.run_clocks(now=TUESDAY + timedelta(hours=3))
    page = queries.morning(office.leader, TUESDAY + timedelta(hours=3))
    assert page.overdue == 1
    assert [(unit.name, unit.count) for unit in page.late_units] == [("生态环境局", 1)]


def test_first_comes_what_is_overdue_then_what_is_urgent_then_who_is_many(office: Office) -> None:
    calm = make_report(now=TUESDAY).case_id
    many = make_report(now=TUESDAY, text="全楼断水的垃圾房", people_involved=40).case_id
    soon = make_alert_case(now=WEDNESDAY - timedelta(minutes=5)).case_id
    late = make_alert_case(now=TUESDAY).case_id
    page = queries.morning(office.leader, WEDNESDAY)
    assert [row.id for row in page.first] == [late, soon, many]
    assert calm not in {row.id for row in page.first}


def test_one_tap_supervises_and_says_so(office: Office, client: Client) -> None:
    case_id = make_report().case_id
    client.force_login(account_of(office.leader))
    answer = client.post(f"/leader/supervise/{case_id}/", {"note": "两天内给群众答复"})
    assert answer.status_code == 302
    assert Case.objects.get(pk=case_id).supervised
    act = Act.objects.filter(case_id=case_id).latest("seq")
    assert (act.action, act.account_id) == ("supervise", account(office.leader))
    assert "两天内给群众答复" in str(act.data) + act.note
    page = client.get("/leader/").content.decode()
    assert "已督办" in page
    client.force_login(account_of(office.officer))
    assert client.post(f"/leader/supervise/{case_id}/").status_code == 403


def test_the_command_screen_shows_the_day_so_far_and_what_is_late(office: Office) -> None:
    late = make_alert_case(now=TUESDAY - timedelta(days=1)).case_id
    closed = make_report(now=TUESDAY - timedelta(days=1))
    make_report(now=TUESDAY, text="新来的垃圾")
    answer_and_close(office, closed.case_id, now=TUESDAY)
    screen = queries.command_screen(office.leader, TUESDAY + timedelta(hours=1))
    assert (screen.received, screen.closed) == (1, 1)
    assert (screen.open, screen.overdue) == (2, 1)
    assert [row.id for row in screen.late] == [late]


def test_each_grid_is_shaded_by_its_own_cases(office: Office) -> None:
    make_report(now=TUESDAY)
    make_report(now=TUESDAY, text="又一处垃圾")
    document = orjson.loads(queries.grids_shaded(office.leader))
    open_cases = {
        feature["properties"]["code"]: feature["properties"]["open"]
        for feature in document["features"]
    }
    assert open_cases[GRIDS[0]] == 2
    assert sum(open_cases.values()) == 2


def test_an_open_alert_is_on_the_page_the_map_and_the_chart(office: Office) -> None:
    ensure_catalogue(by=SYSTEM)
    device = make_device(
        name="东门站", division_code=VILLAGE, grid_code=GRIDS[0], lon=117.005, lat=39.005
    )
    now = datetime.now(UTC)
    for hours_ago, value in ((3, 60.0), (2, 90.0), (1, 180.0)):
        take(make_reading(device.mn, {"a34004": value}, kind="HOUR", at=this_hour(hours_ago)))
    assert [alert.device_name for alert in queries.morning(office.leader, now).alerts] == ["东门站"]
    assert queries.command_screen(office.leader, now).alerts == 1
    (point,) = queries.open_alert_points(office.leader)["features"]
    assert point["geometry"]["coordinates"] == [117.005, 39.005]
    assert "180" in point["properties"]["words"]
    chart = queries.hours_of_the_worst_station(office.leader, now)
    assert chart["series"][0]["values"][-3:] == [60.0, 90.0, 180.0]
    assert chart["threshold"]["value"] == 150.0


def test_without_an_alert_the_chart_shows_the_station_with_the_worst_latest_hour(
    office: Office,
) -> None:
    ensure_catalogue(by=SYSTEM)
    now = datetime.now(UTC)
    assert queries.hours_of_the_worst_station(office.leader, now)["series"] == []
    readings = {
        "西门站": ((3, 140.0), (1, 40.0)),  # worse before, not now
        "北门站": ((2, 60.0), (1, 70.0)),
        "旧站": ((30, 149.0),),  # silent for longer than the chart shows
    }
    for name, hours in readings.items():
        device = make_device(name=name, division_code=VILLAGE, grid_code=GRIDS[0])
        for hours_ago, value in hours:
            take(make_reading(device.mn, {"a34004": value}, kind="HOUR", at=this_hour(hours_ago)))
    chart = queries.hours_of_the_worst_station(office.leader, now)
    assert chart["series"][0]["name"] == "北门站 PM2.5"
    assert chart["series"][0]["values"] == [60.0, 70.0]
    assert "threshold" not in chart
