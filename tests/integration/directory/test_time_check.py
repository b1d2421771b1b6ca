"""Clocks compared before time alone has effects: what is believed, said, sealed and kept."""

import time
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from django.db import IntegrityError, transaction
from pytest_django import Settings

from huying.directory import actions, queries
from huying.directory.actions import time_check
from huying.directory.models import TimeCheck
from huying.ledger.models import Record
from tests.factories.directory import SYSTEM, jump, let_pass

pytestmark = pytest.mark.django_db

DAY = 86_400.0


def looked() -> datetime | None:
    return actions.check_time(job="tests.tell", by=SYSTEM)


def jumps() -> int:
    return Record.objects.filter(kind="time.jumped", subject="time").count()


@pytest.fixture
def own_clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """The clock of this process as `check_time` reads it, off by `seconds`."""
    clock = SimpleNamespace(seconds=0.0)
    monkeypatch.setattr(
        time_check,
        "time",
        SimpleNamespace(
            time=lambda: time.time() + clock.seconds,
            monotonic=time.monotonic,
            clock_gettime=time.clock_gettime,
            CLOCK_BOOTTIME=time.CLOCK_BOOTTIME,
        ),
    )
    return clock


def test_a_right_clock_gives_the_time_to_act_by() -> None:
    for _look in range(2):
        now = looked()
        assert now is not None
        assert abs(now - datetime.now(UTC)) < timedelta(minutes=1)
    assert TimeCheck.objects.count() == 1
    assert jumps() == 0
    assert abs(queries.time_trust().apart_s) < 60


def test_a_clock_that_jumped_is_waited_for_and_says_so(caplog: pytest.LogCaptureFixture) -> None:
    jump(DAY)
    assert looked() is None
    assert "tests.tell waits: the time jumped 86400 s ahead" in caplog.text
    assert "goes on in 900 s" in caplog.text
    assert "docs/handbook.md" in caplog.text
    let_pass(600)
    assert looked() is None, "whoever looks: what was found lies in the database"
    found = queries.time_trust()
    assert round(found.ahead_s) == DAY
    assert 290 < found.wait_s <= 300
    assert jumps() == 1, "once, however often it is looked at"
    let_pass(301)
    assert looked() is not None
    assert queries.time_trust().wait_s == 0


def test_set_right_it_is_believed_at_once_and_both_jumps_are_sealed() -> None:
    jump(DAY)
    assert looked() is None
    TimeCheck.objects.update(checked_at=datetime.now(UTC) + timedelta(days=1))
    assert looked() is not None
    assert jumps() == 2
    assert looked() is not None


def test_how_long_is_the_countys_to_say(settings: Settings) -> None:
    settings.TIME_WAIT_SECONDS = 5.0
    jump(DAY)
    assert looked() is None
    let_pass(6)
    assert looked() is not None
    settings.TIME_WAIT_SECONDS = 0.0
    jump(DAY)
    assert looked() is not None


def test_a_clock_that_differs_from_the_databases_waits_until_it_agrees(
    own_clock: SimpleNamespace, caplog: pytest.LogCaptureFixture
) -> None:
    assert looked() is not None
    for seconds in (DAY, -DAY):
        own_clock.seconds = seconds
        assert looked() is None
        assert f"{seconds:+.0f} s apart" in caplog.text
        found = queries.time_trust()
        assert found.is_apart
        assert round(found.apart_s) == seconds
    own_clock.seconds = 0.0
    assert looked() is not None
    assert queries.time_trust().is_apart, "shown for two minutes more: each process looks by itself"
    TimeCheck.objects.update(apart_at=datetime.now(UTC) - timedelta(minutes=3))
    assert not queries.time_trust().is_apart
    assert jumps() == 0


def test_a_system_without_a_number_of_its_start_counts_from_the_process(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(time_check, "_machine", lambda: "")
    assert looked() is not None
    assert looked() is not None
    jump(DAY)
    assert looked() is None


@pytest.mark.parametrize(
    ("changes", "accepted"),
    [
        ({"ahead_s": 60.0, "wait_s": 60.0}, True),
        ({"ahead_s": 0.0, "wait_s": 0.0}, True),
        ({"ahead_s": 60.0}, False),
        ({"wait_s": 60.0}, False),
        ({"ahead_s": -60.0, "wait_s": 60.0}, False),
    ],
)
def test_it_waits_where_it_is_ahead(changes: dict[str, float], accepted: bool) -> None:
    assert looked() is not None
    if accepted:
        assert TimeCheck.objects.update(**changes) == 1
        return
    with pytest.raises(IntegrityError, match="time_check_waits_where_ahead"), transaction.atomic():
        TimeCheck.objects.update(**changes)


def test_there_is_one_row() -> None:
    assert looked() is not None
    row = TimeCheck.objects.get()
    row.pk = 2
    with pytest.raises(IntegrityError, match="time_check_one_row"), transaction.atomic():
        row.save(force_insert=True)
