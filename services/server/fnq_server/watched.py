"""What the leader remembers of one version from look to look, and makes of the next. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from fnq.v1 import spec_pb2
from fnq_core.backlog import Counts
from fnq_core.presence import Presence
from fnq_server.replicas import Fleet, Load, Peak, Terms, needed_replicas, wanted_replicas

__all__ = ["Rules", "Sight", "Watched"]

#: Seconds that a version which is not current any more keeps a worker without calls, at most.
_OLD_S = 2.0
#: Seconds after which a backlog that does not shrink shows that calls take longer than
#: those before them: it stands for two looks then.
_STANDS_S = 1.0
#: Seconds that a start takes: what is assumed, and the bounds of what is learned.
_START_S, _LEAST_START_S, _MOST_START_S = 0.5, 0.25, 120.0
#: How much the latest start, or batch, counts in the average.
_WEIGHT = 0.5


class Sight(NamedTuple):
    """A version at one look: its calls, what its agents say, and what was asked for.

    `present` workers were asked for; `blocked` says that one of them waits for a place
    or its next start.
    """

    counts: Counts
    presences: Sequence[Presence]
    present: int
    blocked: bool = False


class Rules(NamedTuple):
    """What holds for a version: bounds, whether it is or may be current, what may run at once."""

    least: int
    most: int
    current: bool
    abreast: int | None = None


class Watched:
    """One version; `present` workers were there when it was first seen, at `now`."""

    def __init__(self, spec: spec_pb2.FunctionSpec, present: int, now: float) -> None:
        self.spec = spec
        #: The first index that is cordoned; None: all take calls. And since when.
        self.first: int | None = None
        self.drawn_at = 0.0
        #: How many workers were asked for last, and when.
        self.asked, self.asked_at = present, float("-inf")
        #: When those were asked for that have not been ready since, by index.
        self._awaited: dict[int, float] = {}
        #: When it was last looked at in full, and what its agents said then.
        self.looked_at = float("-inf")
        self.presences: Sequence[Presence] = ()
        #: When it last had work.
        self.active_at = now
        self._slots = max(1, spec.concurrency)
        self._peak = Peak()
        self._peak.note(now, present)
        self._idle: dict[str, float] = {}
        #: How long an invocation takes, by what its agents said last; 0: not known.
        self.run_s = 0.0
        self._start_s = _START_S
        self._batch = float(max(1, spec.batching.max_size))
        self._queued = 0
        self._shrank_at = now

    def is_quiet(self, counts: Counts, present: int) -> bool:
        """Whether nothing has changed that the agents could tell more of."""
        steady = self.first is None and len(self.presences) == present
        return steady and not counts.due and all(each.idle_s for each in self.presences)

    def wish(self, sight: Sight, rules: Rules, now: float) -> int:
        """Return how many workers there should be."""
        self._learn(sight, now)
        counts = sight.counts
        load = Load(
            counts.waiting,
            counts.due - counts.waiting,
            self._pace(counts.waiting, now),
            self._batch,
            rules.abreast,
        )
        self._peak.note(now, needed_replicas(load, self._slots))
        window_s = self.spec.suspend_cooldown_s
        window_s = window_s if rules.current else min(window_s, _OLD_S)
        lately = now - self.active_at < window_s or self._comes_up(sight)
        return wanted_replicas(
            load,
            Fleet(sight.present, self._hampered(sight)),
            Terms(rules.least, rules.most, self._slots, self._start_s),
            max(self._peak.within(now, window_s), int(lately)),
        )

    def _learn(self, sight: Sight, now: float) -> None:
        """Take up what the agents say of themselves."""
        before, self._idle = self._idle, {each.agent: each.idle_s for each in sight.presences}
        for agent, idle_s in self._idle.items():
            # What was posted some time ago says nothing of the time since.
            if before.get(agent) != idle_s:
                self.active_at = max(self.active_at, now - idle_s)
        if sight.counts.due:
            self.active_at = now
        busy = sum(each.busy for each in sight.presences)
        if busy and self._queued and self.spec.batching.max_size:
            calls = sum(each.calls for each in sight.presences)
            self._batch += _WEIGHT * (calls / busy - self._batch)
        self._measure(sight.presences, now)
        paces = [each.run_s for each in sight.presences if each.run_s]
        if paces:
            self.run_s = sum(paces) / len(paces)

    def _pace(self, queued: int, now: float) -> float:
        """Return how long an invocation takes; 0 where what was learned cannot be true."""
        if queued == 0 or queued < self._queued:
            self._shrank_at = now
        self._queued = queued
        return 0.0 if now - self._shrank_at >= _STANDS_S else self.run_s

    def _comes_up(self, sight: Sight) -> bool:
        """Whether the first worker is there and imports what it runs, however long that takes."""
        states = {each.state for each in sight.presences}
        return states == {"starting"} and not sight.blocked

    def _hampered(self, sight: Sight) -> bool:
        return sight.blocked and not any(each.state == "ready" for each in sight.presences)

    def ask(self, replicas: int, present: int, now: float) -> None:
        """Take note that so many workers were asked for, where `present` were before."""
        self.asked, self.asked_at = replicas, now
        self._awaited = dict.fromkeys(range(present, replicas), now)

    def _measure(self, presences: Sequence[Presence], now: float) -> None:
        """Learn how long a start takes from those that are ready by now."""
        for each in presences:
            if each.state == "ready" and each.replica in self._awaited:
                took_s = now - self._awaited.pop(each.replica)
                took_s = min(max(took_s, _LEAST_START_S), _MOST_START_S)
                self._start_s += _WEIGHT * (took_s - self._start_s)

    def is_spared(self, first: int, present: int) -> bool:
        """Whether the workers from index `first` on have no call and take none."""
        beyond = [each for each in self.presences if first <= each.replica < present]
        return all(each.idle_s and each.state != "ready" for each in beyond)
