"""Whether who calls a function by name can go on so when its version changes. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from fnq.v1 import spec_pb2
from fnq_wire.heading import ANY, heading
from fnq_wire.kinds import yields

__all__ = ["change_warning", "incompatible"]

#: Kinds of parameters that take an argument by its place, and by its name.
_PLACED, _NAMED = ("positional", "either"), ("either", "keyword")


Parameters = Sequence[spec_pb2.Parameter]


def change_warning(
    old: spec_pb2.FunctionSpec, new: spec_pb2.FunctionSpec, queued: int
) -> str | None:
    """Return what whoever deploys is told of a change that breaks callers; None: it breaks none.

    `queued` calls of the old version wait.
    """
    reason = incompatible(old, new)
    if reason is None:
        return None
    calls = "call waits" if queued == 1 else "calls wait"
    waiting = f"{queued} {calls} and will run on the old version" if queued else "no call waits"
    return (
        f"{new.name} changes from {heading(old)} to {heading(new)}: {reason}; {waiting}, "
        "and whoever calls it by name must change, too"
    )


def incompatible(old: spec_pb2.FunctionSpec, new: spec_pb2.FunctionSpec) -> str | None:
    """Return how calls that fit `old` do not fit `new`; None where they all do."""
    if yields(old.kind) != yields(new.kind):
        return "it yields now" if yields(new.kind) else "it yields no more"
    before, after = list(old.parameters), list(new.parameters)
    return (
        _lost(before, after)
        or _demanded(before, after)
        or _moved(before, after)
        or _retyped(before, after)
        or _returns(old, new)
    )


def _lost(old: Parameters, new: Parameters) -> str | None:
    """Say which parameter there is no longer, by its name or at all."""
    names = {each.name for each in new if each.kind in _NAMED}
    takes = {each.kind for each in new}
    for each in old:
        if each.kind in _NAMED and each.name not in names and "var_keyword" not in takes:
            return f"{each.name!r} is no longer there to be named"
        if each.kind in ("var_positional", "var_keyword") and each.kind not in takes:
            stars = "*" if each.kind == "var_positional" else "**"
            return f"it takes no {stars}{each.name} any more"
    return None


def _demanded(old: Parameters, new: Parameters) -> str | None:
    """Say which parameter must be given now and need not be before."""
    named = {each.name for each in old if each.required and each.kind in _NAMED}
    before = [each for each in old if each.kind in _PLACED]
    after = [each for each in new if each.kind in _PLACED]
    # Whoever gave the one by its place gives the other.
    placed = {
        now.name
        for was, now in zip(before, after, strict=False)
        if was.kind == "positional" and was.required
    }
    for each in new:
        given = placed if each.kind == "positional" else placed | named
        if each.required and each.name not in given:
            return f"{each.name!r} must be given now"
    return None


def _moved(old: Parameters, new: Parameters) -> str | None:
    """Say which argument by place reaches another parameter now, or none."""
    before = [each for each in old if each.kind in _PLACED]
    after = [each for each in new if each.kind in _PLACED]
    rest = any(each.kind == "var_positional" for each in new)
    had_rest = any(each.kind == "var_positional" for each in old)
    names = {each.name for each in new}
    named = {each.name for each in old if each.kind in _NAMED}
    more = any(each.kind == "var_keyword" for each in old)
    for place, each in enumerate(before):
        if place >= len(after):
            if rest and each.name not in names:
                continue
            return f"{each.name!r} is no longer there to be given by its place"
        now = after[place]
        if each.kind != "positional":
            moved = each.name != now.name
        else:
            # It had no name; now it has one that was somebody else's, or could be.
            moved = now.kind == "either" and (more or now.name in named)
        if moved:
            return f"{now.name!r} is where {each.name!r} was"
    if had_rest and len(after) > len(before):
        return f"{after[len(before)].name!r} is where more could be given before"
    return None


def _retyped(old: Parameters, new: Parameters) -> str | None:
    types = {each.name: each.type for each in old}
    for each in new:
        before = types.get(each.name, each.type)
        if each.type not in ANY and each.type != before:
            return f"the type of {each.name!r} is {each.type}, and was {before or 'any'}"
    return None


def _returns(old: spec_pb2.FunctionSpec, new: spec_pb2.FunctionSpec) -> str | None:
    if old.returns in ANY or new.returns in ANY or old.returns == new.returns:
        return None
    return f"it returns {new.returns}, and returned {old.returns}"
