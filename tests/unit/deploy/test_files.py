"""What lies in deploy/ fits the program it deploys."""

import os
import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

pytest.importorskip("helm_python", reason="needs deploy-tools, which `make check` installs")

from deploy import bundle, lint
from huying.config.cli import app

ROOT = lint.HERE.parent
COMPOSE: dict[str, Any] = yaml.safe_load(lint.COMPOSE.read_text(encoding="utf-8"))
OWN = {"migrate", "web", "stream", "worker", "ingest"}
NOT_SETTINGS = {"HUYING_IMAGE", "HUYING_HOME", "HUYING_ENV_FILE", "HUYING_USER"}


def _version() -> str:
    with (ROOT / "pyproject.toml").open("rb") as file:
        return str(tomllib.load(file)["project"]["version"])


def test_the_programs_object_to_nothing() -> None:
    assert list(lint.of_the_programs()) == []


def test_one_version_everywhere() -> None:
    chart = yaml.safe_load((lint.CHART / "Chart.yaml").read_text(encoding="utf-8"))
    assert chart["version"] == chart["appVersion"] == _version()
    for process in OWN:
        assert COMPOSE["services"][process]["image"] == f"${{HUYING_IMAGE:-huying:{_version()}}}"


def test_every_process_is_a_command() -> None:
    known = {
        command.name or command.callback.__name__
        for command in app.registered_commands
        if command.callback
    }
    assert known >= OWN
    for process in OWN:
        assert COMPOSE["services"][process]["command"][0] == process


def test_every_variable_is_one_the_settings_know() -> None:
    known = "".join(
        path.read_text(encoding="utf-8")
        for room in ("config", "telemetry")
        for path in (ROOT / "src/huying" / room).rglob("*.py")
    )
    # Made up at run time: given("…") and secret("…").
    known += "HUYING_DATABASE_URL_FILE HUYING_MQTT_URL_FILE HUYING_MQTT_URL HUYING_DJANGO_SECRET"
    for path in lint.HERE.rglob("*"):
        if path.is_file() and "__pycache__" not in path.parts and path.suffix != ".md":
            for name in re.findall(r"\bHUYING_[A-Z0-9_]+\b", path.read_text(encoding="utf-8")):
                assert name in NOT_SETTINGS or name in known, f"{path.name}: {name}"


def test_containers_are_bounded_watched_and_without_rights() -> None:
    for name, service in COMPOSE["services"].items():
        assert set(service["deploy"]["resources"]["limits"]) == {"cpus", "memory"}, name
        assert "healthcheck" in service, name
        assert service["logging"]["driver"] == "local", name
        if name != "db":  # its image changes owner and user by itself
            assert service["cap_drop"] == ["ALL"], name
            assert service["read_only"], name
    for process in OWN - {"migrate"}:
        depends = COMPOSE["services"][process]["depends_on"]
        assert depends["migrate"]["condition"] == "service_completed_successfully"
    assert "ports" not in COMPOSE["services"]["db"]
    assert COMPOSE["networks"]["inside"]["internal"]


def test_the_log_of_the_database_names_no_values() -> None:
    said = set(COMPOSE["services"]["db"]["command"])
    assert {
        "--log_parameter_max_length=0",
        "--log_parameter_max_length_on_error=0",
        "--log_error_verbosity=terse",
    } <= said


def test_passwords_come_from_files_outside_the_repository() -> None:
    assert all(secret["file"].startswith("./secrets/") for secret in COMPOSE["secrets"].values())
    ignored = (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
    assert "deploy/compose/secrets/" in ignored


def test_pins_of_a_processor() -> None:
    text = (
        "both==1.0 \\\n    --hash=sha256:aa\n    # via\n    #   something\n"
        "there==2.0 ; platform_machine == 'x86_64' \\\n    --hash=sha256:bb\n"
        "windows==3.0 ; sys_platform == 'win32' \\\n    --hash=sha256:cc\n"
    )
    assert [pin.requirement.name for pin in bundle.pins(text, "x86_64")] == ["both", "there"]
    assert [pin.requirement.name for pin in bundle.pins(text, "aarch64")] == ["both"]
    assert bundle.pins(text, "aarch64")[0].text == "both==1.0 \\\n    --hash=sha256:aa"


def test_platforms_reach_down_from_the_oldest_system_meant() -> None:
    tags = bundle.platforms("aarch64")
    assert tags[0] == "manylinux_2_28_aarch64"
    assert tags[-2:] == ["manylinux_2_17_aarch64", "manylinux2014_aarch64"]


@pytest.fixture
def release(tmp_path: Path) -> Path:
    """A release whose Python only tells what it was called with."""
    folder = tmp_path / "releases" / "1"
    (folder / "bin").mkdir(parents=True)
    (folder / ".venv" / "bin").mkdir(parents=True)
    launcher = folder / "bin" / "huying"
    launcher.write_text((lint.HERE / "huying").read_text(encoding="utf-8"), encoding="utf-8")
    launcher.chmod(0o755)
    python = folder / ".venv" / "bin" / "python"
    python.write_text('#!/bin/sh\nenv | grep -E "^(HUYING|PYTHONPATH)"; echo "$@"\n')
    python.chmod(0o755)
    (tmp_path / "current").symlink_to("releases/1")
    return folder


def test_the_launcher_reads_the_settings_of_the_machine(release: Path, tmp_path: Path) -> None:
    settings = tmp_path / "huying.env"
    settings.write_text(
        "# a county\nHUYING_PUBLIC_URL=https://huying.example\nHUYING_STREAM_URL=\n"
        "HUYING_DATABASE_URL=postgresql://a:$(touch x)@db/b?c=d=\nHUYING_COUNTY=hua\nOTHER=1"
    )
    done = subprocess.run(
        [tmp_path / "current" / "bin" / "huying", "web", "--workers", "2"],
        env={"PATH": os.environ["PATH"], "HUYING_ENV_FILE": str(settings), "HUYING_COUNTY": "qi"},
        capture_output=True,
        text=True,
        check=True,
    )
    said = done.stdout.splitlines()
    assert "HUYING_PUBLIC_URL=https://huying.example" in said
    assert "HUYING_STREAM_URL=" in said
    assert "HUYING_DATABASE_URL=postgresql://a:$(touch x)@db/b?c=d=" in said, "as it is written"
    assert "HUYING_COUNTY=qi" in said, "what is set already goes first"
    assert f"HUYING_STATIC_DIR={release}/static" in said
    assert f"PYTHONPATH={release}/src" in said
    assert said[-1] == "-m huying.config.cli web --workers 2"


def test_a_program_without_tls_is_refused_and_not_led_on() -> None:
    text = (ROOT / "deploy" / "compose" / "Caddyfile").read_text(encoding="utf-8")
    plain = text[text.index(":80 {") : text.index(":443 {")]
    for programs in ("/api/*", "/open311/*"):
        assert re.search(rf"handle {re.escape(programs)} {{\s*respond [^}}]*403", plain)
    assert "redir https://" in plain
    assert "protocols tls1.2 tls1.3" in text
