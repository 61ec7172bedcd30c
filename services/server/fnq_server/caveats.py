"""What whoever deploys is told of a place that lacks what a function asks for. Pure."""

from __future__ import annotations

from fnq_server.orchestrator.seam import Caveats
from fnq_wire.error import UnschedulableError

__all__ = ["insist_on", "sentences"]

#: Of a function that runs where something is lacking.
_ALL_THE_SAME = "it runs all the same (FNQ_LOCAL_STRICT=1: it does not)"


def sentences(found: Caveats) -> list[str]:
    """Return a line for each thing that a function asks for in vain, and for each note."""
    lines = [
        f"{function} {clause}; {_ALL_THE_SAME}"
        for function, clauses in found.lacks.items()
        for clause in clauses
    ]
    return [*lines, *found.notes]


def insist_on(found: Caveats) -> None:
    """Raise UnschedulableError for the first function that asks for something in vain."""
    for function, clauses in found.lacks.items():
        if clauses:
            raise UnschedulableError(f"it {', and '.join(clauses)}", function=function)
