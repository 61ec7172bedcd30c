"""What stands in a script for a value that only a remote call could tell."""

from __future__ import annotations

from typing import NoReturn

__all__ = ["LackingError", "Missing"]


class LackingError(BaseException):
    """End a statement that needs such a value; nothing that catches errors may go on after it."""


class Missing:
    """Cannot travel, nor be used."""

    def __repr__(self) -> str:
        return "<known once a remote call was made>"


def _lack(*_: object) -> NoReturn:
    raise LackingError


for _name in (
    *("add", "and", "bool", "call", "contains", "enter", "float", "floordiv", "ge", "getitem"),
    *("gt", "index", "int", "iter", "le", "len", "lt", "matmul", "mod", "mul", "next", "or"),
    *("pow", "radd", "rmul", "rsub", "rtruediv", "setitem", "sub", "truediv", "xor"),
):
    setattr(Missing, f"__{_name}__", _lack)
