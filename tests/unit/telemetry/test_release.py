"""The version that runs, installed or out of an offline bundle."""

from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest

from huying.telemetry import serving


def _not_installed(_name: str) -> str:
    raise PackageNotFoundError


def test_of_the_package() -> None:
    assert serving.release()[0].isdigit()


def test_of_the_bundle_where_nothing_is_installed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(serving, "version", _not_installed)
    monkeypatch.setattr(serving, "__file__", str(tmp_path / "src/huying/telemetry/serving.py"))
    assert serving.release() == "unknown"
    (tmp_path / "VERSION").write_text("0.0.2\n")
    assert serving.release() == "0.0.2"
