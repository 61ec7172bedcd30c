"""Start a worker in its image: `python -P work.py ARGUMENT...`.

What the agent needs is found before all else, and by the agent alone: its runners come
from a zygote that is started as in any other image.
"""

from __future__ import annotations

import os
import runpy
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
#: Of its code, of what that needs, and of the code of runners.
PLACES = ("agent/code", "agent/site", "code")

if __name__ == "__main__":
    sys.path[:0] = [os.path.join(HERE, each) for each in PLACES]
    sys.argv += ["--starter", os.path.join(HERE, "start.py")]
    runpy.run_module("fnq_worker", run_name="__main__", alter_sys=True)
