"""Submodules that code uses by an attribute of their package, whoever imported them.

`import pkg` does not bring `pkg.part`; at home any other import of it did.
"""

from __future__ import annotations

import sys
import types
from collections.abc import Iterable, Mapping
from typing import Any

from chalkcompute.capture.reach import Reach

__all__ = ["submodules"]


def submodules(found: Iterable[Reach], namespace: Mapping[str, Any]) -> list[str]:
    """Return the names of the submodules in dotted reads, sorted.

    Packages that load their own parts on demand are left to do so: whether they have
    yet must not change a bundle.
    """
    names: set[str] = set()
    for each in found:
        for root, *attributes in each.chains:
            value = namespace.get(root)
            for attribute in attributes:
                if type(value) is not types.ModuleType or "__getattr__" in vars(value):
                    break
                name = f"{value.__name__}.{attribute}"
                value = vars(value).get(attribute)
                if isinstance(value, types.ModuleType) and sys.modules.get(name) is value:
                    names.add(name)
    return sorted(names)
