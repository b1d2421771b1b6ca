from collections.abc import Iterator

import pytest
from django.db import connection

from huying.directory.permissions import Actor
from huying.sensing import actions
from tests.integration.sensing.devices import RunningListener


def _empty() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "TRUNCATE sensing_observation, sensing_hour_tally, sensing_hourly_mean,"
            " sensing_daily_mean"
        )


@pytest.fixture
def catalogue(transactional_db: None) -> Iterator[None]:
    """For tests that commit: the properties and the default rule, which the test before may have
    emptied, and empty partitioned tables, which Django's flush leaves alone."""
    _empty()
    actions.ensure_catalogue(by=Actor.system("tests"))
    yield
    _empty()


@pytest.fixture
def listener(catalogue: None) -> Iterator[RunningListener]:
    with RunningListener() as running:
        yield running
