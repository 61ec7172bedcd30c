"""Print what fnq needs with some extras, one requirement a line: what an image installs first.

`python services/requirements.py EXTRA[,EXTRA]... [LEFT OUT]...` reads the pyproject.toml of
the working directory. The layer that holds these is kept when only the code changes.
"""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

__all__ = ["main"]

_NAME = re.compile(r"[\w.-]+")


def main(extras: str, *left_out: str) -> int:
    """Print the requirements, each once; return the exit code. Raises KeyError for no extra."""
    project = tomllib.loads(Path("pyproject.toml").read_text("utf-8"))["project"]
    found = list(project["dependencies"])
    for extra in extras.split(","):
        found += project["optional-dependencies"][extra]
    for each in dict.fromkeys(found):
        name = _NAME.match(each)
        if name is not None and name[0] not in left_out:
            sys.stdout.write(f"{each}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
