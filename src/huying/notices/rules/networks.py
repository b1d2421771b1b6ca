"""Which network addresses a message may be carried to."""

from collections.abc import Collection
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final

Network = IPv4Network | IPv6Network

# RFC 6052: an IPv4 address inside an IPv6 one, which a gateway takes out again.
_NAT64: Final = IPv6Network("64:ff9b::/96")


def may_connect(address: str, inner: Collection[Network]) -> bool:
    """Whether an IP address lies in the open internet or in a network the county named.

    Loopback, private, link-local (where clouds keep their metadata), shared, multicast and
    reserved addresses do not, however they are written: an IPv4 address wrapped in an IPv6 one
    is looked at unwrapped. What is no address at all does not.
    """
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    for one in _unwrapped(found):
        if any(one.version == network.version and one in network for network in inner):
            continue
        if not one.is_global or one.is_multicast or one.is_reserved or one.is_unspecified:
            return False
    return True


def _unwrapped(found: IPv4Address | IPv6Address) -> list[IPv4Address | IPv6Address]:
    if isinstance(found, IPv4Address):
        return [found]
    if found.ipv4_mapped is not None:
        return [found.ipv4_mapped]
    inside: list[IPv4Address | IPv6Address] = []
    if found in _NAT64:
        return [IPv4Address(int(found) & 0xFFFFFFFF)]
    if found.sixtofour is not None:
        inside.append(found.sixtofour)
    if found.teredo is not None:
        inside += found.teredo
    return [found, *inside]
