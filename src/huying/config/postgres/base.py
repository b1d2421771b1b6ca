"""The database backend of settings.DATABASES.

Django asks `SELECT 1` before each request that uses a kept connection, so that a restarted
server costs nobody an error. Here the socket is asked instead: a server that went away has
closed it, so it is readable, while an idle healthy connection has nothing to read. Something
between the two may forget a connection in silence: so twice a minute the question is put to the
server all the same.

And each statement and commit is timed, by the process that waits for it.
"""

import select
import time
from collections.abc import Callable
from typing import Any, Final

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.postgresql import base
from psycopg.pq import TransactionStatus

from huying.telemetry import metrics
from huying.telemetry.spans import span

ASK_AFTER_SECONDS: Final = 30.0

# Shown as 0 before the first, so that a rise from nothing is seen as one.
for _error in ("OperationalError", "InterfaceError"):
    metrics.DATABASE_ERRORS.labels(_error)


def statements_of(connection: BaseDatabaseWrapper) -> int:
    """How many statements a connection has executed."""
    return getattr(connection, "statements", 0)


class DatabaseWrapper(base.DatabaseWrapper):
    _asked_at = 0.0
    statements = 0

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.execute_wrappers.append(self._timed)

    def _timed(
        self, execute: Callable[..., Any], sql: Any, values: Any, many: bool, context: Any
    ) -> Any:
        self.statements += 1
        began = time.perf_counter()
        try:
            return execute(sql, values, many, context)
        except Exception as error:
            metrics.DATABASE_ERRORS.labels(type(error).__name__).inc()
            raise
        finally:
            metrics.STATEMENT_SECONDS.observe(time.perf_counter() - began)

    def _commit(self) -> None:
        began = time.perf_counter()
        with span("database.commit"):
            super()._commit()  # type: ignore[misc]  # Django's, which its stubs leave out
        metrics.COMMIT_SECONDS.observe(time.perf_counter() - began)

    def is_usable(self) -> bool:
        if self.connection is None:
            return False
        now = time.monotonic()
        if now - self._asked_at >= ASK_AFTER_SECONDS:
            self._asked_at = now
            return super().is_usable()
        connection = self.connection.pgconn
        if connection.transaction_status != TransactionStatus.IDLE:
            return False
        readable = select.poll()
        readable.register(connection.socket, select.POLLIN)
        return not readable.poll(0)
