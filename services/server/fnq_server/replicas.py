"""How many workers a version should have. Pure.

`wanted_replicas` answers for a moment; what there is to remember between two moments is
a `Peak`: the most that was needed lately. Workers are added at once and taken away late.
"""

from __future__ import annotations

import math
from collections import deque
from typing import NamedTuple

__all__ = ["Fleet", "Load", "Peak", "Terms", "needed_replicas", "wanted_replicas"]


class Load(NamedTuple):
    """What there is to do for a version.

    `queued` calls wait for a worker, `running` ones have it; a worker that waits for
    nested calls is among the latter. `run_s`: seconds that one invocation takes, 0 where
    that is not known. `batch`: calls that run together in one invocation. `abreast`:
    invocations that may run at once for the sake of a limit; None: any number.
    """

    queued: int
    running: int
    run_s: float = 0.0
    batch: float = 1.0
    abreast: int | None = None

    @property
    def invocations(self) -> int:
        """Invocations that would run if there were workers for all."""
        wished = math.ceil((self.queued + self.running) / max(1.0, self.batch))
        return wished if self.abreast is None else min(wished, max(1, self.abreast))


class Fleet(NamedTuple):
    """The workers that were asked for: `present` of them.

    `hampered`: none takes calls, and some wait for a place or for their next start after
    a crash, so that more of them would only do the same.
    """

    present: int
    hampered: bool = False


class Terms(NamedTuple):
    """Workers at least and at most, invocations at once in each, and what a start costs."""

    least: int
    most: int
    slots: int
    start_s: float


class Peak:
    """The most that was needed in the last while."""

    def __init__(self) -> None:
        #: Times and needs: from left to right the times rise, and the needs fall.
        self._needs: deque[tuple[float, int]] = deque()

    def note(self, now: float, need: int) -> None:
        """Take note of what is needed at a time; times never fall."""
        while self._needs and self._needs[-1][1] <= need:
            self._needs.pop()
        self._needs.append((now, need))

    def within(self, now: float, window_s: float) -> int:
        """Return the most that was needed in the last `window_s` seconds; forget the rest."""
        while self._needs and self._needs[0][0] <= now - window_s:
            self._needs.popleft()
        return self._needs[0][1] if self._needs else 0


def needed_replicas(load: Load, slots: int) -> int:
    """Return how many workers have a slot for all that waits and runs."""
    return math.ceil(load.invocations / slots)


def wanted_replicas(load: Load, fleet: Fleet, terms: Terms, peak: int) -> int:
    """Return how many workers there should be; those with higher indexes are to go.

    `peak` is the most that was needed within the cooldown, this moment included: as many
    as that stay. Workers are added for a backlog that the present ones would not clear
    in the time in which another one starts, and never more than have something to do.
    """
    need = needed_replicas(load, terms.slots)
    if need > fleet.present:
        wish = _enough(load, fleet, terms, need)
    else:
        wish = max(need, min(peak, fleet.present))
    if fleet.hampered:
        wish = min(wish, max(1, fleet.present))
    return max(terms.least, min(wish, terms.most))


def _enough(load: Load, fleet: Fleet, terms: Terms, need: int) -> int:
    """Return how many workers clear the backlog in about the time that a start takes."""
    if not load.run_s:
        return need
    paced = math.ceil(load.invocations * load.run_s / (terms.slots * terms.start_s))
    waiting = load.invocations - fleet.present * terms.slots
    if waiting * load.run_s <= fleet.present * terms.slots * terms.start_s:
        return fleet.present
    return max(1, fleet.present, min(need, paced))
