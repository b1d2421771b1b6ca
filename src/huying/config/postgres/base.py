"""The database backend of settings.DATABASES.

Django asks `SELECT 1` before each request that uses a kept connection, so that a restarted
server costs nobody an error. Here the socket is asked instead: a server that went away has
closed it, so it is readable, while an idle healthy connection has nothing to read. Something
between the two may forget a connection in silence: so twice a minute the question is put to the
server all the same.
"""

import select
import time
from typing import Final

from django.db.backends.postgresql import base
from psycopg.pq import TransactionStatus

ASK_AFTER_SECONDS: Final = 30.0


class DatabaseWrapper(base.DatabaseWrapper):
    _asked_at = 0.0

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
