"""A machine without internet: installed from the bundle, running, upgraded, and back again.

Not part of `make test`, for packing fetches wheels: `make test-bundle`. Where the system lets us
(root), the machine's network is really off: a network namespace with a loopback alone.
"""

import os
import shutil
import signal
import subprocess
import sysconfig
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from deploy import bundle

pytestmark = pytest.mark.slow

ARCH = os.uname().machine
PORT, HJ212_PORT = "8765", "9765"
READY = f"""
import sys, time, urllib.request
for _ in range(600):
    try:
        page = urllib.request.urlopen("http://127.0.0.1:{PORT}/readyz", timeout=5).read()
        print(page.decode()); break
    except OSError:
        time.sleep(0.1)
print(urllib.request.urlopen("http://127.0.0.1:{PORT}/", timeout=30).read().decode())
"""


def _without_network() -> list[str]:
    """The command that runs another one without a network, where there is one."""
    alone = ["unshare", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh"]
    possible = shutil.which("unshare") and shutil.which("ip")
    if possible and subprocess.run([*alone, "true"], capture_output=True).returncode == 0:
        return alone
    return []


@dataclass(frozen=True)
class Machine:
    """A folder that stands for a machine: what is unpacked, where releases and data lie."""

    folder: Path

    @property
    def home(self) -> Path:
        return self.folder / "opt"

    @property
    def current(self) -> str:
        return (self.home / "current").readlink().name

    def shell(self, script: str) -> "subprocess.CompletedProcess[str]":
        """Run a script as an operator would: nothing of this project in its environment."""
        return subprocess.run(
            [*_without_network(), "sh", "-euc", script],
            env={
                "PATH": os.environ["PATH"],
                "PYTHON": str(Path(sysconfig.get_config_var("BINDIR")) / "python3.11"),
                "HUYING_HOME": str(self.home),
                "HUYING_ENV_FILE": str(self.folder / "huying.env"),
                "PIP_FIND_LINKS": "",
            },
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
        )

    def unpack(self, archive: Path) -> Path:
        with tarfile.open(archive) as tar:
            tar.extractall(self.folder, filter="data")
        return self.folder / archive.name.removesuffix(".tar")

    def front_page(self) -> str:
        """What /readyz and the front page say while `huying up` runs."""
        done = self.shell(
            f"opt/current/bin/huying up --port {PORT} --hj212-port {HJ212_PORT} --workers 1 &"
            f"up=$!; trap 'kill $up; wait $up || true' EXIT\n"
            f"opt/current/.venv/bin/python -c '{READY}'"
        )
        assert done.returncode in (0, 128 + signal.SIGTERM), done.stderr
        return done.stdout


@contextmanager
def _machine(folder: Path) -> Iterator[Machine]:
    machine = Machine(folder)
    (folder / "huying.env").write_text(
        f"# this machine\nHUYING_DATA_DIR={folder}/data\nHUYING_PUBLIC_URL=http://127.0.0.1:{PORT}\n"
    )
    try:
        yield machine
    finally:
        machine.shell("opt/current/bin/huying down")


def test_install_upgrade_and_back(tmp_path: Path) -> None:
    first, second = (bundle.pack(ARCH, version) for version in ("0.0.1", "0.0.2"))
    try:
        with _machine(tmp_path) as machine:
            _live_through(machine, first, second)
    finally:
        first.unlink()
        second.unlink()


def _live_through(machine: Machine, first: Path, second: Path) -> None:
    done = machine.shell(f"{machine.unpack(first)}/install.sh")
    assert done.returncode == 0, done.stderr
    assert machine.current == "0.0.1"
    done = machine.shell("opt/current/bin/huying begin 410526 滑县")
    assert "security_admin" in done.stdout, done.stderr
    page = machine.front_page()
    assert '{"ready": true}' in page
    assert "/static/phone." in page, "the collected, hashed files of the release are in use"

    again = machine.shell(f"{machine.folder}/{first.stem}/install.sh")
    assert again.returncode == 1
    assert "0.0.1 is in use already" in again.stderr

    unpacked = machine.unpack(second)
    (unpacked / "wheels.txt").write_text("")
    damaged = machine.shell(f"{unpacked}/install.sh")
    assert damaged.returncode == 1
    assert "damaged" in damaged.stderr
    assert machine.current == "0.0.1"

    done = machine.shell(f"{machine.unpack(second)}/install.sh")
    assert done.returncode == 0, done.stderr
    assert machine.current == "0.0.2"
    assert sorted(path.name for path in (machine.home / "releases").iterdir()) == ["0.0.1", "0.0.2"]
    backup = Path((machine.home / "current" / "BACKUP").read_text().strip())
    assert (backup / "manifest.json").is_file(), "it was backed up before"
    assert '{"ready": true}' in machine.front_page()

    done = machine.shell("opt/current/install.sh rollback")
    assert done.returncode == 0, done.stderr
    assert machine.current == "0.0.1"
    assert "Both releases have the same tables" in done.stdout
    assert '{"ready": true}' in machine.front_page()

    # Forward again, to a release that changed a table: going back says what to do.
    done = machine.shell(f"{machine.folder}/{second.stem}/install.sh")
    assert done.returncode == 0, done.stderr
    migration = machine.home / "current/src/huying/ledger/migrations/0001_initial.py"
    migration.write_text(migration.read_text() + "# changed\n")
    done = machine.shell("opt/current/install.sh rollback")
    assert "huying/ledger/migrations/0001_initial.py" in done.stdout
    assert "restore" in done.stdout
    assert machine.current == "0.0.1"
    nothing = machine.shell("opt/current/install.sh rollback")
    assert nothing.returncode == 1
    assert "no release before" in nothing.stderr
