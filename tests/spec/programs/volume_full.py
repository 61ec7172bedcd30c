"""A function whose volume has less room than it writes."""

from __future__ import annotations

import chalkcompute
from chalkcompute import Volume
from chalkcompute.errors import RemoteError


@chalkcompute.function(name="volumes.fill", volumes=[(Volume("spec-full"), "/fnq-full")])
def fill(count: int) -> int:
    """Write so many bytes."""
    with open("/fnq-full/data", "wb") as file:
        file.write(b"x" * count)
    return count


print(fill(10))
try:
    fill(16 << 20)
except RemoteError as problem:
    print(problem)
