"""Addresses of servers and consumers, as settings and command lines have them.

One grammar for all: `unix:/path`, `host:port`, or `consul://host:port[/service]`
for whichever instance of a service Consul calls healthy. Standard library only.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["ConsulAddress", "check"]

_SCHEME = "consul://"
#: Names that Consul and DNS both take.
_SERVICE = re.compile(r"[A-Za-z0-9-]{1,63}")


@dataclass(frozen=True, slots=True)
class ConsulAddress:
    """A service, and the Consul (as "host:port") that knows its instances."""

    consul: str
    service: str

    @classmethod
    def parse(cls, address: str, service: str) -> ConsulAddress | None:
        """Return what `address` names, `service` unless it names another; None if not Consul.

        Raises ValueError that says what was expected.
        """
        if not address.startswith(_SCHEME):
            return None
        consul, slash, named = address.removeprefix(_SCHEME).partition("/")
        if not _is_host_port(consul) or (slash and not _SERVICE.fullmatch(named)):
            raise ValueError(f'expected "consul://host:port" or "…/service", not {address!r}')
        return cls(consul, named or service)


def check(address: str) -> str:
    """Return `address`. Raises ValueError that says what was expected."""
    if address.startswith("unix:"):
        good = len(address) > len("unix:")
    else:
        good = ConsulAddress.parse(address, "") is not None or _is_host_port(address)
    if not good:
        raise ValueError(f'expected "host:port" or "consul://host:port", not {address!r}')
    return address


def _is_host_port(text: str) -> bool:
    host, _, port = text.rpartition(":")
    return bool(host) and "/" not in host and port.isdecimal() and 0 < int(port) < 65_536
