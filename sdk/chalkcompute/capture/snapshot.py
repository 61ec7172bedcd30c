"""Values that travel with the source: snapshots of what the wire can carry."""

from __future__ import annotations

import types

from chalkcompute.capture.handle import is_handle
from fnq_wire.error import DeployError, SerializationError
from fnq_wire.limits import MAX_BUNDLE

__all__ = ["snapshot"]

#: What is never a value: source leads to it.
_SOURCE = (
    types.ModuleType,
    types.FunctionType,
    types.BuiltinFunctionType,
    types.MethodType,
    types.GenericAlias,
    types.UnionType,
    type,
)


def snapshot(name: str, value: object) -> bytes | None:
    """Return `value` as it is now, encoded; None when the wire cannot carry it.

    Raises DeployError naming the variable when it alone is too large for a bundle.
    """
    if isinstance(value, _SOURCE) or is_handle(value):
        return None
    # Looked at first: an array of gigabytes shall not be copied to be refused.
    size = getattr(value, "nbytes", 0) if hasattr(type(value), "nbytes") else 0
    if isinstance(size, int) and size > MAX_BUNDLE:
        raise _too_large(name, size)
    from fnq_wire import stable

    try:
        data = stable.encode(value)
    except SerializationError:
        return None
    if len(data) > MAX_BUNDLE:
        raise _too_large(name, len(data))
    return data


def _too_large(name: str, size: int) -> DeployError:
    return DeployError(
        f"the variable {name!r} takes {size >> 20} MiB, and a bundle of source takes at most "
        f"{MAX_BUNDLE >> 20} MiB: pass it as an argument, or load it inside the function"
    )
