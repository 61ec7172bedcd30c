"""Names of every key in Redis; `kinds` says who lets each one go."""

from __future__ import annotations

import hashlib

from fnq_wire import callid

__all__ = [
    "DELETED",
    "DEPTHS_CHANNEL",
    "GROUP",
    "LEADER",
    "NAMESPACES",
    "REVISION",
    "SESSIONS",
    "attended",
    "blob",
    "bundle",
    "bundle_users",
    "call_stream",
    "control",
    "cordon",
    "current",
    "depths",
    "dues",
    "functions",
    "inbox",
    "kept",
    "limits",
    "local_secrets",
    "logs",
    "mates",
    "named",
    "namespace_of",
    "numbers",
    "output",
    "permit_consumers",
    "permit_due",
    "permit_queue",
    "permits",
    "presence",
    "progress",
    "scalings",
    "secrets",
    "session",
    "sets",
    "spawned",
    "version",
    "version_of",
    "workers",
]

#: The one consumer group of every call stream.
GROUP = "workers"
#: Counter from which session tags are taken.
SESSIONS = "fnq:sessions"
#: Name of the server that does what only one may do.
LEADER = "fnq:leader"
#: Set of the namespaces that have functions.
NAMESPACES = "fnq:namespaces"
#: Sorted set of the versions that are deleted and not gone yet, by when that was.
DELETED = "fnq:deleted"
#: Counter of changes of functions, their versions, and what is set for their replicas.
REVISION = "fnq:revision"
#: Published to when a call stream of a new depth is made; the body is its depths key.
DEPTHS_CHANNEL = "fnq:depths"
#: Milliseconds of calls whose results are kept, and expire, together.
_BUCKET_MS = 60_000


def call_stream(namespace: str, version: str, depth: int) -> str:
    """Return the stream of calls of one version at one depth."""
    return f"fnq:{{{namespace}}}:calls:{version}:{depth}"


def version_of(stream: str) -> str:
    """Return the id of the version whose calls lie in a call stream."""
    return stream.rsplit(":", 2)[1]


def progress(namespace: str, version: str, depth: int) -> str:
    """Return the hash from entry to rows done, of the packed calls in a call stream."""
    return f"fnq:{{{namespace}}}:progress:{version}:{depth}"


def dues(stream: str) -> str:
    """Return the hash from an entry of a call stream to when its next attempt is due."""
    head, version_id, depth = stream.rsplit(":", 2)
    return f"{head.removesuffix('calls')}dues:{version_id}:{depth}"


def namespace_of(stream: str) -> str:
    """Return the namespace whose calls lie in a call stream."""
    return stream.rsplit(":", 3)[0].removeprefix("fnq:{").removesuffix("}")


def depths(namespace: str, version: str) -> str:
    """Return the set of depths at which a version has call streams."""
    return f"fnq:{{{namespace}}}:depths:{version}"


def inbox(server: str) -> str:
    """Return the stream that takes results for one server instance."""
    return f"fnq:inbox:{server}"


def control(consumer: str) -> str:
    """Return the stream that carries orders to one consumer."""
    return f"fnq:control:{consumer}"


def session(tag: int) -> str:
    """Return the hash with generation, secret and mark of one session."""
    return f"fnq:session:{tag:x}"


def presence(namespace: str, version: str, agent: str) -> str:
    """Return the hash in which an agent says how it is."""
    return f"fnq:{{{namespace}}}:worker:{version}:{agent}"


def workers(namespace: str, version: str) -> str:
    """Return the sorted set of a version's agents, by when their presence expires."""
    return f"fnq:{{{namespace}}}:workers:{version}"


def cordon(namespace: str, version: str) -> str:
    """Return the key with the first of a version's replicas that take no more calls."""
    return f"fnq:{{{namespace}}}:cordon:{version}"


def attended(namespace: str) -> str:
    """Return the sorted set of versions with agents, by when the last presence expires."""
    return f"fnq:{{{namespace}}}:attended"


def functions(namespace: str) -> str:
    """Return the set of names of deployed functions."""
    return f"fnq:{{{namespace}}}:functions"


