"""Generated code is verified, not trusted."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from tests.house import source


def test_the_stubs_are_what_the_proto_files_generate(tmp_path: Path) -> None:
    """`make proto` gives the committed stubs, byte for byte, and no other file."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    run = subprocess.run(
        ["make", "--silent", "proto", f"OUT={tmp_path}"],
        cwd=source.ROOT,
        env=env,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert _stubs(source.ROOT / "proto") == _stubs(tmp_path), "run `make proto` and commit"


def _stubs(root: Path) -> dict[str, str]:
    """Return the generated files below `root`, by relative path."""
    return {
        str(path.relative_to(root)): path.read_text()
        for path in root.rglob("*_pb2*.py*")
        if path.suffix != ".pyc"
    }
