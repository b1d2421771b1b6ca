"""`huying` commands as an operator gives them: processes of their own, a database of their own."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from huying.config import embedded

ROOT = Path(__file__).resolve().parents[3]


@dataclass(frozen=True)
class Machine:
    """Where one operator works: a database, a data directory and a county in it."""

    database_url: str
    data_dir: Path
    county: str

    def run(self, *arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
        """`huying …`; what it said and how it ended."""
        return subprocess.run(
            [sys.executable, "-m", "huying.config.cli", *arguments],
            env={
                **os.environ,
                "PYTHONPATH": str(ROOT / "src"),
                "DJANGO_SETTINGS_MODULE": "huying.config.settings",
                "HUYING_DATABASE_URL": self.database_url,
                "HUYING_DATA_DIR": str(self.data_dir),
                "HUYING_COUNTY": self.county,
                **environment,
            },
            capture_output=True,
            text=True,
            check=False,
        )

    def ask(self, statement: str) -> Any:
        """The one value a statement answers with, in the county's schema."""
        options = f"-c search_path={self.county},{self.county}_jobs"
        with psycopg.connect(self.database_url, options=options) as connection:
            row = connection.execute(statement.encode()).fetchone()
        return row[0] if row else None


@contextmanager
def fresh_database(name: str) -> Iterator[str]:
    """An empty database on the server of the tests, dropped in the end."""
    server = os.environ.get("HUYING_TEST_DATABASE_URL") or embedded.start(
        ROOT / "var" / "test" / "postgres", throw_away=True
    )
    drop = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
    create = sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C.UTF-8'")
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(drop)
        connection.execute(create.format(sql.Identifier(name)))
        yield psycopg.conninfo.make_conninfo(server, dbname=name)
        connection.execute(drop)
