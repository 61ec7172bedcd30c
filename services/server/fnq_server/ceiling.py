"""How many invocations of a version its limit lets run at once."""

from __future__ import annotations

import asyncio
import math

from fnq_core.limits import LimitBook
from fnq_wire.policy import Policy

__all__ = ["Ceilings", "abreast"]

#: Seconds for which policies are not looked up again.
_FRESH_S = 2.0


class Ceilings:
    """Remembers the policies of the namespaces that are asked about."""

    def __init__(self, book: LimitBook) -> None:
        self._book = book
        self._known: dict[str, tuple[float, dict[str, Policy]]] = {}

    async def of(self, namespace: str, limit: str, run_s: float) -> int | None:
        """Return what a limit lets run at once of calls that take `run_s`; None: any number."""
        if not limit:
            return None
        now = asyncio.get_running_loop().time()
        known = self._known.get(namespace)
        if known is None or now - known[0] >= _FRESH_S:
            known = self._known[namespace] = (now, await self._book.policies(namespace))
        return abreast(known[1].get(limit), run_s)


def abreast(policy: Policy | None, run_s: float) -> int | None:
    """Return how many calls of `run_s` seconds run at once at most; None: any number. Pure.

    By a rate that is what begins while one runs; where it is not known how long one
    takes (0), only a cap counts.
    """
    if policy is None:
        return None
    ceilings = [policy.max_concurrency] if policy.max_concurrency else []
    if policy.rate and run_s:
        ceilings.append(math.ceil(policy.rate / policy.per_s * run_s) + policy.burst)
    return min(ceilings, default=None)
