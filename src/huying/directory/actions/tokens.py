"""API tokens: issued once, kept as a digest, limited in scope and time."""

import secrets
from collections.abc import Collection
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from huying.directory.models import Account, ApiToken
from huying.directory.permissions import SCOPE_PERMISSIONS, Actor, DomainError, Permission
from huying.directory.queries.editions import on_forget
from huying.directory.queries.tokens import PREFIX, TokenHolder, digest_of, forget_tokens
from huying.ledger.actions import record

LONGEST_DAYS = 730
NOTE_USE_EVERY = timedelta(minutes=5)
MOST_REMEMBERED = 2_000
_noted: dict[int, datetime] = {}
on_forget(_noted.clear)


class TokenRefused(DomainError):
    """The token cannot be issued like this."""

    code = "TOKEN_REFUSED"
    status = 422


def issue_token(
    *,
    account_id: int,
    name: str,
    scopes: Collection[str],
    expires_at: datetime,
    by: Actor,
) -> tuple[int, str]:
    """A new token: (id, the token itself, shown this once). Raises `TokenRefused`."""
    by.require(Permission.ACCOUNT_MANAGE)
    unknown = sorted(set(scopes) - set(SCOPE_PERMISSIONS))
    if unknown or not scopes:
        listed = "、".join(unknown)
        raise TokenRefused(
            f"没有这样的权限范围：{listed}。" if unknown else "请至少选择一个权限范围。",
            f"Unknown scopes: {', '.join(unknown)}." if unknown else "Choose at least one scope.",
        )
    now = timezone.now()
    if not now < expires_at <= now + timedelta(days=LONGEST_DAYS):
        raise TokenRefused(
            f"到期时间应在今后 {LONGEST_DAYS} 天之内。",
            f"A token expires within {LONGEST_DAYS} days.",
        )
    if not name.strip() or not Account.objects.filter(pk=account_id, is_active=True).exists():
        raise TokenRefused(
            "请写明用途，并选择一个启用的账号作责任人。",
            "A purpose and an active responsible account are needed.",
        )
    token = PREFIX + secrets.token_urlsafe(32)
    with transaction.atomic():
        row = ApiToken.objects.create(
            account_id=account_id,
            name=name.strip()[:80],
            scopes=sorted(scopes),
            digest=digest_of(token),
            created_at=now,
            expires_at=expires_at,
        )
        record(
            kind="token.issued",
            subject=f"client:{row.pk}",
            by=by.ref,
            body={"account": account_id, "scopes": sorted(scopes)},
        )
    return row.pk, token


def revoke_token(*, token_id: int, by: Actor) -> None:
    by.require(Permission.ACCOUNT_MANAGE)
    with transaction.atomic():
        ApiToken.objects.filter(pk=token_id, revoked_at__isnull=True).update(
            revoked_at=timezone.now()
        )
        record(kind="token.revoked", subject=f"client:{token_id}", by=by.ref, body={})
        forget_tokens()
        transaction.on_commit(forget_tokens)


def note_token_use(*, holder: TokenHolder, by: Actor) -> None:
    """Note the use of a token, at most once in five minutes; nothing else is written.

    What is kept of a token is a few seconds old: in between this process remembers by itself.
    """
    now = timezone.now()
    noted_at = _noted.get(holder.token_id, holder.last_used_at)
    if noted_at is None or now - noted_at >= NOTE_USE_EVERY:
        if len(_noted) >= MOST_REMEMBERED:
            _noted.clear()
        _noted[holder.token_id] = now
        ApiToken.objects.filter(pk=holder.token_id).exclude(
            last_used_at__gt=now - NOTE_USE_EVERY
        ).update(last_used_at=now)
