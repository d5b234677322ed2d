"""Which IP addresses are those of the public internet."""

from __future__ import annotations

import ipaddress

_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_SPECIAL = tuple(
    ipaddress.ip_network(net)
    for net in (
        "168.63.129.16/32",  # Azure's own host, which answers virtual machines alone
        "192.0.0.0/24", "192.88.99.0/24", "198.18.0.0/15", "64:ff9b:1::/48", "100::/64", "2001::/23", "5f00::/16",
        "fec0::/10",
    )
)  # fmt: skip
"""Not for the public although Python's `is_global` may say so (IANA's special-purpose registries, and clouds)."""

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def is_public(text: str) -> bool:
    """Whether an address is one of the public internet: not loopback, private, shared (CGNAT), link-local (and so no
    cloud's metadata), multicast or reserved; nor an IPv6 address that carries one of these inside. Never raises."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address):
        if address.scope_id is not None:
            return False
        inside: list[Address | None] = [address.ipv4_mapped, address.sixtofour]
        if address in _NAT64:
            inside.append(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
        if any(inside):
            return all(is_public(str(one)) for one in inside if one)
        if address.teredo:
            return False
    special = any(address in net for net in _SPECIAL if net.version == address.version)
    return address.is_global and not (special or address.is_multicast or address.is_reserved)
