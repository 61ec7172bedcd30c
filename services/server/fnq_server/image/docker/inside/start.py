"""Start the zygote of an image: `python -P start.py --zygote PATH ...`.

fnq's own code is found before all else, what it needs after all else.
"""

from __future__ import annotations

import os
import runpy
import sys

HERE = os.path.dirname(os.path.abspath(__file__))

if __name__ == "__main__":
    sys.path.insert(0, os.path.join(HERE, "code"))
    sys.path.append(os.path.join(HERE, "site"))
    if os.getcwd() != "/":
        # The image says where its programs start.
        sys.argv.append("--here")
    runpy.run_module("fnq_runner", run_name="__main__", alter_sys=True)
