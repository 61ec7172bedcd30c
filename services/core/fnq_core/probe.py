"""`python -m fnq_core.probe`: ask the service of this container how it is.

For the HEALTHCHECK of an image. The service is process 1, or what an init of one
process started; where it listens stands on its command line.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from fnq_core.rpc import channel

__all__ = ["listens_at", "main"]

#: Seconds that the service may take to answer.
_ANSWER_S = 4.0


def main(command: Sequence[str]) -> int:
    """Return 0 when the service started by `command` says that it does its job, else 1."""
    address = listens_at(command)
    if address is None:
        sys.stderr.write("process 1 has no --listen: what runs here is no service\n")
        return 1
    try:
        well = asyncio.run(_ask(address))
    except grpc.RpcError as problem:
        sys.stderr.write(f"{address}: {problem}\n")
        return 1
    if not well:
        sys.stderr.write(f"{address}: not serving: it cannot reach Redis\n")
    return 0 if well else 1


def listens_at(command: Sequence[str]) -> str | None:
    """Return the address to dial, from the --listen of a command line, or None."""
    for word, following in zip(command, [*command[1:], ""], strict=True):
        name, equals, value = word.partition("=")
        if name == "--listen":
            address = value if equals else following
            break
    else:
        return None
    for everywhere, here in (("0.0.0.0:", "127.0.0.1:"), ("[::]:", "[::1]:")):
        if address.startswith(everywhere):
            return here + address.removeprefix(everywhere)
    return address


async def _ask(address: str) -> bool:
    async with channel(address) as link:
        stub = health_pb2_grpc.HealthStub(link)
        reply = await stub.Check(health_pb2.HealthCheckRequest(), timeout=_ANSWER_S)
    return bool(reply.status == health_pb2.HealthCheckResponse.SERVING)


if __name__ == "__main__":
    sys.exit(main(Path("/proc/1/cmdline").read_text().split("\0")))
