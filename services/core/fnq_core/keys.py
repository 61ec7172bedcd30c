"""Names of every key in Redis, and who lets each one go.

=================  ==========================================================
call streams       the function version owns them; deep ones go when idle
depths             the function version
inbox              a server; expires unless renewed (see `results`)
control stream     a consumer; expires unless renewed
session            expires one hour after its last submission
presence           an agent; expires unless renewed
workers, attended  agents together; expire unless one of them is renewed
versions, bundles  the registry; kept until a function is deleted
logs               expire a day after the last line
blobs              die with the acknowledgement; expire after a day
=================  ==========================================================
"""

from __future__ import annotations

__all__ = [
    "DEPTHS_CHANNEL",
    "GROUP",
    "NAMESPACES",
    "SESSIONS",
    "attended",
    "blob",
    "bundle",
    "call_stream",
    "control",
    "current",
    "depths",
    "functions",
    "inbox",
    "logs",
    "mates",
    "numbers",
    "presence",
    "session",
    "version",
    "version_of",
    "workers",
]

#: The one consumer group of every call stream.
GROUP = "workers"
#: Counter from which session tags are taken.
SESSIONS = "fnq:sessions"
#: Set of the namespaces that have functions.
NAMESPACES = "fnq:namespaces"
#: Published to when a call stream of a new depth is made; the body is its depths key.
DEPTHS_CHANNEL = "fnq:depths"


def call_stream(namespace: str, version: str, depth: int) -> str:
    """Return the stream of calls of one version at one depth."""
    return f"fnq:{{{namespace}}}:calls:{version}:{depth}"


def version_of(stream: str) -> str:
    """Return the id of the version whose calls lie in a call stream."""
    return stream.rsplit(":", 2)[1]


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


def attended(namespace: str) -> str:
    """Return the sorted set of versions with agents, by when the last presence expires."""
    return f"fnq:{{{namespace}}}:attended"


def functions(namespace: str) -> str:
    """Return the set of names of deployed functions."""
    return f"fnq:{{{namespace}}}:functions"


def current(namespace: str, name: str) -> str:
    """Return the hash that holds a function's current version and next number."""
    return f"fnq:{{{namespace}}}:function:{name}"


def numbers(namespace: str, name: str) -> str:
    """Return the hash from version number to version id of one function."""
    return f"fnq:{{{namespace}}}:versions:{name}"


def version(namespace: str, version_id: str) -> str:
    """Return the hash with spec, number and creation time of one version."""
    return f"fnq:{{{namespace}}}:version:{version_id}"


def mates(namespace: str, version_id: str) -> str:
    """Return the hash from name to version id of the set a version was deployed in."""
    return f"fnq:{{{namespace}}}:mates:{version_id}"


def bundle(digest: str) -> str:
    """Return the key of a bundle's bytes, by sha256."""
    return f"fnq:bundle:{digest}"


def logs(namespace: str, function: str) -> str:
    """Return the stream of lines that a function's user code printed."""
    return f"fnq:{{{namespace}}}:logs:{function}"


def blob(name: str) -> str:
    """Return the list of chunks of a large value."""
    return f"fnq:blob:{name}"
