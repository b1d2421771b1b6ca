"""The drill: a county written to without pause loses its data directory and comes back.

On an embedded server of its own, through `huying` commands, as an operator would.
"""

import json
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest

from huying.config import embedded, turns
from huying.ledger import witness
from tests.integration.config.commands import County

pytestmark = pytest.mark.slow

# One report after the other, with a photograph; each line is written once it is confirmed.
WRITER = """
import io, json, sys
from datetime import UTC, datetime
import django
django.setup()
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image
from huying.cases import actions
from huying.directory.permissions import Actor
from huying.ledger import sequencer

def photo(number):
    out = io.BytesIO()
    Image.new("RGB", (40, 40), (number % 256, number // 256 % 256, 7)).save(out, "JPEG")
    return SimpleUploadedFile("p.jpg", out.getvalue())

with open(sys.argv[1], "a", buffering=1) as acknowledged:
    number = 0
    while True:
        number += 1
        begun_at = datetime.now(UTC).isoformat()
        found = actions.receive_report(
            by=Actor.resident(), text=f"第 {number} 件：路灯不亮", photos=[photo(number)]
        )
        ended_at = datetime.now(UTC).isoformat()
        acknowledged.write(json.dumps([found.receipt, begun_at, ended_at]) + "\\n")
        sequencer.seal_pending()
"""


def _acknowledged(county: County) -> list[tuple[str, datetime, datetime]]:
    file = county.folder / "acknowledged"
    lines = file.read_text().splitlines() if file.exists() else []
    rows = [json.loads(line) for line in lines]
    return [(r, datetime.fromisoformat(a), datetime.fromisoformat(b)) for r, a, b in rows]


def _receipts(county: County) -> set[str]:
    with psycopg.connect(county.url) as connection:
        rows = connection.execute("SELECT receipt FROM county.cases_report").fetchall()
    return {row[0] for row in rows}


