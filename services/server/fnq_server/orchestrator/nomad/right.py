"""What the policy of our token must say for Nomad to do as it is asked, as HCL. Pure.

Nomad itself never says which right it was that lacked.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["NODES", "Right", "capability", "mounts", "rules", "variable"]


@dataclass(frozen=True, slots=True)
class Right:
    """A rule of a policy, within that of a namespace unless it holds `everywhere`."""

    rule: str
    everywhere: bool = False

    def within(self, nomad_namespace: str) -> str:
        """Return the whole rule."""
        return self.rule if self.everywhere else f'namespace "{nomad_namespace}" {{ {self.rule} }}'


#: To see the nodes, and what they have.
NODES = Right('node { policy = "read" }', everywhere=True)


def capability(name: str) -> Right:
    """Return the right to do something with jobs, logs or volumes of a namespace."""
    return Right(f'capabilities = ["{name}"]')


#: To have volumes of CSI mounted.
_CSI = [capability("csi-mount-volume"), Right('plugin { policy = "read" }', everywhere=True)]


def variable(path: str, verb: str) -> Right:
    """Return the right to "read", "write", "list" or "destroy" a variable."""
    return Right(f'variables {{ path "{path}" {{ capabilities = ["{verb}"] }} }}')


def mounts(job: Mapping[str, Any]) -> list[Right]:
    """Return the rights to have the volumes of a job mounted, which registering it takes too."""
    requests = [each for group in job["TaskGroups"] for each in group.get("Volumes", {}).values()]
    sources = dict.fromkeys(each["Source"] for each in requests if each["Type"] == "host")
    host = [Right(f'host_volume "{each}" {{ policy = "write" }}', True) for each in sources]
    return host + (_CSI if any(each["Type"] == "csi" for each in requests) else [])


def rules(rights: Iterable[Right], nomad_namespace: str) -> str:
    """Return what a policy must say that gives these rights."""
    return " and ".join(each.within(nomad_namespace) for each in rights)
