"""How a version's workers stand: what their agents say, and what is known of their places."""

from __future__ import annotations

import asyncio
from typing import NamedTuple

from fnq_core.presence import PresenceBoard
from fnq_server.demand import Demand
from fnq_server.orchestrator.seam import Explanation, Orchestrator, Outlook
from fnq_server.readiness import Readiness, judge
from fnq_wire.error import StackError

__all__ = ["Lookout"]

#: Seconds for which the orchestrator is not asked again about a version.
_FRESH_S = 0.5
#: Seconds for which it is remembered what was said of a version that nobody asks about.
_KEPT_S = 60.0
#: Last lines of workers that crash.
_LINES = 20
#: Where workers are started by hand.
_NOBODYS = Explanation(Outlook.BLOCKED, "no worker is attached, and this server starts none")


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
            return refused or Explanation(Outlook.BLOCKED, str(problem))
        # Workers that an earlier wish has brought are there all the same.
        return found if refused is None or found.outlook is not Outlook.ABSENT else refused

    async def _log(self, namespace: str, version: str) -> str:
        assert self._orchestrator is not None
        try:
            return "\n".join(await self._orchestrator.logs(namespace, version, _LINES))
        except StackError:
            return ""
