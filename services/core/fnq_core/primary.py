"""The one Redis that Consul knows: looked for anew at each connect."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from redis.asyncio.connection import Connection, SSLConnection

from fnq_wire import finder
from fnq_wire.address import ConsulAddress
from fnq_wire.error import DiscoveryError
from fnq_wire.finder import REDIS, Finder

__all__ = ["PrimaryConnection", "PrimaryTlsConnection", "arguments", "parse"]

_SCHEME, _TLS_SCHEME = "redis+consul://", "rediss+consul://"


class _Found(Connection):
    """Looks for where to connect each time."""

    def __init__(self, *, finder: Finder, **settings: Any) -> None:
        super().__init__(**settings)
        self._finder = finder

    async def _connect(self) -> None:
        # The first time a finder waits for Consul.
        found = await asyncio.to_thread(_only, self._finder)
        host, _, port = found.rpartition(":")
        self.host, self.port = host.strip("[]"), int(port)
        await super()._connect()  # type: ignore[no-untyped-call]

    def _error_message(self, exception: BaseException) -> str:
        if isinstance(exception, DiscoveryError):
            # There is no host that the library could name.
            return str(exception)
        text: str = super()._error_message(exception)
        return text


class PrimaryConnection(_Found):
    """A connection to whichever Redis `finder` finds when it is made."""


class PrimaryTlsConnection(_Found, SSLConnection):
    """The same over TLS; its certificate is for `tls_name`, else for what the finder says."""

    def __init__(self, *, finder: Finder, tls_name: str = "", **settings: Any) -> None:
        super().__init__(finder=finder, **settings)
        self._name = tls_name or finder.name

    def _connection_arguments(self) -> Mapping[str, Any]:
        return {**super()._connection_arguments(), "server_hostname": self._name}


def _only(instances: Finder) -> str:
    """Return where Redis is. Raises DiscoveryError where there is none, or more than one.

    Of two that are healthy nobody knows which one the others use: what is written to
    one is not in the other.
    """
    found = instances.find()
    other = instances.find(avoid=found)
    if other != found:
        raise DiscoveryError(
            f"two Redis are healthy in Consul, at {' and '.join(sorted((found, other)))}: "
            "fnq needs exactly one under a name; stop one, or register it as something else"
        )
    return found


def parse(url: str) -> tuple[str, ConsulAddress] | None:
    """Return a `redis://` URL with what else `url` says, and where to look; None if not Consul.

    That is also what `rediss+consul://` becomes: the connection speaks TLS, not the URL.

    Raises ValueError that says what was expected, without what came: it may hold a password.
    """
    if not url.startswith((_SCHEME, _TLS_SCHEME)):
        return None
    try:
        parts = urlsplit(url)
        place = parts.netloc.rpartition("@")[2]
        at = ConsulAddress.parse(f"consul://{place}{parts.path}", REDIS)
    except ValueError:
        at = None
    if at is None:
        raise ValueError('expected "redis+consul://[:password@]host:port[/service]"')
    return f"redis://{parts.netloc}?{parts.query}", at


def arguments(url: str) -> dict[str, Any]:
    """Return what `Redis.from_url` takes to connect to `url`: a URL, for Consul more."""
    found = parse(url)
    if found is None:
        return {"url": url}
    plain, at = found
    kind = PrimaryTlsConnection if url.startswith(_TLS_SCHEME) else PrimaryConnection
    return {"url": plain, "connection_class": kind, "finder": _following(at)}


@functools.cache
def _following(at: ConsulAddress) -> Finder:
    """Return the finder of this process: clients come and go, and need not ask anew."""
    return finder.finder(f"consul://{at.consul}/{at.service}", REDIS)
