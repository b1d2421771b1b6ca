"""Notices and addresses for tests, written past the rules of `actions`."""

import itertools
from collections.abc import Sequence

from django.db import transaction

from huying.directory.models import Account
from huying.directory.permissions import Actor, Permission
from huying.notices import actions
from huying.notices.actions.tell import MAX_GLANCE
from huying.notices.models import Address

_numbers = itertools.count(1)
SYSTEM = Actor.system("test")


def make_reader(name: str = "林小满") -> Account:
    """An account that signs in and reads; without posts."""
    return Account.objects.create(username=f"reader{next(_numbers)}", name=name, password="!")


def reading(account: Account, *permissions: Permission) -> Actor:
    """The account as an actor."""
    return Actor(
        kind="STAFF",
        ref=f"staff:{account.pk}",
        account_id=account.pk,
        name=account.name,
        permissions=frozenset(permissions),
    )


def make_address(account: Account, channel: str = "DEMO", value: str = "take") -> Address:
    return Address.objects.create(
        account=account,
        channel=channel,
        name="测试地址",
        sealed=value,
        digest=f"{next(_numbers):016x}",
    )


def tell(
    *accounts: Account,
    urgency: str = "NORMAL",
    kind: str = "case.assigned",
    title: str = "有新事项派给您",
    body: str = "请在两小时内响应。",
    glance: actions.Glance | None = None,
    link: str = "/desk/cases/1/",
    subject: str = "case:1",
    escalate_to: Sequence[Account] = (),
) -> list[int]:
    """Tell the accounts, in a transaction of its own; without `glance` by the same words."""
    with transaction.atomic():
        return actions.notify(
            to=[account.pk for account in accounts],
            kind=kind,
            title=title,
            body=body,
            glance=glance or actions.Glance(title, body[:MAX_GLANCE]),
            link=link,
            urgency=urgency,
            subject=subject,
            by=SYSTEM,
            escalate_to=[account.pk for account in escalate_to],
        )
