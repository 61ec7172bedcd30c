"""`python tests/bench full|short`: measure calls and chunks beside raw gRPC and raw Redis."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path


def main() -> int:
    """Measure, print and keep the figures; return the exit code."""
    parser = argparse.ArgumentParser(prog="tests/bench", description=__doc__)
    parser.add_argument("scale", choices=("full", "short"), nargs="?", default="full")
    options = parser.parse_args()
    for name in [each for each in os.environ if each.startswith("FNQ_")]:
        del os.environ[name]
    # Python put this folder there; the modules here are found from the root.
    sys.path[0] = str(Path(__file__).resolve().parents[2])
    from tests.bench import bench

    return bench.run(options.scale)


if __name__ == "__main__":
    sys.exit(main())
