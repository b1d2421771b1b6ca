"""Accounts nobody uses any more: counted, told once a month, switched off by a person alone."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from huying.directory import queries as directory
from huying.directory.models import Account, ApiToken
from huying.directory.permissions import Actor, Role
from huying.notices import actions
from huying.notices.models import Notice
from tests.factories.directory import make_account, make_staff

pytestmark = pytest.mark.django_db

BY = Actor.system("notices")


def _last_used(days: int | None, *, made: int = 400) -> Account:
    """An account that was made and last signed in so many days ago; None: it never did."""
    account = make_account()
    now = timezone.now()
    Account.objects.filter(pk=account.pk).update(
        created_at=now - timedelta(days=made),
        last_login=None if days is None else now - timedelta(days=days),
    )
    return account


def _token(account: Account, *, used: int) -> None:
    now = timezone.now()
    ApiToken.objects.create(
        account=account,
        name="对接",
        digest=f"{account.pk:064d}",
        expires_at=now + timedelta(days=9),
        last_used_at=now - timedelta(days=used),
    )


def test_idle_is_who_has_not_been_seen_for_as_long_as_the_county_says(settings: Any) -> None:
    idle = {_last_used(91), _last_used(None), _last_used(200)}
    _last_used(89)
    _last_used(None, made=3)
    off = _last_used(300)
    Account.objects.filter(pk=off.pk).update(is_active=False)
    _token(_last_used(None), used=5)
    forgotten = _last_used(None)
    _token(forgotten, used=120)
    idle.add(forgotten)
    now = timezone.now()
    assert set(Account.objects.idle_since(now - timedelta(days=90))) == idle
    assert directory.idle_accounts(now) == len(idle)
    settings.IDLE_ACCOUNT_DAYS = 150
    assert directory.idle_accounts(now) == len(idle) - 2, "the token was used 120 days ago"
    settings.IDLE_ACCOUNT_DAYS = 0
    assert directory.idle_accounts(now) == 0


def test_security_administrators_are_told_once_a_month() -> None:
    first = make_staff(Role.SECURITY_ADMIN)
    make_staff(Role.SYSTEM_ADMIN)
    assert actions.tell_of_idle_accounts(by=BY) == 0, "nobody is idle"
    idle = _last_used(100)
    assert actions.tell_of_idle_accounts(by=BY) == 1
    assert actions.tell_of_idle_accounts(by=BY) == 0, "not again this month"
    second = make_staff(Role.SECURITY_ADMIN)
    assert actions.tell_of_idle_accounts(by=BY) == 1, "who has not been told"
    notices = Notice.objects.order_by("id")
    assert [one.account_id for one in notices] == [first.own_account(), second.own_account()]
    assert "1 个账号" in notices[0].title
    Notice.objects.update(created_at=timezone.now() - timedelta(days=32))
    assert actions.tell_of_idle_accounts(by=BY) == 2, "a month later"
    assert Account.objects.get(pk=idle.pk).is_active, "a person decides"
