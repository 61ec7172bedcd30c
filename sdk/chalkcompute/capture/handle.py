"""Remote functions as capture meets them: by one attribute of their class."""

from __future__ import annotations

import types

__all__ = ["function_of", "is_handle"]

#: Wrappers around one function; more is a chain without end.
_WRAPPERS = 64


def is_handle(value: object) -> bool:
    """Tell whether `value` is a function that runs elsewhere."""
    return getattr(type(value), "__fnq_handle__", False) is True


def function_of(value: object) -> types.FunctionType | None:
    """Return the def behind a function, a handle or what wraps them; None without one."""
    for _ in range(_WRAPPERS):
        inner = getattr(value, "body", None) if is_handle(value) else None
        inner = inner if inner is not None else _wrapped(value)
        if inner is None:
            break
        value = inner
    return value if isinstance(value, types.FunctionType) else None


def _wrapped(value: object) -> object:
    # Not by getattr: a proxy answers to every name.
    try:
        return vars(value).get("__wrapped__")
    except TypeError:
        return None
