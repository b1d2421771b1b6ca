"""Every key at once, so that their folder may be read-only when the site runs."""

import os
import subprocess
import sys
from pathlib import Path

from tests.integration.config.commands import ROOT

KEYS = [
    "django_secret",
    "ledger_ed25519",
    "ledger_sm2",
    "vapid.pem",
    "vault_1.key",
    "vault_index.key",
]


def test_they_are_made_once_and_without_a_database(tmp_path: Path) -> None:
    def make() -> list[str]:
        done = subprocess.run(
            [sys.executable, "-m", "huying.config.cli", "keys"],
            env={
                "PATH": os.environ["PATH"],
                "PYTHONPATH": str(ROOT / "src"),
                "HUYING_DATA_DIR": str(tmp_path),
            },
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.split()

    assert make() == KEYS
    before = {name: (tmp_path / "keys" / name).read_bytes() for name in KEYS}
    assert make() == KEYS
    assert before == {name: (tmp_path / "keys" / name).read_bytes() for name in KEYS}
    assert not (tmp_path / "postgres").exists()
