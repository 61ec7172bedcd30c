"""`python -m almanac`: the package run as a program."""

from __future__ import annotations

from . import phase, tides

print(phase(3))
print(list(tides(2)))
