"""No message reaches into the county's own network: by number, by name, by redirect, by mail."""

import socket
from typing import Any
from unittest.mock import patch

import pytest

from huying.notices.channels import registry
from huying.notices.channels.base import AddressInvalid, SendFailed
from huying.notices.channels.outward import InnerAddress, outward
from huying.notices.rules.networks import Network
from tests.integration.notices.servers import running_outside
from tests.integration.notices.test_channels import MESSAGE, subscription

pytestmark = [
    pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning"),
]


def _refused(channel: str, address: str) -> None:
    with pytest.raises(SendFailed) as refused:
        registry()[channel].send(address, MESSAGE)
    assert (refused.value.code, refused.value.permanent) == ("INNER_ADDRESS", True)


@pytest.mark.parametrize("channel", ["WEB_PUSH", "APPRISE"])
def test_an_inner_address_is_never_connected_to(channel: str) -> None:
    with running_outside(200, named=False) as inner:
        url = inner.url
        address = subscription(url) if channel == "WEB_PUSH" else url.replace("http", "json")
        _refused(channel, address)
    assert inner.received == []


@pytest.mark.parametrize("channel", ["WEB_PUSH", "APPRISE"])
def test_a_name_that_turns_out_to_be_an_inner_address(channel: str) -> None:
    """Looked up by whoever connects, so that a second answer of the name server is no way in."""
    real = socket.getaddrinfo

    def rebound(host: Any, *rest: Any, **more: Any) -> Any:
        return real("127.0.0.1" if host == "push.example.com" else host, *rest, **more)

    with running_outside(200, named=False) as inner:
        url = inner.url.replace("127.0.0.1", "push.example.com")
        address = subscription(url) if channel == "WEB_PUSH" else url.replace("http", "json")
        with patch("socket.getaddrinfo", rebound):
            _refused(channel, address)
    assert inner.received == []


def test_a_service_outside_that_redirects_inside() -> None:
    with running_outside(200) as inner:
        # 127.0.0.1 is named and stands for outside; 127.0.0.2 is not, and stands for inside.
        target = inner.url.replace("127.0.0.1", "127.0.0.2")
        with running_outside(307, to=target) as service:
            _refused("WEB_PUSH", subscription(service.url))
        assert len(service.received) == 1
    assert inner.received == []


def test_mail_into_the_network_is_refused_as_well() -> None:
    server = socket.create_server(("127.0.0.1", 0))
    with server:
        port = server.getsockname()[1]
        server.settimeout(0.1)
        _refused("APPRISE", f"mailto://a:b@example.com:{port}/c@example.org?smtp=127.0.0.1")
        with pytest.raises(TimeoutError):
            server.accept()


def test_other_threads_and_later_connections_are_not_held() -> None:
    server = socket.create_server(("127.0.0.1", 0))
    with server:
        with outward(), pytest.raises(InnerAddress), socket.socket() as one:
            one.connect(server.getsockname())
        with socket.create_connection(server.getsockname()):
            pass


def test_a_unix_socket_is_no_way_out() -> None:
    with outward(), pytest.raises(InnerAddress), socket.socket(socket.AF_UNIX) as one:
        one.connect("/run/anything.sock")


@pytest.mark.parametrize(
    "address",
    [
        "json://10.1.2.3/x",
        "json://127.0.0.1:8000/x",
        "jsons://[::1]/x",
        "json://169.254.169.254/latest/meta-data",
        "json://[::ffff:10.0.0.1]/x",
    ],
)
def test_an_inner_number_is_refused_when_it_is_entered(address: str) -> None:
    with pytest.raises(AddressInvalid) as refused:
        registry()["APPRISE"].check(address)
    assert "内部网络" in refused.value.zh


@pytest.mark.parametrize("address", ["syslog://", "mqtt://broker.example.com/topic", "file:///etc"])
def test_a_scheme_the_county_does_not_use_is_refused(address: str) -> None:
    with pytest.raises(AddressInvalid):
        registry()["APPRISE"].check(address)
    with pytest.raises(SendFailed) as refused:
        registry()["APPRISE"].send(address, MESSAGE)
    assert refused.value.permanent


def test_a_named_network_is_reached() -> None:
    networks: list[Network] = []
    with running_outside(200) as service:
        registry()["APPRISE"].send(service.url.replace("http", "json"), MESSAGE)
        assert len(service.received) == 1
        with patch("huying.notices.channels.outward.inner_networks", lambda: networks):
            _refused("APPRISE", service.url.replace("http", "json"))
