"""An alert becomes a case, both are told at once, and whether it was true goes back."""

from datetime import UTC, datetime, timedelta

import pytest

from huying.cases import queries, subscribers
from huying.cases.models import Act, Case, ResponsibilityRule
from huying.notices.models import Notice
from huying.sensing.events import AlertClosed, AlertOpened, alert_closed, alert_opened
from tests.factories.cases import Office, do, make_alert_event, make_office

pytestmark = pytest.mark.django_db


def _open(event: AlertOpened) -> None:
    alert_opened.send(sender=AlertOpened, event=event)


@pytest.fixture
def judged(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, bool]]:
    calls: list[tuple[int, bool]] = []

    def record(*, alert_id: int, was_true: bool, by: object) -> None:
        calls.append((alert_id, was_true))

    monkeypatch.setattr("huying.sensing.actions.record_true_alarm", record)
    return calls


def test_an_alert_opens_a_case_and_tells_both_at_once() -> None:
    office = make_office()
    _open(make_alert_event())
    case = Case.objects.get()
    assert (case.procedure, case.state, case.alert_id) == ("environmental_alert", "ALERTED", 41)
    assert case.lead_organisation_id == office.other_bureau.pk
    assert case.due_at == case.created_at + timedelta(hours=2)
    told = set(Notice.objects.values_list("account_id", "urgency"))
    assert told == {
        (office.other_officer.account_id, "URGENT"),
        (office.grid_worker.account_id, "URGENT"),
    }
    titles = " ".join(Notice.objects.values_list("title", flat=True))
    assert "达到预警值" in titles
    assert "超标" not in titles


def test_an_alert_nobody_answers_for_reaches_the_dispatcher() -> None:
    office = make_office()
    ResponsibilityRule.objects.all().delete()
    queries.forget_caches()
    _open(make_alert_event())
    assert Case.objects.get().lead_organisation_id is None
    told = set(Notice.objects.values_list("account_id", flat=True))
    assert told == {office.dispatcher.account_id, office.grid_worker.account_id}


def test_the_same_device_and_rule_join_the_open_case() -> None:
    make_office()
    _open(make_alert_event())
    _open(make_alert_event(alert_id=42))
    case = Case.objects.get()
    assert Act.objects.filter(case=case, action="rise").count() == 1
    _open(make_alert_event(alert_id=43, rule_code="NO2_HOURLY"))
    _open(make_alert_event(alert_id=44, device_id=8))
    assert Case.objects.count() == 3


def test_after_the_window_it_is_a_new_case() -> None:
    make_office()
    _open(make_alert_event())
    Case.objects.update(created_at=datetime.now(UTC) - timedelta(hours=25))
    _open(make_alert_event(alert_id=42))
    assert Case.objects.count() == 2


def _to_the_end(office: Office, action: str, **data: str) -> Case:
    case = Case.objects.get()
    do(case.pk, action, office.grid_worker, **data)
    case.refresh_from_db()
    return case


def test_a_true_alarm_is_recorded_back(judged: list[tuple[int, bool]]) -> None:
    office = make_office()
    _open(make_alert_event())
    case = _to_the_end(office, "confirm_true", cause="OPEN_BURNING")
    assert case.true_alarm is True
    assert judged == [(41, True)]


def test_a_false_alarm_is_recorded_back(judged: list[tuple[int, bool]]) -> None:
    office = make_office()
    _open(make_alert_event())
    case = _to_the_end(office, "confirm_false", why_false="DEVICE_FAULT")
    assert (case.true_alarm, case.state) == (False, "UNFOUNDED")
    assert judged == [(41, False)]


def test_what_is_found_out_holds_for_the_alerts_that_joined(
    judged: list[tuple[int, bool]],
) -> None:
    office = make_office()
    _open(make_alert_event())
    _open(make_alert_event(alert_id=42))
    alert_closed.send(
        sender=AlertClosed,
        event=AlertClosed(alert_id=42, closed_at=datetime.now(UTC), peak_value=None),
    )
    case = _to_the_end(office, "confirm_true", cause="OPEN_BURNING")
    assert Act.objects.filter(case=case, action="recover").count() == 1
    assert judged == [(41, True), (42, True)]


@pytest.mark.parametrize(
    ("severity", "urgency"),
    [("NOTICE", "NORMAL"), ("WARNING", "URGENT"), ("SEVERE", "EMERGENCY")],
)
def test_severity_becomes_urgency(severity: str, urgency: str) -> None:
    make_office()
    _open(make_alert_event(severity=severity))
    assert Case.objects.get().urgency == urgency


def test_readings_that_fall_are_noted_and_close_nothing() -> None:
    make_office()
    _open(make_alert_event())
    alert_closed.send(
        sender=AlertClosed,
        event=AlertClosed(alert_id=41, closed_at=datetime.now(UTC), peak_value=211.0),
    )
    case = Case.objects.get()
    assert case.state == "ALERTED"
    assert "211" in Act.objects.filter(case=case).latest("seq").data["remark"]
    alert_closed.send(
        sender=AlertClosed,
        event=AlertClosed(alert_id=999, closed_at=datetime.now(UTC), peak_value=None),
    )


def test_without_anybody_responsible_the_alert_still_becomes_a_case() -> None:
    _open(make_alert_event(grid_code=None, division_code=None, lon=None, lat=None))
    case = Case.objects.get()
    assert case.lead_organisation_id is None
    assert subscribers.alert_key(7, "PM25_HOURLY") == case.alert_key
