"""The demonstration as a visitor starts it: every link must close."""

import os
import re
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from huying.config import embedded
from tests.browser.site import free_ports

ROOT = Path(__file__).resolve().parents[3]
DATABASE = "huying_demo_once"


@pytest.mark.slow
def test_demo_once_closes_every_link_and_exits_0(tmp_path: Path) -> None:
    server = os.environ.get("HUYING_TEST_DATABASE_URL") or embedded.start(
        ROOT / "var" / "test" / "postgres", throw_away=True
    )
    web, _stream, hj212 = free_ports(3)
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{DATABASE}" WITH (FORCE)')
        connection.execute(
            f"CREATE DATABASE \"{DATABASE}\" TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C.UTF-8'"
        )
    environment = {
        **os.environ,
        "HUYING_DATABASE_URL": psycopg.conninfo.make_conninfo(server, dbname=DATABASE),
        "HUYING_DATA_DIR": str(tmp_path),
        "DJANGO_SETTINGS_MODULE": "huying.config.settings",
    }
    for name in ("HUYING_PUBLIC_URL", "HUYING_STREAM_URL", "HUYING_HJ212_PORT"):
        environment.pop(name, None)
    try:
        done = subprocess.run(
            [
                *(sys.executable, "-m", "huying.config.cli", "demo", "--once"),
                *("--port", str(web), "--hj212-port", str(hj212), "--residents", "600"),
            ],
            env=environment,
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
    finally:
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f'DROP DATABASE IF EXISTS "{DATABASE}" WITH (FORCE)')
    told = done.stdout
    assert done.returncode == 0, told + done.stderr
    assert "✗" not in told
    for link in (
        "读数",
        "预警",
        "派单",
        "推送",
        "到场",
        "处置",
        "核查",
        "办结",
        "差评",
        "回访",
        "存证",
        "验真",
    ):
        assert f"✓ {link}" in told, told
    closed, links = map(int, re.findall(r"(\d+)/(\d+) 个环节闭合", told)[0])
    assert closed == links >= 28
    for heard in ("生态环境局值班人员的浏览器收到", "网格员的手机收到", "综治中心收到"):
        (milliseconds,) = re.findall(rf"推送　{heard}.*?([\d.,]+) ms", told.replace(" push", ""))
        assert 0 < float(milliseconds.replace(",", "")) < 5_000
    # Every link but the sign-off of the whole ledger says how long it took.
    untimed = re.findall(r"^  ✓ (\S+) .*(?<! ms)$", told, re.MULTILINE)
    assert [name for name in untimed if name != "验真"] == [], told
