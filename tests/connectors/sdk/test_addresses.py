"""An address is judged by where it leads, also when it is written as another one (R27)."""

import pytest

from connectors.sdk.addresses import AddressGuard
from connectors.sdk.errors import ConfigError
from connectors.sdk.network import Network

CARRIERS = {
    "compatible": "::{0}",
    "mapped": "::ffff:{0}",
    "SIIT": "::ffff:0:{0}",
    "NAT64": "64:ff9b::{0}",
    "local NAT64": "64:ff9b:1::{0}",
    "6to4": "2002:{1:02x}{2:02x}:{3:02x}{4:02x}::1",
}


def guard(*found: str, listed: str = "") -> AddressGuard:
    hosts = frozenset({listed}) if listed else frozenset[str]()
    return AddressGuard(Network(resolve=lambda _host, _port: list(found), private_hosts=hosts))


def carried(how: str, address: str) -> str:
    return CARRIERS[how].format(address, *(int(part) for part in address.split(".")))


@pytest.mark.parametrize("how", CARRIERS)
@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.5", "169.254.169.254"])
def test_a_private_address_carried_by_another_is_refused(how: str, address: str) -> None:
    with pytest.raises(ConfigError, match="private or reserved"):
        guard(carried(how, address)).addresses("tool.example", 443)


@pytest.mark.parametrize("how", CARRIERS)
def test_a_listed_name_never_leads_to_cloud_metadata_by_a_carrier(how: str) -> None:
    with pytest.raises(ConfigError, match="private or reserved"):
        guard(carried(how, "169.254.169.254"), listed="jira.intranet").addresses("jira.intranet", 443)


def test_public_addresses_and_listed_private_ones_are_permitted() -> None:
    for public in ("93.184.216.34", "::ffff:93.184.216.34", "2606:2800:220:1::1"):
        assert guard(public).addresses("tool.example", 443) == [public]
    assert guard("64:ff9b::10.0.0.5", listed="jira.intranet").addresses("jira.intranet", 443)
    assert guard("::1", listed="::1").addresses("::1", 443) == ["::1"]
