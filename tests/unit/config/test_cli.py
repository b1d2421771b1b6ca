"""Options of the command line: what is given there, else in the environment, else the default."""

from collections.abc import Callable
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
