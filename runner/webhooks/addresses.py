"""Addresses that a delivery may be sent to: none of this machine or a private network, unless its webhook allows it."""

from __future__ import annotations

import ipaddress
import socket

_GLOBAL_UNICAST = ipaddress.ip_network("2000::/3")
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
"""In a network that has IPv6 alone, names of IPv4 hosts are resolved to these."""


class AddressRefused(ValueError):
    """Nothing is sent to this address."""


def address_for(host: str, port: int, private_allowed: bool) -> str:
    """Resolve a host once; return the address to connect to, so that no second look-up can give another one.

    Args:
        host: a name or an address.
        port: where it listens.
        private_allowed: whether the address may be of this machine or of a private network.

    Raises:
        AddressRefused: no such host, or one of its addresses is not public.
    """
    try:
        found = [str(entry[4][0]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    except (OSError, UnicodeError) as error:
        raise AddressRefused(f"{host} cannot be resolved: {getattr(error, 'strerror', None) or error}") from error
    if not private_allowed and (inside := next((one for one in found if not _is_public(one)), None)):
        raise AddressRefused(f"{host} is {inside}, an address of this machine or of a private network: add the webhook "
                             "with --private-addresses if that is meant")
    return found[0]


def _is_public(address: str) -> bool:
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address):
        inner = found.ipv4_mapped or found.sixtofour or (_last_four_bytes(found) if found in _NAT64 else None)
        if inner is not None:
            return _is_public(str(inner))
        if found not in _GLOBAL_UNICAST:
            return False
    return found.is_global and not found.is_multicast


def _last_four_bytes(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address:
    return ipaddress.IPv4Address(address.packed[-4:])
