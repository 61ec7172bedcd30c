"""`python -m fnq_worker`: serves the calls of one function version.

Its zygote takes as long to load as its agent does, and so both load at once.
"""

from __future__ import annotations

import os
import sys

from fnq_worker.begun import begin, is_wanted, starter

if __name__ == "__main__":
    words = sys.argv[1:]
    own = begin(starter(words), os.environ) if is_wanted(words) else None
    # Not before: it is all that an agent needs.
    from fnq_worker import command

    sys.exit(command.main(words, own))
