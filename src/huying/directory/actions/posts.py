"""Posts: who holds which role where and when; duty shifts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.db import IntegrityError, transaction
from django.utils import timezone

from huying.directory.actions.freshness import actor_changed
from huying.directory.actions.leaving import hand_over
from huying.directory.models import Account, DutyShift, Organisation, Post
from huying.directory.permissions import (
    ROLE_PERMISSIONS,
    SEPARATED_ADMINISTRATORS,
    Actor,
    DomainError,
    Permission,
    Role,
)
from huying.directory.queries.places import county
from huying.ledger.actions import Entry, record, record_many


class PostRefused(DomainError):
    """The post cannot be granted or ended like this."""

    code = "POST_REFUSED"
    status = 422


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPost:
    """A role in an organisation from a date on (today without one), for a territory or a grid."""

    account_id: int
    organisation_id: int
    role: Role
    division_code: str | None = None
    grid_code: str | None = None
    start_date: date | None = None
    end_date: date | None = None


def grant_post(*, post: NewPost, by: Actor) -> int:
    """Grant a post; returns its id. Raises `PostRefused`.

    A role that sees all cases of a territory gets its organisation's, or else the county.
    """
    return grant_posts(posts=[post], by=by)[0]


def grant_posts(*, posts: Sequence[NewPost], by: Actor) -> list[int]:
    """Many posts at once, all or none; returns their ids in order."""
    by.require(Permission.ROLE_GRANT)
    if by.account_id is not None and any(post.account_id == by.account_id for post in posts):
        raise PostRefused("不能给自己授予岗位。", "Nobody grants a post to themselves.")
    rows = [_row(post) for post in posts]
    try:
        with transaction.atomic():
            # The lock makes two simultaneous grants to one account take turns.
            ids = {row.account_id for row in rows}
            list(Account.objects.select_for_update().filter(pk__in=ids).order_by("pk"))
            Post.objects.bulk_create(rows, batch_size=2_000)
            record_many([_entry("post.granted", row, by) for row in rows])
            for account_id in ids:
                actor_changed(account_id)
    except IntegrityError as error:
        raise _reason(error) from None
    return [row.pk for row in rows]


def _row(post: NewPost) -> Post:
    role = Role(post.role)
    division = post.division_code
    if role is Role.GRID_WORKER and not post.grid_code:
        raise PostRefused("请为网格员选择网格。", "A grid worker needs a grid.")
    if division is None and Permission.CASE_VIEW_ALL in ROLE_PERMISSIONS[role]:
        unit = (
            Organisation.objects.filter(pk=post.organisation_id)
            .values_list("division_id", flat=True)
            .first()
        )
        home = county()
        division = unit or (home.code if home else None)
    return Post(
        account_id=post.account_id,
        organisation_id=post.organisation_id,
        role=role.value,
        division_id=division,
        grid_id=post.grid_code,
        start_date=post.start_date or timezone.localdate(),
        end_date=post.end_date,
    )


def _reason(error: IntegrityError) -> PostRefused:
    text = str(error)
    if "post_administrators_apart" in text:
        roles = "、".join(role.label for role in sorted(SEPARATED_ADMINISTRATORS))
        return PostRefused(
            f"三员分立：同一账号不能同时担任{roles}中的两种（也不能重复担任同一种）。",
            "System, security and audit administrators are kept apart: no account holds two.",
            code="ADMINISTRATORS_KEPT_APART",
            status=409,
        )
    if "post_ends_after_start" in text:
        return PostRefused("结束日期不能早于开始日期。", "A post ends after it starts.")
    return PostRefused(
        "账号、单位、区划或网格不存在，请核对。",
        "The account, organisation, division or grid does not exist.",
    )


def end_post(*, post_id: int, on: date | None = None, by: Actor) -> None:
    """End a post: `on` (today without one) is the first day it is no longer held.

    What was held by it is handed over at once, or when that day has come.
    """
    by.require(Permission.ROLE_GRANT)
    with transaction.atomic():
        post = Post.objects.select_for_update().filter(pk=post_id).first()
        if post is None:
            raise PostRefused("找不到这个岗位。", "There is no such post.", status=404)
        if post.account_id == by.account_id:
            raise PostRefused("不能收回自己的岗位。", "Nobody ends a post of their own.")
        if post.role == Role.SECURITY_ADMIN and not _another_security_admin(post):
            raise PostRefused(
                "这是最后一位安全管理员，请先授予另一人。",
                "This is the last security administrator; grant the post to another first.",
                status=409,
            )
        day = max(on or timezone.localdate(), post.start_date)
        Post.objects.filter(pk=post_id).update(end_date=day)
        post.end_date = day
        record_many([_entry("post.ended", post, by)])
        if day <= timezone.localdate():
            hand_over(account_id=post.account_id, by=by)
        actor_changed(post.account_id)


def _another_security_admin(post: Post) -> bool:
    return (
        Post.objects.current(timezone.localdate())
        .filter(role=Role.SECURITY_ADMIN, account__is_active=True)
        .exclude(account_id=post.account_id)
        .exists()
    )


def _entry(kind: str, post: Post, by: Actor) -> Entry:
    return Entry(
        kind=kind,
        subject=f"account:{post.account_id}",
        by=by.ref,
        body={
            "post": post.pk,
            "role": post.role,
            "organisation": post.organisation_id,
            "division": post.division_id,
            "grid": post.grid_id,
            "from": post.start_date.isoformat(),
            "until": post.end_date.isoformat() if post.end_date else None,
        },
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class NewShift:
    organisation_id: int
    account_id: int
    starts_at: datetime
    ends_at: datetime
    rank: int = 1


def set_shifts(*, shifts: Sequence[NewShift], by: Actor) -> int:
    """Add or correct lines of the roster (same unit, person and start); returns how many."""
    by.require(Permission.DIRECTORY_MANAGE)
    rows = [
        DutyShift(
            organisation_id=shift.organisation_id,
            account_id=shift.account_id,
            starts_at=shift.starts_at,
            ends_at=shift.ends_at,
            rank=shift.rank,
        )
        for shift in shifts
    ]
    try:
        with transaction.atomic():
            DutyShift.objects.bulk_create(
                rows,
                batch_size=2_000,
                update_conflicts=True,
                unique_fields=["organisation", "account", "starts_at"],
                update_fields=["ends_at", "rank"],
            )
            record(kind="roster.set", subject="roster", by=by.ref, body={"shifts": len(rows)})
    except IntegrityError:
        raise PostRefused(
            "值班结束时间须晚于开始时间，人员和单位须存在。",
            "A shift ends after it starts; person and unit must exist.",
        ) from None
    return len(rows)


def remove_shift(*, shift_id: int, by: Actor) -> None:
    by.require(Permission.DIRECTORY_MANAGE)
    with transaction.atomic():
        DutyShift.objects.filter(pk=shift_id).delete()
        record(kind="roster.removed", subject="roster", by=by.ref, body={"shift": shift_id})
