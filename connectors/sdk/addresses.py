"""Which addresses a connector may talk to, checked on the address that is connected to: DNS cannot lie (R27)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from AntiSSRF import IPAddressRanges

from connectors.sdk.errors import ConfigError
from connectors.sdk.network import ALLOW_PRIVATE_HOSTS, Network, plain_host

# The ranges are the library's. Its session is not used: it drops the port from the Host header, which breaks every
# server on a port of its own, adds a header of its own, and tries one address of a host that has several.

Address = IPv4Address | IPv6Address

CARRY_LAST = tuple(IPv6Network(text) for text in ("::/96", "::ffff:0:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48"))
"""IPv6 addresses whose last 32 bits are an IPv4 address: compatible, SIIT and NAT64 (RFC 4291, 6052, 7915, 8215)."""
NEVER_BY_NAME = (
    *IPAddressRanges.link_local,
    *IPAddressRanges.imds,
    *IPAddressRanges.wireserver,
    *IPAddressRanges.multicast,
    *IPAddressRanges.broadcast,
    *IPAddressRanges.unspecified,
)
"""Cloud metadata and the like: an allowed name that resolves there is an attack, not an intranet."""


@lru_cache
def _networks(ranges: tuple[str, ...]) -> tuple[IPv4Network | IPv6Network, ...]:
    return tuple(ip_network(entry) for entry in ranges)


def _within(address: Address, ranges: tuple[str, ...]) -> bool:
    """Say whether an address lies there, or the IPv4 address that it carries does: it leads to that one."""
    carried = _carried(address) if isinstance(address, IPv6Address) else None
    return any(one in network for network in _networks(ranges) for one in (address, carried) if one is not None)


def _parse(text: str) -> Address | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def _carried(address: IPv6Address) -> IPv4Address | None:
    if any(address in network for network in CARRY_LAST) and int(address) > 1:  # :: and ::1 are themselves
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.sixtofour


@dataclass(frozen=True)
class AddressGuard:
    """Decides before a connection is opened; raises ConfigError naming the setting that would allow it."""

    network: Network

    def permit_scheme(self, scheme: str, host: str) -> None:
        """Refuse anything but https, except plain http to a host that is on the list."""
        if scheme == "https" or (scheme == "http" and self._listed(host)):
            return
        if scheme == "http":
            raise ConfigError(f"Plain http to {host} is refused: use https, or list the host in {ALLOW_PRIVATE_HOSTS}.")
        raise ConfigError(f"Only https addresses are used, not {scheme or 'an address without a scheme'}.")

    def addresses(self, host: str, port: int) -> list[str]:
        """Resolve a host to the addresses that may be connected to; one refused address refuses the host."""
        found = self.network.resolve(host, port)
        for address in found:
            self._permit_address(host, address)
        return found

    def permit_behind_proxy(self, host: str, port: int) -> None:
        """Refuse a host that is plainly private; a name that only the proxy can resolve is the proxy's to judge."""
        try:
            self.addresses(host, port)
        except OSError:
            return

    def _listed(self, host: str) -> bool:
        return plain_host(host) in self.network.private_hosts

    def _permit_address(self, host: str, text: str) -> None:
        address = _parse(text)
        if address is None:
            raise ConfigError(f"{host} resolves to {text}, which is not an address.")
        literal = _parse(plain_host(host)) is not None
        if self._listed(host) and (literal or not _within(address, NEVER_BY_NAME)):
            return
        if _within(address, IPAddressRanges.recommended_latest):
            raise ConfigError(
                f"{host} leads to the private or reserved address {address}, which is refused. "
                f"If it is a tool on your own network, list the host in {ALLOW_PRIVATE_HOSTS}."
            )
