"""A script's functions, found by running the script without the calls that it makes.

A script makes its functions as it runs, and what they are depends on what it has assigned
until its first call: so it is run, line by line, in the namespace that it would have. What
would call a function is left out, and where the first call stood its functions are taken
as they are then, as a run of the script takes them. ADR 0018.
"""

from __future__ import annotations

from chalkcompute.rehearsal.recorder import Deploy
from chalkcompute.rehearsal.script import Play, rehearse

__all__ = ["Deploy", "Play", "rehearse"]
