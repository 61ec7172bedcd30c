"""What a limit decides, in Python: the model that the script of Redis is held to."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from fnq_core.lease import LEASE_S
from fnq_core.permits import AHEAD_S, Grant
from fnq_wire.policy import Policy

__all__ = ["Model"]

LEASE_MS, AHEAD_US = int(LEASE_S * 1e3), int(AHEAD_S * 1e6)


@dataclass
class Model:
    """A limit: permits and consumers by when they lapse (ms), waiters in their order."""

    policy: Policy | None = None
    permits: dict[bytes, int] = field(default_factory=dict)
    queue: list[tuple[int, bytes, str]] = field(default_factory=list)
    consumers: dict[str, int] = field(default_factory=dict)
    #: Theoretical arrival time of the next run, in microseconds.
    tat: float = 0.0

    def turn(
        self,
        now: int,
        me: str,
        *,
        released: Collection[bytes] = (),
        left: Collection[bytes] = (),
        joined: Collection[tuple[int, bytes]] = (),
        waits: bool,
    ) -> list[Grant]:
        """Return what a turn of `me` at `now` grants; `joined` has since when each waits."""
        lapses = now // 1000 + LEASE_MS
        self._lapse(now // 1000)
        for name in released:
            self.permits.pop(name, None)
        self.queue = [each for each in self.queue if each[1] not in left]
        found = []
        for at, name in joined:
            if name in self.permits:
                found.append(Grant(name, me, now + AHEAD_US))
            elif all(name != each[1] for each in self.queue):
                self.queue.append((at, name, me))
        self.consumers.pop(me, None)
        if waits:
            self.consumers[me] = lapses
        return found + self._grants(now, me, lapses)

    def _lapse(self, now_ms: int) -> None:
        self.permits = {name: at for name, at in self.permits.items() if at > now_ms}
        self.consumers = {name: at for name, at in self.consumers.items() if at > now_ms}

    def _grants(self, now: int, me: str, lapses: int) -> list[Grant]:
        policy, found = self.policy or Policy(), list[Grant]()
        interval = policy.interval_us
        tat = min(self.tat, now + AHEAD_US + policy.burst * interval) if interval else self.tat
        for waiter in sorted(self.queue):
            _, name, consumer = waiter
            lapse = lapses if consumer == me else self.consumers.get(consumer)
            if lapse is not None:
                if policy.max_concurrency and len(self.permits) >= policy.max_concurrency:
                    break
                start = float(now)
                if interval:
                    start = max(now, tat - (policy.burst - 1) * interval)
                    if start > now + AHEAD_US:
                        break
                    tat = max(tat, start) + interval
                    self.tat = float(f"{tat:.3f}")
                self.permits[name] = lapse
                found.append(Grant(name, consumer, int(f"{start:.0f}")))
            self.queue.remove(waiter)
        return found
