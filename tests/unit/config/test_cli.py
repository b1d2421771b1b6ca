"""Options of the command line: what is given there, else in the environment, else the default."""

import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from typer.testing import CliRunner

from huying.config import cli, processes
from huying.sensing import replay
from huying.simulation import demo


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The port each command went to work with, instead of the work."""
    found: list[Any] = []

    def note(name: str) -> Callable[..., Any]:
        def work(*_arguments: object, **options: object) -> Any:
            found.append(options[name])
            raise SystemExit(0)

        return work

    monkeypatch.setattr(cli, "migrate", lambda: None)
    monkeypatch.setattr(cli, "setup", lambda: None)
    monkeypatch.setenv("HUYING_DEMO", "0")
    monkeypatch.setenv("HUYING_PUBLIC_URL", "http://127.0.0.1:8000")
    monkeypatch.setattr(processes, "everything", note("hj212_port"))
    monkeypatch.setattr(demo, "run", note("hj212_port"))
    monkeypatch.setattr(replay, "air", note("port"))
    return found


@pytest.mark.parametrize(
    ("command", "option"),
    [
        (["up"], "--hj212-port"),
        (["demo"], "--hj212-port"),
        (["replay", "air", "x.csv"], "--port"),
    ],
)
@pytest.mark.parametrize(
    ("environment", "given", "port"),
    [("", "", 9212), ("9555", "", 9555), ("9555", "9666", 9666), ("", "9666", 9666)],
)
def test_the_port_of_devices(
    asked: list[Any], command: list[str], option: str, environment: str, given: str, port: int
) -> None:
    arguments = [*command, option, given] if given else command
    result = CliRunner().invoke(cli.app, arguments, env={"HUYING_HJ212_PORT": environment or None})

    assert (result.exit_code, asked) == (0, [port])


@pytest.mark.parametrize("own_server", [True, False])
def test_the_demonstration_copies_its_log_as_any_county_does(
    monkeypatch: pytest.MonkeyPatch, own_server: bool
) -> None:
    found: list[str] = []

    def run(*, start: Callable[[], list[processes.Process]], **_options: object) -> int:
        found.extend(process.name for process in start())
        return 0

    monkeypatch.setattr(cli, "migrate", lambda: None)
    monkeypatch.setattr(cli, "is_embedded", lambda: own_server)
    monkeypatch.setenv("HUYING_DEMO", "0")
    monkeypatch.setenv("HUYING_PUBLIC_URL", "http://127.0.0.1:8000")
    monkeypatch.setattr(processes.Process, "start", lambda _self: None)
    monkeypatch.setattr(demo, "run", run)
    assert CliRunner().invoke(cli.app, ["demo"]).exit_code == 0
    beside = ["archive", "standby"] if own_server else []
    assert found == ["web", "stream", "worker", "ingest", *beside]


def test_who_hangs_up_ends_no_listener(monkeypatch: pytest.MonkeyPatch) -> None:
    """Writing to a connection that was reset is an error to be handled, not the end."""
    seen: list[Any] = []
    monkeypatch.setattr(cli, "app", lambda: seen.append(signal.getsignal(signal.SIGPIPE)))
    before = signal.getsignal(signal.SIGPIPE)
    cli.main()
    assert seen == [before] == [signal.SIG_IGN]


def test_who_has_read_enough_gets_no_traceback() -> None:
    frames = b"##0011ST=22;CN=20\r\n" * 20_000
    command = [sys.executable, "-m", "huying.config.cli", "hj212", "decode"]
    decode = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert decode.stdout is not None
    feeding = threading.Thread(target=_feed, args=(decode, frames))
    feeding.start()
    assert decode.stdout.readline()
    decode.stdout.close()
    feeding.join(30)
    assert decode.wait(30) != 0
    assert decode.stderr is not None
    assert b"Traceback" not in decode.stderr.read()
    decode.stderr.close()


def _feed(process: "subprocess.Popen[bytes]", data: bytes) -> None:
    assert process.stdin is not None
    with suppress(BrokenPipeError):
        process.stdin.write(data)
    with suppress(BrokenPipeError):
        process.stdin.close()
