"""From a session or an account to the actor it stands for."""

import time
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.db.models import F, FilteredRelation, Q
from django.http import HttpRequest
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from huying.directory.models import Account
from huying.directory.permissions import ROLE_HOMES, Actor, PostScope, Role, actor_from_posts
from huying.directory.queries.editions import on_forget
from huying.standards.divisions import DivisionCode

KEEP_SECONDS = 5.0
_MOST_KEPT = 10_000


@dataclass(frozen=True, slots=True)
class _Known:
    actor: Actor
    session_hash: str
    read_at: float
    on: date


_kept: dict[int, _Known] = {}


@on_forget
def forget_actors() -> None:
    _kept.clear()


def forget_actor(account_id: int) -> None:
    _kept.pop(account_id, None)


def actor_for(account_id: int) -> Actor:
    """The actor an active account stands for today; one query, kept for five seconds.

    An account that is missing or switched off is nobody: a resident without any permission.
    """
    known = _known(account_id)
    return known.actor if known else Actor.resident()


def actor_of(request: HttpRequest) -> Actor:
    """Who asks: the signed-in member of staff, or a resident."""
    actor: Actor | None = getattr(request, "_huying_actor", None)
    if actor is None:
        account_id = session_account_id(request)
        known = _known(account_id) if account_id is not None else None
        # Sessions opened before the password changed, or signed out everywhere, are over.
        stands = known is not None and constant_time_compare(
            request.session.get(HASH_SESSION_KEY, ""), known.session_hash
        )
        actor = known.actor if known and stands else Actor.resident()
        request._huying_actor = actor  # type: ignore[attr-defined]  # kept for this request
    return actor


def session_account_id(request: HttpRequest) -> int | None:
    """The account the session was opened for, without asking whether it still stands."""
    found = request.session.get(SESSION_KEY)
    return int(found) if found is not None else None


def home_of(actor: Actor) -> str:
    """Where this actor's work begins."""
    for role, home in ROLE_HOMES.items():
        if role in actor.roles:
            return home
    return "/account/"


def _known(account_id: int) -> _Known | None:
    known = _kept.get(account_id)
    today = timezone.localdate()
    if known and time.monotonic() - known.read_at < KEEP_SECONDS and known.on == today:
        return known
    found = _read(account_id, today)
    if found is None:
        _kept.pop(account_id, None)
        return None
    if len(_kept) >= _MOST_KEPT:
        _kept.clear()
    _kept[account_id] = found
    return found


def _read(account_id: int, today: date) -> _Known | None:
    rows = list(
        Account.objects.filter(pk=account_id, is_active=True)
        .annotate(
            post=FilteredRelation(
                "posts",
                condition=Q(posts__start_date__lte=today)
                & (Q(posts__end_date__isnull=True) | Q(posts__end_date__gt=today)),
            )
        )
        .annotate(
            post_role=F("post__role"),
            post_organisation=F("post__organisation_id"),
            post_division=F("post__division_id"),
            post_grid=F("post__grid_id"),
            unit_division=F("post__organisation__division_id"),
        )
    )
    if not rows:
        return None
    scopes = [
        PostScope(
            Role(row.post_role),
            row.post_organisation,
            territory(row.post_division or row.unit_division),
            row.post_grid or "",
        )
        for row in rows
        if row.post_role is not None
    ]
    account = rows[0]
    return _Known(
        actor_from_posts(account.pk, account.name, scopes),
        account.get_session_auth_hash(),
        time.monotonic(),
        today,
    )


def territory(division_code: str | None) -> str:
    """The prefix all divisions inside begin with; empty: no territory."""
    return DivisionCode(division_code).prefix if division_code else ""


@dataclass(frozen=True, slots=True)
class AccountCard:
    """How a colleague is named in lists."""

    id: int
    name: str
    username: str


def account_names(account_ids: Collection[int]) -> dict[int, str]:
    """Names of staff by account id; one query."""
    return dict(Account.objects.filter(pk__in=account_ids).values_list("pk", "name"))
