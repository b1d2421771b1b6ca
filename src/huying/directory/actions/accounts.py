"""Accounts: made, renamed, locked, switched off; passwords set and changed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.hashers import check_password, make_password
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone

from huying.directory.actions.freshness import actor_changed
from huying.directory.actions.leaving import hand_over
from huying.directory.events import SignInChanged, sign_in_changed
from huying.directory.models import Account, FormerPassword
from huying.directory.parameters import sign_in_rules
from huying.directory.passwords import reasons
from huying.directory.permissions import Actor, DomainError, NotAllowed, Permission
from huying.ledger.actions import Entry, record, record_many


class AccountRefused(DomainError):
    """The account cannot be made or changed like this."""

    code = "ACCOUNT_REFUSED"
    status = 422


class PasswordRefused(DomainError):
    """The new password breaks a rule, or the old one is wrong."""

    code = "PASSWORD_REFUSED"
    status = 422


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAccount:
    """`password` None: nobody can sign in with one until it is set."""

    username: str
    name: str
    password: str | None = None


def create_account(
    *,
    username: str,
    name: str,
    password: str | None = None,
    must_change_password: bool = True,
    by: Actor,
) -> int:
    """A new account; returns its id. Whoever receives it changes the password at once.

    Raises `AccountRefused` (name taken or empty), `PasswordRefused`.
    """
    by.require(Permission.ACCOUNT_MANAGE)
    account = _new(NewAccount(username=username, name=name), must_change=must_change_password)
    if password is not None:
        _require_acceptable(password, account)
        account.password = make_password(password)
    try:
        with transaction.atomic():
            account.save(force_insert=True)
            _record("account.created", account.pk, by)
    except IntegrityError:
        raise AccountRefused(
            f"用户名“{account.username}”已被使用，请换一个。",
            f"The user name {account.username} is taken; choose another.",
        ) from None
    return account.pk


def create_accounts(*, accounts: Sequence[NewAccount], by: Actor) -> list[int]:
    """Many accounts at once; returns their ids in order. Two statements."""
    by.require(Permission.ACCOUNT_MANAGE)
    unusable = make_password(None)
    rows = [_new(one, must_change=False) for one in accounts]
    for row, one in zip(rows, accounts, strict=True):
        row.password = unusable if one.password is None else make_password(one.password)
    try:
        with transaction.atomic():
            Account.objects.bulk_create(rows, batch_size=2_000)
            record_many(
                [
                    Entry(kind="account.created", subject=f"account:{row.pk}", by=by.ref, body={})
                    for row in rows
                ]
            )
    except IntegrityError:
        raise AccountRefused(
            "名单里有重复的用户名，未导入任何账号。",
            "A user name appears twice or is taken; no account was made.",
        ) from None
    return [row.pk for row in rows]


def _new(one: NewAccount, *, must_change: bool) -> Account:
    username, name = one.username.strip().lower(), one.name.strip()
    if not username or not name or len(username) > 60 or len(name) > 40:
        raise AccountRefused(
            "用户名和姓名都要填写，用户名不超过 60 字，姓名不超过 40 字。",
            "User name (at most 60 characters) and name (at most 40) are needed.",
        )
    return Account(
        username=username,
        name=name,
        password=make_password(None),
        must_change_password=must_change,
    )


def rename_account(*, account_id: int, name: str, by: Actor) -> None:
    by.require(Permission.ACCOUNT_MANAGE)
    if not name.strip() or len(name.strip()) > 40:
        raise AccountRefused("请填写姓名，不超过 40 字。", "A name of at most 40 characters.")
    with transaction.atomic():
        Account.objects.filter(pk=account_id).update(name=name.strip())
        _record("account.renamed", account_id, by)
        actor_changed(account_id)


def set_account_active(*, account_id: int, active: bool, by: Actor) -> None:
    """Switch an account on or off; nobody switches off themselves.

    Off ends all its sessions and hands over what it holds (`queries.held_by` says how much).
    """
    by.require(Permission.ACCOUNT_MANAGE)
    if by.account_id == account_id and not active:
        raise AccountRefused("不能停用自己的账号。", "You cannot switch off your own account.")
    with transaction.atomic():
        Account.objects.filter(pk=account_id).update(is_active=active)
        _record("account.switched_on" if active else "account.switched_off", account_id, by)
        if not active:
            hand_over(account_id=account_id, by=by)
        actor_changed(account_id)


def lock_account(*, account_id: int, until: datetime, by: Actor) -> None:
    """No sign-in until then; sessions that are open stay open."""
    by.require(Permission.ACCOUNT_MANAGE)
    with transaction.atomic():
        Account.objects.filter(pk=account_id).update(locked_until=until)
        _record("account.locked", account_id, by, until=until.isoformat())


def unlock_account(*, account_id: int, by: Actor) -> None:
    by.require(Permission.ACCOUNT_MANAGE)
    with transaction.atomic():
        Account.objects.filter(pk=account_id).update(locked_until=None, failed_attempts=0)
        _record("account.unlocked", account_id, by)


def set_password(*, account_id: int, password: str, by: Actor) -> None:
    """Give somebody a password they must change at the next sign-in; ends their sessions."""
    by.require(Permission.ACCOUNT_MANAGE)
    if by.account_id == account_id:
        raise NotAllowed(
            zh="修改自己的密码请到“我的账号”，需输入原密码。",
            en="Change your own password on your account page, with the old one.",
        )
    account = Account.objects.get(pk=account_id)
    _require_acceptable(password, account)
    with transaction.atomic():
        _replace(account, password, must_change=True)
        _record("account.password_set", account_id, by)
        _told(account_id, "PASSWORD_SET", by)


def change_password(*, old: str, new: str, by: Actor) -> None:
    """Change one's own password. Ends all sessions but the caller's (the page renews it).

    Raises `PasswordRefused`.
    """
    account = Account.objects.get(pk=by.own_account())
    if not check_password(old, account.password):
        raise PasswordRefused(
            "原密码不对。", "The old password is not right.", code="OLD_PASSWORD_WRONG"
        )
    _require_acceptable(new, account)
    _require_unused(new, account)
    with transaction.atomic():
        _replace(account, new, must_change=False)
        _record("account.password_changed", account.pk, by)
        _told(account.pk, "PASSWORD_CHANGED", by)


def _told(account_id: int, what: str, by: Actor) -> None:
    sign_in_changed.send(sender=Account, event=SignInChanged(account_id, what), by=by)


def _replace(account: Account, password: str, *, must_change: bool) -> None:
    FormerPassword.objects.create(account=account, password=account.password)
    Account.objects.filter(pk=account.pk).update(
        password=make_password(password),
        password_changed_at=timezone.now(),
        must_change_password=must_change,
        failed_attempts=0,
        locked_until=None,
    )
    actor_changed(account.pk)


def _require_acceptable(password: str, account: Account) -> None:
    if len(password) > 128:
        raise PasswordRefused("密码不能超过 128 个字符。", "At most 128 characters.")
    try:
        validate_password(password, account)
    except ValidationError as error:
        raise PasswordRefused(*reasons(error)) from None


def _require_unused(password: str, account: Account) -> None:
    remembered = sign_in_rules().passwords_remembered
    former = (
        FormerPassword.objects.filter(account=account)
        .order_by("-replaced_at")
        .values_list("password", flat=True)[: max(0, remembered - 1)]
    )
    if any(check_password(password, digest) for digest in [account.password, *former]):
        raise PasswordRefused(
            f"不能使用最近 {remembered} 次用过的密码。",
            f"The last {remembered} passwords cannot be used again.",
            code="PASSWORD_REUSED",
        )


def _record(kind: str, account_id: int, by: Actor, **body: str) -> int:
    return record(kind=kind, subject=f"account:{account_id}", by=by.ref, body=body)
