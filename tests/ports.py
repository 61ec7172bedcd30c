"""TCP ports of this machine at which nobody listens."""

from __future__ import annotations

import contextlib
import random
import socket
from collections.abc import Iterator

__all__ = ["free_port", "free_ports"]

#: Below those that the kernel gives to whoever connects, and that Nomad gives to tasks:
#: between the look and the use nobody is given one of them.
_RANGE = range(10_000, 20_000)


def free_ports(count: int) -> list[int]:
    """Return so many different ports."""
    with contextlib.ExitStack() as stack:
        found: list[int] = []
        for port in _candidates():
            probe = stack.enter_context(socket.socket())
            with contextlib.suppress(OSError):
                probe.bind(("127.0.0.1", port))
                found.append(port)
            if len(found) == count:
                break
        return found


def _candidates() -> Iterator[int]:
    """Give ports by chance, which no test's seed repeats: several processes look at once."""
    chance = random.SystemRandom()
    while True:
        yield chance.choice(_RANGE)


def free_port() -> int:
    """Return one port."""
    return free_ports(1)[0]
