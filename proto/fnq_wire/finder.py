"""Where a peer is now: at a fixed address, or wherever Consul says."""

from __future__ import annotations

from typing import Protocol

from fnq_wire.address import ConsulAddress, check

__all__ = ["CONSUMER", "REDIS", "SERVER", "Finder", "finder"]

#: Names under which services are registered in Consul, unless an address says another.
SERVER, CONSUMER, REDIS = "fnq-server", "fnq-consumer", "fnq-redis"


class Finder(Protocol):
    """Says where to connect; asked again at each connect."""

    #: What the certificate of an instance is for, as Consul's DNS would call it; "" for
    #: the host of its address.
    name: str

    def find(self, avoid: str = "") -> str:
        """Return the address of an instance, another one than `avoid` if there is one.

        Instances are drawn by lot, among those that are near where some are. The first
        time this may take about a second, later it does not wait for anything. Raises
        DiscoveryError, which names Consul's address, the service and the remedy, as long
        as no instance was ever known.
        """

    def close(self) -> None:
        """Stop following changes: from now on only what was known last is found."""


class _Fixed:
    """Finds what it was told."""

    name = ""

    def __init__(self, address: str) -> None:
        self._address = address

    def find(self, avoid: str = "") -> str:
        return self._address

    def close(self) -> None:
        """Do nothing: nothing is followed."""


def finder(address: str, service: str, near: str = "") -> Finder:
    """Return a finder of what `address` names; nothing is asked yet.

    `service` is the name to look for in Consul where the address has none, `near` the host
    whose instances go before others, as Consul has it; "" for none.
    Raises ValueError for an address that is none.
    """
    at = ConsulAddress.parse(check(address), service)
    if at is None:
        return _Fixed(address)
    # Its library loads requests: too much for those who have no Consul.
    from fnq_wire.consul import ConsulFinder

    return ConsulFinder(at, near)
