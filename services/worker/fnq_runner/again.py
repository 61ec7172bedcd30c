"""Rebuild a bundle's `__main__` once more, in a child that multiprocessing spawned.

multiprocessing runs the module that `__main__.__spec__` names, as `__mp_main__`: for a
rebuilt `__main__` that is this one, so that no line of the script runs which was not
shipped.
"""

from __future__ import annotations

from fnq_runner.loader import rebuild

if __name__ == "__mp_main__":
    globals().update(rebuild())
