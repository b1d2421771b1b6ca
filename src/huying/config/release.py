"""What is installed, as one word; the county's schema remembers which it was prepared by.

Where the two agree, `huying up` has nothing to migrate or put in place and starts at once.
"""

from contextlib import suppress
from datetime import UTC, datetime
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Final

import psycopg
from django.conf import settings
from psycopg import sql

PACKAGE: Final = Path(__file__).resolve().parents[1]
# Theirs are the other tables.
_OTHERS: Final = ("Django", "procrastinate")
_MARK: Final = "huying "


def fingerprint() -> str:
    """Of all that `migrate` looks at: code, procedures and parameters of this release and of the
    county. And of the month: partitions are made ahead of time."""
    found = sha256(f"{datetime.now(UTC):%Y-%m}".encode())
    for name in _OTHERS:
        found.update(version(name).encode())
    county = (settings.DATA_DIR / "procedures", settings.DATA_DIR / "parameters")
    for folder in (PACKAGE, *county):
        for path in sorted((*folder.rglob("*.py"), *folder.rglob("*.yaml"))):
            found.update(f"\n{path.relative_to(folder)} ".encode())
            found.update(path.read_bytes())
    return found.hexdigest()[:32]


def is_prepared(url: str) -> bool:
    """Whether the county's tables and parameters are those of this release. One question."""
    with psycopg.connect(url) as connection:
        row = connection.execute(
            "SELECT obj_description(to_regnamespace(%s), 'pg_namespace')", [settings.COUNTY_SCHEMA]
        ).fetchone()
    return row == (_MARK + fingerprint(),)


def remember(url: str) -> None:
    """Note, in the comment of the county's schema, that all of it is in place."""
    comment = sql.SQL("COMMENT ON SCHEMA {} IS {}").format(
        sql.Identifier(settings.COUNTY_SCHEMA), _MARK + fingerprint()
    )
    # A schema that somebody else made for the county: then `migrate` looks each time.
    with suppress(psycopg.errors.InsufficientPrivilege), psycopg.connect(url) as connection:
        connection.execute(comment)
