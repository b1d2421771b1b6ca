"""The background jobs do what their names say, and are known by them."""

from datetime import UTC, datetime, timedelta

import pytest
from procrastinate.contrib.django import app

from huying.cases import tasks
from huying.cases.models import CaseTally, Clock
from tests.factories.cases import make_alert_case, make_office, make_report

pytestmark = pytest.mark.django_db


def test_each_job_is_known_by_its_name() -> None:
    names = {"cases.run_clocks", "cases.fold_tallies", "cases.recompute_provisional"}
    assert names <= set(app.tasks)


def test_the_clocks_run() -> None:
    make_office()
    case = make_alert_case(now=datetime.now(UTC) - timedelta(hours=3))
    tasks.run_clocks(timestamp=0)
    clock = Clock.objects.get(case_id=case.case_id, name="response")
    assert clock.escalated_at is not None


def test_the_tallies_are_folded() -> None:
    make_office()
    for _number in range(60):
        make_report()
    before = CaseTally.objects.count()
    tasks.fold_tallies(timestamp=0)
    assert CaseTally.objects.count() < before / 10


def test_provisional_clocks_are_looked_at_again() -> None:
    make_office()
    make_report(now=datetime(2026, 12, 24, 2, 0, tzinfo=UTC), category="", kind="COMPLAINT")
    assert Clock.objects.filter(provisional=True).exists()
    tasks.recompute_provisional(timestamp=0)
    assert Clock.objects.filter(provisional=True).exists()  # nothing was published meanwhile
