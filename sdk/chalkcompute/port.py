"""The port through which calls leave a process.

In a script it is a stream to a server, in a worker the pipe to the agent. All
methods may be called from any thread; they raise nothing but errors of
`chalkcompute.errors`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from chalkcompute.inflight import Inflight, Target

if TYPE_CHECKING:
    from fnq.v1 import spec_pb2

__all__ = ["Parameters", "Session"]

#: Of a function version: name, kind and whether it is required, as in the spec.
Parameters = Sequence[tuple[str, str, bool]]


class Session(Protocol):
    """What the SDK asks of whatever carries its calls."""

    def submit(self, target: Target, payload: bytes) -> Inflight:
        """Send a call; return at once. The call is never lost and never doubled."""
        ...

    def park(self, inflight: Inflight, timeout: float | None) -> bool:
        """Block this invocation until there is a chunk or an outcome.

        Returns at once when there is one already; False when `timeout` seconds
        passed without news. Raises ConnectionLostError in a process that was forked
        after the call was made: nothing will come there.
        """
        ...

    async def park_async(self, inflight: Inflight) -> None:
        """Do as `park`, without a time-out, for the running event loop."""
        ...

    def credit(self, inflight: Inflight, chunks: int, size: int) -> None:
        """Let the generator emit up to these totals, counted from its first chunk."""
        ...

    def cancel(self, inflight: Inflight) -> None:
        """Ask for the end of a call and forget it; may be repeated, also after the end.

        It never blocks and never raises: finalizers call it, from whatever thread
        collects garbage, even one that is inside another method of the session. It does
        nothing in a process that was forked after the call was made, nor does `credit`.
        """
        ...

    def lookup(self, name: str, number: int | None) -> tuple[Target, Parameters]:
        """Return a deployed version, the current one for None; NotFoundError if there is none."""
        ...

    def resolve(self, name: str) -> Target:
        """Return the version of `name` in the set in which the running call was made."""
        ...

    def wait_ready(self, target: Target, timeout: float | None) -> None:
        """Start a worker where there is none; return when one has imported the function.

        Raises NotReadyError after `timeout` seconds, or when it cannot become ready.
        """
        ...

    def deploy(
        self, specs: Sequence[spec_pb2.FunctionSpec], bundles: Mapping[str, bytes]
    ) -> list[tuple[str, int]]:
        """Deploy a set of functions that name each other; may be repeated.

        `bundles` maps sha256 (hex) to bytes. Returns version id and number for
        each spec, in order.
        """
        ...

    @property
    def active(self) -> frozenset[str]:
        """The arguments of the decorator that have an effect there, and not everywhere.

        Known once something was deployed.
        """
        ...
