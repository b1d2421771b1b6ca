"""Signing in: password, lock-out, second factor, sessions.

The pages call `check_password_of`, then `check_second_factor` where one is set, and only then
open Django's session and call `note_sign_in`. A failure is counted in a transaction of its
own, so that the refusal that follows cannot undo the count.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

import pyotp
from django.conf import settings
from django.contrib.auth.hashers import check_password, is_password_usable, make_password
from django.contrib.sessions.models import Session
from django.db import connection, transaction
from django.utils import timezone

from huying.directory import vault
from huying.directory.actions.freshness import actor_changed
from huying.directory.events import SignInChanged, sign_in_changed
from huying.directory.models import Account, SignIn
from huying.directory.parameters import sign_in_rules
from huying.directory.permissions import Actor, DomainError, Permission
from huying.directory.throttle import TooOften, allow
from huying.ledger.actions import record
from huying.telemetry import trail

TOTP_STEP_SECONDS = 30
KEEP_SIGN_INS_DAYS = 365


class SignInRefused(DomainError):
    """User name or password is wrong; never says which."""

    code = "SIGN_IN_REFUSED"
    status = 401


class AccountLocked(DomainError):
    """Too many failures; `until` says when to try again."""

    code = "ACCOUNT_LOCKED"
    status = 423

    def __init__(self, until: datetime) -> None:
        self.until = until
        clock = timezone.localtime(until).strftime("%H:%M")
        super().__init__(
            f"连续输错次数过多，账号已锁定，{clock} 后可以再试。急用请联系安全管理员。",
            f"Too many failures: locked until {clock}. The security administrator can unlock it.",
        )


class SecondFactorRefused(DomainError):
    """The six digits are wrong, too old, or were used already."""

    code = "SECOND_FACTOR_REFUSED"
    status = 401


@dataclass(frozen=True, slots=True)
class PasswordAccepted:
    """Who it is, and what else the sign-in needs."""

    account_id: int
    needs_second_factor: bool


def check_password_of(*, username: str, password: str, by: Actor) -> PasswordAccepted:
    """Check a password; counts failures and locks. `by` is the visitor, `Actor.resident()`.

    Raises `SignInRefused`, `AccountLocked`.
    """
    now = timezone.now()
    name = username.strip().lower()[:60]
    account = Account.objects.filter(username=name, is_active=True).first()
    if account is None:
        # Not even the digest of the name: people type passwords where names belong.
        trail.note("sign_in.refused", why="UNKNOWN")
        _refuse_unknown(name, password, now)
        raise _refused()
    _require_password(account, password, now)
    return PasswordAccepted(account.pk, account.has_second_factor)


def confirm_password(*, password: str, by: Actor) -> None:
    """Whoever is signed in says once more that it is they; failures count as at the door.

    Raises `SignInRefused`, `AccountLocked`.
    """
    _require_password(Account.objects.get(pk=by.own_account()), password, timezone.now())


def _require_password(account: Account, password: str, now: datetime) -> None:
    _require_unlocked(account, now)
    if len(password) > 128 or not check_password(password, account.password):
        trail.note("sign_in.refused", account=account.pk, why="PASSWORD")
        _count_failure(account.pk, now)
        raise _refused()


def _refused() -> SignInRefused:
    rules = sign_in_rules()
    return SignInRefused(
        f"用户名或密码不对。连续输错 {rules.max_failures} 次将锁定 {rules.lock_minutes} 分钟。",
        f"User name or password is wrong. {rules.max_failures} failures in a row lock the "
        f"account for {rules.lock_minutes} minutes.",
    )


def _refuse_unknown(name: str, password: str, now: datetime) -> None:
    # As slow and as lockable as a known name, so that neither tells which names exist.
    make_password(password[:128])
    rules = sign_in_rules()
    try:
        allow(
            "sign_in.unknown",
            name,
            limit=rules.max_failures,
            seconds=rules.lock_minutes * 60,
        )
    except TooOften as too_often:
        raise AccountLocked(now + timedelta(seconds=too_often.retry_after)) from None


def _require_unlocked(account: Account, now: datetime) -> None:
    if account.locked_until is not None and account.locked_until > now:
        trail.note("sign_in.refused", account=account.pk, why="LOCKED")
        raise AccountLocked(account.locked_until)


def _count_failure(account_id: int, now: datetime) -> None:
    """One more failure; the one that reaches the limit locks and starts the count anew."""
    rules = sign_in_rules()
    until = rules.lock_until(rules.max_failures, now)
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE directory_account SET "
                "locked_until = CASE WHEN failed_attempts + 1 >= %s THEN %s::timestamptz "
                "ELSE locked_until END, "
                "failed_attempts = CASE WHEN failed_attempts + 1 >= %s THEN 0 "
                "ELSE failed_attempts + 1 END "
                "WHERE id = %s RETURNING failed_attempts",
                [rules.max_failures, until, rules.max_failures, account_id],
            )
            row = cursor.fetchone()
        if row == (0,):
            record(
                kind="account.locked_by_failures",
                subject=f"account:{account_id}",
                by="system:sign_in",
                body={"minutes": rules.lock_minutes},
            )
            _told(account_id, "LOCKED", Actor.system("sign_in"))
    if row == (0,) and until is not None:
        raise AccountLocked(until)


def _told(account_id: int, what: str, by: Actor) -> None:
    sign_in_changed.send(sender=Account, event=SignInChanged(account_id, what), by=by)


def offer_second_factor(*, by: Actor) -> str:
    """A fresh secret for one's own account, not in force until `confirm_second_factor`.

    Returns the otpauth:// address an authenticator app reads from the QR code.
    """
    account = Account.objects.get(pk=by.own_account())
    if account.has_second_factor:
        raise SecondFactorRefused(
            "已启用两步验证。要换手机，请先由安全管理员重置。",
            "The second factor is in force; the security administrator can reset it.",
            status=409,
        )
    kept = account.totp_secret
    if isinstance(kept, vault.Sealed):
        secret = kept.open()
    else:
        secret = pyotp.random_base32()
        Account.objects.filter(pk=account.pk).update(totp_secret=secret)
    return pyotp.TOTP(secret).provisioning_uri(name=account.username, issuer_name="呼应")


def confirm_second_factor(*, code: str, by: Actor) -> None:
    """Put the offered secret in force with the first code it shows. Ends all sessions but the
    caller's (the page renews it)."""
    account = Account.objects.get(pk=by.own_account())
    with transaction.atomic():
        if not _take_code(account, code, timezone.now()):
            raise _wrong_code()
        Account.objects.filter(pk=account.pk).update(
            totp_confirmed_at=timezone.now(), session_salt=secrets.token_hex(16)
        )
        record(
            kind="account.second_factor_set",
            subject=f"account:{account.pk}",
            by=by.ref,
            body={},
        )
        _told(account.pk, "FACTOR_SET", by)
        actor_changed(account.pk)


