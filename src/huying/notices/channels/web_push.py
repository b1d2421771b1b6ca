"""Web Push: RFC 8030 (delivery), RFC 8291 (encryption), RFC 8292 (VAPID)."""

from hashlib import sha256
from typing import Final
from urllib.parse import urlsplit

import orjson
from cryptography.hazmat.primitives.asymmetric import ec
from django.conf import settings

from huying.notices.channels.base import SEND_SECONDS, AddressInvalid, Message, SendFailed
from huying.notices.channels.outward import outward
from huying.notices.keys import vapid_key
from huying.notices.rules.addresses import push_point
from huying.notices.rules.vocabulary import ChannelCode

_SECONDS_TO_LIVE: Final = 12 * 3600
_LONGEST_BODY: Final = 600
"""Characters; the encrypted message has at most 4,096 bytes (RFC 8030, 7.2)."""


class WebPushChannel:
    """Addresses are the browser's subscription as JSON: endpoint, keys.p256dh, keys.auth."""

    code: Final = ChannelCode.WEB_PUSH

    def check(self, address: str) -> None:
        try:
            subscription = orjson.loads(address)
            point, secret = push_point(subscription["keys"]["p256dh"], subscription["keys"]["auth"])
            ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
            valid = len(secret) == 16 and bool(urlsplit(subscription["endpoint"]).hostname)
        except (ValueError, KeyError, TypeError):
            valid = False
        if not valid:
            raise AddressInvalid(
                "浏览器给出的推送地址不完整，请刷新页面后再开启一次。",
                "The push subscription is not complete. Reload the page and turn it on again.",
            )

    def send(self, address: str, message: Message) -> None:
        data = {
            "id": message.key,
            "title": message.title,
            "body": message.body[:_LONGEST_BODY],
            "link": message.url,
            "urgency": message.urgency,
        }
        with outward():
            self._post(address, data, message)

    def _post(self, address: str, data: dict[str, str], message: Message) -> None:
        # Not at the top: they bring aiohttp along, a tenth of the start of each process.
        import requests
        from py_vapid import Vapid02
        from pywebpush import WebPushException, webpush

        try:
            webpush(
                orjson.loads(address),
                data=orjson.dumps(data).decode(),
                vapid_private_key=Vapid02(private_key=vapid_key()),
                vapid_claims={"sub": f"mailto:huying@{urlsplit(settings.PUBLIC_URL).hostname}"},
                ttl=_SECONDS_TO_LIVE,
                timeout=SEND_SECONDS,
                headers={
                    "Urgency": "normal" if message.urgency == "NORMAL" else "high",
                    # A push service keeps one undelivered message a topic (RFC 8030, 5.4), so
                    # a repeat after a lost answer does not ring twice.
                    "Topic": sha256(message.key.encode()).hexdigest()[:32],
                },
            )
        except WebPushException as failure:
            status = failure.status_code or 0
            raise SendFailed(
                f"HTTP_{status}",
                gone=status in {404, 410},
                permanent=status in {400, 401, 403, 413},
            ) from None
        except requests.Timeout:
            raise SendFailed("TIMEOUT") from None
        except requests.RequestException:
            raise SendFailed("UNREACHABLE") from None
