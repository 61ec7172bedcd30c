"""Which arguments of a decorator this release takes but does not act on."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fnq.v1 import spec_pb2

__all__ = ["DEFAULT_COOLDOWN_S", "DEFAULT_RESULT_TTL_S", "inactive"]

#: Seconds; what a spec says where the decorator said nothing.
DEFAULT_COOLDOWN_S = 60.0
DEFAULT_RESULT_TTL_S = 86_400.0


def inactive(spec: spec_pb2.FunctionSpec, active: Collection[str] = ()) -> list[str]:
    """Return the names of arguments that were given and have no effect yet.

    They have the decorator's names and the order of its documentation. `active` are
    those that have one where the function runs, though not everywhere.
    """
    synchronous = spec.kind in ("function", "generator")
    given = {
        "image": bool(spec.image),
        "cpu": spec.resources.cpu_millis > 0,
        "memory": spec.resources.memory_bytes > 0,
        "gpu": bool(spec.resources.gpu),
        "max_replicas": spec.max_replicas > max(1, spec.min_replicas),
        "volumes": bool(spec.volumes),
        "secrets": bool(spec.secrets),
        "suspend_cooldown_period": spec.suspend_cooldown_s != DEFAULT_COOLDOWN_S,
        "options": bool(spec.options),
        "max_buffer_duration": spec.batching.max_buffer_ms > 0,
        "max_batching_size": spec.batching.max_size > 0,
        "retries": spec.retry.attempts > 0,
        "rate_limit_key": bool(spec.rate_limit_key),
        "concurrency": synchronous and spec.concurrency > 1,
        "result_ttl": spec.result_ttl_s != DEFAULT_RESULT_TTL_S,
    }
    return [name for name, is_given in given.items() if is_given and name not in active]
