"""Redis over TLS: what a URL says of it, and why a Redis that is there cannot be talked to."""

from __future__ import annotations

import asyncio
import socket
import ssl
from typing import Any
from urllib.parse import urlencode

from redis.asyncio import Redis
from redis.asyncio.connection import SSLConnection

from fnq_wire import handshake
from fnq_wire.error import DiscoveryError, TlsError
from fnq_wire.handshake import Words
from fnq_wire.tls import PLAIN, Tls

__all__ = ["complete", "flaw"]

_SCHEMES = ("rediss://", "rediss+consul://")
#: Seconds for the answer of a Redis that is spoken to without TLS.
_ANSWER_S = 1.0
_WORDS = Words(
    "it speaks TLS: write rediss:// in place of redis:// in --redis or REDIS_URL, and set "
    "FNQ_TLS_CA (--tls-ca) to the file of the authority that its certificate is from",
    "it speaks no TLS, which rediss:// asks for: have Redis listen at a tls-port, or write "
    "redis:// in --redis or REDIS_URL",
)


def complete(url: str, tls: Tls) -> str:
    """Return a URL of Redis with what `tls` says, where it asks for TLS and says nothing else."""
    if not url.startswith(_SCHEMES):
        return url
    given = {
        "ssl_ca_certs": tls.ca,
        "ssl_certfile": tls.certificate,
        "ssl_keyfile": tls.key,
        # Only what Consul finds has a name that is not in its address.
        "tls_name": tls.name if "+consul:" in url else "",
    }
    new = {name: value for name, value in given.items() if value and f"{name}=" not in url}
    if not new:
        return url
    return f"{url}{'&' if '?' in url else '?'}{urlencode(new)}"


async def flaw(client: Redis) -> str | None:
    """Return why a Redis that can be reached cannot be talked to, for want of TLS or trust."""
    try:
        return await asyncio.to_thread(_flaw, client.connection_pool)
    except DiscoveryError:
        return None
    except TlsError as problem:
        return str(problem)


def _flaw(pool: Any) -> str | None:
    settings = pool.connection_kwargs
    if "path" in settings:
        return None
    finder = settings.get("finder")
    place = f"{settings.get('host', 'localhost')}:{settings.get('port', 6379)}"
    if finder is not None:
        place = finder.find()
    if not issubclass(pool.connection_class, SSLConnection):
        return _of(place, handshake.problem(place, PLAIN, words=_WORDS))
    certificate = settings.get("ssl_certfile") or ""
    tls = Tls(
        ca=settings.get("ssl_ca_certs") or ssl.get_default_verify_paths().cafile or "",
        certificate=certificate,
        key=settings.get("ssl_keyfile") or certificate,
        name=settings.get("tls_name") or "",
    )
    name = "" if finder is None else finder.name
    strict = settings.get("ssl_cert_reqs", "required") == "required"
    found = handshake.problem(place, tls, name, _WORDS) if tls.ca and strict else None
    if found is None and _speaks_plainly(place):
        # It waits for the rest of what it takes for a command, and says nothing.
        found = _WORDS.we_alone
    return _of(place, found)


def _of(place: str, found: str | None) -> str | None:
    return None if found is None else f"no connection to Redis at {place}: {found}"


def _speaks_plainly(place: str) -> bool:
    host, _, port = place.rpartition(":")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), _ANSWER_S) as link:
            link.sendall(b"PING\r\n")
            # It answers, or wants a password first.
            return link.recv(1) in (b"+", b"-")
    except OSError:
        return False
