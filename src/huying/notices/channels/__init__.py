"""The channels outside the inbox, each a plugin."""

from collections.abc import Mapping
from types import MappingProxyType

from huying.notices.channels.apprise import AppriseChannel
from huying.notices.channels.base import Channel
from huying.notices.channels.demo import DemoChannel
from huying.notices.channels.web_push import WebPushChannel

_CHANNELS: dict[str, Channel] = {
    channel.code: channel for channel in (WebPushChannel(), AppriseChannel(), DemoChannel())
}


def registry() -> Mapping[str, Channel]:
    """Every channel by its code."""
    return MappingProxyType(_CHANNELS)
