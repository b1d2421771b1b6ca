"""What a fresh county needs, put in place and put in place again."""

import datetime as dt

import pytest
from django.apps import apps
from django.db import connection
from django.utils import timezone

from huying.cases import queries as cases
from huying.config.provision import provision
from huying.ledger import queries as ledger

pytestmark = pytest.mark.django_db(transaction=True)


def _counts() -> dict[str, int]:
    labels = ("cases.Category", "cases.ProcedureVersion", "sensing.Property", "sensing.AlertRule")
    return {label: apps.get_model(label).objects.count() for label in labels}


def test_a_fresh_county_can_begin() -> None:
    provision()
    assert {"residents_report", "environmental_alert"} <= {
        one.procedure for one in cases.procedures()
    }
    assert len(cases.categories()) > 20
    rule = apps.get_model("sensing.AlertRule").objects.get(code="pm25_hour")
    assert (rule.threshold, rule.enabled) == (150, True)
    assert ledger.latest_checkpoint() is not None
    assert len(ledger.key_lines()) == 2


def test_partitions_lie_ahead() -> None:
    provision()
    ahead = timezone.now() + dt.timedelta(days=75)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_class WHERE relname = %s",
            [f"sensing_observation_p{ahead:%Y%m}"],
        )
        assert cursor.fetchone() == (1,)


def test_again_changes_nothing() -> None:
    provision()
    before = _counts()
    provision()
    assert _counts() == before


def test_what_the_county_changed_stays() -> None:
    provision()
    rules = apps.get_model("sensing.AlertRule").objects.filter(code="pm25_hour")
    rules.update(threshold=120, clear_threshold=90)
    provision()
    assert rules.get().threshold == 120
    rules.update(threshold=150, clear_threshold=115)
