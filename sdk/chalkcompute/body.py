"""What may be decorated: a def or async def, and which kind of function it makes."""

from __future__ import annotations

import types

__all__ = ["check_body", "kind_of"]

#: Flags of a code object, as in `inspect`, which is slow to import.
_GENERATOR, _COROUTINE, _ASYNC_GENERATOR = 0x20, 0x80, 0x200


def kind_of(body: object) -> str:
    """Return the kind of a body as the spec names it."""
    flags = body.__code__.co_flags if isinstance(body, types.FunctionType) else 0
    if flags & _ASYNC_GENERATOR:
        return "async_generator"
    if flags & _COROUTINE:
        return "coroutine"
    return "generator" if flags & _GENERATOR else "function"


def check_body(body: object) -> None:
    """Raise TypeError unless `body` is a function made by `def` outside of a class."""
    expected = "@function: expected a function made by `def` or `async def`"
    if getattr(type(body), "__fnq_handle__", False):
        raise TypeError(f"{expected}, not {body!r}, which is remote already")
    if not isinstance(body, types.FunctionType):
        came = (
            f"the class {body.__name__}"
            if isinstance(body, type)
            else f"{type(body).__name__} {body!r}"
        )
        raise TypeError(f"{expected}, not {came}")
    if body.__name__ == "<lambda>":
        raise TypeError(
            f"{expected}, not a lambda: its source cannot be cut out of the line; write a def"
        )
    owner = body.__qualname__.rpartition(".")[0]
    if owner and not owner.endswith("<locals>"):
        raise TypeError(
            f"{expected}, not a method of {owner}: its instance stays here; "
            "write a def outside of the class"
        )
