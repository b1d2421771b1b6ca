"""Apprise: 政务微信/企业微信, 钉钉, SMS gateways, mail, and whatever else has a URL there."""

import logging
from ipaddress import ip_address
from threading import Lock
from typing import Final
from urllib.parse import urlsplit

from apprise import Apprise, NotifyBase, NotifyFormat
from django.utils import timezone

from huying.notices.channels.base import SEND_SECONDS, AddressInvalid, Message, SendFailed
from huying.notices.channels.outward import inner_networks, outward
from huying.notices.parameters import parameters
from huying.notices.rules.networks import may_connect
from huying.notices.rules.vocabulary import ChannelCode

# The library writes addresses, which are secrets, into its own log lines.
logging.getLogger("apprise").disabled = True

_BOUNDS: Final = f"cto={SEND_SECONDS / 2}&rto={SEND_SECONDS / 2}"


class AppriseChannel:
    """Addresses are Apprise URLs: wecombot://key, dingtalk://token, mailtos://…, json://…"""

    code: Final = ChannelCode.APPRISE

    def __init__(self) -> None:
        self._loading = Lock()

    def check(self, address: str) -> None:
        scheme = urlsplit(address).scheme.lower()
        if "://" in address and scheme and scheme not in self._schemes():
            raise AddressInvalid(
                f"本县没有开通 {scheme} 这种渠道。要用的，请系统管理员加进通知参数。",
                f"The county does not use {scheme}; it would be added to the parameters.",
            )
        if not _outside(address):
            raise AddressInvalid(
                "这个地址在内部网络。确需发往内网网关的，请先把网段写进通知参数。",
                "The address lies in an inner network; name the network in the parameters first.",
            )
        if "://" not in address or self._service(address) is None:
            raise AddressInvalid(
                "这个渠道地址无法识别。示例：wecombot://机器人密钥、dingtalk://令牌。",
                "This channel address is not understood. Examples: wecombot://key, "
                "dingtalk://token.",
            )

    def send(self, address: str, message: Message) -> None:
        service = self._service(address)
        if service is None:
            raise SendFailed("ADDRESS_NOT_UNDERSTOOD", permanent=True)
        if urlsplit(address).scheme.lower() not in self._schemes():
            raise SendFailed("SCHEME_NOT_ALLOWED", permanent=True)
        with outward():
            taken = service.notify(
                title=message.title,
                body=f"{message.body}\n{message.url}".strip(),
                body_format=NotifyFormat.TEXT,
            )
            if not taken:
                raise SendFailed("NOT_TAKEN")

    def _schemes(self) -> frozenset[str]:
        return parameters(timezone.now()).apprise_schemes

    def _service(self, address: str) -> NotifyBase | None:
        """The one service behind the address. Not an `Apprise` around it: that would hand the
        call to a thread of its own, out of the bounds of `outward`."""
        bounded = address + ("&" if "?" in address else "?") + _BOUNDS
        # The first use loads a hundred plugins, once, and not safely from two threads.
        with self._loading:
            return Apprise.instantiate(bounded, suppress_exceptions=True)


def _outside(address: str) -> bool:
    """Whether an address that names a host by number names one outside; names are looked at
    when they are connected to."""
    try:
        host = urlsplit(address).hostname or ""
        ip_address(host)
    except ValueError:
        return True
    return may_connect(host, inner_networks())
