"""The port through which calls leave a process.

In a script it is a stream to a server, in a worker the pipe to the agent. All
methods may be called from any thread; they raise nothing but errors of
`chalkcompute.errors`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from chalkcompute.inflight import Inflight, Target, Terms, Watched

if TYPE_CHECKING:
    from chalkcompute.functions import Functions
    from fnq.v1 import spec_pb2
    from fnq_wire.inquiry import Facts
    from fnq_wire.pieces import Payload

__all__ = ["Deployed", "Parameters", "Session"]

#: Of a function version: name, kind and whether it is required, as in the spec.
Parameters = Sequence[tuple[str, str, bool]]


@dataclass(frozen=True, slots=True)
class Deployed:
    """What a server says of a deploy.

    `versions` has id and number for each spec, in order; `active` the arguments of the
    decorator that have an effect there, and not everywhere; `missing_limits` the limits
    that functions name and that have no policy; `warnings` are sentences for people.
    """

    versions: Sequence[tuple[str, int]]
    active: frozenset[str] = frozenset()
    missing_limits: frozenset[str] = frozenset()
    warnings: Sequence[str] = ()


class Session(Protocol):
    """What the SDK asks of whatever carries its calls."""

    def submit(
        self,
        target: Target,
        payload: Payload,
        terms: Terms | None = None,
        *,
        rows: int = 1,
        packed: bool = False,
    ) -> Inflight:
        """Send a call; return at once. The call is never lost and never doubled.

        What `payload` is made of may change after that. A packed one has that many rows of
        arguments, and is answered row by row: its chunks are blocks of outcomes
        (`fnq_wire.rows`), and it needs no credit. A block may begin with rows that came
        before. The end is exhaustion, or a failure that all rows have which no block brought.
        """
        ...

    def spawn(self, target: Target, payload: Payload, terms: Terms | None = None) -> Inflight:
        """Send a call that outlives this process; return at once.

        Its end is heard of by `watch` alone; what comes back here is a refusal, where
        Redis has no room even for that.
        """
        ...

    def settle(self, inflight: Inflight) -> None:
        """Block until a call that was spawned is accepted: it cannot be lost from then on."""
        ...

    def watch(self, call: bytes, after: int = 0, *, end_only: bool = False) -> Watched:
        """Ask for what a detached call yields, from a position on, and for its end.

        `cancel` takes the wish back, and leaves the call alone; `credit` counts positions.
        """
        ...

    def show(self, call: bytes) -> Facts:
        """Return what is known of a call, in flight or kept.

        Raises NotFoundError and ResultExpiredError.
        """
        ...

    def stop(self, call: bytes) -> bool:
        """Cancel a call, whoever made it; return whether it had not ended. Raises as `show`."""
        ...

    def lines(self, call: bytes) -> list[str]:
        """Return what a call printed, as far as that is kept."""
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
        self,
        specs: Sequence[spec_pb2.FunctionSpec],
        bundles: Mapping[str, bytes],
        timeout: float | None = None,
    ) -> Deployed:
        """Deploy a set of functions that name each other; may be repeated.

        `bundles` maps sha256 (hex) to bytes. Returns when a worker has imported each that
        is new. Raises DeployError, or what says why else it failed, and NotReadyError after
        `timeout` seconds: nothing has changed then.
        """
        ...

    @property
    def functions(self) -> Functions:
        """What is asked and done about deployed functions; a DeployError in a worker."""
        ...
