"""From a bearer token to the client it stands for."""

import hashlib
import time
from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from huying.directory.models import ApiToken
from huying.directory.permissions import Actor
from huying.directory.queries.actors import territory
from huying.directory.queries.editions import on_forget
from huying.directory.queries.places import county

KEEP_SECONDS = 5.0
PREFIX = "hy_"
_MOST_KEPT = 2_000


@dataclass(frozen=True, slots=True)
class _Known:
    token_id: int
    name: str
    scopes: frozenset[str]
    expires_at: datetime
    last_used_at: datetime | None
    read_at: float


@dataclass(frozen=True, slots=True)
class TokenHolder:
    """A valid token's client, its scopes, and when its last use was noted."""

    token_id: int
    actor: Actor
    scopes: frozenset[str]
    last_used_at: datetime | None


_kept: dict[str, _Known] = {}


@on_forget
def forget_tokens() -> None:
    _kept.clear()


def digest_of(token: str) -> str:
    """What is stored of a token. It is 256 random bits, so a plain digest is enough."""
    return hashlib.sha256(token.encode()).hexdigest()


def actor_of_token(token: str) -> TokenHolder | None:
    """The client behind a token; None if it is unknown, expired, revoked or its account is off."""
    if not token.startswith(PREFIX) or len(token) > 100:
        return None
    digest = digest_of(token)
    known = _kept.get(digest)
    if known is None or time.monotonic() - known.read_at >= KEEP_SECONDS:
        known = _read(digest)
        if known is None:
            _kept.pop(digest, None)
            return None
        if len(_kept) >= _MOST_KEPT:
            _kept.clear()
        _kept[digest] = known
    if known.expires_at <= timezone.now():
        return None
    home = county()
    actor = Actor.client(
        known.token_id, known.name, known.scopes, territory(home.code) if home else ""
    )
    return TokenHolder(known.token_id, actor, known.scopes, known.last_used_at)


def _read(digest: str) -> _Known | None:
    row = (
        ApiToken.objects.filter(digest=digest, revoked_at__isnull=True, account__is_active=True)
        .values_list("id", "name", "scopes", "expires_at", "last_used_at")
        .first()
    )
    if row is None:
        return None
    return _Known(row[0], row[1], frozenset(row[2]), row[3], row[4], time.monotonic())
