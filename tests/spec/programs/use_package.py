"""Uses a package that lies beside the script."""

from __future__ import annotations

from almanac import phase, tides  # type: ignore[import-not-found]  # it lies beside this script

import chalkcompute


@chalkcompute.function
def announced(number: int) -> str:
    """Reach the package from a function of the script."""
    from almanac.dress import dressed  # type: ignore[import-not-found]  # as above

    return f"{dressed('tonight')} {phase(number)}"


phase.wait_ready()
print(phase(0))
print(list(tides(3)))
print(announced(2))
