"""Processor time is counted for who used it, also where they have ended meanwhile."""

import subprocess
import sys
from collections.abc import Iterator

import pytest

from benchmarks.machine import usage

SECONDS = 0.3
# A server with one session, which works, says so, and ends when told to; the server waits for it.
SERVER = f"""
import os, sys, time
session = os.fork()
if not session:
    while time.process_time() < {SECONDS}:
        pass
    print("worked", flush=True)
    sys.stdin.readline()
    os._exit(0)
os.waitpid(session, 0)
print("ended", flush=True)
sys.stdin.readline()
"""
Server = subprocess.Popen[str]


@pytest.fixture
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    process = subprocess.Popen(
        [sys.executable, "-c", SERVER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=request.param,
    )
    with process:
        yield process
        process.communicate("\n", timeout=30)


def _says(process: Server) -> str:
    assert process.stdout
    return process.stdout.readline().strip()


def _lets_its_session_end(process: Server) -> None:
    assert process.stdin
    process.stdin.write("\n")
    process.stdin.flush()
    assert _says(process) == "ended"


@pytest.mark.parametrize("server", [True], indirect=True)
def test_what_a_session_took_stays_when_it_ends(server: Server) -> None:
    at_first = usage(database=server.pid)
    assert _says(server) == "worked"
    before = usage(database=server.pid)
    assert before.since(at_first).database > SECONDS / 2
    _lets_its_session_end(server)
    assert usage(database=server.pid).since(before).database >= 0


@pytest.mark.parametrize("server", [False], indirect=True)
def test_and_what_one_of_our_servers_took(server: Server) -> None:
    assert _says(server) == "worked"
    before = usage(database=-1)
    _lets_its_session_end(server)
    assert usage(database=-1).since(before).servers >= 0
