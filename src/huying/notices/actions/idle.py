"""Accounts nobody uses any more: the security administrators are told, and decide."""

from typing import Final

from django.db import transaction
from django.utils import timezone

from huying.directory import queries as directory
from huying.directory.permissions import Actor, Role
from huying.notices.actions.tell import Glance, notify
from huying.notices.models import Notice

_SUBJECT: Final = "idle_accounts"
_LIST: Final = "/admin/directory/account/?active=idle"


def tell_of_idle_accounts(*, by: Actor) -> int:
    """Tell each security administrator, once a month, how many accounts have lain idle; how many
    were told."""
    now = timezone.now()
    idle = directory.idle_accounts(now)
    if not idle:
        return 0
    month = timezone.localtime(now).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    title = f"有 {idle} 个账号长期没有登录"
    with transaction.atomic():
        told = set(
            Notice.objects.filter(subject=_SUBJECT, created_at__gte=month).values_list(
                "account_id", flat=True
            )
        )
        to = [one for one in directory.holders_of(Role.SECURITY_ADMIN) if one not in told]
        if to:
            notify(
                to=to,
                kind="system.idle_accounts",
                title=title,
                body="请逐个核实：人已离岗或不再需要的，请停用，名下的在办事项和值班会一并移交。",
                glance=Glance(title),
                link=_LIST,
                urgency="NORMAL",
                subject=_SUBJECT,
                by=by,
            )
    return len(to)
