"""Secrets as they lie in Redis: sealed, by name. What is in them only a key can tell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from redis.asyncio import Redis

from fnq_core import keys
from fnq_core.connection import together

__all__ = ["Label", "SecretRecords"]


# Stores a record that belongs to a function, unless that is deleted.
#   KEYS: functions, secrets. ARGV: function, name, record
_PUT_OF = """
if redis.call('SISMEMBER', KEYS[1], ARGV[1]) == 1 then
  redis.call('HSET', KEYS[2], ARGV[2], ARGV[3])
end
"""


class Label(NamedTuple):
    """What a secret is found by in its namespace.

    `source` and `name` are those of a spec's `SecretRef`. What comes from a deployer's
    environment ("local_env") belongs to one `function`; elsewhere that is empty.
    """

    source: str
    name: str
    function: str = ""


class SecretRecords:
    """The door to the sealed secrets of one Redis; a record is bytes."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._put_of = redis.register_script(_PUT_OF)

    async def get(self, namespace: str, labels: Sequence[Label]) -> list[bytes | None]:
        """Return the records in order, None for each that is not there; one round trip."""
        return await together(self._redis, [("HGET", *_place(namespace, each)) for each in labels])

    async def put(self, namespace: str, label: Label, record: bytes) -> None:
        """Store a record in place of the one before.

        What belongs to a function goes with it, and is not stored where that is not known.
        """
        key, field = _place(namespace, label)
        if label.function:
            names = [keys.functions(namespace), key]
            await self._put_of(keys=names, args=[label.function, field, record])
        else:
            await self._redis.execute_command("HSET", key, field, record)

    async def all(self, namespace: str, source: str) -> dict[str, bytes]:
        """Return the records of a source that belong to no function, by name, sorted."""
        key, head = _place(namespace, Label(source, ""))
        reply: Any = await self._redis.execute_command("HGETALL", key)
        found = zip((field.decode() for field in reply[::2]), reply[1::2], strict=True)
        return {
            field.removeprefix(head): record
            for field, record in sorted(found)
            if field.startswith(head)
        }

    async def delete(self, namespace: str, label: Label) -> bool:
        """Delete a record; return whether it was there."""
        return bool(await self._redis.execute_command("HDEL", *_place(namespace, label)))


def _place(namespace: str, label: Label) -> tuple[str, str]:
    """Return the hash, and the field in it, that holds a record."""
    if label.function:
        return keys.local_secrets(namespace, label.function), label.name
    return keys.secrets(namespace), f"{label.source}:{label.name}"
