"""Commands that keep a county hand on what was asked, and end as their work did."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

from huying.config import backups, checking, cli, cli_copies
from huying.config.copies import base, returning
from huying.ledger import sequencer


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the work behind each command was asked for, instead of the work. `ok`: how it ends."""
    found: dict[str, Any] = {"ok": True}

    def note(*arguments: Any, **options: Any) -> Any:
        options.pop("bars", None)
        found["asked"] = (*arguments, options)
        return SimpleNamespace(ok=found["ok"], in_words=lambda: "said", folder=Path("/made"))

    def wrong(*_arguments: Any) -> list[str]:
        return [] if found["ok"] else ["one is damaged"]

    monkeypatch.setattr(cli_copies, "setup", lambda: None)
    monkeypatch.setattr(cli_copies, "is_embedded", lambda: True)
    monkeypatch.setattr(checking, "check", note)
    monkeypatch.setattr(returning, "bring_back", note)
    monkeypatch.setattr(base, "take", note)
    monkeypatch.setattr(base, "check_all", wrong)
    monkeypatch.setattr(backups, "check_all", wrong)
    monkeypatch.setattr(sequencer, "begin_anew", note)
    return found


@pytest.mark.parametrize(
    "command", [["fsck"], ["restore", "--at", "2026-11-22T14:05:00+08:00"], ["backup", "--check"]]
)
@pytest.mark.parametrize(("ok", "status"), [(True, 0), (False, 1)])
def test_what_looks_ends_as_it_found(
    asked: dict[str, Any], command: list[str], ok: bool, status: int
) -> None:
    asked["ok"] = ok
    assert CliRunner().invoke(cli.app, command).exit_code == status


@pytest.mark.parametrize(
    ("command", "meant"),
    [
        (["fsck"], ({"only": "", "repair": False, "processes": 0},)),
        (
            ["fsck", "--repair", "--only", "cases", "--processes", "3"],
            ({"only": "cases", "repair": True, "processes": 3},),
        ),
        (
            ["restore", "/b", "--replace", "--keys", "/k", "--rehearsal"],
            (
                Path("/b"),
                {"at": "", "replace": True, "keys_from": Path("/k"), "rehearsal": True},
            ),
        ),
        (
            ["backup", "--folder", "/b", "--keys", "/k", "--keep", "7"],
            (Path("/b"), {"keys_to": Path("/k"), "keep": 7}),
        ),
        (["ledger", "anew", "--yes"], ({"by": "system:operator"},)),
    ],
)
def test_what_was_asked_is_handed_on(
    asked: dict[str, Any], command: list[str], meant: tuple[Any, ...]
) -> None:
    result = CliRunner().invoke(cli.app, command)
    assert result.exit_code == 0, result.output
    assert asked["asked"] == meant


def test_another_ledger_is_not_begun_by_mistake(asked: dict[str, Any]) -> None:
    assert CliRunner().invoke(cli.app, ["ledger", "anew"]).exit_code == 2
    assert "asked" not in asked
