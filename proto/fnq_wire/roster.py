"""What is known of a service's instances, and how to ask on: the rules, without any I/O.

A question to Consul carries the index of the last answer, and is answered when
there is news or the time is up. The rules are those that Consul states for it:
an index that is not positive or goes down is not to be used, an answer need not
hold anything new. After a failure the index is forgotten, for a Consul that has
begun anew would hold a question with an old index until its time is up.
"""

from __future__ import annotations

import random
from collections.abc import Iterable

__all__ = ["Roster"]

#: Seconds after an answer without news: such answers may come in droves.
_QUIET_S = 0.2
#: Seconds after a failure: the first time, and at most; each give or take a half.
_FIRST_S, _MOST_S = 0.1, 3.0


class Roster:
    """The healthy instances of one service, as "host:port".

    `instances` is the last list that was not empty: a Consul that is away, or has
    just begun anew and knows none, does not make those bad that were good. `problem`
    says why the last question had no answer; "" when it had one. `heard` says whether
    there ever was an answer.
    """

    def __init__(self, dice: random.Random) -> None:
        self._dice = dice
        self._listed: tuple[str, ...] = ()
        self._failures = 0
        self.instances: tuple[str, ...] = ()
        self.problem = ""
        self.heard = False
        #: What the next question is to carry; 0 for nothing.
        self.index = 0

    def answered(self, index: int, instances: Iterable[str]) -> float:
        """Take an answer; return the seconds to wait before the next question."""
        self.index = index if index >= max(self.index, 1) else 0
        self._failures, self.problem, self.heard = 0, "", True
        listed = tuple(sorted(set(instances)))
        news = listed != self._listed
        self._listed = listed
        if listed:
            self.instances = listed
        return 0.0 if news else _QUIET_S

    def failed(self, problem: str) -> float:
        """Take note that there was no answer; return the seconds to wait, with jitter."""
        pause: float = min(_FIRST_S * 2**self._failures, _MOST_S)
        self.index, self.problem = 0, problem
        self._failures = min(self._failures + 1, 30)
        return pause * (0.5 + self._dice.random())

    def choose(self, avoid: str, near: str = "") -> str | None:
        """Return any instance, one at the host `near` where one is; None without any.

        `avoid` is chosen only where it is the only one.
        """
        others = [each for each in self.instances if each != avoid]
        close = [each for each in others if each.rpartition(":")[0].strip("[]") == near]
        return self._dice.choice(close or others or self.instances) if self.instances else None
