"""Each channel against a real HTTP endpoint on loopback."""

import logging
from base64 import urlsafe_b64decode, urlsafe_b64encode

import http_ece
import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from py_vapid import Vapid02

from huying.notices.channels import registry
from huying.notices.channels.base import AddressInvalid, Message, SendFailed
from huying.notices.queries import vapid_public_key
from tests.integration.notices.servers import running_outside

pytestmark = [
    # The mail plugin of Apprise imports it on Python 3.11.
    pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning"),
]
MESSAGE = Message("notice:7", "PM2.5 达到预警值", "请到场核实。", "http://site.test/x", "URGENT")
BROWSER_KEY = ec.generate_private_key(ec.SECP256R1())
BROWSER_SECRET = b"sixteen bytes ok"


def encoded(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def decoded(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def subscription(endpoint: str) -> str:
    point = BROWSER_KEY.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    keys = {"p256dh": encoded(point), "auth": encoded(BROWSER_SECRET)}
    return orjson.dumps({"endpoint": endpoint, "keys": keys}).decode()


def test_a_push_can_be_read_by_the_browser_alone_and_names_its_sender() -> None:
    with running_outside(201) as service:
        registry()["WEB_PUSH"].send(subscription(service.url + "/push/abc"), MESSAGE)
    [request] = service.received
    assert request.path == "/push/abc"
    assert request.headers["content-encoding"] == "aes128gcm"
    assert "核实".encode() not in request.body
    plain = http_ece.decrypt(
        request.body, private_key=BROWSER_KEY, auth_secret=BROWSER_SECRET, version="aes128gcm"
    )
    assert orjson.loads(plain) == {
        "id": "notice:7",
        "title": "PM2.5 达到预警值",
        "body": "请到场核实。",
        "link": "http://site.test/x",
        "urgency": "URGENT",
    }
    assert Vapid02.verify(request.headers["authorization"])
    scheme, _, rest = request.headers["authorization"].partition(" ")
    fields = dict(part.split("=", 1) for part in rest.split(","))
    assert (scheme, fields["k"]) == ("vapid", vapid_public_key())
    claims = orjson.loads(decoded(fields["t"].split(".")[1]))
    assert claims["aud"] == service.url
    assert (request.headers["urgency"], int(request.headers["ttl"])) == ("high", 12 * 3600)
    assert len(request.headers["topic"]) == 32


def test_every_attempt_of_a_push_has_the_same_topic() -> None:
    with running_outside(201) as service:
        for _ in range(2):
            registry()["WEB_PUSH"].send(subscription(service.url), MESSAGE)
    first, second = service.received
    assert first.headers["topic"] == second.headers["topic"]
    assert first.body != second.body, "encrypted anew each time"


@pytest.mark.parametrize(
    ("status", "permanent", "gone"),
    [(500, False, False), (429, False, False), (403, True, False), (404, True, True),
     (410, True, True)],
)  # fmt: skip
def test_what_a_push_service_refuses(status: int, permanent: bool, gone: bool) -> None:
    with running_outside(status) as service, pytest.raises(SendFailed) as refused:
        registry()["WEB_PUSH"].send(subscription(service.url), MESSAGE)
    failure = refused.value
    assert (failure.code, failure.permanent, failure.gone) == (f"HTTP_{status}", permanent, gone)


def test_a_push_service_that_is_away_is_tried_again() -> None:
    with running_outside() as gone:
        address = subscription(gone.url)
    # Another one runs: loopback stands for outside meanwhile.
    with running_outside(), pytest.raises(SendFailed) as refused:
        registry()["WEB_PUSH"].send(address, MESSAGE)
    assert (refused.value.code, refused.value.permanent) == ("UNREACHABLE", False)


@pytest.mark.parametrize(
    "address",
    [
        "",
        "[]",
        '{"endpoint": "https://x.test"}',
        '{"endpoint": "https://x.test", "keys": {"p256dh": "AAAA", "auth": "AAAA"}}',
        subscription(""),
        subscription("https://x.test").replace('"auth":"', '"auth":"!'),
    ],
)
def test_a_broken_subscription_is_refused(address: str) -> None:
    with pytest.raises(AddressInvalid):
        registry()["WEB_PUSH"].check(address)


def test_a_whole_subscription_is_taken() -> None:
    registry()["WEB_PUSH"].check(subscription("https://x.test/abc"))


def test_apprise_posts_to_the_service_behind_the_address() -> None:
    with running_outside(200) as service:
        registry()["APPRISE"].send(service.url.replace("http", "json") + "/gateway", MESSAGE)
    [request] = service.received
    sent = orjson.loads(request.body)
    assert request.path == "/gateway"
    assert sent["title"] == "PM2.5 达到预警值"
    assert "请到场核实。" in sent["message"]
    assert "http://site.test/x" in sent["message"]


def test_apprise_failures_are_failures_and_keep_the_address_secret(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    with running_outside(500) as service, pytest.raises(SendFailed) as refused:
        registry()["APPRISE"].send(
            service.url.replace("http://", "json://secretuser:secretword@"), MESSAGE
        )
    assert (refused.value.code, refused.value.permanent) == ("NOT_TAKEN", False)
    assert "secretword" not in caplog.text
    assert "secretword" not in str(refused.value)


@pytest.mark.parametrize("address", ["wecombot://abcdef", "dingtalk://token123456/13800000000"])
def test_the_county_s_usual_services_are_understood(address: str) -> None:
    registry()["APPRISE"].check(address)


@pytest.mark.parametrize("address", ["", "nonsense", "nosuch://x", "json://"])
def test_an_address_apprise_does_not_know_is_refused(address: str) -> None:
    with pytest.raises(AddressInvalid):
        registry()["APPRISE"].check(address)
    with pytest.raises(SendFailed) as refused:
        registry()["APPRISE"].send(address, MESSAGE)
    assert refused.value.permanent


def test_the_demo_channel_fails_on_purpose() -> None:
    demo = registry()["DEMO"]
    demo.send("take", MESSAGE)
    outcomes = {}
    for address in ("fail", "refuse", "gone"):
        with pytest.raises(SendFailed) as refused:
            demo.send(address, MESSAGE)
        outcomes[address] = (refused.value.permanent, refused.value.gone)
    assert outcomes == {"fail": (False, False), "refuse": (True, False), "gone": (True, True)}
    with pytest.raises(AddressInvalid):
        demo.check("elsewhere")


def test_every_channel_is_registered_under_its_code() -> None:
    assert {code: channel.code for code, channel in registry().items()} == {
        "WEB_PUSH": "WEB_PUSH", "APPRISE": "APPRISE", "DEMO": "DEMO",
    }  # fmt: skip
