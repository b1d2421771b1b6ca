"""A channel for demonstrations and tests: it takes a message, or fails on purpose."""

from typing import Final

from huying.notices.channels.base import AddressInvalid, Message, SendFailed
from huying.notices.rules.vocabulary import ChannelCode

_OUTCOMES: Final = {"take", "fail", "refuse", "gone"}


class DemoChannel:
    """Addresses: "take" succeeds, "fail" fails and may be retried, "refuse" fails for good,
    "gone" says the address is no more."""

    code: Final = ChannelCode.DEMO

    def check(self, address: str) -> None:
        if address not in _OUTCOMES:
            raise AddressInvalid(
                "演示渠道的地址只能是 take、fail、refuse 或 gone。",
                "An address of the demo channel is take, fail, refuse or gone.",
            )

    def send(self, address: str, message: Message) -> None:
        if address == "fail":
            raise SendFailed("DEMO_FAILED")
        if address == "refuse":
            raise SendFailed("DEMO_REFUSED", permanent=True)
        if address == "gone":
            raise SendFailed("ADDRESS_GONE", gone=True)
