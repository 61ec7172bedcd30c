"""Run one command of a build so that it can write nowhere but where it should.

`python -m fnq_server.image.environments.sealed`, with an order in the variable ORDER, which
no other user can read. It is JSON:

    argv, cwd, env      the command, its directory and all its variables
    writable, readable  directories that it may write, and that it sees wherever they lie
    tmp                 the directory that is its /tmp
    mounts              [[source, target, "rw" | "ro"]], seen by it alone

All else is there to read. The exit code is UNSEALED, with a line on stderr, where this
machine does not allow that.
"""

from __future__ import annotations

import json
import os
import sys

from fnq_wire import mounts
from fnq_wire.mounts import MountError

__all__ = ["ORDER", "UNSEALED", "main"]

ORDER = "FNQ_ORDER"

#: Exit code; none that shells or signals give.
UNSEALED = 111


def main() -> int:
    """Become the command of the order; return only where that cannot be."""
    order = json.loads(os.environ[ORDER])
    try:
        # Points to mount on are then made for this process alone: nothing else is writable.
        mounts.seal(order["writable"], order["readable"], order["tmp"])
        mounts.enter([(source, target, mode) for source, target, mode in order["mounts"]])
        os.chdir(order["cwd"])
    except (MountError, OSError) as problem:
        sys.stderr.write(f"{problem}\n")
        return UNSEALED
    try:
        os.execvpe(order["argv"][0], order["argv"], order["env"])  # noqa: S606 - what was asked for
    except OSError as problem:
        sys.stderr.write(f"{order['argv'][0]}: {problem.strerror}\n")
        return 127


if __name__ == "__main__":
    sys.exit(main())
