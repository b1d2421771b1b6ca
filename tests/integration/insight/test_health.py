"""The administrator's page: every part in good order, and what it says when it is not."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from pytest_django import Settings

from huying.directory.actions import check_time
from huying.directory.models import TimeCheck
from huying.directory.permissions import Actor, Role
from huying.insight import queries
from huying.insight.queries.health import BAD, GOOD, WATCH, Part
from huying.notices.actions import set_preferences
from huying.notices.models import Delivery
from huying.sensing.actions import Counters, note_listener
from tests.factories.directory import account_of, jump, let_pass, make_staff
from tests.factories.ledger import make_record, seal
from tests.factories.notices import make_address, make_reader, reading, tell
from tests.factories.sensing import make_reading, take

pytestmark = pytest.mark.django_db

BY = Actor.system("tests")


@pytest.fixture(autouse=True)
def data_dir(settings: Settings, tmp_path: Path) -> Path:
    settings.DATA_DIR = tmp_path
    settings.BACKUP_DIR = tmp_path / "backups"
    return tmp_path


def part(name: str, now: datetime | None = None) -> Part:
    page = queries.health(now or datetime.now(UTC))
    (found,) = [one for one in page.parts if one.name == name]
    return found


def listen(**changes: Any) -> None:
    counters = Counters()
    for name, value in changes.items():
        setattr(counters, name, value)
    note_listener(
        name="hj212-1", kind="HJ212", started_at=datetime.now(UTC), counters=counters, by=BY
    )


def test_a_listener_is_missing_receiving_in_trouble_or_stopped() -> None:
    assert part("设备接入").state == BAD
    listen(connections=40, stored=1234, waiting=7)
    found = part("设备接入")
    assert found.state == GOOD
    assert dict(found.figures) == {
        "进程": "1", "在线设备": "40", "已入库": "1,234", "重复": "0", "待写入": "7",
    }  # fmt: skip
    listen(last_error="OperationalError: the database went away")
    assert part("设备接入").state == WATCH
    with connection.cursor() as cursor:
        cursor.execute("UPDATE sensing_listenerstate SET seen_at = now() - interval '5 minutes'")
    stopped = part("设备接入")
    assert stopped.state == BAD
    assert "5 分钟前" in stopped.words


def test_quarantine_is_counted_by_reason() -> None:
    assert part("待核数据").state == GOOD
    take(make_reading("NOBODYS", {"a34004": 1.0}), make_reading("NOBODYS2", {"a34004": 1.0}))
    found = part("待核数据")
    assert found.state == WATCH
    assert [count for _label, count in found.figures] == ["2"]


def test_jobs_need_a_worker_and_must_not_pile_up() -> None:
    assert part("后台任务").state == BAD
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now())")
    assert part("后台任务").state == GOOD
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO procrastinate_jobs (queue_name, task_name, priority, lock, scheduled_at)"
            " VALUES ('default', 'cases.run_clocks', 0, 'x', now() - interval '10 minutes')"
        )
    found = part("后台任务")
    assert (found.state, dict(found.figures)["等待"]) == (WATCH, "1")


def test_a_time_that_jumped_says_how_far_and_how_long_it_is_waited_for() -> None:
    assert part("系统时间").state == GOOD
    jump(2 * 86_400 + 600)
    assert check_time(job="tests", by=BY) is None
    let_pass(30)
    assert check_time(job="tests", by=BY) is None
    found = part("系统时间")
    assert found.state == BAD
    assert "往前跳了 2 天" in found.words
    assert "14 分钟后自动继续" in found.words
    let_pass(900)
    assert check_time(job="tests", by=BY) is not None
    assert part("系统时间").state == GOOD


@pytest.mark.parametrize(
    ("apart", "state", "words"),
    [(-3_600.0, BAD, "相差 1 小时"), (-90.0, WATCH, "相差 90 秒"), (20.0, GOOD, "一致")],
)
def test_clocks_that_differ_say_by_how_much(apart: float, state: str, words: str) -> None:
    assert check_time(job="tests", by=BY) is not None
    TimeCheck.objects.update(apart_s=apart, apart_at=datetime.now(UTC))
    found = part("系统时间")
    assert (found.state, words in found.words) == (state, True)


@pytest.mark.django_db(transaction=True)
def test_records_that_wait_for_their_seal_are_seen() -> None:
    make_record()
    waiting = part("存证")
    assert waiting.state == GOOD, "ten seconds are nothing"
    with connection.cursor() as cursor:
        cursor.execute("UPDATE ledger_record SET recorded_at = now() - interval '2 minutes'")
    assert part("存证").state == BAD
    seal()
    sealed = part("存证")
    assert sealed.state == GOOD
    assert dict(sealed.figures)["已存证"] == "1"


def test_a_notice_that_was_given_up_is_seen() -> None:
    assert part("通知").state == GOOD
    reader = make_reader()
    make_address(reader)
    set_preferences(channels={"case": ["DEMO"]}, quiet_hours=None, by=reading(reader))
    tell(reader, urgency="URGENT")
    Delivery.objects.update(state="DEAD")
    found = part("通知")
    assert (found.state, dict(found.figures)["未送达"]) == (WATCH, "1")


def test_a_year_without_a_calendar_is_named_in_time() -> None:
    november = datetime(2026, 11, 27, 8, 0, tzinfo=UTC)
    found = part("工作日历", november)
    assert found.state == WATCH
    assert "2027" in found.words
    assert part("工作日历", datetime(2026, 3, 1, tzinfo=UTC)).state == GOOD


def test_a_backup_is_missing_new_or_old(data_dir: Path) -> None:
    now = datetime.now(UTC)
    assert part("备份").state == BAD
    folder = data_dir / "backups" / "20261127T000000Z"
    folder.mkdir(parents=True)
    manifest = {"made_at": now.isoformat(), "ledger_size": 12_345}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    found = part("备份")
    assert (found.state, dict(found.figures)["当时存证"]) == (GOOD, "12,345")
    assert part("备份", now + timedelta(days=3)).state == WATCH


@pytest.mark.parametrize(
    "content",
    ["", '{"made_at": "2026', "[]", "7", '{"name": "another program"}', '{"made_at": 3}'],
)
def test_what_is_no_manifest_of_ours_is_passed_over(data_dir: Path, content: str) -> None:
    for name, words in (
        ("20261127T000000Z", json.dumps({"made_at": "2026-11-27T00:00:00Z", "ledger_size": 1})),
        ("zzz", content),
    ):
        (data_dir / "backups" / name).mkdir(parents=True)
        (data_dir / "backups" / name / "manifest.json").write_text(words)
    made_at = datetime(2026, 11, 27, tzinfo=UTC)
    assert queries.last_backup(data_dir / "backups") == made_at
    assert part("备份", made_at).state == GOOD


def test_the_page_says_the_worst_and_how_to_mend_it(client: Client) -> None:
    client.force_login(account_of(make_staff(Role.SYSTEM_ADMIN)))
    assert queries.health(datetime.now(UTC)).state == BAD
    text = client.get("/health/").content.decode()
    assert "huying ingest" in text
    assert "huying backup" in text
