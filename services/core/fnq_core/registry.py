"""The registry: functions, their versions, and the bundles these run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from google.protobuf.message import DecodeError
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from fnq.v1 import spec_pb2
from fnq_core import keys
from fnq_core.connection import UNREACHABLE, together
from fnq_wire.version import set_id

__all__ = ["BUNDLE_TTL_S", "Function", "RecordError", "Registry", "Version"]

# Records a version and makes it current.
#   KEYS: version, current, numbers, functions, call stream, depths, namespaces, bundle
#   ARGV: id, name, spec, now, group, namespace
_RECORD = """
local number = redis.call('HGET', KEYS[1], 'number')
if not number then
  number = redis.call('HINCRBY', KEYS[2], 'last', 1)
  redis.call('HSET', KEYS[1], 'spec', ARGV[3], 'number', number, 'created_ms', ARGV[4])
  redis.call('HSET', KEYS[3], number, ARGV[1])
  redis.call('SADD', KEYS[4], ARGV[2])
  redis.call('SADD', KEYS[7], ARGV[6])
end
redis.call('HSET', KEYS[2], 'current', ARGV[1])
redis.call('PERSIST', KEYS[8])
if redis.call('EXISTS', KEYS[5]) == 0 then
  redis.call('XGROUP', 'CREATE', KEYS[5], ARGV[5], '0', 'MKSTREAM')
  redis.call('SADD', KEYS[6], 0)
end
return tonumber(number)
"""

# Renews bundles that no version refers to yet. KEYS: bundles. ARGV: ttl.
# Returns for each whether it is there.
_RENEW = """
local out = {}
for i, key in ipairs(KEYS) do
  local ttl = redis.call('TTL', key)
  if ttl >= 0 then redis.call('EXPIRE', key, ARGV[1]) end
  out[i] = ttl == -2 and 0 or 1
end
return out
"""

#: Seconds after which a bundle goes that no version refers to: its deploy was broken off.
BUNDLE_TTL_S = 3600
#: Of a version's record.
_FIELDS = ("spec", "number", "created_ms", "set")


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a function; `number` counts from 1 within the function."""

    id: str
    number: int
    spec: spec_pb2.FunctionSpec
    created_ms: int
    #: Id of the set that it was deployed in last; 0: of none yet.
    set: int = 0


class RecordError(RuntimeError):
    """What the registry holds of a version cannot be read."""


@dataclass(frozen=True, slots=True)
class Function:
    """A function by name: the id of its current version, and of all that it has."""

    namespace: str
    name: str
    current: str
    versions: list[str]


