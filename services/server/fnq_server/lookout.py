"""How a version's workers stand: what their agents say, and what is known of their places."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from fnq_core.presence import PresenceBoard
from fnq_server.caveats import insist_on, sentences
from fnq_server.demand import Demand
from fnq_server.orchestrator.seam import Explanation, Orchestrator, Outlook
from fnq_server.readiness import Readiness, judge
from fnq_wire.error import StackError

if TYPE_CHECKING:
    from fnq.v1 import spec_pb2

__all__ = ["Lookout"]

#: Seconds for which the orchestrator is not asked again about a version.
_FRESH_S = 0.5
#: Seconds for which it is remembered what was said of a version that nobody asks about.
_KEPT_S = 60.0
#: Last lines of workers that crash.
_LINES = 20
#: Where workers are started by hand.
_NOBODYS = Explanation(
    Outlook.BLOCKED,
    "no worker is attached, and this server starts none: run fnq_worker, or give it --workers",
)


class _Known(NamedTuple):
    """What an orchestrator said, with the workers' last lines, at a time of the loop."""

    explanation: Explanation
    log: str
    at: float


class Lookout:
    """Asks the board, and the orchestrator where that does not do."""

    def __init__(
        self, board: PresenceBoard, demand: Demand, orchestrator: Orchestrator | None
    ) -> None:
        self._board = board
        self._demand = demand
        self._orchestrator = orchestrator
        self._known: dict[tuple[str, str], _Known] = {}

    async def of(self, namespace: str, version: str) -> Readiness:
        """Return whether the version can take calls, and if not, why.

        May be asked often. Raises what Redis raises while it is away.
        """
        found = await self._board.of(namespace, version)
        judged = judge(found)
        if judged.state != "waiting":
            return judged
        known = await self._ask_about(namespace, version)
        return judge(found, known.explanation, known.log)

    async def crash(self, namespace: str, version: str) -> str:
        """Return why workers of a version crash again and again; "" where they do not."""
        known = await self._ask_about(namespace, version)
        crashes = known.explanation.outlook is Outlook.CRASHING
        return known.explanation.reason if crashes else ""

    def forget(self, namespace: str, version: str) -> None:
        """Ask the orchestrator anew about a version when somebody asks here."""
        self._known.pop((namespace, version), None)

    async def caveats(
        self, specs: Sequence[spec_pb2.FunctionSpec], *, strict: bool = False
    ) -> list[str]:
        """Return what whoever deploys should know of the place where these would run.

        `strict`: raise UnschedulableError where it lacks what one asks for, and
        StackError where that cannot be found out.
        """
        if self._orchestrator is None:
            return []
        try:
            found = await self._orchestrator.caveats(specs)
        except StackError:
            if strict:
                raise
            return []
        if strict:
            insist_on(found)
        return sentences(found)

    async def _ask_about(self, namespace: str, version: str) -> _Known:
        now, key = asyncio.get_running_loop().time(), (namespace, version)
        before = self._known.get(key)
        if before is not None and now - before.at < _FRESH_S:
            return before
        explanation = await self._explain(namespace, version)
        log = ""
        if explanation.outlook is Outlook.CRASHING:
            same = before is not None and before.explanation == explanation
            log = before.log if before and same else await self._log(namespace, version)
        self._known = {each: it for each, it in self._known.items() if now - it.at < _KEPT_S}
        known = self._known[key] = _Known(explanation, log, asyncio.get_running_loop().time())
        return known

    async def _explain(self, namespace: str, version: str) -> Explanation:
        if self._orchestrator is None:
            return _NOBODYS
        refused = self._demand.refused(namespace, version)
        try:
            found = await self._orchestrator.explain(namespace, version)
        except StackError as problem:
            if refused is None:
                return Explanation(Outlook.UNKNOWN, str(problem))
            if refused.outlook is Outlook.IMPOSSIBLE:
                return refused
            return replace(refused, outlook=Outlook.UNKNOWN)
        if refused is None or found.outlook in (Outlook.RUNNING, Outlook.STARTING):
            # Workers that an earlier wish has brought are there all the same.
            return found
        return refused

    async def _log(self, namespace: str, version: str) -> str:
        assert self._orchestrator is not None
        try:
            return "\n".join(await self._orchestrator.logs(namespace, version, _LINES))
        except StackError:
            return ""
