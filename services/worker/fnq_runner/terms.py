"""What a nested call asks for by itself, and what its parent leaves it. Pure."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from fnq_wire.pieces import sha256

if TYPE_CHECKING:
    from chalkcompute.inflight import Terms
    from fnq_runner.invocation import Invocation
    from fnq_wire.pieces import Payload

__all__ = ["packed", "remaining_ms"]


def remaining_ms(parent: Invocation | None, terms: Terms | None) -> int:
    """Return the milliseconds that a call has: what its parent has left, or it asks for; 0: any."""
    left = 0 if parent is None else parent.remaining_ms()
    asked = 0 if terms is None else terms.deadline_ms
    return min(left, asked) if left and asked else left or asked


def packed(terms: Terms, payload: Payload) -> bytes:
    """Return what a call asks for by itself, for `SubmitInfo.terms`."""
    asked: dict[str, object] = {"timeout_ms": terms.timeout_ms, "tags": dict(terms.tags)}
    if terms.key:
        asked |= {"key": terms.key, "digest": sha256(payload).hex()}
    return json.dumps(asked).encode()