class Registry:
    """The door to the registry of one Redis."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._record = redis.register_script(_RECORD)
        self._renew = redis.register_script(_RENEW)

    async def record(
        self, namespace: str, version_id: str, spec: spec_pb2.FunctionSpec, now_ms: int
    ) -> Version:
        """Store a version unless it is there, and make it the current one. May be repeated.

        Its bundle stays from now on.
        """
        names = [
            keys.version(namespace, version_id),
            keys.current(namespace, spec.name),
            keys.numbers(namespace, spec.name),
            keys.functions(namespace),
            keys.call_stream(namespace, version_id, 0),
            keys.depths(namespace, version_id),
            keys.NAMESPACES,
            keys.bundle(spec.bundle),
        ]
        body = spec.SerializeToString(deterministic=True)
        args: list[Any] = [version_id, spec.name, body, now_ms, keys.GROUP, namespace]
        await self._record(keys=names, args=args)
        stored = await self.version(namespace, version_id)
        assert stored is not None  # recorded one command ago, and never deleted here
        return stored

    async def version(self, namespace: str, version_id: str) -> Version | None:
        """Return a version by id, or None. Raises RecordError when its record is damaged."""
        key = keys.version(namespace, version_id)
        found = await together(self._redis, [("HMGET", key, *_FIELDS)], errors=True)
        return _version(namespace, version_id, found[0])

    async def versions(self, wanted: Sequence[tuple[str, str]]) -> list[Version | None]:
        """Return the versions by (namespace, id); one round trip.

        None where there is none, and where its record is damaged.
        """
        replies = await together(
            self._redis,
            [("HMGET", keys.version(*each), *_FIELDS) for each in wanted],
            errors=True,
        )
        found: list[Version | None] = []
        for each, reply in zip(wanted, replies, strict=True):
            try:
                found.append(_version(*each, reply))
            except RecordError:
                found.append(None)
        return found

    async def find(self, namespace: str, name: str, number: int = 0) -> Version | None:
        """Return a function's version by number, or the current one (0), or None."""
        if number:
            found: Any = await self._redis.execute_command(
                "HGET", keys.numbers(namespace, name), number
            )
        else:
            found = await self._redis.execute_command(
                "HGET", keys.current(namespace, name), "current"
            )
        return await self.version(namespace, found.decode()) if found else None

    async def names(self, namespace: str) -> list[str]:
        """Return the names of all functions, sorted."""
        reply: Any = await self._redis.execute_command("SMEMBERS", keys.functions(namespace))
        return sorted(name.decode() for name in reply)

    async def functions(self, namespaces: Sequence[str]) -> list[Function]:
        """Return the functions of these namespaces, by name in each; two round trips."""
        names = await together(
            self._redis, [("SMEMBERS", keys.functions(each)) for each in namespaces]
        )
        known = [
            (namespace, name)
            for namespace, found in zip(namespaces, names, strict=True)
            for name in sorted(each.decode() for each in found)
        ]
        replies = await together(
            self._redis,
            [
                command
                for each in known
                for command in (
                    ("HGET", keys.current(*each), "current"),
                    ("HVALS", keys.numbers(*each)),
                )
            ],
        )
        return [
            Function(*each, current.decode(), [identity.decode() for identity in versions])
            for each, current, versions in zip(known, replies[::2], replies[1::2], strict=True)
            if current is not None
        ]

    async def namespaces(self) -> list[str]:
        """Return the namespaces that have functions."""
        reply: Any = await self._redis.execute_command("SMEMBERS", keys.NAMESPACES)
        return sorted(name.decode() for name in reply)

    async def bind(self, namespace: str, members: Mapping[str, str]) -> int:
        """Record that these versions, by name, were deployed as one set; return its id.

        Nested calls resolve in the set that their call was made in. May be repeated.
        """
        identity = set_id(members)
        pairs = [text for pair in sorted(members.items()) for text in pair]
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.execute_command("HSET", keys.mates(namespace, identity), *pairs)
            for version_id in members.values():
                pipe.execute_command("HSET", keys.version(namespace, version_id), "set", identity)
            await pipe.execute()
        return identity

    async def mates(self, namespace: str, members: int) -> list[Version]:
        """Return the versions of a set, by its id, in order of their names; two round trips."""
        reply: Any = await self._redis.execute_command("HVALS", keys.mates(namespace, members))
        found = await self.versions([(namespace, identity.decode()) for identity in reply])
        return sorted((each for each in found if each), key=lambda each: each.spec.name)

    async def missing_bundles(self, digests: Sequence[str]) -> list[str]:
        """Return those of the digests whose bundle is not stored; the others are kept a while."""
        asked = list(dict.fromkeys(digests))
        if not asked:
            return []
        names = [keys.bundle(digest) for digest in asked]
        there: Any = await self._renew(keys=names, args=[BUNDLE_TTL_S])
        return [digest for digest, found in zip(asked, there, strict=True) if not found]

    async def put_bundle(self, digest: str, data: bytes) -> None:
        """Store a bundle under its sha256: until a version refers to it, for BUNDLE_TTL_S."""
        # One that is there is the same, and a version may refer to it already.
        await self._redis.execute_command(
            "SET", keys.bundle(digest), data, "EX", BUNDLE_TTL_S, "NX"
        )

    async def bundle(self, digest: str) -> bytes | None:
        """Return a bundle's bytes, or None."""
        found: bytes | None = await self._redis.execute_command("GET", keys.bundle(digest))
        return found


def _version(namespace: str, version_id: str, reply: Any) -> Version | None:
    """Return what a record holds; None where there is none. Raises RecordError."""
    try:
        if isinstance(reply, Exception):
            raise reply
        if reply[0] is None:
            return None
        spec = spec_pb2.FunctionSpec.FromString(reply[0])
        return Version(version_id, int(reply[1]), spec, int(reply[2]), int(reply[3] or 0))
    except UNREACHABLE:
        raise
    except (ResponseError, DecodeError, TypeError, ValueError) as problem:
        raise RecordError(
            f"the record of version {version_id!r} in namespace {namespace!r} cannot be read "
            f"({problem}): deploy another version"
        ) from problem
