"""Every kind of key in Redis, and who lets each one go: `KINDS` is the table.

The rule: every key expires, or has an owner that deletes it, and there are as many
of them as there are owners, however many calls were made. What a deploy leaves stays
until its function is deleted (see `removal`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from fnq_core import keys
from fnq_wire import callid

__all__ = ["KINDS", "Kind", "kind_of"]


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


#: The id of a call from the beginning of time.
_SAMPLE = callid.make(0, "000", 0, 0)
#: Who lets go of what a deploy leaves.
_DEPLOYED = "the deletion of its function"

#: Every kind of key that fnq makes; each key is of exactly one.
KINDS = (
    _kind(
        "calls",
        keys.call_stream("*", "*", 0).removesuffix("0") + "*",
        "version and depth in use",
        "the deletion of its function; deep ones go when they are idle",
    ),
    _kind(
        "progress",
        keys.progress("*", "*", 0).removesuffix("0") + "*",
        "version and depth whose entries take long",
        "the acknowledgement of each entry; a day after the last note",
        expires=True,
    ),
    _kind("depths", keys.depths("*", "*"), "version", _DEPLOYED),
    _kind(
        "dues",
        keys.dues(keys.call_stream("*", "*", 0)).removesuffix("0") + "*",
        "call stream with calls that wait for another attempt",
        "its consumers: each field goes when its attempt begins, or with its entry",
    ),
    _kind("inbox", keys.inbox("*"), "server", "its server, which renews it", expires=True),
    _kind("control", keys.control("*"), "consumer", "its consumer, which renews it", expires=True),
    _kind(
        "session",
        keys.session(0).removesuffix("0") + "*",
        "client",
        "its server, at the client's goodbye; an hour after the last use",
        expires=True,
    ),
    _kind(
        "presence",
        keys.presence("*", "*", "*"),
        "agent",
        "its agent, which renews it",
        expires=True,
    ),
    _kind("workers", keys.workers("*", "*"), "version", "its agents, which renew it", expires=True),
    _kind("attended", keys.attended("*"), "namespace", "its agents, which renew it", expires=True),
    _kind("cordon", keys.cordon("*", "*"), "version", "the leader, which renews it", expires=True),
    _kind("leader", keys.LEADER, "Redis", "the leader, which renews it", expires=True),
    _kind("scalings", keys.scalings("*"), "namespace", "`fnq function scale --reset`"),
    _kind("functions", keys.functions("*"), "namespace", _DEPLOYED),
    _kind("current", keys.current("*", "*"), "function", _DEPLOYED),
    _kind("numbers", keys.numbers("*", "*"), "function", _DEPLOYED),
    _kind("version", keys.version("*", "*"), "version", _DEPLOYED),
    _kind("mates", keys.mates("*", 0).removesuffix(f"{0:016x}") + "*", "set", _DEPLOYED),
    _kind("sets", keys.sets("*", "*"), "version", _DEPLOYED),
    _kind(
        "bundle",
        keys.bundle("*"),
        "source",
        "the deletion of the last version that refers to it; an hour, where none does yet",
    ),
    _kind("bundle users", keys.bundle_users("*"), "source", "the deletion of the last of them"),
    _kind("namespaces", keys.NAMESPACES, "Redis", "the deletion of its last function"),
    _kind("deleted", keys.DELETED, "Redis", "the servers, once workers and calls are gone"),
    _kind("sessions", keys.SESSIONS, "Redis", "nobody: a counter must not begin again"),
    _kind("revision", keys.REVISION, "Redis", "nobody: a counter must not begin again"),
    _kind("logs", keys.logs("*", "*"), "function", "a day after the last line", expires=True),
    _kind("limits", keys.limits("*"), "namespace", "whoever set them: `fnq limit delete`"),
    _kind("secrets", keys.secrets("*"), "namespace", "`fnq secret|integration delete`"),
    _kind("local secrets", keys.local_secrets("*", "*"), "function that names any", _DEPLOYED),
    _kind(
        "permits",
        keys.permits("*", "*"),
        "limit in use",
        "the consumers of its holders, which renew it",
        expires=True,
    ),
    _kind(
        "permit queue",
        keys.permit_queue("*", "*"),
        "limit in use",
        "the consumers of those who wait, which renew it",
        expires=True,
    ),
    _kind(
        "permit consumers",
        keys.permit_consumers("*", "*"),
        "limit in use",
        "the consumers of those who wait, which renew it",
        expires=True,
    ),
    _kind(
        "permit due",
        keys.permit_due("*", "*"),
        "limit with a rate in use",
        "nobody: it goes when the rate has caught up",
        expires=True,
    ),
    _kind(
        "spawned",
        keys.spawned("*", _SAMPLE).replace("000:0", "*"),
        "function and minute with detached calls in flight",
        "the last end among them",
    ),
    _kind(
        "kept",
        keys.kept("*", _SAMPLE).replace("000:0", "*"),
        "function and minute in which detached calls were made",
        "nobody: it expires with its last result",
        expires=True,
    ),
    _kind(
        "output",
        keys.output("*", b"") + "*",
        "detached generator",
        "its end: it expires with the result",
    ),
    _kind(
        "named",
        keys.named("*", "*", "").rpartition(":")[0] + ":*",
        "idempotency key in use",
        "the end of the call that it names: it expires with the result",
    ),
    _kind(
        "blob",
        keys.blob("*"),
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
