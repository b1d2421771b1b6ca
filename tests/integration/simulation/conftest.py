"""A small county, built once for the tests of this room and cleared away afterwards."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection

from huying.cases import queries as cases
from huying.config.provision import provision
from huying.directory import queries as directory
from huying.directory.permissions import Actor
from huying.sensing import actions as sensing
from huying.simulation import county

# Not Django's to flush: these tables are partitioned and made by hand.
_UNMANAGED = "sensing_observation, sensing_hour_tally, sensing_hourly_mean, sensing_daily_mean"


def forget_everything() -> None:
    """What this process remembers of a database that has just changed under it."""
    directory.forget_caches()
    cases.forget_caches()
    sensing.forget_everything()


@contextmanager
def _cleared_afterwards(blocker: Any) -> Iterator[None]:
    """A database with nothing but what ships, committed to; emptied at the end."""
    with blocker.unblock():
        forget_everything()
        provision()
        try:
            yield
        finally:
            call_command(
                "flush",
                verbosity=0,
                interactive=False,
                allow_cascade=True,
                inhibit_post_migrate=True,
            )
            with connection.cursor() as cursor:
                cursor.execute(f"TRUNCATE {_UNMANAGED}")
            sensing.ensure_catalogue(by=Actor.system("tests"))
            forget_everything()


@pytest.fixture(scope="module")
def small_county(django_db_setup: None, django_db_blocker: Any) -> Iterator[county.Built]:
    """A hundredth of the demonstration county, committed; the database is emptied at the end."""
    with _cleared_afterwards(django_db_blocker):
        yield county.build(residents=600, cases=120, days=90, seed=11)


@pytest.fixture
def nothing_yet(transactional_db: None, django_db_blocker: Any) -> Iterator[Callable[[], None]]:
    """An empty database to build in; what is yielded empties it again."""

    def again() -> None:
        stack.close()
        stack.enter_context(_cleared_afterwards(django_db_blocker))

    with ExitStack() as stack:
        again()
        yield again


@pytest.fixture(autouse=True)
def _nothing_kept() -> None:
    forget_everything()
