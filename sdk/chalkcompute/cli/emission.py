"""What `fnq deploy --emit` writes: files that say what would be submitted, for review."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from chalkcompute.cli.prospect import told
from chalkcompute.errors import DeployError

if TYPE_CHECKING:
    from fnq.v1 import plans_pb2, spec_pb2

__all__ = ["PLAN", "emitted", "write"]

#: The file that says all of it in words.
PLAN = "plan.txt"


def emitted(
    planned: Sequence[tuple[spec_pb2.FunctionSpec, plans_pb2.PlannedVersion]],
) -> dict[str, str]:
    """Return the files by name: the jobs of all functions, and PLAN.

    Raises DeployError where a function cannot be deployed, or nothing makes jobs of them.
    """
    files: dict[str, str] = {}
    for spec, version in planned:
        if not version.files:
            why = "; ".join(version.lacks) or (
                "its server starts no workers as jobs, as one with --workers FILE does on Nomad"
            )
            raise DeployError(f"there is no job to write: {why}", function=spec.name)
        files |= {each.name: each.text for each in version.files}
    lines = [line for spec, version in planned for line in told(spec, version)]
    return {PLAN: "\n".join(lines) + "\n", **files}


def write(folder: Path, files: Mapping[str, str]) -> None:
    """Write the files into a folder, which is made; those that are there are replaced.

    A name that a server made may not lead out of the folder: that is a ValueError.
    """
    for name in files:
        if Path(name).name != name or name.startswith("."):
            raise ValueError(f"the server names a file {name!r}, which does not belong there")
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
