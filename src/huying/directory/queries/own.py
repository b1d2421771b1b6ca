"""What a person sees of their own account, and the demonstration's accounts."""

from dataclasses import dataclass
from datetime import date, datetime

from django.contrib.sessions.models import Session
from django.utils import timezone

from huying.directory.models import Account, Post, SignIn
from huying.directory.permissions import ROLE_HOMES, Actor, Role

_MOST_SESSIONS = 10


@dataclass(frozen=True, slots=True)
class PostCard:
    role: str
    label: str
    organisation: str
    place: str
    start_date: date
    end_date: date | None


@dataclass(frozen=True, slots=True)
class SessionCard:
    id: int
    client: str
    started_at: datetime
    current: bool


@dataclass(frozen=True, slots=True)
class OwnAccount:
    username: str
    name: str
    posts: list[PostCard]
    sessions: list[SessionCard]
    password_changed_at: datetime
    has_password: bool
    has_second_factor: bool
    second_factor_at: datetime | None


def own_account(actor: Actor, session_key: str) -> OwnAccount:
    """The actor's account as its holder sees it; sessions that are open, newest first."""
    account = Account.objects.get(pk=actor.own_account())
    posts = (
        Post.objects.current(timezone.localdate())
        .filter(account=account)
        .order_by("start_date", "id")
        .values_list(
            "role",
            "organisation__short_name",
            "division__name",
            "grid__name",
            "grid__division__name",
            "start_date",
            "end_date",
        )
    )
    rows = SignIn.objects.filter(account=account, ended_at__isnull=True).order_by("-started_at")
    rows = rows[: _MOST_SESSIONS * 3]
    alive = set(
        Session.objects.filter(
            session_key__in=[row.session_key for row in rows], expire_date__gt=timezone.now()
        ).values_list("session_key", flat=True)
    )
    return OwnAccount(
        account.username,
        account.name,
        [
            PostCard(
                role,
                Role(role).label,
                unit,
                f"{village}{grid}" if grid else (division or ""),
                start,
                end,
            )
            for role, unit, division, grid, village, start, end in posts
        ],
        [
            SessionCard(row.pk, row.client, row.started_at, row.session_key == session_key)
            for row in rows
            if row.session_key in alive
        ][:_MOST_SESSIONS],
        account.password_changed_at,
        account.has_usable_password(),
        account.has_second_factor,
        account.totp_confirmed_at,
    )


@dataclass(frozen=True, slots=True)
class DemoCard:
    """A demonstration account offered for signing in with one click."""

    account_id: int
    role: str
    label: str
    name: str
    organisation: str


def demo_accounts() -> list[DemoCard]:
    """Accounts whose user name begins with "demo"; for a role without any, its first holder."""
    rows = (
        Post.objects.current(timezone.localdate())
        .filter(account__is_active=True)
        .order_by("account_id")
        .values_list(
            "account_id",
            "account__username",
            "role",
            "account__name",
            "organisation__short_name",
        )
    )
    named: dict[str, list[DemoCard]] = {}
    first: dict[str, DemoCard] = {}
    for account_id, username, role, name, unit in rows.iterator():
        card = DemoCard(account_id, role, Role(role).label, name, unit)
        first.setdefault(role, card)
        if username.startswith("demo"):
            named.setdefault(role, []).append(card)
    return [
        card
        for role in ROLE_HOMES
        if role in first
        for card in named.get(role.value, [first[role.value]])
    ]
