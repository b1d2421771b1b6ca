"""Apprise: 政务微信/企业微信, 钉钉, SMS gateways, mail, and whatever else has a URL there."""

import logging
from threading import Lock
from typing import Final

from apprise import Apprise, NotifyFormat

from huying.notices.channels.base import SEND_SECONDS, AddressInvalid, Message, SendFailed
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
        taken = service.notify(
            title=message.title,
            body=f"{message.body}\n{message.url}".strip(),
            body_format=NotifyFormat.TEXT,
        )
        if not taken:
            raise SendFailed("NOT_TAKEN")

    def _service(self, address: str) -> Apprise | None:
        bounded = address + ("&" if "?" in address else "?") + _BOUNDS
        service = Apprise()
        # The first use loads a hundred plugins, once, and not safely from two threads.
        with self._loading:
            return service if service.add(bounded) else None