def current(namespace: str, name: str) -> str:
    """Return the hash that holds a function's current version and next number."""
    return f"fnq:{{{namespace}}}:function:{name}"


def scalings(namespace: str) -> str:
    """Return the hash from function to the replicas that an operator has set for it."""
    return f"fnq:{{{namespace}}}:scalings"


def numbers(namespace: str, name: str) -> str:
    """Return the hash from version number to version id of one function."""
    return f"fnq:{{{namespace}}}:versions:{name}"


def version(namespace: str, version_id: str) -> str:
    """Return the hash with spec, number and creation time of one version."""
    return f"fnq:{{{namespace}}}:version:{version_id}"


def mates(namespace: str, members: int) -> str:
    """Return the hash from name to version id of a set of functions."""
    return f"fnq:{{{namespace}}}:mates:{members:016x}"


def sets(namespace: str, version_id: str) -> str:
    """Return the set of the sets that a version is in, each by its number in hex."""
    return f"fnq:{{{namespace}}}:sets:{version_id}"


def bundle(digest: str) -> str:
    """Return the key of a bundle's bytes, by sha256."""
    return f"fnq:bundle:{digest}"


def bundle_users(digest: str) -> str:
    """Return the set of versions that refer to a bundle, each as namespace, space, id."""
    return f"fnq:bundle-users:{digest}"


def logs(namespace: str, function: str) -> str:
    """Return the stream of lines that a function's user code printed."""
    return f"fnq:{{{namespace}}}:logs:{function}"


def limits(namespace: str) -> str:
    """Return the hash from name to policy of a namespace's limits."""
    return f"fnq:{{{namespace}}}:limits"


def secrets(namespace: str) -> str:
    """Return the hash from source and name to sealed secret of a namespace."""
    return f"fnq:{{{namespace}}}:secrets"


def local_secrets(namespace: str, function: str) -> str:
    """Return the hash of sealed variables from the environment of a function's deployer."""
    return f"fnq:{{{namespace}}}:local-secrets:{function}"


def permits(namespace: str, limit: str) -> str:
    """Return the sorted set of permits that runs hold of a limit, by when they lapse."""
    return f"fnq:{{{namespace}}}:permits:{limit}"


def permit_queue(namespace: str, limit: str) -> str:
    """Return the sorted set of calls that wait for a permit, by when they were accepted."""
    return f"fnq:{{{namespace}}}:permit-queue:{limit}"


def permit_consumers(namespace: str, limit: str) -> str:
    """Return the sorted set of consumers whose calls wait for a permit, by when they lapse."""
    return f"fnq:{{{namespace}}}:permit-consumers:{limit}"


def permit_due(namespace: str, limit: str) -> str:
    """Return the key with the time at which the rate of a limit has caught up."""
    return f"fnq:{{{namespace}}}:permit-due:{limit}"


def blob(name: str) -> str:
    """Return the hash with the chunks of a large value."""
    return f"fnq:blob:{name}"


def spawned(namespace: str, call: bytes) -> str:
    """Return the hash of detached calls of one time and function that have not ended."""
    return f"fnq:{{{namespace}}}:spawned:{_bucket(call)}"


def kept(namespace: str, call: bytes) -> str:
    """Return the hash with the ends of detached calls of one time and function."""
    return f"fnq:{{{namespace}}}:kept:{_bucket(call)}"


def _bucket(call: bytes) -> str:
    """Return what the id of a call says of when it was made, and of which function."""
    made = callid.parse(call)
    return f"{made.function:03x}:{made.ms // _BUCKET_MS}"


def output(namespace: str, call: bytes) -> str:
    """Return the stream with what a detached generator yields."""
    return f"fnq:{{{namespace}}}:output:{call.hex()}"


def named(namespace: str, function: str, key: str) -> str:
    """Return the key that says which call of a function has an idempotency key."""
    return f"fnq:{{{namespace}}}:named:{function}:{hashlib.sha256(key.encode()).hexdigest()[:32]}"
