"""Which addresses are outside, however they are written."""

from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from huying.notices.rules.networks import may_connect


@pytest.mark.parametrize("address", ["1.1.1.1", "114.114.114.114", "2400:3200::1", "2606:4700::1"])
def test_the_open_internet(address: str) -> None:
    assert may_connect(address, ())


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254",
        "100.64.0.1", "224.0.0.1", "255.255.255.255", "240.0.0.1", "192.0.2.1",
        "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "ff02::1",
        "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::a00:1", "2002:a00:1::",
        "2002:7f00:1::1", "localhost", "", "0x7f.1", "2130706433",
    ],
)  # fmt: skip
def test_what_is_inside_or_no_address(address: str) -> None:
    assert not may_connect(address, ())


def test_what_the_county_named() -> None:
    inner = (ip_network("10.20.0.0/16"), ip_network("fd00::/8"))
    assert may_connect("10.20.3.4", inner)
    assert may_connect("::ffff:10.20.3.4", inner)
    assert may_connect("fd12::1", inner)
    assert not may_connect("10.21.3.4", inner)


@given(st.ip_addresses(v=4))
def test_wrapped_is_as_bare(address: object) -> None:
    assert may_connect(f"::ffff:{address}", ()) == may_connect(str(address), ())
