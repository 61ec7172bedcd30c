"""How a plan runs: what is asked of its source, then what is done with batches. Pure.

Filters and limits go as far down as they may: a filter below the calls whose results it does
not name, a limit below all that leaves rows what they are, one by one. Columns and calls that
nobody reads are not made. Neighbouring steps become one `Making`, the first one is the scan's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from chalkcompute.frame.extraction import Call, Part, extracted
from chalkcompute.frame.making import Making
from chalkcompute.frame.node import Column, Literal, Node, walk
from chalkcompute.frame.plan import Filter, Limit, Plan, Project, names_in, passed, replaced
from chalkcompute.frame.source import Source

__all__ = ["Leg", "Route", "routed"]

#: Nodes that a condition has at most once it is put in terms of what lies below.
_MOST_NODES = 100

Leg: TypeAlias = Making | Call | Limit


@dataclass(frozen=True, slots=True)
class Route:
    """What the scan makes of a source's rows, and what is done with its batches, in order."""

    source: Source
    scan: Making
    legs: tuple[Leg, ...]

    @property
    def functions(self) -> tuple[str, ...]:
        """The functions that are called, each once."""
        called = (leg.node.name for leg in self.legs if isinstance(leg, Call))
        return tuple(dict.fromkeys(called))

    def count(self) -> int | None:
        """Return how many rows come out; None where only running it tells."""
        makings = [self.scan, *(leg for leg in self.legs if isinstance(leg, Making))]
        count = self.source.count() if not any(each.where for each in makings) else None
        limits = [leg.rows for leg in self.legs if isinstance(leg, Limit)]
        return count if count is None else min([count, *limits])


def routed(plan: Plan, wanted: Sequence[str] | None = None) -> Route:
    """Return how a plan runs; `wanted` are the columns that somebody reads, None for all."""
    names = tuple(plan.source.schema.names)
    sunk: list[Part] = []
    for part in extracted(plan.steps, names):
        _sink(sunk, part)
    needed, read = _read(sunk, plan.names if wanted is None else wanted)
    scan, *legs = _joined(_Joint(names, needed, scan=True), read)
    assert isinstance(scan, Making)
    return Route(plan.source, scan, tuple(legs))


def _sink(below: list[Part], part: Part) -> None:
    """Put a part above others, or as far below as rows and columns come out the same.

    A limit sinks for the sake of calls alone: elsewhere it would part what can be one.
    """
    at = place = len(below)
    settled = part
    while at:
        moved = _under(part, below[at - 1])
        if moved is None:
            break
        part, at = moved, at - 1
        if isinstance(part, Filter) or isinstance(below[at], Call):
            settled, place = part, at
    below.insert(place, settled)


def _under(part: Part, other: Part) -> Part | None:
    """Return what does the same as `part` from below `other`, None where nothing does."""
    if isinstance(part, Limit):
        return None if isinstance(other, Filter) else part
    if not isinstance(part, Filter):
        return None
    if isinstance(other, Call):
        return None if set(other.made).intersection(names_in(part.where)) else part
    if isinstance(other, Project):
        where = replaced(part.where, other.columns)
        return Filter(where) if sum(1 for _ in walk(where)) <= _MOST_NODES else None
    return None


@dataclass(frozen=True, slots=True)
class _Read:
    """A part without what nobody reads, and the columns that are read of what it gives."""

    part: Part
    after: frozenset[str]


def _read(parts: Iterable[Part], wanted: Sequence[str]) -> tuple[frozenset[str], list[_Read]]:
    """Return what is read of the source, and the parts of which something is read."""
    needed = frozenset(wanted)
    kept: list[_Read] = []
    for each in reversed(list(parts)):
        part, after = each, needed
        if isinstance(part, Project):
            part = Project({name: node for name, node in part.columns.items() if name in needed})
            needed = frozenset(n for node in part.columns.values() for n in names_in(node))
        elif isinstance(part, Filter):
            needed |= frozenset(names_in(part.where))
        elif isinstance(part, Call):
            if not needed.intersection(part.made):
                continue
            needed = needed.difference(part.made).union(part.needed)
        kept.append(_Read(part, after))
    return needed, kept[::-1]


def _joined(joint: _Joint, read: Iterable[_Read]) -> Iterator[Leg]:
    """Return neighbours as one, the scan's first, to which `joint` belongs."""
    for each in read:
        if isinstance(each.part, Filter | Project):
            if not joint.takes(each.part):
                yield from joint.made()
                joint = _Joint(joint.names, joint.read)
                joint.takes(each.part)
            joint.read = each.after
        else:
            yield from joint.made()
            yield each.part
            joint = _Joint(each.part.names(joint.names), each.after)
    yield from joint.made()


class _Joint:
    """Filters, then projections, that can be one `Making`."""

    def __init__(self, names: Sequence[str], read: frozenset[str], *, scan: bool = False) -> None:
        #: Columns that there are, in their order, and those of them that are read.
        self.names, self.read = tuple(names), read
        self._scan = scan
        self._where: list[Node] = []
        self._columns: Mapping[str, Node] | None = None

    def takes(self, part: Filter | Project) -> bool:
        """Take one more part, if it can be joined to the others."""
        if isinstance(part, Filter):
            if self._columns is not None:
                return False
            self._where.append(part.where)
        elif self._columns is None:
            self._columns = part.columns
            self.names = part.names(self.names)
        elif _once(self._columns, part.columns):
            below = self._columns
            self._columns = {n: replaced(node, below) for n, node in part.columns.items()}
            self.names = part.names(self.names)
        else:
            return False
        return True

    def made(self) -> Iterator[Making]:
        """Return what they make, nothing where they leave all as it is."""
        columns = self._columns
        if columns is None:
            if not (self._where or self._scan):
                return
            self.names = tuple(name for name in self.names if name in self.read)
            columns = passed(self.names)
        yield Making(columns, tuple(self._where))


def _once(below: Mapping[str, Node], above: Mapping[str, Node]) -> bool:
    """Tell whether nothing that must be computed is computed twice where both are one."""
    uses = Counter(name for node in above.values() for name in names_in(node))
    return all(uses[name] < 2 or isinstance(node, Column | Literal) for name, node in below.items())
