"""`huying fsck` by several processes finds and mends what one does."""

import multiprocessing
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from huying.cases import actions
from huying.cases.actions import comparing, recounting, rereading
from huying.cases.models import Case
from huying.config import checking
from huying.config.crew import CrewFailed
from huying.config.progress import no_bars
from huying.ledger.models import Record
from huying.sensing import actions as sensing
from huying.sensing.actions import recounting as hours
from tests.factories.cases import (
    RESIDENT,
    do,
    make_alert_case,
    make_answered,
    make_office,
    make_photo,
    make_report,
)
from tests.factories.sensing import SYSTEM, make_device, make_reading, take, this_hour

pytestmark = pytest.mark.django_db(transaction=True)

# What the parts of a check look at, but what stands beside it: when it was written.
_TABLES = {
    "cases_case": "id, state, due_at, due_clock, report_count",
    "cases_clock": "case_id, name, started_at, due_at, stopped_at, warn_at, escalated_at",
    "cases_casetally": "measure, day, state, organisation_id, grid_code, category, sum(count)",
    "cases_casewords": "case_id, words",
    "sensing_hour_tally": "device_id, at, properties, counts, minutes",
    "sensing_hourly_mean": "device_id, at, properties, origins",
    "sensing_daily_mean": "device_id, date, properties, hours",
}
OF_DERIVED = """
UPDATE cases_clock SET due_at = due_at + interval '1 hour' WHERE id % 2 = 0;
UPDATE cases_case SET report_count = 7 WHERE id % 3 = 0;
UPDATE cases_casetally SET count = count + 1 WHERE measure IN ('OPEN', 'RECEIVED');
DELETE FROM cases_casetally WHERE measure = 'CLOSED';
DELETE FROM cases_casewords WHERE case_id % 2 = 1;
DELETE FROM sensing_hourly_mean WHERE device_id % 2 = 0;
UPDATE sensing_hour_tally SET counts[1] = counts[1] + 1 WHERE device_id % 2 = 1
"""
OF_ACTS = """
UPDATE cases_report SET state = 'ANSWERED' WHERE state = 'RATED';
DELETE FROM cases_act WHERE action = 'take' AND case_id IN
    (SELECT max(case_id) FROM cases_act WHERE action = 'take')
"""


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a few rows each, so that there is something to share."""
    monkeypatch.setattr(recounting, "BATCH", 2)
    monkeypatch.setattr(rereading, "BATCH", 2)
    monkeypatch.setattr(hours, "DEVICES", 1)


@pytest.fixture
def county(small_batches: None, settings: Any, tmp_path: Path) -> Iterator[Path]:
    """A dozen matters in every stage and three devices; its attachments' folder."""
    settings.MEDIA_ROOT = tmp_path
    with _empty_of_readings():
        sensing.ensure_catalogue(by=SYSTEM)
        for _ in range(3):
            mn = make_device(minute_interval=5).mn
            values = [
                make_reading(mn, {"a34004": 10.0 + n}, at=this_hour(30) + 60 * n) for n in range(60)
            ]
            take(*values, make_reading(mn, {"a34004": 44.0}, at=this_hour(29), kind="HOUR"))
        sensing.close_hours(now=timezone.now(), by=SYSTEM)
        office = make_office()
        make_alert_case(now=timezone.now() - timedelta(hours=3))
        actions.run_clocks(now=timezone.now())
        for number in range(3):
            answered = make_answered(office)
            actions.rate(receipt=answered.receipt, rating="SATISFIED", by=RESIDENT)
            do(answered.case_id, "close", office.dispatcher)
            first, second = make_report(), make_report(text=f"第 {number} 次说了，没人管。")
            actions.merge_cases(into=first.case_id, merged=[second.case_id], by=office.dispatcher)
            do(make_report(photos=[make_photo()]).case_id, "take", office.officer)
        yield tmp_path


