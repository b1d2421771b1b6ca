"""Real messages of residents become reports."""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.apps import apps
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from django.utils import timezone

from huying.cases import actions
from huying.directory import actions as directory
from huying.directory.permissions import Actor
from huying.simulation import messages

pytestmark = pytest.mark.django_db

SITE = "http://127.0.0.1"


@pytest.fixture
def site() -> Iterator[httpx.Client]:
    """The site itself, without a socket between: requests share the test's transaction."""
    actions.load_categories()
    actions.register_procedures()
    signals = (request_started, request_finished)
    for signal in signals:
        signal.disconnect(close_old_connections)
    yield httpx.Client(transport=httpx.WSGITransport(app=get_wsgi_application()))
    for signal in signals:
        signal.connect(close_old_connections)


@pytest.fixture
def token() -> str:
    by = Actor.system("tests")
    account = directory.create_account(
        username="replay", name="回放", password=None, must_change_password=False, by=by
    )
    _, token = directory.issue_token(
        account_id=account,
        name="回放留言",
        scopes=["reports:write"],
        expires_at=timezone.now() + dt.timedelta(days=1),
        by=by,
    )
    return token


def _reports() -> Any:
    return apps.get_model("cases.Report").objects


@pytest.mark.slow
def test_three_hundred_real_messages_become_reports(
    shared_data: Path, site: httpx.Client, token: str
) -> None:
    file = shared_data / "messages" / "labelled.csv.gz"
    result = messages.play(file, url=SITE, limit=300, token=token, client=site)
    assert result.as_dict() | {"seconds": 0} == {
        "read": 300,
        "accepted": 300,
        "duplicates": 0,
        "refused": 0,
        "seconds": 0,
        "reasons": {},
    }
    assert len(set(result.receipts)) == 300
    texts = set(_reports().values_list("text", flat=True))
    first = next(messages.messages(file))
    assert first.text in texts

    again = messages.play(file, url=SITE, limit=20, token=token, client=site)
    assert (again.accepted, again.duplicates) == (0, 20)
    assert _reports().count() == 300


def test_messages_with_replies_keep_their_time(
    shared_data: Path, site: httpx.Client, token: str
) -> None:
    file = shared_data / "messages" / "with_replies.csv.gz"
    result = messages.play(file, url=SITE, limit=5, token=token, client=site)
    assert result.accepted == 5
    first = next(messages.messages(file))
    cases = apps.get_model("cases.Case").objects.order_by("id")
    discovered_at, created_at = cases.values_list("discovered_at", "created_at")[0]
    assert discovered_at == first.at
    assert created_at > discovered_at


def test_what_is_too_long_is_refused_and_counted(
    tmp_path: Path, site: httpx.Client, token: str
) -> None:
    file = tmp_path / "m.csv"
    file.write_text("text\n路灯不亮了\n" + "长" * 5_000 + "\n", encoding="utf-8")
    result = messages.play(file, url=SITE, limit=0, token=token, client=site)
    assert (result.accepted, result.refused) == (1, 1)
    assert sum(result.reasons.values()) == 1
