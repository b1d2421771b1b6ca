"""Every test of this room stores its files in a folder of its own; an office to sign in to."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from huying.directory.permissions import Actor, Role
from tests.factories.cases import Office, make_office
from tests.factories.directory import account_of, make_staff


@pytest.fixture(autouse=True)
def _fresh(tmp_path: Path, settings: Any) -> None:
    settings.MEDIA_ROOT = tmp_path / "attachments"


@pytest.fixture
def office() -> Office:
    return make_office()


@pytest.fixture
def signed_in(office: Office) -> Callable[[str], Client]:
    """A browser signed in as somebody of the office, by the name of the field, or an admin."""

    def open_browser(who: str) -> Client:
        browser = Client()
        browser.force_login(account_of(_actor_of(office, who)))
        return browser

    return open_browser


def _actor_of(office: Office, who: str) -> Actor:
    if who in {"system_admin", "security_admin"}:
        return make_staff(Role(who.upper()), name="管理员", organisation=office.centre)
    found: Actor = getattr(office, who)
    return found
