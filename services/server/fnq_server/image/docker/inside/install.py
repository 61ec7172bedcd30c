"""Make an image ready for runners; run once, by the Python of that image.

`python install.py REQUIREMENT...` installs what is not there beside this file, at the end
of the path, so that what the image has itself always comes first. `python install.py
--agent REQUIREMENT...` installs all of it, where an agent alone finds it.
"""

from __future__ import annotations

import compileall
import importlib.util
import os
import re
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
_QUIETLY = (
    *("--no-cache-dir", "--disable-pip-version-check", "--progress-bar=off"),
    "--root-user-action=ignore",
)
_NAME = re.compile(r"[\w.-]+")
_OLDEST = (3, 11)
#: Said first: what follows is for an agent.
_AGENT = "--agent"
#: Where an environment with pip is made for a moment, if need be.
_SPARE = "/tmp/fnq-pip"  # noqa: S108 - of an image that is being built


def main(needed: list[str]) -> int:
    """Install what is missing and compile fnq's code; return the exit code."""
    if sys.version_info < _OLDEST:
        return _refuse(
            f"fnq needs Python 3.11 or newer, and {sys.executable} of this image is "
            f"{sys.version_info[0]}.{sys.version_info[1]}: begin with another base"
        )
    home, missing = HERE, [each for each in needed if not _is_there(each)]
    if needed[:1] == [_AGENT]:
        # Whatever the image has: its own packages are not in the way of the agent's.
        home, missing = os.path.join(HERE, "agent"), needed[1:]
    if missing:
        pip = _pip()
        if not pip:
            return _refuse(
                f"the Python of this image has neither pip nor venv to install {' '.join(missing)} "
                "with, which fnq needs: add pip to the image, or install them there"
            )
        target = ["--target", os.path.join(home, "site")]
        done = subprocess.run([*pip, "install", *_QUIETLY, *target, *missing])
        shutil.rmtree(_SPARE, ignore_errors=True)
        if done.returncode != 0:
            return done.returncode
    compileall.compile_dir(os.path.join(home, "code"), quiet=1)
    return 0


def _is_there(requirement: str) -> bool:
    found = _NAME.match(requirement)
    return found is not None and importlib.util.find_spec(found[0]) is not None


def _pip() -> list[str]:
    """Return the command of a pip for this Python; nothing where there is none."""
    if importlib.util.find_spec("pip") is not None:
        return [sys.executable, "-m", "pip"]
    made = subprocess.run([sys.executable, "-m", "venv", _SPARE], capture_output=True)
    return [os.path.join(_SPARE, "bin", "python"), "-m", "pip"] if made.returncode == 0 else []


def _refuse(reason: str) -> int:
    sys.stderr.write(f"{reason}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
