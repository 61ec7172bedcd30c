"""The registry: functions, their versions, and the bundles these run.

It is written by `releases` and `removal`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from google.protobuf.message import DecodeError
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from fnq.v1 import spec_pb2
from fnq_core import keys
from fnq_core.connection import UNREACHABLE, together
from fnq_wire.imagefiles import hashes

__all__ = ["BUNDLE_TTL_S", "Function", "RecordError", "Registry", "Version", "bundles_of"]

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
_FIELDS = ("spec", "number", "created_ms", "set", "live", "deleted", "failure")


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a function; `number` counts from 1 within the function."""

    id: str
    number: int
    spec: spec_pb2.FunctionSpec
    created_ms: int
    #: Id of the set that it was deployed in last; 0: of none yet.
    set: int = 0
    #: Whether it was current once, and may be again at any time.
    live: bool = False
    #: Whether its function was deleted: it takes no calls, and goes when it has none.
    deleted: bool = False
    #: Why it could not go live last, in one sentence.
    failure: str = ""


class RecordError(RuntimeError):
    """What the registry holds of a version cannot be read."""


@dataclass(frozen=True, slots=True)
class Function:
    """A function by name: the id of its current version, and of all that it has.

    `current` is "" before any version went live.
    """

    namespace: str
    name: str
    current: str
    versions: list[str]


class Registry:
    """The door to the registry of one Redis."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._renew = redis.register_script(_RENEW)

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
        """Return a function's version by number, or the current one (0), or None.

        One that never was live is none.
        """
        if number:
            found: Any = await self._redis.execute_command(
                "HGET", keys.numbers(namespace, name), number
            )
        else:
            found = await self._redis.execute_command(
                "HGET", keys.current(namespace, name), "current"
            )
        version = await self.version(namespace, found.decode()) if found else None
        return version if version is not None and version.live and not version.deleted else None

    async def last_number(self, namespace: str, name: str) -> int:
        """Return the highest number that a version of a function ever had; 0 for none."""
        found: Any = await self._redis.execute_command(
            "HGET", keys.current(namespace, name), "last"
        )
        return int(found or 0)

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
            Function(*each, (current or b"").decode(), [each.decode() for each in versions])
            for each, current, versions in zip(known, replies[::2], replies[1::2], strict=True)
            if versions
        ]

    async def revision(self) -> int:
        """Return a number that is another one once functions or their replicas are changed."""
        found: Any = await self._redis.execute_command("GET", keys.REVISION)
        return int(found or 0)

    async def namespaces(self) -> list[str]:
        """Return the namespaces that have functions."""
        reply: Any = await self._redis.execute_command("SMEMBERS", keys.NAMESPACES)
        return sorted(name.decode() for name in reply)

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


def bundles_of(spec: spec_pb2.FunctionSpec) -> list[str]:
    """Return the hashes of what must be stored for a version, once each."""
    own = [spec.bundle] if spec.bundle else []
    return list(dict.fromkeys([*own, *hashes(spec.image)]))


def _version(namespace: str, version_id: str, reply: Any) -> Version | None:
    """Return what a record holds; None where there is none. Raises RecordError."""
    try:
        if isinstance(reply, Exception):
            raise reply
        if reply[0] is None:
            return None
        spec = spec_pb2.FunctionSpec.FromString(reply[0])
        number, created_ms, members, live, deleted, failure = reply[1:]
        return Version(
            version_id,
            int(number),
            spec,
            int(created_ms),
            int(members or 0),
            bool(live),
            bool(deleted),
            (failure or b"").decode(),
        )
    except UNREACHABLE:
        raise
    except (ResponseError, DecodeError, TypeError, ValueError) as problem:
        raise RecordError(
            f"the record of version {version_id!r} in namespace {namespace!r} cannot be read "
            f"({problem}): deploy another version"
        ) from problem