@contextmanager
def _empty_of_readings() -> Iterator[None]:
    """Partitioned tables, which Django's flush leaves alone."""
    names = "sensing_observation, sensing_hour_tally, sensing_hourly_mean, sensing_daily_mean"
    _do(f"TRUNCATE {names}")
    yield
    _do(f"TRUNCATE {names}")


def _do(statements: str) -> None:
    with connection.cursor() as cursor:
        for statement in statements.split(";"):
            cursor.execute(statement)


def _stored() -> dict[str, list[tuple[Any, ...]]]:
    found = {}
    for table, columns in _TABLES.items():
        keys, _, summed = columns.partition(", sum(")
        group = f" GROUP BY {keys} HAVING sum({summed} <> 0" if summed else ""
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {columns} FROM {table}{group}")
            found[table] = sorted(cursor.fetchall(), key=repr)
    return found


def _check(processes: int, *, repair: bool = False, only: str = "") -> checking.Report:
    return checking.check(only=only, repair=repair, bars=no_bars, processes=processes)


def test_three_find_what_one_finds(county: Path) -> None:
    assert _check(3).ok
    _do(OF_DERIVED)
    _do(OF_ACTS)
    for file in sorted(county.rglob("*.jpg"))[:2]:
        file.unlink()
    one, three = _check(1), _check(3)
    assert {"CLOCK_DUE", "REPORT_COUNT", "TALLY", "WORDS", "REPORT", "ACT_MISSING"} < set(
        one.counts
    )
    assert {"RUNNING_HOUR", "HOURLY_MEAN", "DAILY_MEAN", "FILE_MISSING"} < set(one.counts)
    assert three == one


@pytest.mark.parametrize("processes", [1, 3])
def test_what_is_derived_is_mended_once(county: Path, processes: int) -> None:
    before = _stored()
    _do(OF_DERIVED)
    mended = _check(processes, repair=True)
    assert mended.repaired == sum(mended.counts.values()) > 20
    assert _check(processes).ok
    assert _stored() == before
    assert Record.objects.filter(kind="case.retallied").count() == 1


def test_where_acts_do_not_fit_no_count_is_mended(county: Path) -> None:
    _do(OF_DERIVED)
    _do(OF_ACTS)
    one, three = _check(1, only="cases"), _check(3, only="cases", repair=True)
    assert three.counts == one.counts
    assert not any(one.repaired for one in three.named if one.kind == "TALLY")
    assert any(one.repaired for one in three.named if one.kind == "CLOCK_DUE")


def test_a_process_that_is_killed_ends_the_check(
    county: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_batch, before = comparing.read_batch, _stored()

    def dies(ids: list[int], *rest: Any) -> comparing.Batch:
        if ids[0] == fated:
            os.kill(os.getpid(), signal.SIGKILL)
        return read_batch(ids, *rest)

    fated = Case.objects.order_by("pk").values_list("pk", flat=True)[6]  # first of a batch
    _do("UPDATE cases_casetally SET count = count + 1 WHERE measure = 'OPEN'")
    _do("UPDATE cases_clock SET due_at = due_at + interval '1 hour'")
    monkeypatch.setattr(recounting, "read_batch", dies)
    with pytest.raises(CrewFailed) as caught:
        _check(3, repair=True, only="cases")
    assert "SIGKILL" in caught.value.zh
    assert multiprocessing.active_children() == []
    monkeypatch.setattr(recounting, "read_batch", read_batch)
    assert _check(3, repair=True, only="cases").repaired
    assert _check(3).ok
    assert _stored() == before


def test_an_empty_county(small_batches: None) -> None:
    with _empty_of_readings():
        assert _check(3).ok
        assert _check(3, repair=True).ok


def test_as_many_are_named_as_by_one(county: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checking, "MOST_NAMED", 4)
    _do("UPDATE cases_case SET report_count = 7")
    one, three = _check(1, only="cases"), _check(3, only="cases")
    assert one.counts["REPORT_COUNT"] > len(one.named) == 4
    assert three == one
