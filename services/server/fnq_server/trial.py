"""Workers that import what is to go live, before anybody calls it."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Collection, Sequence

from fnq.v1 import spec_pb2
from fnq_core.connection import insist
from fnq_core.presence import TTL_S, PresenceBoard
from fnq_server.demand import Demand
from fnq_server.lookout import Lookout
from fnq_server.readiness import Readiness
from fnq_server.verdict import BLOCKED_S, Ruling, Verdict, verdict

__all__ = ["DELETED", "Candidate", "UnfitError", "Say", "Trial"]

#: Versions whose first worker is being started, of one deploy at once. Of a larger set the
#: workers of so many stay; the others end once they have imported it, and begin with a call.
_AT_ONCE = 8
#: Seconds for which a function of a larger set must have waited for the same thing to be told of.
_LASTING_S = 1.0
#: Seconds between two looks at a worker, first and at most; for each that starts beside it.
_LOOK_S, _LONGEST_LOOK_S = 0.005, 0.05
#: By how much a pause is longer than the one before.
_SLOWER = 1.04
#: Seconds in which a worker that was told to end has left the board.
_LEAVE_S = TTL_S + 2.0

#: What a deploy is told that a deletion of one of its functions has overtaken.
DELETED = "a function of the set was deleted while it was deployed: deploy again"

#: Takes a function, what is waited for in one sentence, and a line of output ("": none).
Say = Callable[[str, str, str], None]
#: Id and spec of a version.
Candidate = tuple[str, spec_pb2.FunctionSpec]


class UnfitError(Exception):
    """A function cannot go live; `found` says why."""

    def __init__(self, version: str, function: str, found: Verdict) -> None:
        super().__init__(found.text)
        self.version = version
        self.function = function
        self.found = found


class Trial:
    """Has a worker of each version started, and waits for it.

    `starts` says whether this server can have any started.
    """

    def __init__(
        self, board: PresenceBoard, demand: Demand, lookout: Lookout, *, starts: bool
    ) -> None:
        self._board = board
        self._demand = demand
        self._lookout = lookout
        self._blocked_s = BLOCKED_S if starts else 0.0

    async def begin_again(self, namespace: str, versions: Sequence[str]) -> None:
        """Have versions that could not be imported tried anew: what they lacked may be there.

        Returns when no worker that has failed takes calls any more: it leaves the board
        before it ends, and one that cannot leave it is forgotten there.
        """
        told = await asyncio.gather(
            *(self._demand.begin_again(namespace, each) for each in versions)
        )
        left = [each for each, is_told in zip(versions, told, strict=True) if is_told]
        loop = asyncio.get_running_loop()
        until = loop.time() + _LEAVE_S
        while left and loop.time() < until:
            await asyncio.sleep(_LONGEST_LOOK_S)
            some = left
            left = await insist("deploying", lambda: self._board.failed(namespace, some))

    async def run(
        self, namespace: str, candidates: Sequence[Candidate], say: Say, current: Collection[str]
    ) -> list[str]:
        """Return when each has a worker that has imported it, or is not waited for.

        A sentence for each of these. `current` are the functions that have a version
        already. Raises UnfitError for the first that cannot be imported, never has a place,
        is deleted, or would replace a version while the place of workers cannot be asked; its
        workers are told to end.
        """
        room = asyncio.Semaphore(_AT_ONCE)
        beside = min(len(candidates), _AT_ONCE)
        surplus = {version for version, spec in candidates[_AT_ONCE:] if not spec.min_replicas}
        lasting_s = _LASTING_S if len(candidates) > _AT_ONCE else 0.0

        async def one(version: str, spec: spec_pb2.FunctionSpec) -> Verdict:
            async with room:
                tell = _lasting(lasting_s, functools.partial(say, spec.name))
                judged = functools.partial(
                    verdict, blocked_s=self._blocked_s, replaces=spec.name in current
                )
                found = await self._watch(namespace, version, spec.name, judged, tell, beside)
                if found.ruling is Ruling.READY and version in surplus:
                    await self._demand.spare(namespace, version)
                return found

        work = [asyncio.ensure_future(one(*each)) for each in candidates]
        try:
            found = await asyncio.gather(*work)
        except UnfitError as problem:
            await self._demand.begin_again(namespace, problem.version)
            raise
        finally:
            for each in work:
                each.cancel()
        return [
            f"{spec.name} {each.text}"
            for (_, spec), each in zip(candidates, found, strict=True)
            if each.ruling is Ruling.UNCHECKED
        ]

    async def _watch(
        self,
        namespace: str,
        version: str,
        function: str,
        judged: Callable[[Readiness, float], Verdict],
        tell: Callable[[str], None],
        beside: int,
    ) -> Verdict:
        """Want a worker until there is a verdict; tell at each look what is waited for.

        So many, this one too, are watched at once.
        """
        self._demand.forget(namespace, version)
        self._lookout.forget(namespace, version)
        loop = asyncio.get_running_loop()
        pause, outlook, since = _LOOK_S, None, loop.time()
        while True:
            self._demand.want(namespace, version)
            asked_at = loop.time()
            found = await insist(
                "waiting for a worker", lambda: self._lookout.of(namespace, version)
            )
            if found.outlook is not outlook:
                # Who does not answer has been waited for already.
                outlook, since = found.outlook, asked_at
            now = judged(found, loop.time() - since)
            if self._demand.is_gone(namespace, version):
                now = Verdict(Ruling.FAILED, DELETED, "DeployError")
            if now.ruling is Ruling.FAILED:
                raise UnfitError(version, function, now)
            if now.ruling is not Ruling.WAIT:
                return now
            tell(now.text)
            await asyncio.sleep(pause * beside)
            pause = min(pause * _SLOWER, _LONGEST_LOOK_S)


def _lasting(seconds: float, say: Callable[[str, str], None]) -> Callable[[str], None]:
    """Return what takes a sentence again and again, and says it once when it has lasted so long."""
    clock = asyncio.get_running_loop().time
    heard, since, said = "", clock(), ""

    def tell(text: str) -> None:
        nonlocal heard, since, said
        if text != heard:
            heard, since = text, clock()
        if heard != said and clock() - since >= seconds:
            said = heard
            say(said, "")

    return tell
