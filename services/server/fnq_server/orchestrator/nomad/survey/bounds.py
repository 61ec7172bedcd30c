"""Whether what functions may ask for can be known, where a key of Consul says it. Pure."""

from __future__ import annotations

from fnq_server.orchestrator.nomad.bounds import Bounds
from fnq_wire.finding import Finding, missing, ok

__all__ = ["finding"]

_SUBJECT = "bounds"


def finding(key: str, text: str | None) -> Finding:
    """Return what is to be said of what lies at a key; None: nothing does."""
    put = f"run consul kv put {key} @FILE; an empty file bounds nothing"
    if text is None:
        return missing(_SUBJECT, f"there is no key {key!r} in Consul", put)
    try:
        Bounds.parse(text, key)
    except ValueError as problem:
        what = f"the key {key!r} of Consul holds no bounds: {problem}"
        return missing(_SUBJECT, what, put)
    return ok(_SUBJECT, f"read from the key {key!r} of Consul")
