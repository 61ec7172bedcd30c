"""`python -m fnq_core.probe`: ask the service of this container how it is.

For the HEALTHCHECK of an image. The service is process 1, or what an init of one
process started; where it listens stands on its command line. What it shows where TLS is
spoken stands there too, or in the environment, and is what is trusted: it is nobody else.
"""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from fnq_core.rpc import channel
from fnq_wire.tls import PLAIN, Tls

__all__ = ["listens_at", "main"]

#: Seconds that the service may take to answer.
_ANSWER_S = 4.0


def main(command: Sequence[str], environ: Mapping[str, str] = os.environ) -> int:
    """Return 0 when the service started by `command` says that it does its job, else 1."""
    address = listens_at(command)
    if address is None:
        sys.stderr.write("process 1 has no --listen: what runs here is no service\n")
        return 1
    try:
        well = asyncio.run(_ask(address, _own(address, command, environ)))
    except (grpc.RpcError, OSError) as problem:
        sys.stderr.write(f"{address}: {problem}\n")
        return 1
    if not well:
        sys.stderr.write(f"{address}: not serving: it cannot reach Redis\n")
    return 0 if well else 1


def listens_at(command: Sequence[str]) -> str | None:
    """Return the address to dial, from the --listen of a command line, or None."""
    address = _option(command, "--listen")
    for everywhere, here in (("0.0.0.0:", "127.0.0.1:"), ("[::]:", "[::1]:")):
        if address.startswith(everywhere):
            return here + address.removeprefix(everywhere)
    return address or None


def _option(command: Sequence[str], option: str) -> str:
    for word, following in zip(command, [*command[1:], ""], strict=True):
        name, equals, value = word.partition("=")
        if name == option:
            return value if equals else following
    return ""


def _own(address: str, command: Sequence[str], environ: Mapping[str, str]) -> Tls:
    """Return what trusts the service itself, by a name that its certificate has.

    Raises OSError where it does not answer.
    """
    certificate, key = (
        _option(command, f"--tls-{each}") or environ.get(f"FNQ_TLS_{each.upper()}", "")
        for each in ("cert", "key")
    )
    if not certificate or address.startswith("unix:"):
        return PLAIN
    made = Tls(ca=certificate, certificate=certificate, key=key)
    context = made.context()
    context.check_hostname = False
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    host, _, port = address.rpartition(":")
    with (
        socket.create_connection((host.strip("[]"), int(port)), _ANSWER_S) as link,
        context.wrap_socket(link) as secured,
    ):
        found: Any = secured.getpeercert()
    return replace(made, name=found["subjectAltName"][0][1])


async def _ask(address: str, tls: Tls) -> bool:
    async with channel(address, tls) as link:
        stub = health_pb2_grpc.HealthStub(link)
        reply = await stub.Check(health_pb2.HealthCheckRequest(), timeout=_ANSWER_S)
    return bool(reply.status == health_pb2.HealthCheckResponse.SERVING)


if __name__ == "__main__":
    sys.exit(main(Path("/proc/1/cmdline").read_text().split("\0")))
