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
            env=self.full_environment(**environment),
            capture_output=True,
            text=True,
            check=False,
        )

    def full_environment(self, **environment: str) -> dict[str, str]:
        """Of a process of this county."""
        return {
            **os.environ,
            "PYTHONPATH": str(ROOT / "src"),
            "DJANGO_SETTINGS_MODULE": "huying.config.settings",
            "HUYING_DATABASE_URL": self.database_url,
            "HUYING_DATA_DIR": str(self.data_dir),
            "HUYING_COUNTY": self.county,
            "HUYING_LEDGER_MARK": str(self.data_dir / "keys" / "ledger_signed"),
            **environment,
        }

    def ask(self, statement: str) -> Any:
        """The one value a statement answers with, in the county's schema."""
        options = f"-c search_path={self.county},{self.county}_jobs"
        with psycopg.connect(self.database_url, options=options) as connection:
            row = connection.execute(statement.encode()).fetchone()
        return row[0] if row else None


class County(Machine):
    """A machine with the embedded server in its data directory."""

    @property
    def folder(self) -> Path:
        return self.data_dir.parent

    def do(self, *arguments: str) -> str:
        done = self.run(*arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    @property
    def environment(self) -> dict[str, str]:
        return {
            "HUYING_DATABASE_URL": "",
            "HUYING_LEDGER_MARK": str(self.data_dir / "keys" / "ledger_signed"),
            "HUYING_BACKUP_DIR": str(self.folder / "backups"),
            "HUYING_PUBLIC_URL": "https://county.example",
        }

    @property
    def url(self) -> str:
        found = embedded.url_if_running(self.data_dir / "postgres")
        assert found
        return found

    def shell(self, code: str) -> str:
        return self.do("django", "shell", "--verbosity=0", f"--command={code}")

    def background(self, command: list[str], **environment: str) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(command, env=self.full_environment(**environment))

    def full_environment(self, **environment: str) -> dict[str, str]:
        return super().full_environment(**{**self.environment, **environment})


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
