"""How many replicas an operator wants of functions, in place of what their decorators say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from redis.asyncio import Redis

from fnq_core import keys
from fnq_core.connection import together

__all__ = ["Scaling", "ScalingBook"]

#: In the place of a number that is not set.
_UNSET = "-"

# Sets what an operator wants. KEYS: scalings, revision. ARGV: function, words ("": nothing).
# It begins with a write that needs no memory: a full Redis lets the rest pass then.
_SET = """
redis.call('HDEL', KEYS[1], ARGV[1])
if ARGV[2] ~= '' then redis.call('HSET', KEYS[1], ARGV[1], ARGV[2]) end
redis.call('INCR', KEYS[2])
"""


@dataclass(frozen=True, slots=True)
class Scaling:
    """What is set of a function; None: as its decorator says."""

    least: int | None = None
    most: int | None = None

    def bounds(self, least: int, most: int) -> tuple[int, int]:
        """Return what holds where a decorator says `least` and `most`.

        Where the two contradict each other, what is set here wins.
        """
        if self.most is not None:
            least, most = min(least, self.most), self.most
        if self.least is not None:
            least = self.least
        return least, max(least, most, 1)


class ScalingBook:
    """The door to what is set in one Redis. It holds for a function's versions to come, too."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._set = redis.register_script(_SET)

    async def set(self, namespace: str, function: str, scaling: Scaling) -> None:
        """Set how many replicas a function has; what is None in `scaling` is not set any more."""
        words = " ".join(
            _UNSET if number is None else str(number) for number in (scaling.least, scaling.most)
        )
        await self._set(
            keys=[keys.scalings(namespace), keys.REVISION],
            args=[function, "" if scaling == Scaling() else words],
        )

    async def find(self, namespace: str, function: str) -> Scaling:
        """Return what is set of a function."""
        found = await self._redis.execute_command("HGET", keys.scalings(namespace), function)
        return Scaling() if found is None else _scaling(found)

    async def all(self, namespaces: Sequence[str]) -> dict[tuple[str, str], Scaling]:
        """Return what is set, by namespace and function; one round trip."""
        replies = await together(
            self._redis, [("HGETALL", keys.scalings(each)) for each in namespaces]
        )
        return {
            (namespace, name.decode()): _scaling(words)
            for namespace, reply in zip(namespaces, replies, strict=True)
            for name, words in zip(reply[::2], reply[1::2], strict=True)
        }


def _scaling(words: bytes) -> Scaling:
    try:
        least, most = (None if word == _UNSET else int(word) for word in words.decode().split())
    except ValueError:
        # Damaged: as the decorator says.
        return Scaling()
    return Scaling(least, most)