def check_second_factor(*, account_id: int, code: str, by: Actor) -> None:
    """Check the six digits of an account whose password was just accepted; failures count.

    Raises `SecondFactorRefused`, `AccountLocked`.
    """
    now = timezone.now()
    account = Account.objects.get(pk=account_id, is_active=True)
    _require_unlocked(account, now)
    if not account.has_second_factor or not _take_code(account, code, now):
        trail.note("sign_in.refused", account=account.pk, why="CODE")
        _count_failure(account_id, now)
        raise _wrong_code()


def _wrong_code() -> SecondFactorRefused:
    return SecondFactorRefused(
        "验证码不对或已用过，请输入手机上最新的 6 位数字。",
        "The code is wrong or was used; enter the newest six digits.",
    )


def _take_code(account: Account, code: str, now: datetime) -> bool:
    """Whether the code is right, now or one step either side; a step is taken only once."""
    digits = "".join(filter(str.isdigit, code))
    if not isinstance(account.totp_secret, vault.Sealed) or len(digits) != 6:
        return False
    totp = pyotp.TOTP(account.totp_secret.open())
    step = int(now.timestamp()) // TOTP_STEP_SECONDS
    for candidate in (step - 1, step, step + 1):
        if secrets.compare_digest(totp.at(candidate * TOTP_STEP_SECONDS), digits):
            return bool(
                Account.objects.filter(pk=account.pk, totp_last_step__lt=candidate).update(
                    totp_last_step=candidate
                )
            )
    return False


def reset_second_factor(*, account_id: int, by: Actor) -> None:
    """Take the second factor off (a lost phone); the account's sessions end."""
    by.require(Permission.ACCOUNT_MANAGE)
    with transaction.atomic():
        Account.objects.filter(pk=account_id).update(
            totp_secret=None,
            totp_confirmed_at=None,
            totp_last_step=0,
            session_salt=secrets.token_hex(16),
        )
        record(
            kind="account.second_factor_reset",
            subject=f"account:{account_id}",
            by=by.ref,
            body={},
        )
        _told(account_id, "FACTOR_RESET", by)
        actor_changed(account_id)


