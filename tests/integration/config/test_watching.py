"""One id from a request or a frame to act, notices, delivery and ledger record; what is counted."""

import io
import json
import logging
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import Error, connection, transaction
from django.test import Client
from django.utils import timezone
from prometheus_client import REGISTRY

from huying.config.gauges import Gauges
from huying.config.logs import JsonFormatter
from huying.directory.models import Account
from huying.directory.permissions import Actor
from huying.ledger.models import Record
from huying.notices import actions as notices
from huying.notices.models import Address, Delivery, Notice
from huying.sensing import actions as sensing
from huying.sensing import events
from huying.sensing.models import Alert
from tests.factories.cases import account, make_office, make_report
from tests.factories.directory import GRIDS, VILLAGE
from tests.factories.sensing import make_device, make_reading, take, this_hour
from tests.integration.sensing.conftest import catalogue

__all__ = ["catalogue"]

CALLER = "0af7651916cd43dd8448eb211c80319c"
HEADER = f"00-{CALLER}-b7ad6b7169203331-01"
SYSTEM = Actor.system("tests")


class Lines:
    """The log as an operator greps it."""

    def __init__(self) -> None:
        self.stream = io.StringIO()

    def all(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.stream.getvalue().splitlines()]

    def of(self, trace_id: str) -> dict[str, dict[str, Any]]:
        return {line["message"]: line for line in self.all() if line.get("trace_id") == trace_id}


@pytest.fixture
def lines() -> Iterator[Lines]:
    found = Lines()
    handler = logging.StreamHandler(found.stream)
    handler.setFormatter(JsonFormatter())
    root = logging.getLogger()
    root.addHandler(handler)
    yield found
    root.removeHandler(handler)


