"""The county as it lies in the database: whole, consistent, sealed."""

import datetime as dt
from typing import Any

import pytest
from django.apps import apps
from django.db import connection
from django.utils import timezone

from huying.cases import queries as cases
from huying.directory import queries as directory
from huying.ledger import queries as ledger
from huying.ledger import verify
from huying.simulation import county

pytestmark = pytest.mark.django_db


def _model(label: str) -> Any:
    return apps.get_model(label)


def _rows(statement: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return list(cursor.fetchall())


def _one(statement: str) -> Any:
    return _rows(statement)[0][0]


def test_a_hundredth_is_built_whole(small_county: county.Built) -> None:
    assert (small_county.residents, small_county.grids, small_county.stations) == (600, 200, 40)
    assert small_county.cases >= 120


def test_an_inhabited_county_is_refused(small_county: county.Built) -> None:
    before = _one("SELECT count(*) FROM directory_person")
    with pytest.raises(county.CountyNotEmpty) as caught:
        county.build(residents=10, cases=1, days=2)
    assert "已经有一个县" in str(caught.value)
    assert _one("SELECT count(*) FROM directory_person") == before


def test_the_ledger_verifies(small_county: county.Built) -> None:
    report = verify.verify_database()
    assert report.ok, report.in_words()
    assert report.size == small_county.ledger_size == _one("SELECT count(*) FROM ledger_record")


def test_every_state_is_what_the_acts_made_it(small_county: county.Built) -> None:
    rows = _model("cases.Case").objects.values_list("id", "state", "version")
    assert len(rows) == small_county.cases
    for case_id, state, version in rows:
        assert cases.replay_state(case_id) == state
        assert _model("cases.Act").objects.filter(case_id=case_id).count() == version


def test_every_act_and_report_has_its_own_record(small_county: county.Built) -> None:
    acts = _rows("SELECT id, case_id, action, seq, record_id FROM cases_act ORDER BY id")
    assert len({row[4] for row in acts}) == len(acts)
    found = ledger.records_by_id([row[4] for row in acts])
    for _, case_id, action, seq, record_id in acts:
        record = found[record_id]
        assert record.subject == f"case:{case_id}"
        assert (record.body["action"], record.body["seq"]) == (action, seq)
    assert _one("SELECT count(*) FROM cases_report WHERE record_id IS NULL") == 0


def test_nothing_personal_is_in_the_ledger(small_county: county.Built) -> None:
    entries = b"\n".join(bytes(row[0]) for row in _rows("SELECT entry FROM ledger_record")).decode()
    texts = [row[0] for row in _rows("SELECT text FROM cases_report")]
    receipts = [row[0] for row in _rows("SELECT receipt FROM cases_report")]
    assert not [text for text in texts if text in entries]
    assert not [receipt for receipt in receipts if receipt in entries]


def test_counts_equal_a_recount(small_county: county.Built) -> None:
    counted = dict(_rows("SELECT measure, sum(count) FROM cases_casetally GROUP BY measure"))
    assert counted["OPEN"] == _one("SELECT count(*) FROM cases_case WHERE closed_at IS NULL")
    assert counted["OPENED"] == _one("SELECT count(*) FROM cases_case")
    assert counted["RECEIVED"] == _one("SELECT count(*) FROM cases_report")
    assert counted["RATED"] == _one("SELECT count(*) FROM cases_report WHERE rating <> ''")
    assert counted["CLOSED"] == _one(
        "SELECT count(*) FROM cases_act a JOIN cases_case c ON c.id = a.case_id"
        " WHERE a.to_state = 'CLOSED' AND a.from_state <> 'CLOSED'"
    )
    by_state = dict(
        _rows(
            "SELECT procedure || '/' || state, sum(count) FROM cases_casetally"
            " WHERE measure = 'OPEN' GROUP BY 1 HAVING sum(count) <> 0"
        )
    )
    assert by_state == dict(
        _rows(
            "SELECT procedure || '/' || state, count(*) FROM cases_case"
            " WHERE closed_at IS NULL GROUP BY 1"
        )
    )


def test_clocks_of_closed_cases_stand_and_late_ones_are_known(small_county: county.Built) -> None:
    assert not _rows(
        "SELECT k.id FROM cases_clock k JOIN cases_case c ON c.id = k.case_id"
        " WHERE c.closed_at IS NOT NULL AND k.stopped_at IS NULL"
    )
    # Every clock whose end has passed while it ran was escalated, and nothing else was.
    assert not _rows(
        "SELECT id, name FROM cases_clock"
        " WHERE (coalesce(stopped_at, now()) >= due_at) <> (escalated_at IS NOT NULL)"
        "   AND extensions = '[]'"
        "   AND due_at NOT BETWEEN now() - interval '2 minutes' AND now()"
    )


def test_acts_were_done_by_those_who_may(small_county: county.Built) -> None:
    kinds = dict(
        _rows("SELECT action, string_agg(DISTINCT actor_kind, ',') FROM cases_act GROUP BY 1")
    )
    assert kinds["take"] == "STAFF"
    assert kinds["rate"] == "RESIDENT"
    takers = _rows(
        "SELECT DISTINCT p.role FROM cases_act a JOIN cases_case c ON c.id = a.case_id"
        " JOIN directory_post p ON p.account_id = a.account_id"
        " WHERE a.action = 'take' AND c.procedure = 'environmental_alert'"
    )
    assert takers == [("GRID_WORKER",)]


def test_alerts_led_to_cases_that_say_whether_they_were_true(small_county: county.Built) -> None:
    assert small_county.alerts == _one("SELECT count(*) FROM sensing_alert")
    assert _one("SELECT count(*) FROM sensing_alert WHERE handed_over_at IS NULL") == 0
    assert (
        _rows(
            "SELECT a.true_alarm, c.true_alarm FROM sensing_alert a"
            " JOIN cases_case c ON c.alert_id = a.id"
            " WHERE a.true_alarm IS DISTINCT FROM c.true_alarm"
        )
        == []
    )
    assert _one("SELECT count(*) FROM cases_case WHERE procedure = 'environmental_alert'") > 0


def test_hours_and_days_are_in_step(small_county: county.Built) -> None:
    hours = 47 * 90 * 24 - sum(county.HOURS_LEFT_FOR_THE_STORY)
    assert _one("SELECT count(*) FROM sensing_observation") == hours
    assert _one("SELECT count(*) FROM sensing_hourly_mean") == hours
    assert not _rows(
        "SELECT d.device_id FROM sensing_daily_mean d JOIN"
        " (SELECT device_id, (at AT TIME ZONE 'Asia/Shanghai')::date AS day, avg(means[1]) AS mean,"
        "         count(*) AS hours FROM sensing_hourly_mean GROUP BY 1, 2) h"
        "  ON h.device_id = d.device_id AND h.day = d.date"
        " WHERE abs(h.mean - d.means[1]) > 1e-9 OR h.hours <> d.hours[1]"
    )


def test_every_case_lies_in_the_grid_of_its_point(small_county: county.Built) -> None:
    for lon, lat, grid in _rows("SELECT lon, lat, grid_code FROM cases_case WHERE lon IS NOT NULL"):
        found = directory.grid_at(lon, lat)
        assert found is not None
        assert found.code == grid


def test_demonstration_accounts_exist_for_every_role(small_county: county.Built) -> None:
    cards = {card.role: card for card in directory.demo_accounts()}
    assert len(cards) == 9
    assert cards["GRID_WORKER"].name == "张桂兰"
    assert cards["OFFICER"].organisation == "生态环境局"


def test_somebody_is_on_duty_tonight(small_county: county.Built) -> None:
    units = {one.code: one.id for one in directory.organisations()}
    officer = next(c for c in directory.demo_accounts() if c.role == "OFFICER")
    on_duty = directory.officers_on_duty(units["ECOLOGY"], timezone.now())
    assert on_duty[0] == officer.account_id


def test_people_are_sealed_and_found_by_their_number(small_county: county.Built) -> None:
    person = _model("directory.Person").objects.order_by("id").first()
    assert str(person.name) == "••••"
    assert len(person.id_number.open()) == 18
    assert _one("SELECT count(*) FROM directory_person WHERE id_number_index IS NULL") == 0


def test_search_finds_words_of_the_past(small_county: county.Built) -> None:
    dispatcher = next(c for c in directory.demo_accounts() if c.role == "DISPATCHER")
    actor = directory.actor_for(dispatcher.account_id)
    title = _one(
        "SELECT title FROM cases_case WHERE procedure = 'residents_report' ORDER BY id LIMIT 1"
    )
    page = cases.queue(actor, cases.QueueFilters(closed=None, text=title), limit=200)
    assert title in [row.title for row in page.rows]


def test_the_history_reaches_back_and_ends_now(small_county: county.Built) -> None:
    first, last = _rows("SELECT min(submitted_at), max(submitted_at) FROM cases_report")[0]
    now = timezone.now()
    assert now - last < dt.timedelta(days=5)
    assert dt.timedelta(days=75) < now - first < dt.timedelta(days=92)
