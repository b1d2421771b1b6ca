"""A worker whose server was killed ends, whenever that was."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

# The server dies while its worker still loads the application, or while it serves.
SERVER = """
import multiprocessing, os, signal, sys, time
from pathlib import Path
from huying.config import orphans

sys.modules["granian"] = sys

def serve(early, folder):
    server = os.getppid()
    if not early:
        orphans.end_with_server()
    (folder / "worker").write_text(str(os.getpid()))
    while os.getppid() == server:
        time.sleep(0.01)
    if early:
        orphans.end_with_server()
    (folder / "outlived").touch()
    time.sleep(60)

early, folder = sys.argv[1] == "early", Path(sys.argv[2])
signal.signal(signal.SIGTERM, lambda *_: None)
worker = multiprocessing.get_context("fork").Process(target=serve, args=(early, folder))
worker.start()
while not (folder / "worker").exists():
    time.sleep(0.01)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Linux tells of a parent's death")
@pytest.mark.parametrize("moment", ["early", "serving"])
def test_a_worker_does_not_outlive_a_server_that_was_killed(moment: str, tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", SERVER, moment, str(tmp_path)], check=False, timeout=60)
    worker = Path("/proc") / (tmp_path / "worker").read_text()
    deadline = time.monotonic() + 10
    while worker.exists() and _state(worker) != "Z":
        assert time.monotonic() < deadline, "the worker still lives"
        time.sleep(0.01)
    assert not (tmp_path / "outlived").exists()


def _state(process: Path) -> str:
    try:
        return (process / "stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return "Z"
