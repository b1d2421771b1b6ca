"""The health check of a kept connection: no round trip, and a lost server is noticed."""

import select
from typing import Any

import psycopg
import pytest
from django.db import connection
from django.db.backends.postgresql import base

from huying.config.postgres.base import DatabaseWrapper

_ON_ERROR = "log_parameter_max_length_on_error"


@pytest.mark.django_db(transaction=True)
def test_a_connection_the_server_closed_is_not_usable() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (process,) = cursor.fetchone()
    assert connection.is_usable()
    known = connection.get_connection_params()
    wanted = ("dbname", "user", "password", "host", "port")
    with psycopg.connect(**{key: known[key] for key in wanted if known.get(key)}) as other:
        other.execute("SELECT pg_terminate_backend(%s)", [process])
    # The end of the other side arrives when it arrives, at most in these seconds.
    assert select.select([connection.connection.pgconn.socket], [], [], 10)[0]
    assert not connection.is_usable()
    connection.close()
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        assert cursor.fetchone() == (1,)


@pytest.mark.django_db
def test_a_healthy_connection_is_not_asked_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bool] = []

    def ask(self: Any) -> bool:
        asked.append(True)
        return True

    monkeypatch.setattr(base.DatabaseWrapper, "is_usable", ask)
    wrapper = DatabaseWrapper(connection.settings_dict, "kept")
    try:
        wrapper.ensure_connection()
        assert [wrapper.is_usable() for _ in range(3)] == [True, True, True]
        assert asked == [True]
        wrapper._asked_at = 0.0
        assert wrapper.is_usable()
        assert asked == [True, True]
    finally:
        wrapper.connection.close()


@pytest.mark.django_db
def test_an_error_does_not_write_values_into_the_log_of_the_server() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT source, setting FROM pg_settings WHERE name = %s", [_ON_ERROR])
        assert cursor.fetchone() == ("client", "0")
