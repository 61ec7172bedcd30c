"""Files that an image adds: each step that does so names the zip of them by its hash.

What `add_dir` adds has paths below its folder; what `add_file` adds is the member FILE.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fnq.v1 import spec_pb2

__all__ = ["ADDING", "FILE", "hashes"]

#: Verbs of the steps whose second argument is the hash of a zip, see `fnq_wire.archive`.
ADDING = ("add_file", "add_dir")
#: Name of the only member of a step that adds a file.
FILE = "file"


def hashes(steps: Iterable[spec_pb2.ImageStep]) -> list[str]:
    """Return the hashes of what the steps of an image add, once each."""
    return list(dict.fromkeys(each.arguments[1] for each in steps if each.verb in ADDING))