def _wait(what: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def _end_of_log(county: County) -> str:
    with psycopg.connect(county.url) as connection:
        row = connection.execute("SELECT pg_current_wal_flush_lsn()::text").fetchone()
    assert row
    return str(row[0])


def _everything_is_copied(county: County, end: str) -> bool:
    """The archive has the log up to `end`, and every photograph of what was confirmed; one whose
    writer was killed before its commit is nobody's. The log itself goes on: the server notes
    something in it every few seconds."""
    with psycopg.connect(county.url) as connection:
        row = connection.execute(
            "SELECT bool_or(flush_lsn >= %s::pg_lsn) FROM pg_stat_replication", [end]
        ).fetchone()
        kept = connection.execute("SELECT path, thumbnail FROM county.cases_attachment").fetchall()
    pool = county.folder / "backups/attachments"
    return bool(row and row[0]) and all((pool / path).exists() for one in kept for path in one)


@pytest.fixture(scope="module")
def county() -> Iterator[County]:
    # Not tmp_path: the address of a Unix socket has at most 107 bytes.
    folder = Path(tempfile.mkdtemp(prefix="hy-"))
    found = County("", folder / "data", "county")
    yield found
    embedded.stop(found.data_dir / "postgres")
    shutil.rmtree(folder)


def _what_was_confirmed_before_the_moment_is_there_and_nothing_after(county: County) -> None:
    county.do("simulate", "--residents", "300", "--cases", "12", "--days", "3")
    keys = county.folder / "keys"
    writer = county.background(
        [sys.executable, "-c", WRITER, str(county.folder / "acknowledged")],
        HUYING_DATABASE_URL=county.url,
    )
    archive = None
    try:
        _wait(lambda: len(_acknowledged(county)) > 5)
        county.do("backup", "--keys", str(keys))
        archive = county.background([sys.executable, "-m", "huying.config.cli", "archive"])
        enough = len(_acknowledged(county)) + 20
        _wait(lambda: len(_acknowledged(county)) > enough)
        moment = datetime.now(UTC)
        enough = len(_acknowledged(county)) + 20
        _wait(lambda: len(_acknowledged(county)) > enough)
        writer.send_signal(signal.SIGKILL)
        writer.wait()
        county.shell("from huying.ledger import sequencer; sequencer.seal_all()")
        end = _end_of_log(county)
        _wait(lambda: _everything_is_copied(county, end))
        state, key = county.folder / "witness.json", county.folder / "witness.key"
        assert _visit(county, state, key).outcome == "FIRST_SEEN"
        # The end of it.
        server = int((county.data_dir / "postgres/postmaster.pid").read_text().split()[0])
        os.kill(server, signal.SIGKILL)
    finally:
        for child in filter(None, (writer, archive)):
            child.kill()
            child.wait()
    shutil.rmtree(county.data_dir)

    said = county.do("restore", "--at", moment.isoformat(), "--keys", str(keys))

    there = _receipts(county)
    acknowledged = _acknowledged(county)
    before = {receipt for receipt, _, ended_at in acknowledged if ended_at <= moment}
    after = {receipt for receipt, begun_at, _ in acknowledged if begun_at > moment}
    assert len(before) >= 20
    assert len(after) >= 20
    assert before <= there
    assert not after & there
    assert "全部核对一致" in said, said  # fsck: photographs, counts, clocks, ledger
    # Who had seen the ledger finds that it only grew: what was undone is told, not unsaid.
    seen = _visit(county, state, key)
    assert seen.outcome == "GREW", seen.in_words()
    assert "report.received" in said
    # Numbers of what was undone are not given again.
    with psycopg.connect(county.url) as connection:
        row = connection.execute(
            "SELECT (SELECT last_value FROM county.cases_case_id_seq) - max(id)"
            " FROM county.cases_case"
        ).fetchone()
    assert row
    assert row[0] >= len(after)


def _visit(county: County, state: Path, key: Path) -> witness.WitnessResult:
    """A witness reads the published ledger."""
    tiles = county.folder / "published"
    shutil.rmtree(tiles, ignore_errors=True)
    county.shell(
        "from pathlib import Path; from huying.ledger.verify import export_tiles;"
        f"export_tiles(Path({str(tiles)!r}))"
    )
    return witness.check(tiles, state=state, key_file=key)


def _a_rehearsal_signs_nothing(county: County) -> None:
    marked = Path(county.environment["HUYING_LEDGER_MARK"]).read_text()
    elsewhere = County("", county.folder / "rehearsal" / "data", "county")
    try:
        said = elsewhere.run(
            *("restore", "--rehearsal", *map(str, county.folder.glob("backups/2*"))),
            HUYING_KEY_DIR=str(county.data_dir / "keys"),
            HUYING_LEDGER_MARK=county.environment["HUYING_LEDGER_MARK"],
        )
        assert said.returncode == 0, said.stdout + said.stderr
        with psycopg.connect(elsewhere.url) as connection:
            row = connection.execute(
                "SELECT count(*) FILTER (WHERE kind = 'county.restored') FROM county.ledger_record"
            ).fetchone()
        assert row == (0,)
        # As of the named backup, however much of the log is there.
        assert 5 < len(_receipts(elsewhere)) < len(_acknowledged(county)) - 30
    finally:
        embedded.stop(elsewhere.data_dir / "postgres")
    assert Path(county.environment["HUYING_LEDGER_MARK"]).read_text() == marked


def _a_living_county_is_not_replaced_unasked(county: County) -> None:
    refused = county.run("restore", "--at", datetime.now(UTC).isoformat())
    assert refused.returncode == 1
    assert "--replace" in refused.stderr
    without_zone = county.run("restore", "--at", "2026-11-22T14:05:00")
    assert without_zone.returncode == 1
    assert "+08:00" in without_zone.stderr
    # Its database may be down just now: its processes run all the same.
    with turns.up(county.data_dir):
        running = county.run("restore", "--replace")
    assert running.returncode == 1
    assert "stop it first" in running.stderr
    assert _receipts(county)


def _published_entries_that_are_lost_stop_the_ledger_until_it_begins_anew(
    county: County,
) -> None:
    """The log was not copied: the database comes back without what was signed since."""
    embedded.stop(county.data_dir / "postgres")
    shutil.rmtree(county.folder / "backups" / "wal")
    shutil.rmtree(county.data_dir / "postgres")
    done = county.run("restore")
    assert done.returncode == 1
    assert "退回" in done.stdout, done.stdout + done.stderr
    county.shell(
        "from huying.ledger.sequencer import seal_pending\n"
        "from huying.ledger.mark import LedgerWentBack\n"
        "try:\n    seal_pending()\nexcept LedgerWentBack:\n    pass\nelse:\n    raise SystemExit(1)"
    )
    # Intake goes on all the same, and sealing once somebody has decided.
    county.do("migrate")
    assert county.do("ledger", "anew", "--yes").strip() == "county.example/ledger/2"
    verified = county.do("verify")
    assert "county.example/ledger/2" in verified


def test_the_drill(county: County) -> None:
    """One test, since each part needs what the one before left behind."""
    _what_was_confirmed_before_the_moment_is_there_and_nothing_after(county)
    _a_rehearsal_signs_nothing(county)
    _a_living_county_is_not_replaced_unasked(county)
    _published_entries_that_are_lost_stop_the_ledger_until_it_begins_anew(county)
