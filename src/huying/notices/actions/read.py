"""Reading: what ends the wait for somebody to look."""

from collections.abc import Sequence

from django.utils import timezone

from huying.directory.permissions import Actor, NotAllowed
from huying.notices.models import Notice


def mark_read(*, notice_ids: Sequence[int], by: Actor) -> int:
    """Mark one's own notices read; returns how many were unread. Another's are left alone."""
    unread = Notice.objects.filter(account_id=_account(by), id__in=notice_ids, read_at=None)
    return unread.update(read_at=timezone.now(), escalate_at=None)


def mark_all_read(*, up_to: int, by: Actor) -> int:
    """Mark one's notices read up to the id `up_to`, the newest one on the page: what arrived
    while the page was open stays unread. Returns how many were unread."""
    unread = Notice.objects.filter(account_id=_account(by), id__lte=up_to, read_at=None)
    return unread.update(read_at=timezone.now(), escalate_at=None)


def _account(by: Actor) -> int:
    if by.account_id is None:
        raise NotAllowed(
            zh="只有登录的工作人员才有消息箱。", en="Only staff who sign in have an inbox."
        )
    return by.account_id
