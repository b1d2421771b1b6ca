"""A new county begins with two administrators who cannot do each other's work."""

from datetime import timedelta

import pytest
from django.utils import timezone

from huying.config import beginning
from huying.directory import actions, queries
from huying.directory.actions import ImportRefused
from huying.directory.models import Account
from huying.directory.permissions import Actor, Permission, Role
from huying.ledger import queries as ledger

pytestmark = pytest.mark.django_db


def test_two_people_are_let_in_and_change_their_passwords() -> None:
    system, security = beginning.begin(code="410526", name="滑县")
    county = queries.county()
    assert county is not None
    assert (county.code, county.name) == ("410526000000", "滑县")
    assert [centre.name for centre in queries.organisations(kind="CENTRE")] == ["滑县综治中心"]
    for person, mine, others in (
        (system, Permission.DIRECTORY_MANAGE, Permission.ACCOUNT_MANAGE),
        (security, Permission.ACCOUNT_MANAGE, Permission.DIRECTORY_MANAGE),
    ):
        account = Account.objects.get(username=person.username)
        assert account.check_password(person.password)
        assert account.must_change_password
        actor = queries.actor_for(account.pk)
        assert actor.may(mine)
        assert not actor.may(others)
    assert system.role is Role.SYSTEM_ADMIN
    assert system.password != security.password


def test_a_county_begins_once() -> None:
    beginning.begin(code="410526", name="滑县")
    with pytest.raises(beginning.BegunAlready):
        beginning.begin(code="410527", name="内黄县")
    assert Account.objects.count() == 2


def test_what_is_no_county_leaves_nothing_behind() -> None:
    with pytest.raises(ImportRefused):
        beginning.begin(code="12", name="某县")
    assert queries.county() is None
    assert not Account.objects.exists()


def test_the_operator_lets_a_locked_out_administrator_in_and_it_is_sealed() -> None:
    _, security = beginning.begin(code="410526", name="滑县")
    account = Account.objects.get(username=security.username)
    actions.lock_account(
        account_id=account.pk, until=timezone.now() + timedelta(hours=1), by=Actor.system("tests")
    )
    password = beginning.let_in(username=" Security_Admin ")
    account.refresh_from_db()
    assert account.check_password(password)
    assert account.must_change_password
    assert account.locked_until is None
    kinds = [row.kind for row in ledger.records_of(f"account:{account.pk}")]
    assert "account.password_set" in kinds
    assert "account.unlocked" in kinds
    with pytest.raises(beginning.NoSuchAccount):
        beginning.let_in(username="nobody")
