"""What a channel is."""

from dataclasses import dataclass
from typing import Protocol

from huying.notices.rules.vocabulary import ChannelCode


@dataclass(frozen=True, slots=True)
class Message:
    """A notice on its way out: its glance. `url` is absolute; `key` is the same at every attempt,
    so that a receiver that can may drop a repeat."""

    key: str
    title: str
    body: str
    url: str
    urgency: str


class SendFailed(Exception):
    """It was not taken. `code` goes to the dead-letter list and holds no address or text.

    `permanent` spares the retries; `gone` says that the address will never work again.
    """

    def __init__(self, code: str, *, permanent: bool = False, gone: bool = False) -> None:
        super().__init__(code)
        self.code = code[:40]
        self.permanent = permanent or gone
        self.gone = gone


class AddressInvalid(ValueError):
    """The channel cannot read an address; says why in both languages."""

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(zh)
        self.zh = zh
        self.en = en


class Channel(Protocol):
    """One way out. Must be usable from several threads at once, and never log an address."""

    @property
    def code(self) -> ChannelCode: ...

    def check(self, address: str) -> None:
        """Raises AddressInvalid if `address` is not one of this channel's."""
        ...

    def send(self, address: str, message: Message) -> None:
        """Hand over; returns when the service took it, raises SendFailed otherwise. Bounded
        in time (SEND_SECONDS)."""
        ...


SEND_SECONDS = 10
