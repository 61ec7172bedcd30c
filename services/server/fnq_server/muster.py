"""How many workers a version has, how they are, and how many it may have."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

from redis.asyncio import Redis

from fnq.v1 import scaling_pb2
from fnq_core.cordon import Cordons
from fnq_core.presence import Presence
from fnq_core.registry import Version
from fnq_core.scalings import Scaling, ScalingBook
from fnq_server.orchestrator.seam import Placed

__all__ = ["Muster", "muster"]

#: The states of agents, the one that counts most last.
_STATES = ("failed", "starting", "cordoned", "ready")


def muster(
    presences: Sequence[Presence], placed: Sequence[Placed], cordon: int | None
) -> scaling_pb2.Replicas:
    """Return the workers of a version: what its agents say, and where they are placed.

    `cordon` is the first of them that takes no more calls; None: all do. What was asked of
    an orchestrator is what there is to be, unless some are about to end; one that waits for
    its place, or its next start, does not start yet. Pure.
    """
    there = {each.replica: each.state for each in sorted(presences, key=_rank)}
    states = Counter(there.values())
    staying = [each for each in placed if each.state != "stopping"]
    silent = [each for each in staying if each.replica not in there and each.state != "waiting"]
    present = len(staying) or len(there)
    return scaling_pb2.Replicas(
        wanted=present if cordon is None else min(cordon, present),
        ready=states["ready"],
        starting=states["starting"] + len(silent),
        cordoned=states["cordoned"],
    )


def _rank(presence: Presence) -> int:
    """Return what counts of two agents with one index: one that died is there for a while."""
    return _STATES.index(presence.state)


def _state(
    version: Version, scaling: Scaling, replicas: scaling_pb2.Replicas
) -> scaling_pb2.ScalingState:
    """Return how many workers a function has and may have, by its decorator and what is set."""
    least, most = scaling.bounds(version.spec.min_replicas, max(1, version.spec.max_replicas))
    return scaling_pb2.ScalingState(
        min_replicas=least,
        max_replicas=most,
        min_is_set=scaling.least is not None,
        max_is_set=scaling.most is not None,
        replicas=replicas,
    )


class Muster:
    """Looks up what is set and cordoned, for versions whose workers are known."""

    def __init__(self, redis: Redis) -> None:
        self._cordons = Cordons(redis)
        self._book = ScalingBook(redis)

    async def of(
        self,
        namespace: str,
        versions: Sequence[Version],
        presences: Sequence[Presence],
        placed: Sequence[Placed],
    ) -> list[scaling_pb2.ScalingState]:
        """Return how each version is scaled; two round trips."""
        said: defaultdict[str, list[Presence]] = defaultdict(list)
        there: defaultdict[str, list[Placed]] = defaultdict(list)
        for presence in presences:
            said[presence.version].append(presence)
        for each in placed:
            if each.namespace == namespace:
                there[each.version].append(each)
        cordons = await self._cordons.of([(namespace, version.id) for version in versions])
        scalings = await self._book.all([namespace])
        return [
            _state(
                version,
                scalings.get((namespace, version.spec.name), Scaling()),
                muster(said[version.id], there[version.id], cordon),
            )
            for version, cordon in zip(versions, cordons, strict=True)
        ]
