"""Has as many workers run as there is work for: the leader's loop.

One server leads. Twice a second it looks at every version that has agents or calls, and
adds workers at once. To take some away it first cordons those with the highest indexes,
waits until they say that they have no call and take none, looks again at the queue, and
only then has the orchestrator stop them. See `replicas` for how many there should be.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Mapping

import structlog
from redis.exceptions import ResponseError

from fnq_core.backlog import Counts
from fnq_core.connection import UNREACHABLE
from fnq_core.cordon import CORDON_RENEW_S
from fnq_core.leader import Leadership
from fnq_core.registry import Version
from fnq_server.ceiling import Ceilings
from fnq_server.complaint import Complaint
from fnq_server.demand import Demand
from fnq_server.doors import Doors
from fnq_server.orchestrator.seam import Orchestrator, Placed, Provision
from fnq_server.provisions import Provisions
from fnq_server.watched import Rules, Sight, Watched
from fnq_wire.error import StackError

__all__ = ["Scaler"]

#: Seconds between two decisions.
_DECISION_S = 0.5
#: Seconds for which what the orchestrator has, and agents without calls, are not looked at
#: again; and until a worker that was asked for in vain is asked for again.
_FRESH_S = 2.0
#: Seconds for which a version without workers and calls is remembered.
_KEPT_S = 10.0
_log = structlog.get_logger()


class Scaler:
    """Decides for all versions of the stack while its server, `name`, leads."""

    def __init__(
        self,
        doors: Doors,
        name: str,
        demand: Demand,
        orchestrator: Orchestrator,
        provisions: Provisions,
    ) -> None:
        self._leadership = Leadership(doors.redis, name)
        self._backlog = doors.backlog
        self._board = doors.board
        self._cordons = doors.cordons
        self._ceilings = Ceilings(doors.limits)
        self._demand = demand
        self._orchestrator = orchestrator
        self._provisions = provisions
        self._watched: dict[tuple[str, str], Watched] = {}
        #: What the orchestrator has, when it said so, and how often it had been asked by then.
        self._placed: Mapping[tuple[str, str], list[Placed]] = {}
        self._placed_at, self._placed_after = float("-inf"), 0
        self._complaint = Complaint(_log.warning, "workers are not scaled")

    async def scale_forever(self) -> None:
        """Decide and act, until cancelled."""
        while True:
            try:
                if await self._leadership.leads():
                    await self._decide()
                else:
                    self._watched.clear()
            except UNREACHABLE:
                pass  # Tried again in a moment.
            except (ResponseError, StackError) as problem:
                self._complaint.make(problem)
            await asyncio.sleep(_DECISION_S)

    async def leave(self) -> None:
        """Let another server decide."""
        with contextlib.suppress(*UNREACHABLE):
            await self._leadership.leave()

    async def _decide(self) -> None:
        """Look at all versions that matter, and act where there are too few or too many."""
        now = asyncio.get_running_loop().time()
        await self._take_census(now)
        versions = await self._versions()
        counted = await self._backlog.count(versions)
        sights = await self._see(dict(zip(versions, counted, strict=True)), now)
        for key, sight in sights.items():
            watched = self._watched[key]
            try:
                await self._settle(key, watched, sight, now)
            except UNREACHABLE:
                raise
            except (ResponseError, StackError) as problem:
                # The others are scaled.
                self._complaint.make(problem)
        self._forget(sights, now)

    async def _take_census(self, now: float) -> None:
        """Ask the orchestrator what it has: now and then, and after it was asked for more."""
        after = self._demand.asked
        if now - self._placed_at < _FRESH_S and after == self._placed_after:
            return
        placed: defaultdict[tuple[str, str], list[Placed]] = defaultdict(list)
        for each in await self._orchestrator.status():
            if each.state != "stopping":
                placed[each.namespace, each.version].append(each)
        self._placed, self._placed_at, self._placed_after = dict(placed), now, after

    async def _versions(self) -> list[tuple[str, str]]:
        """Return the versions that have agents, workers or calls, or had lately."""
        demand = self._demand
        attended = await self._board.attended(demand.namespaces)
        found = {*attended, *self._placed, *demand.busy, *demand.standing, *self._watched}
        await demand.learn(found)
        return [key for key in found if key in demand.specs]

    async def _see(
        self, counted: Mapping[tuple[str, str], Counts], now: float
    ) -> dict[tuple[str, str], Sight]:
        """Return what there is of each version; agents without calls are asked seldom."""
        asked = []
        for key, counts in counted.items():
            watched = self._watched.get(key)
            if watched is None:
                spec, present = self._demand.specs[key], len(self._placed.get(key, ()))
                watched = self._watched[key] = Watched(spec, present, now)
            quiet = watched.is_quiet(counts, self._present(key, watched))
            if not quiet or now - watched.looked_at >= _FRESH_S:
                asked.append(key)
                watched.looked_at = now
        said = defaultdict(list)
        for presence in await self._board.of_versions(asked):
            said[presence.namespace, presence.version].append(presence)
        for key in asked:
            self._watched[key].presences = said[key]
        return {key: self._sight(key, counts) for key, counts in counted.items()}

    def _sight(self, key: tuple[str, str], counts: Counts) -> Sight:
        watched = self._watched[key]
        present = self._present(key, watched)
        there = [each for each in watched.presences if each.replica < present]
        blocked = any(each.state == "waiting" for each in self._placed.get(key, ()))
        return Sight(counts, there, present, blocked)

    def _present(self, key: tuple[str, str], watched: Watched) -> int:
        """Return how many workers the version is to have by what was asked for last."""
        if watched.asked_at >= self._placed_at:
            return watched.asked
        return len(self._placed.get(key, ()))

    async def _settle(
        self, key: tuple[str, str], watched: Watched, sight: Sight, now: float
    ) -> None:
        """Bring the workers of one version nearer to what they should be."""
        demand, spec = self._demand, watched.spec
        watched.active_at = max(watched.active_at, demand.wanted_at.get(key, 0.0))
        least, most = demand.bounds(*key, spec)
        abreast = None
        if sight.counts.due > 1:
            abreast = await self._ceilings.of(key[0], spec.rate_limit_key, watched.run_s)
        # While a set is deployed, those that are imported wait for the others.
        lasts = key in demand.current or key in demand.untried
        wish = watched.wish(sight, Rules(least, most, lasts, abreast), now)
        if wish >= sight.present:
            await self._open(key, watched, wish, now)
        if wish > sight.present:
            if now - watched.asked_at >= _FRESH_S or wish > watched.asked:
                _log.info("adds workers", version=key[1], before=sight.present, now=wish)
                watched.ask(wish, sight.present, now)
                await demand.supply(*key, wish)
        elif wish < sight.present:
            await self._shrink(key, watched, wish, sight, now)

    async def _open(self, key: tuple[str, str], watched: Watched, wish: int, now: float) -> None:
        """Lift a cordon, once those that were told to end behind it are gone or needed again."""
        if watched.first is None:
            return
        if watched.first >= wish and any(
            each.replica >= watched.first for each in watched.presences
        ):
            if now - watched.drawn_at >= CORDON_RENEW_S:
                watched.drawn_at = now
                await self._cordons.draw(*key, watched.first)
            return
        watched.first = None
        await self._cordons.lift(*key)

    async def _shrink(
        self, key: tuple[str, str], watched: Watched, wish: int, sight: Sight, now: float
    ) -> None:
        """Cordon the highest indexes; stop them once they have no call and take none."""
        if watched.first != wish or now - watched.drawn_at >= CORDON_RENEW_S:
            drawn = watched.first == wish
            watched.first, watched.drawn_at = wish, now
            if not wish:
                self._demand.forget(*key)
            await self._cordons.draw(*key, wish)
            if not drawn:
                return
        if not watched.is_spared(wish, sight.present):
            return
        [counts] = await self._backlog.count([key])
        wanted_again = self._demand.wanted_at.get(key, 0.0) > watched.drawn_at
        if counts.due > sight.counts.due or (wanted_again and not wish):
            return
        _log.info("takes workers away", version=key[1], before=sight.present, now=wish)
        watched.ask(wish, sight.present, now)
        await self._lower(key, watched, wish)

    async def _lower(self, key: tuple[str, str], watched: Watched, replicas: int) -> None:
        """Have the orchestrator stop the workers beyond `replicas`."""
        namespace, version = key
        try:
            provision = await self._provisions.of(namespace, Version(version, 0, watched.spec, 0))
        except StackError:
            if replicas:
                raise
            # What its workers lack by now, none of them needs any more.
            provision = Provision()
        await self._orchestrator.scale(namespace, version, watched.spec, provision, replicas)

    def _forget(self, sights: Mapping[tuple[str, str], Sight], now: float) -> None:
        """Let go of versions of which nothing is left."""
        for key, sight in sights.items():
            watched = self._watched[key]
            gone = not (sight.present or sight.counts.due or watched.presences)
            if gone and watched.first is None and now - watched.active_at > _KEPT_S:
                del self._watched[key]
