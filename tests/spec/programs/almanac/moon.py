"""A remote function that imports relatively, at the top and inside its body."""

from __future__ import annotations

import chalkcompute

from . import names


@chalkcompute.function
def phase(number: int) -> str:
    """Return a line of the data file, dressed by a module that is imported late."""
    from .dress import dressed

    return dressed(names.names()[number])
