"""Run notebook cells in a real IPython shell; what they print goes to stdout.

The argument is a JSON list of cells. Run by the tests in a process of its own.
"""

from __future__ import annotations

import json
import sys
import traceback
from typing import Any

from IPython.core.interactiveshell import InteractiveShell


def main(cells: list[str]) -> int:
    """Run the cells in order; return 1 after the first that fails."""
    shell = InteractiveShell.instance(colors="NoColor")
    for cell in cells:
        result: Any = shell.run_cell(cell, store_history=True)  # type: ignore[no-untyped-call]
        if result.error_before_exec or result.error_in_exec:
            problem = result.error_before_exec or result.error_in_exec
            traceback.print_exception(problem, file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(json.loads(sys.argv[1])))
