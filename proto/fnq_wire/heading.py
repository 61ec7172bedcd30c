"""The head of a deployed function, as people write it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fnq.v1 import spec_pb2

__all__ = ["ANY", "heading"]

#: The type of what has none.
ANY = ("", "any")


def heading(spec: spec_pb2.FunctionSpec) -> str:
    """Return name, parameters and result, with the Arrow types that travel."""
    words: list[str] = []
    last = ""
    for each in spec.parameters:
        if last == "positional" and each.kind != "positional":
            words.append("/")
        if each.kind == "keyword" and last not in ("keyword", "var_positional"):
            words.append("*")
        words.append(_word(each))
        last = each.kind
    if last == "positional":
        words.append("/")
    returns = "" if spec.returns in ANY else f" -> {spec.returns}"
    return f"{spec.name}({', '.join(words)}){returns}"


def _word(each: spec_pb2.Parameter) -> str:
    stars = {"var_positional": "*", "var_keyword": "**"}.get(each.kind, "")
    kind = "" if each.type in ANY else f": {each.type}"
    default = "" if each.required or stars else (" = ..." if kind else "=...")
    return f"{stars}{each.name}{kind}{default}"
