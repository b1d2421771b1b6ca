from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone

from huying.directory import actions
from huying.directory.models import SignIn
from huying.directory.permissions import NotAllowed, Role
from huying.directory.tasks import clear_sessions
from huying.ledger.models import Record
from tests.factories import directory as make

pytestmark = pytest.mark.django_db


def test_ended_sessions_are_cleared_and_open_ones_stay() -> None:
    make.make_staff(Role.OFFICER, username="li", password=make.PASSWORD)
    for _ in range(3):
        Client().post("/sign-in/", {"username": "li", "password": make.PASSWORD})
    now = timezone.now()
    ended, old, _open = SignIn.objects.order_by("id")
    Session.objects.filter(session_key=ended.session_key).update(
        expire_date=now - timedelta(seconds=1)
    )
    SignIn.objects.filter(pk=old.pk).update(started_at=now - timedelta(days=366))

    clear_sessions(timestamp=int(now.timestamp()))

    assert Session.objects.count() == 2
    assert SignIn.objects.count() == 2
    assert Record.objects.filter(kind="account.signed_in").count() == 3
    with pytest.raises(NotAllowed):
        actions.clear_sessions(by=make.make_staff(Role.OFFICER))