def note_sign_in(
    *, account_id: int, session_key: str, client: str, address: str, by: Actor
) -> frozenset[str]:
    """Remember a session that was just opened; returns what it owes before any other work.

    PASSWORD: a new password (given by somebody else, or too old). SECOND_FACTOR: to be set up.
    """
    now = timezone.now()
    rules = sign_in_rules()
    with transaction.atomic():
        account = Account.objects.select_for_update().get(pk=account_id)
        Account.objects.filter(pk=account_id).update(failed_attempts=0, last_login=now)
        SignIn.objects.create(
            account=account,
            session_key=session_key,
            client=client[:80],
            address_digest=vault.keyed_digest("sign_in.address", address) if address else "",
            started_at=now,
        )
        record(
            kind="account.signed_in",
            subject=f"account:{account_id}",
            by=by.ref,
            body={"factors": 1 + account.has_second_factor},
        )
        if not settings.DEMO:
            # Everybody at a demonstration shares its accounts.
            _end_oldest(account_id, rules.most_sessions, now)
    owes = set()
    usable = is_password_usable(account.password)
    if usable and (
        account.must_change_password or rules.password_too_old(account.password_changed_at, now)
    ):
        owes.add("PASSWORD")
    if rules.needs_second_factor(by.roles) and not account.has_second_factor:
        owes.add("SECOND_FACTOR")
    # The demonstration's accounts have no password, and its visitors no phone to enrol.
    return frozenset() if settings.DEMO and not usable else frozenset(owes)


def _end_oldest(account_id: int, keep: int, now: datetime) -> None:
    """No more than `keep` sessions of one account; the newest stay."""
    since = now - timedelta(seconds=settings.SESSION_COOKIE_AGE)
    open_ones = SignIn.objects.filter(
        account=account_id, ended_at__isnull=True, started_at__gt=since
    ).order_by("-started_at", "-id")
    over = list(open_ones.values_list("pk", "session_key")[keep:])
    Session.objects.filter(session_key__in=[key for _, key in over]).delete()
    SignIn.objects.filter(pk__in=[pk for pk, _ in over]).update(ended_at=now)


def renew_session(*, before: str, after: str, by: Actor) -> None:
    """The same session under a new key: whoever saw the old one has nothing."""
    SignIn.objects.filter(session_key=before, account_id=by.own_account()).update(session_key=after)


def note_sign_out(*, session_key: str, by: Actor) -> None:
    with transaction.atomic():
        SignIn.objects.filter(session_key=session_key).update(ended_at=timezone.now())
        record(kind="account.signed_out", subject=f"account:{by.account_id}", by=by.ref, body={})


def end_session(*, sign_in_id: int, by: Actor) -> None:
    """End one of one's own sessions, elsewhere."""
    with transaction.atomic():
        found = SignIn.objects.filter(pk=sign_in_id, account_id=by.own_account()).first()
        if found is None:
            return
        Session.objects.filter(session_key=found.session_key).delete()
        SignIn.objects.filter(pk=found.pk).update(ended_at=timezone.now())
        record(kind="account.session_ended", subject=f"account:{by.account_id}", by=by.ref, body={})


def sign_out_everywhere(*, account_id: int, by: Actor) -> None:
    """End every session of an account: one's own, or another's with ACCOUNT_MANAGE."""
    if by.account_id != account_id:
        by.require(Permission.ACCOUNT_MANAGE)
    now = timezone.now()
    with transaction.atomic():
        Account.objects.filter(pk=account_id).update(session_salt=secrets.token_hex(16))
        SignIn.objects.filter(account_id=account_id, ended_at__isnull=True).update(ended_at=now)
        record(
            kind="account.signed_out_everywhere",
            subject=f"account:{account_id}",
            by=by.ref,
            body={},
        )
        actor_changed(account_id)


def clear_sessions(*, by: Actor) -> int:
    """Delete sessions past their end and, after a year, the notes of them; returns how many.

    That somebody signed in stays in the ledger; here only the list of devices grows shorter.
    """
    by.require(Permission.ACCOUNT_MANAGE)
    now = timezone.now()
    with transaction.atomic():
        count, _ = Session.objects.filter(expire_date__lt=now).delete()
        SignIn.objects.filter(started_at__lt=now - timedelta(days=KEEP_SIGN_INS_DAYS)).delete()
    return count
