"""Two counties in one database; one is backed up, destroyed and put back.

Everything through `huying` commands, on a database and data directories of their own.
"""

import hashlib
import json
import os
import shutil
import stat
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from huying.config import backups
from tests.integration.config.commands import Machine, fresh_database

# One county is built for all of them, so they run in one worker.
pytestmark = pytest.mark.slow

KEYS = {"django_secret", "ledger_ed25519", "ledger_sm2", "vapid.pem", "vault_1.key"}
COUNTED = (
    *("directory_person", "directory_account", "cases_case", "cases_report", "cases_act"),
    *("cases_attachment", "ledger_record", "ledger_position", "sensing_device"),
)


@pytest.fixture(scope="module")
def county(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """County `a`, with half a thousand residents, a photograph and a procedure of its own."""
    folder = tmp_path_factory.mktemp("a")
    name = f"huying_backups_{os.environ.get('PYTEST_XDIST_WORKER', 'main')}_{os.getpid()}"
    with fresh_database(name) as url:
        machine = Machine(url, folder / "data", "a")
        built = machine.run("simulate", "--residents", "500", "--cases", "30", "--days", "10")
        assert built.returncode == 0, built.stderr
        key = machine.run(
            "django",
            "shell",
            "--verbosity=0",
            "--command=from huying.notices.queries import vapid_public_key as k; print(k())",
        )
        assert key.returncode == 0, key.stderr
        (machine.data_dir / "attachments" / "2026").mkdir(parents=True)
        (machine.data_dir / "attachments" / "2026" / "photo.jpg").write_bytes(b"a photograph")
        (machine.data_dir / "parameters").mkdir()
        (machine.data_dir / "parameters" / "own.yaml").write_text("of: this county\n")
        yield machine


@pytest.fixture(scope="module")
def backup(county: Machine, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A backup of it; its keys lie in keys/ of another folder."""
    folder = tmp_path_factory.mktemp("backups")
    made = county.run("backup", "--folder", str(folder), "--keys", str(_keys_beside(folder)))
    assert made.returncode == 0, made.stderr
    return Path(made.stdout.strip())


def _keys_beside(backups: Path) -> Path:
    return backups.with_name(f"{backups.name}-keys")


def _counts(county: Machine) -> dict[str, int]:
    return {table: county.ask(f"SELECT count(*) FROM {table}") for table in COUNTED}


def _with_schemas(county: Machine) -> set[str]:
    with psycopg.connect(county.database_url) as connection:
        rows = connection.execute(
            "SELECT nspname FROM pg_namespace WHERE nspname NOT LIKE 'pg\\_%'"
            " AND nspname NOT IN ('information_schema', 'public')"
        )
        return {row[0] for row in rows}


def test_destroyed_and_put_back_it_is_the_same_and_verifies(county: Machine, backup: Path) -> None:
    before = _counts(county)
    assert before["cases_report"] > 20
    assert before["ledger_position"] > 100
    head = county.ask("SELECT max(position) FROM ledger_position")
    with psycopg.connect(county.database_url, autocommit=True) as connection:
        connection.execute("DROP SCHEMA a CASCADE")
        connection.execute("DROP SCHEMA a_jobs CASCADE")
    shutil.rmtree(county.data_dir)

    keys = _keys_beside(backup.parent)
    restored = county.run("restore", str(backup), "--keys", str(keys))
    assert restored.returncode == 0, restored.stderr

    assert _counts(county) == before
    assert county.ask("SELECT max(position) FROM ledger_position") == head
    assert (county.data_dir / "attachments/2026/photo.jpg").read_bytes() == b"a photograph"
    assert (county.data_dir / "parameters/own.yaml").read_text() == "of: this county\n"
    assert not {name for name in _with_schemas(county) if "replaced" in name}
    assert not list(county.data_dir.glob(".re*"))
    verified = county.run("verify")
    assert verified.returncode == 0, verified.stdout
    # The keys came back: what is sealed opens, and the ledger goes on under the same key.
    opened = county.run(
        "django",
        "shell",
        "--verbosity=0",
        "--command=from huying.directory.models import Person;"
        "from huying.ledger import sequencer;"
        "print(Person.objects.exclude(name=None).order_by('pk')[0].name.open()); "
        "sequencer.seal_pending()",
    )
    assert opened.returncode == 0, opened.stderr
    assert opened.stdout.strip()


def test_a_damaged_backup_is_refused_and_nothing_changes(
    county: Machine, backup: Path, tmp_path: Path
) -> None:
    before = _counts(county)
    damaged = tmp_path / "damaged"
    shutil.copytree(backup, damaged)
    dump = damaged / "database.dump"
    dump.write_bytes(dump.read_bytes()[:-1] + b"?")
    refused = county.run("restore", str(damaged), "--replace")
    assert refused.returncode == 1
    assert dump.name in refused.stderr
    assert "Traceback" not in refused.stderr
    assert _counts(county) == before


@pytest.mark.parametrize("missing", ["database.dump", "files.tar", "manifest.json"])
def test_a_part_that_is_missing_is_named(missing: str, backup: Path, tmp_path: Path) -> None:
    """Refused before the database is asked: this test has none."""
    shutil.copytree(backup, tmp_path / "damaged")
    (tmp_path / "damaged" / missing).unlink()
    with pytest.raises(backups.BackupDamaged, match=missing):
        backups.restore(tmp_path / "damaged", replace=True)


def test_a_dump_that_cannot_be_restored_leaves_what_was_there(
    county: Machine, backup: Path, tmp_path: Path
) -> None:
    before = _counts(county)
    broken = tmp_path / "broken"
    shutil.copytree(backup, broken)
    (broken / "database.dump").write_bytes((broken / "database.dump").read_bytes()[:20_000])
    manifest = json.loads((broken / "manifest.json").read_text())
    manifest["sha256"]["database.dump"] = _sha256(broken / "database.dump")
    (broken / "manifest.json").write_text(json.dumps(manifest))
    refused = county.run("restore", str(broken), "--replace")
    assert refused.returncode == 1
    assert "pg_restore" in refused.stderr
    assert _counts(county) == before
    assert (county.data_dir / "attachments/2026/photo.jpg").exists()


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_county_that_holds_data_is_replaced_only_on_request(
    county: Machine, backup: Path
) -> None:
    refused = county.run("restore", str(backup))
    assert refused.returncode == 1
    assert "--replace" in refused.stderr
    (county.data_dir / "attachments" / "later.jpg").write_bytes(b"after the backup")
    with psycopg.connect(county.database_url) as connection:
        connection.execute("UPDATE a.cases_case SET title = 'changed since'")
    replaced = county.run("restore", str(backup), "--replace")
    assert replaced.returncode == 0, replaced.stderr
    assert county.ask("SELECT count(*) FROM cases_case WHERE title = 'changed since'") == 0
    assert not (county.data_dir / "attachments" / "later.jpg").exists()


def test_keys_are_kept_apart(county: Machine, backup: Path) -> None:
    assert {path.name for path in backup.iterdir()} == {
        *("database.dump", "files.tar", "manifest.json")
    }
    keys = _keys_beside(backup.parent)
    assert {path.name for path in keys.iterdir()} >= KEYS
    assert not keys.is_relative_to(backup.parent)
    assert stat.S_IMODE(keys.stat().st_mode) == 0o700
    assert stat.S_IMODE(backup.stat().st_mode) == 0o700
    everything = b"".join(path.read_bytes() for path in backup.iterdir())
    for key in keys.iterdir():
        assert key.read_bytes().strip() not in everything, key.name
    refused = county.run("backup", "--folder", str(backup.parent), "--keys", str(backup / "keys"))
    assert refused.returncode == 1
    assert "密钥" in refused.stderr
    assert {path.name for path in backup.parent.iterdir()} == {backup.name}


def test_two_counties_share_a_database_and_see_nothing_of_each_other(
    county: Machine, backup: Path, tmp_path: Path
) -> None:
    before = _counts(county)
    other = replace(county, data_dir=tmp_path / "b", county="b")
    migrated = other.run("migrate")
    assert migrated.returncode == 0, migrated.stderr
    assert _with_schemas(county) == {"a", "a_jobs", "b", "b_jobs"}
    assert set(_counts(other).values()) == {0}
    assert _counts(county) == before

    # A job deferred in one is not there in the other.
    deferred = other.run(
        "django",
        "shell",
        "--verbosity=0",
        "--command=from procrastinate.contrib.django import app;"
        "app.configure_task('notices.drain').defer()",
    )
    assert deferred.returncode == 0, deferred.stderr
    mine = "SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'notices.drain'"
    assert other.ask(mine) == 1
    assert county.ask(mine) == 0

    # Nor does the one's backup go into the other.
    refused = other.run("restore", str(backup), "--replace")
    assert refused.returncode == 1
    assert "HUYING_COUNTY=a" in refused.stderr