def value(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


def sum_of(name: str) -> float:
    return sum(
        sample.value
        for family in REGISTRY.collect()
        for sample in family.samples
        if sample.name == name
    )


@pytest.mark.django_db(transaction=True)
def test_from_a_request_to_act_notice_delivery_and_record(client: Client, lines: Lines) -> None:
    office = make_office()
    officer = Account.objects.get(pk=account(office.officer))
    Address.objects.create(
        account=officer, channel="DEMO", name="测试", sealed="take", digest="0" * 16
    )
    notices.set_preferences(channels={"case": ["DEMO"]}, quiet_hours=None, by=office.officer)
    answer = client.post(
        "/api/v1/reports",
        {"text": "小区门口垃圾堆了三天", "category": "GARBAGE", "lon": 117.005, "lat": 39.005},
        content_type="application/json",
        headers={"traceparent": HEADER},
    )
    assert answer.status_code == 201, answer.content
    assert answer.headers["X-Trace-Id"] == CALLER
    found = lines.of(CALLER)
    acted, told = found["case.acted"], found["notices.told"]
    assert found["ledger.recorded"]["records"] == acted["records"]
    assert (
        list(Record.objects.filter(subject__startswith="case:").values_list("id", flat=True))
        == (acted["records"])
    )
    assert told["notices"]
    assert str(Notice.objects.get(pk=told["notices"][0]).trace_id).replace("-", "") == CALLER

    # In another process, later: the drain knows it from the row.
    Delivery.objects.update(next_attempt_at=timezone.now() - timedelta(seconds=1))
    assert notices.drain(by=Actor.system("notices")).sent == 1
    delivered = lines.of(CALLER)["notice.delivery"]
    assert delivered["result"] == "SENT"
    assert delivered["notice"] in told["notices"]


@pytest.mark.usefixtures("catalogue")
@pytest.mark.django_db(transaction=True)
def test_from_a_frame_to_alert_case_notice_and_record(lines: Lines) -> None:
    make_office()
    devices = [
        make_device(lon=117.005, lat=39.005, division_code=VILLAGE, grid_code=GRIDS[0])
        for _ in range(2)
    ]
    # One batch, two devices: each alert has a trace of its own.
    take(
        *(
            make_reading(device.mn, {"a34004": 300.0}, kind="HOUR", at=this_hour(1))
            for device in devices
        )
    )
    opened = [line for line in lines.all() if line["message"] == "alert.opened"]
    assert {line["mn"] for line in opened} == {device.mn for device in devices}
    assert len({line["trace_id"] for line in opened}) == 2
    for line in opened:
        alert = Alert.objects.get(pk=line["alert"])
        assert str(alert.trace_id).replace("-", "") == line["trace_id"]
        assert Record.objects.get(pk=line["record"]).subject == f"alert:{alert.pk}"
        found = lines.of(line["trace_id"])
        (record_id, *_) = found["case.acted"]["records"]
        assert Record.objects.filter(pk=record_id, subject__startswith="case:").exists()
        assert found["notices.told"]["notices"]


@pytest.mark.usefixtures("catalogue")
@pytest.mark.django_db(transaction=True)
def test_an_alert_handed_over_later_goes_on_under_its_trace(
    lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_office()
    device = make_device(lon=117.005, lat=39.005, division_code=VILLAGE, grid_code=GRIDS[0])
    with monkeypatch.context() as patched:

        def fail(**_: object) -> None:
            raise RuntimeError("the room above is not ready")

        patched.setattr(events.alert_opened, "send", fail)
        take(make_reading(device.mn, {"a34004": 300.0}, kind="HOUR", at=this_hour(1)))
    alert = Alert.objects.get()
    assert alert.handed_over_at is None
    assert sensing.hand_over_alerts(now=timezone.now(), by=SYSTEM) == 1
    assert "case.acted" in lines.of(str(alert.trace_id).replace("-", ""))


@pytest.mark.django_db(transaction=True)
def test_what_is_rolled_back_leaves_no_trail(lines: Lines) -> None:
    make_office()
    already = len(lines.all())
    counted = sum_of("huying_cases_acts_total")
    with transaction.atomic():
        make_report()
        transaction.set_rollback(True)
    assert len(lines.all()) == already
    assert sum_of("huying_cases_acts_total") == counted
    make_report()
    assert sum_of("huying_cases_acts_total") > counted


@pytest.mark.django_db
def test_requests_are_counted_by_route_and_never_by_address(client: Client) -> None:
    route = "/api/v1/reports/<receipt>"
    before = value("huying_web_requests_total", route=route, method="GET", status="4xx")
    missing = client.get("/api/v1/reports/AAAA-AAAA-AAAA")
    assert missing.status_code == 404
    assert len(missing.headers["X-Trace-Id"]) == 32
    after = value("huying_web_requests_total", route=route, method="GET", status="4xx")
    assert after == before + 1
    client.get("/no/such/13912345678/")
    client.generic("BREW", "/healthz")
    routes = {
        sample.labels["route"]
        for family in REGISTRY.collect()
        if family.name == "huying_web_requests"
        for sample in family.samples
    }
    assert not [one for one in routes if "AAAA" in one or "139" in one]
    assert "none" in routes
    # A method nobody knows is refused before there is a route.
    assert value("huying_web_requests_total", route="none", method="OTHER", status="4xx") >= 1


@pytest.mark.django_db(transaction=True)
def test_statements_and_commits_are_timed_and_failures_counted() -> None:
    before = value("huying_database_statement_seconds_count")
    failed = sum_of("huying_database_errors_total")
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        with pytest.raises(Error):
            cursor.execute("SELECT * FROM no_such_table")
    assert value("huying_database_statement_seconds_count") == before + 2
    assert sum_of("huying_database_errors_total") == failed + 1


@pytest.mark.django_db
@pytest.mark.parametrize("fault", [OSError, ValueError, KeyError])
def test_the_gauges_are_read_and_a_part_that_fails_is_left_out(
    monkeypatch: pytest.MonkeyPatch, lines: Lines, fault: type[Exception]
) -> None:
    office = make_office()
    make_report()
    assert office
    gauges = Gauges()
    gauges.refresh()
    found = {
        (sample.name, *sample.labels.values()): sample.value
        for family in gauges()
        for sample in family.samples
    }
    assert [value for key, value in found.items() if key[0] == "huying_cases_open"] == [1]
    assert found["huying_cases_overdue",] == 0
    assert found["huying_ledger_pending_age_seconds",] >= 0
    assert found["huying_database_connections_limit",] > 0
    assert found["huying_backup_timestamp_seconds",] == 0
    assert found["huying_time_wait_seconds",] == 0
    assert abs(found["huying_time_apart_seconds",]) < 60

    def broken() -> None:
        raise fault("no disk")

    monkeypatch.setattr("huying.notices.queries.outbox_health", broken)
    gauges.refresh()
    names = {family.name for family in gauges()}
    assert "huying_cases_overdue" in names
    assert "huying_notices_outbox_waiting" not in names
    words = f"gauges: _notices cannot be read: {fault.__name__}"
    assert words in [line["message"] for line in lines.all()]
