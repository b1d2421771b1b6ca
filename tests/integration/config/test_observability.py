"""What deploy/observability names is there: at /metrics of a running system, in the handbook."""

import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx
import psycopg
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from huying.config import embedded, processes
from tests.browser.site import free_ports

ROOT: Final = Path(__file__).resolve().parents[3]
FOLDER: Final = ROOT / "deploy" / "observability"
_NAME: Final = re.compile(r"\bhuying_[a-z0-9_]+")
_SUFFIX: Final = re.compile(r"_(bucket|count|sum)$")
TOKEN: Final = "scrape-me"
WAIT_SECONDS: Final = 60.0


def rules() -> list[dict[str, Any]]:
    (group,) = yaml.safe_load((FOLDER / "alerts.yml").read_text(encoding="utf-8"))["groups"]
    return list(group["rules"])


def dashboard() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FOLDER / "dashboard.json").read_text(encoding="utf-8"))
    return found


def expressions() -> list[str]:
    panels = [panel for panel in dashboard()["panels"] if panel["type"] != "row"]
    queries = [target["expr"] for panel in panels for target in panel["targets"]]
    return queries + [rule["expr"] for rule in rules()]


def test_every_alert_says_what_is_wrong_and_where_the_handbook_helps() -> None:
    handbook = (ROOT / "docs" / "handbook.md").read_text(encoding="utf-8")
    sections = set(re.findall(r"^#+ (.+)$", handbook, re.MULTILINE))
    names = [rule["alert"] for rule in rules()]
    assert len(names) == len(set(names))
    used = set()
    for rule in rules():
        assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}
        assert rule["labels"]["severity"] in {"critical", "warning"}
        assert rule["annotations"]["summary"]
        file, _, section = rule["annotations"]["handbook"].partition("#")
        assert file == "docs/handbook.md"
        assert section in sections, section
        assert rule["expr"].count("(") == rule["expr"].count(")")
        used.add(section)
    answers = handbook.partition("## 四、告警响了怎么办")[2].partition("\n## ")[0]
    assert set(re.findall(r"^### (.+)$", answers, re.MULTILINE)) == used


def test_the_dashboard_has_a_place_for_every_panel() -> None:
    board = dashboard()
    assert board["title"]
    assert board["schemaVersion"] >= 36
    assert [one["type"] for one in board["templating"]["list"]] == ["datasource"]
    numbers = [panel["id"] for panel in board["panels"]]
    assert len(numbers) == len(set(numbers))
    taken: set[tuple[int, int]] = set()
    for panel in board["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert max(x for x, _ in cells) < 24
        assert not cells & taken, panel["title"]
        taken |= cells
        if panel["type"] != "row":
            assert panel["targets"]
            assert all(target["expr"] for target in panel["targets"])


@dataclass(frozen=True)
class Running:
    web: int
    hj212: int
    metrics: int


@pytest.fixture
def running(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Running]:
    """All processes as `huying up` starts them, with metrics on four ports."""
    server = os.environ.get("HUYING_TEST_DATABASE_URL") or embedded.start(
        ROOT / "var" / "test" / "postgres", throw_away=True
    )
    database = f"huying_watched_{os.getpid()}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)')
        connection.execute(
            f"CREATE DATABASE \"{database}\" TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C.UTF-8'"
        )
    for name, value in {
        "HUYING_DATABASE_URL": psycopg.conninfo.make_conninfo(server, dbname=database),
        "HUYING_DATA_DIR": str(tmp_path),
        "HUYING_METRICS_TOKEN": TOKEN,
        "DJANGO_SETTINGS_MODULE": "huying.config.settings",
        "PYTHONPATH": str(ROOT / "src"),
    }.items():
        monkeypatch.setenv(name, value)
    begin = [sys.executable, "-m", "huying.config.cli", "begin", "410526", "滑县"]
    subprocess.run(begin, check=True, capture_output=True)
    web, _, hj212 = free_ports(3)
    metrics = four_free_ports()
    monkeypatch.setenv("HUYING_METRICS_PORT", str(metrics))
    children = processes.everything("127.0.0.1", web, hj212_port=hj212, workers=2)
    try:
        for child in children:
            child.start()
        assert processes.wait_until_ready(f"http://127.0.0.1:{web}", seconds=WAIT_SECONDS)
        yield Running(web, hj212, metrics)
    finally:
        processes.stop_all(children)
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)')


def four_free_ports() -> int:
    while True:
        first, *_ = free_ports(2)
        sockets = [socket.socket() for _ in range(4)]
        try:
            for place, one in enumerate(sockets):
                one.bind(("127.0.0.1", first + place))
        except OSError:
            continue
        else:
            return first
        finally:
            for one in sockets:
                one.close()


def scrape(port: int) -> dict[str, list[Any]]:
    """The samples of each family at one port."""
    try:
        answer = httpx.get(
            f"http://127.0.0.1:{port}/metrics",
            headers={"Authorization": f"Bearer {TOKEN}"},
            timeout=WAIT_SECONDS,
            trust_env=False,
        )
    except httpx.HTTPError:
        return {}
    assert answer.status_code == 200
    return {
        family.name + ("_total" if family.type == "counter" else ""): family.samples
        for family in text_string_to_metric_families(answer.text)
    }


@pytest.mark.slow
def test_a_running_system_shows_every_metric_that_is_asked_for(running: Running) -> None:
    url = f"http://127.0.0.1:{running.web}"
    with httpx.Client(base_url=url, trust_env=False, timeout=WAIT_SECONDS) as client:
        for _ in range(40):
            assert client.get("/healthz").status_code == 200
        report = {"text": "路灯不亮", "category": "STREET_LIGHT", "place_text": "南门"}
        category = client.get("/api/v1/categories").json()[0]["code"]
        sent = client.post("/api/v1/reports", json={**report, "category": category})
        assert sent.status_code == 201, sent.text
        for path in ("/metrics", "/made-up/1", "/reports/made-up/"):
            assert client.get(path).status_code == 404
    with socket.create_connection(("127.0.0.1", running.hj212), timeout=WAIT_SECONDS) as device:
        device.sendall(b"##0005hello0000\r\n" * 3)
    wanted = {_SUFFIX.sub("", name) for text in expressions() for name in _NAME.findall(text)}
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        pages = [scrape(running.metrics + place) for place in range(4)]
        missing = wanted - {name for page in pages for name in page}
        if not missing or time.monotonic() > deadline:
            break
        time.sleep(0.5)
    assert not missing
    # Two workers answered; whichever is asked knows of all. Others may have asked, too.
    counted = sum(
        sample.value
        for sample in pages[0]["huying_web_requests_total"]
        if sample.name.endswith("_total") and sample.labels["route"] == "/healthz"
    )
    assert counted >= 40
    stranger = httpx.get(
        f"http://127.0.0.1:{running.metrics}/metrics", trust_env=False, timeout=WAIT_SECONDS
    )
    assert stranger.status_code == 401
    labels = {
        value
        for page in pages
        for samples in page.values()
        for sample in samples
        for value in sample.labels.values()
    }
    # No label grows with what is asked for or with what there is.
    assert not [value for value in labels if sent.json()["receipt"] in value or "made-up" in value]
