"""What the first case of a process would wait for is read before, and found by number at once."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from huying.cases import queries
from huying.cases.models import Case
from huying.cases.queries import QueueFilters
from huying.cases.queries.rows import rows_numbered, rows_of
from huying.sensing import events
from tests.factories.cases import do, make_answered, make_office, make_report


def test_a_listener_has_the_procedures_before_the_first_alert(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    queries.forget_caches()
    events.about_to_listen.send(sender=None)
    monkeypatch.setattr(Path, "glob", lambda *_: pytest.fail("read when an alert came"))
    assert queries.procedure("environmental_alert").procedure == "environmental_alert"


@pytest.mark.django_db
def test_a_number_finds_the_same_row_as_the_list() -> None:
    office = make_office()
    number = make_report().case_number
    now = datetime.now(UTC)
    assert rows_numbered(number, now, closed=None) == rows_of(
        Case.objects.filter(number=number), now
    )
    asked = QueueFilters(text=number)
    with CaptureQueriesContext(connection) as captured:
        (row,) = queries.queue(office.dispatcher, asked).rows
    assert row.number == number
    assert len(captured) == 1


@pytest.mark.django_db
def test_a_number_is_looked_for_among_open_or_closed_cases_as_asked() -> None:
    office = make_office()
    report = make_answered(office)
    do(report.case_id, "verify", office.grid_worker)
    do(report.case_id, "close", office.dispatcher)
    number = report.case_number

    def found(**asked: object) -> int:
        filters = QueueFilters(text=number, **asked)  # type: ignore[arg-type]  # its own fields
        return len(queries.queue(office.dispatcher, filters).rows)

    assert (found(), found(closed=True), found(closed=None)) == (0, 1, 1)
    assert found(closed=None, category="NOISE") == 0


@pytest.mark.django_db
def test_a_number_shows_nothing_to_who_may_not_see_the_case() -> None:
    office = make_office()
    number = make_report().case_number
    asked = QueueFilters(text=number, closed=None)
    assert queries.queue(office.other_officer, asked).rows == []
    assert len(queries.queue(office.officer, asked).rows) == 1
