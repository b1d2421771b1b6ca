"""Whoever's way to sign in changed is told, and so is whose name somebody tried."""

import pyotp
import pytest
from django.test import Client

from huying.directory import actions as directory
from huying.directory.models import Account
from huying.directory.permissions import Role
from huying.directory.vault import Sealed
from huying.ledger.models import Record
from huying.notices.models import Notice
from tests.factories.directory import PASSWORD, SYSTEM, account_of, make_staff

pytestmark = pytest.mark.django_db


def test_each_change_is_told_to_its_holder_alone(client: Client) -> None:
    officer = make_staff(Role.OFFICER, username="li", password=PASSWORD)
    security = make_staff(Role.SECURITY_ADMIN)
    me = officer.own_account()
    directory.offer_second_factor(by=officer)
    sealed = account_of(officer).totp_secret
    assert isinstance(sealed, Sealed)
    directory.confirm_second_factor(code=pyotp.TOTP(sealed.open()).now(), by=officer)
    directory.reset_second_factor(account_id=me, by=security)
    directory.set_password(account_id=me, password="Another-Pass-77", by=security)
    directory.change_password(old="Another-Pass-77", new="Third-Pass-of-it-8", by=officer)
    for _ in range(5):
        client.post("/sign-in/", {"username": "li", "password": "wrong"})
    told = list(Notice.objects.order_by("id").values_list("account_id", "title"))
    assert told == [
        (me, "两步验证已启用"),
        (me, "两步验证已被重置"),
        (me, "登录密码已被重设"),
        (me, "登录密码已修改"),
        (me, "账号因连续输错密码被锁定"),
    ]
    assert all("不是您本人" in body for body in Notice.objects.values_list("body", flat=True))


def test_where_nobody_can_be_told_nothing_has_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    officer = make_staff(Role.OFFICER, username="li", password=PASSWORD)
    before = Account.objects.get(pk=officer.own_account()).password
    records = Record.objects.count()

    def broken(**_: object) -> None:
        raise RuntimeError("no outbox")

    monkeypatch.setattr("huying.notices.subscribers.notify", broken)
    with pytest.raises(RuntimeError):
        directory.set_password(
            account_id=officer.own_account(), password="Another-Pass-77", by=SYSTEM
        )
    assert Account.objects.get(pk=officer.own_account()).password == before
    assert Record.objects.count() == records
