"""What people choose: topics, channels, quiet hours; and the addresses they are reached at."""

from collections.abc import Mapping, Sequence
from datetime import time

import orjson
from django.db import transaction
from django.utils import timezone

from huying.directory.permissions import Actor, DomainError, NotAllowed, Permission
from huying.directory.vault import keyed_digest
from huying.notices.channels import registry
from huying.notices.channels.base import AddressInvalid
from huying.notices.models import Address, Preference, QuietHours
from huying.notices.parameters import parameters
from huying.notices.rules.addresses import push_host_allowed
from huying.notices.rules.vocabulary import EXTERNAL_CHANNELS, TOPICS, ChannelCode


class AddressRefused(DomainError):
    code = "ADDRESS_REFUSED"
    status = 422


def set_preferences(
    *,
    channels: Mapping[str, Sequence[str]],
    quiet_hours: tuple[time, time] | None,
    by: Actor,
) -> None:
    """Replace a person's own choices.

    `channels` maps each topic chosen for to the channels beside the inbox; a topic left out
    follows the county's defaults. `quiet_hours` are in the county's time, or None. Raises
    AddressRefused for an unknown topic or channel, or quiet hours of no length.
    """
    account_id = _own_account(by)
    known = {channel.value for channel in EXTERNAL_CHANNELS}
    if not set(channels) <= set(TOPICS) or any(not set(c) <= known for c in channels.values()):
        raise AddressRefused("没有这种通知方式，请重新选择。", "There is no such topic or channel.")
    if quiet_hours and quiet_hours[0] == quiet_hours[1]:
        raise AddressRefused(
            "免打扰的开始和结束时间不能相同。", "Quiet hours must not start and end at one time."
        )
    with transaction.atomic():
        Preference.objects.filter(account_id=account_id).exclude(topic__in=channels).delete()
        Preference.objects.bulk_create(
            [
                Preference(account_id=account_id, topic=topic, channels=sorted(set(chosen)))
                for topic, chosen in channels.items()
            ],
            update_conflicts=True,
            unique_fields=["account", "topic"],
            update_fields=["channels"],
        )
        if quiet_hours is None:
            QuietHours.objects.filter(account_id=account_id).delete()
        else:
            QuietHours.objects.update_or_create(
                account_id=account_id,
                defaults={"starts": quiet_hours[0], "ends": quiet_hours[1]},
            )


def subscribe_push(*, endpoint: str, p256dh: str, auth: str, name: str, by: Actor) -> int:
    """Reach the signed-in person through this browser's push service; returns the address.

    A browser that was another account's before is now this one's only. Raises AddressRefused
    for a push service outside the county's list or keys that are not keys.
    """
    account_id = _own_account(by)
    if not push_host_allowed(endpoint, parameters(timezone.now()).push_hosts):
        raise AddressRefused(
            "这个浏览器的推送服务不在县里允许的名单中，请联系系统管理员。站内消息不受影响。",
            "The push service of this browser is not on the county's list. The inbox still works.",
        )
    subscription = {"endpoint": endpoint, "keys": {"p256dh": p256dh, "auth": auth}}
    value = orjson.dumps(subscription, option=orjson.OPT_SORT_KEYS).decode()
    with transaction.atomic():
        digest = keyed_digest("notices.push", endpoint)
        Address.objects.filter(digest=digest).exclude(account_id=account_id).update(is_active=False)
        return _keep(account_id, ChannelCode.WEB_PUSH, name, value, digest)


def unsubscribe_push(*, endpoint: str, by: Actor) -> bool:
    """Stop pushing to this browser; whether it was subscribed."""
    return bool(
        Address.objects.filter(
            account_id=_own_account(by),
            digest=keyed_digest("notices.push", endpoint),
            is_active=True,
        ).update(is_active=False)
    )


def add_address(*, account_id: int, channel: str, name: str, value: str, by: Actor) -> int:
    """Give a person an address of a channel (an Apprise URL); returns its id.

    For who administers notices only, since a URL makes this server call out. Raises
    AddressRefused if the channel cannot read the value.
    """
    by.require(Permission.NOTICE_ADMIN)
    if channel not in registry():
        raise AddressRefused("没有这种通知渠道。", "There is no such channel.")
    return _keep(
        account_id, ChannelCode(channel), name, value, keyed_digest("notices.address", value)
    )


def remove_address(*, address_id: int, by: Actor) -> bool:
    """Stop using an address: one's own, or anyone's for who administers notices."""
    addresses = Address.objects.filter(id=address_id, is_active=True)
    if not by.may(Permission.NOTICE_ADMIN):
        addresses = addresses.filter(account_id=_own_account(by))
    return bool(addresses.update(is_active=False))


def _keep(account_id: int, channel: ChannelCode, name: str, value: str, digest: str) -> int:
    try:
        registry()[channel].check(value)
    except AddressInvalid as refusal:
        raise AddressRefused(refusal.zh, refusal.en) from None
    kept, _ = Address.objects.update_or_create(
        account_id=account_id,
        channel=channel,
        digest=digest,
        defaults={"name": name.strip()[:80], "sealed": value, "is_active": True},
    )
    return kept.pk


def _own_account(by: Actor) -> int:
    if by.account_id is None:
        raise NotAllowed(zh="请先登录，再设置通知方式。", en="Sign in to choose how to be told.")
    return by.account_id
