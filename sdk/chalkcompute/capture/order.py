"""The order in which shipped statements are run: their own, where that works.

It fails to work where a name was bound anew: a class that was made from a base whose
cell ran again later must come after that.
"""

from __future__ import annotations

from collections.abc import Iterable

from chalkcompute.capture.binding import Kind
from chalkcompute.capture.main import Main
from chalkcompute.capture.plan import Shipped

__all__ = ["ordered"]

_BINDING = (Kind.DEFINITION, Kind.IMPORT, Kind.ASSIGNMENT, Kind.CHANGE, Kind.STAR)


def ordered(shipped: Iterable[Shipped], main: Main) -> list[Shipped]:
    """Return the statements so that each comes after those that it needs at once.

    Where two need each other, the order in which they ran decides.
    """
    waiting = sorted(shipped, key=lambda each: each.key)
    binders = _binders(waiting, main)
    needed = {id(each): _needed(each, binders) for each in waiting}
    done: list[Shipped] = []
    while waiting:
        left = {id(each) for each in waiting}
        ready = (each for each in waiting if not needed[id(each)] & left)
        following = next(ready, waiting[0])
        waiting.remove(following)
        done.append(following)
    return done


def _binders(shipped: list[Shipped], main: Main) -> dict[str, list[Shipped]]:
    """Return what binds each name, in order."""
    by_node = {id(each.node): each for each in shipped}
    found: dict[str, list[Shipped]] = {}
    for name in sorted({name for each in shipped for name in each.reach.now}):
        for binding in main.bindings(name):
            each = by_node.get(id(binding.unit)) or by_node.get(id(binding.node))
            if each is not None and binding.kind in _BINDING:
                found.setdefault(name, []).append(each)
    return found


def _needed(each: Shipped, binders: dict[str, list[Shipped]]) -> set[int]:
    needed: set[int] = set()
    for name in each.reach.now:
        others = [other for other in binders.get(name, []) if other is not each]
        before = [other for other in others if other.key < each.key]
        needed |= {id(other) for other in before or others}
    return needed
