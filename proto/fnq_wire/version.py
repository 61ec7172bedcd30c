"""The id of a function version, to which calls are pinned, and of a set; what a version allows."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING

from fnq_wire.option import ALLOW, DIVERGENCE

if TYPE_CHECKING:
    from fnq.v1 import spec_pb2

__all__ = ["is_divergent", "is_repeatable", "is_single", "set_id", "version_id"]


def version_id(spec: spec_pb2.FunctionSpec) -> str:
    """Return 32 hex digits: the same for the same name, settings and bundle."""
    body = spec.SerializeToString(deterministic=True)
    return hashlib.sha256(body).hexdigest()[:32]


def set_id(members: Mapping[str, str]) -> int:
    """Return 64 bits, not 0: the same for the same versions (ids by name of the function)."""
    body = "".join(f"{name}\0{version}\n" for name, version in sorted(members.items()))
    return int.from_bytes(hashlib.sha256(body.encode()).digest()[:8], "big") or 1


def is_divergent(spec: spec_pb2.FunctionSpec) -> bool:
    """Return whether a repeated run may differ from the chunks that were delivered before."""
    return spec.options.get(DIVERGENCE) == ALLOW


def is_repeatable(spec: spec_pb2.FunctionSpec) -> bool:
    """Return whether a run may be repeated after some of its chunks were delivered."""
    return spec.retry.attempts > 0


def is_single(spec: spec_pb2.FunctionSpec) -> bool:
    """Return whether rows of it travel one by one, each in an entry of its own.

    Its attempts, permits and time limit are of an entry, and a caller means them for a row;
    the time limit of a function that takes batches is for a batch.
    """
    limited = spec.timeout_s > 0 and not spec.batching.max_size
    return spec.retry.attempts > 0 or bool(spec.rate_limit_key) or limited
