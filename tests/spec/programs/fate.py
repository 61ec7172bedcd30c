"""What became of a call, by its id."""

from __future__ import annotations

import sys

from chalkcompute import Call

try:
    print(Call.from_id(sys.argv[1]).get(30))
except RuntimeError as problem:
    print(type(problem).__name__, problem)
