"""Names of every key in Redis, and who lets each one go: `KINDS` is the table.

The rule: every key expires, or has an owner that deletes it, and there are as many
of them as there are owners, however many calls were made. What a deploy leaves is the
exception: nothing deletes a version yet.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = [
    "DEPTHS_CHANNEL",
    "GROUP",
    "KINDS",
    "NAMESPACES",
    "SESSIONS",
    "Kind",
    "attended",
    "blob",
    "bundle",
    "call_stream",
    "control",
    "current",
    "depths",
    "functions",
    "inbox",
    "kind_of",
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


def mates(namespace: str, members: int) -> str:
    """Return the hash from name to version id of a set of functions."""
    return f"fnq:{{{namespace}}}:mates:{members:016x}"


def bundle(digest: str) -> str:
    """Return the key of a bundle's bytes, by sha256."""
    return f"fnq:bundle:{digest}"


def logs(namespace: str, function: str) -> str:
    """Return the stream of lines that a function's user code printed."""
    return f"fnq:{{{namespace}}}:logs:{function}"


def blob(name: str) -> str:
    """Return the hash with the chunks of a large value."""
    return f"fnq:blob:{name}"


@dataclass(frozen=True, slots=True)
class Kind:
    """What the keys of one kind have in common.

    `owner` lets them go; where `expires`, it is only late. There is one for each `per`.
    """

    noun: str
    pattern: re.Pattern[str]
    per: str
    owner: str
    expires: bool = False


def _kind(noun: str, made: str, per: str, owner: str, *, expires: bool = False) -> Kind:
    """Return the kind of the keys that `made` is one of, with * for what differs."""
    pattern = re.compile(re.escape(made).replace(r"\*", ".+"), re.DOTALL)
    return Kind(noun, pattern, per, owner, expires)


#: Who lets go of what a deploy leaves.
_DEPLOYED = "nobody yet: versions stay"

#: Every kind of key that fnq makes; each key is of exactly one.
KINDS = (
    _kind(
        "calls",
        call_stream("*", "*", 0).removesuffix("0") + "*",
        "version and depth in use",
        "nobody yet, as its version; deep ones go when they are idle",
    ),
    _kind("depths", depths("*", "*"), "version", _DEPLOYED),
    _kind("inbox", inbox("*"), "server", "its server, which renews it", expires=True),
    _kind("control", control("*"), "consumer", "its consumer, which renews it", expires=True),
    _kind(
        "session",
        session(0).removesuffix("0") + "*",
        "client",
        "its server, at the client's goodbye; an hour after the last use",
        expires=True,
    ),
    _kind("presence", presence("*", "*", "*"), "agent", "its agent, which renews it", expires=True),
    _kind("workers", workers("*", "*"), "version", "its agents, which renew it", expires=True),
    _kind("attended", attended("*"), "namespace", "its agents, which renew it", expires=True),
    _kind("functions", functions("*"), "namespace", _DEPLOYED),
    _kind("current", current("*", "*"), "function", _DEPLOYED),
    _kind("numbers", numbers("*", "*"), "function", _DEPLOYED),
    _kind("version", version("*", "*"), "version", _DEPLOYED),
    _kind("mates", mates("*", 0).removesuffix(f"{0:016x}") + "*", "set", _DEPLOYED),
    _kind("bundle", bundle("*"), "source", f"{_DEPLOYED}; an hour, where none refers to it"),
    _kind("namespaces", NAMESPACES, "Redis", _DEPLOYED),
    _kind("sessions", SESSIONS, "Redis", "nobody: a counter must not begin again"),
    _kind("logs", logs("*", "*"), "function", "a day after the last line", expires=True),
    _kind(
        "blob",
        blob("*"),
        "large value under way",
        "its acknowledgement; a day, where that never comes",
        expires=True,
    ),
)


def kind_of(key: str) -> Kind:
    """Return the kind of a key; raises LookupError when it is none of fnq's."""
    for kind in KINDS:
        if kind.pattern.fullmatch(key):
            return kind
    raise LookupError(f"{key!r} is no key of fnq's; who lets it go belongs into {__name__}.KINDS")
