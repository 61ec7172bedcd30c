"""The id of a function version: what calls are pinned to."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fnq.v1 import spec_pb2

__all__ = ["version_id"]


def version_id(spec: spec_pb2.FunctionSpec) -> str:
    """Return 32 hex digits: the same for the same name, settings and bundle."""
    body = spec.SerializeToString(deterministic=True)
    return hashlib.sha256(body).hexdigest()[:32]
