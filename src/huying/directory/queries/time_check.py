"""Whether the time is to be trusted, for who watches the machine."""

import time
from dataclasses import dataclass
from typing import Final

from django.db import connection

from huying.directory.rules.trusted_time import is_off

_SAID_SECONDS: Final = 120.0
"""How long a process's finding is shown: it looks each minute."""
_READ: Final = """
SELECT extract(epoch FROM clock_timestamp())::float8, ahead_s, wait_s, apart_s,
       extract(epoch FROM clock_timestamp() - apart_at)::float8
FROM (SELECT 1) one LEFT JOIN directory_timecheck ON true
"""


@dataclass(frozen=True, slots=True)
class TimeTrust:
    """`ahead_s`: how far the time jumped, while acting waits (`wait_s` more); 0 otherwise.

    `apart_s`: how far this process's clock is ahead of the database's (negative: behind), or
    another's that found itself too far apart just now.
    """

    ahead_s: float
    wait_s: float
    apart_s: float

    @property
    def is_apart(self) -> bool:
        return is_off(self.apart_s)


def time_trust() -> TimeTrust:
    before = time.time()
    with connection.cursor() as cursor:
        cursor.execute(_READ)
        database, ahead_s, wait_s, apart_s, said_ago = cursor.fetchone()
    own_s = (before + time.time()) / 2 - database
    if said_ago is not None and abs(said_ago) < _SAID_SECONDS:
        own_s = max(own_s, apart_s, key=abs)
    return TimeTrust(ahead_s or 0.0, wait_s or 0.0, own_s)
