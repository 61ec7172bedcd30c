"""A stand-in for Nomad's dynamic host volumes, with its own statuses and texts."""

from __future__ import annotations

import threading
from typing import Any

__all__ = ["VolumesApi"]


class VolumesApi:
    """The volumes of nodes, which are ready when they are looked at `slow` times."""

    def __init__(self) -> None:
        self.volumes: list[dict[str, Any]] = []
        self.csi: list[dict[str, Any]] = []
        #: How often a volume is in use when somebody deletes it.
        self.in_use = 0
        self.slow = 0
        #: What is created by somebody else right before it is asked for.
        self.rival = False
        #: Nodes that nothing can be told.
        self.away: set[str] = set()
        #: Which node pool was named with which node.
        self.pools: dict[str, str] = {}
        self._lock = threading.Lock()

    def answer(
        self, method: str, path: list[str], body: Any, query: dict[str, str]
    ) -> tuple[int, Any]:
        """Return the status, and the text or the JSON, of an answer."""
        if path == ["volumes"]:
            return 200, self._list(query)
        if path[:2] == ["volume", "csi"]:
            return 200, next(each for each in self.csi if each["ID"] == path[2])
        if method == "GET":
            return 200, next(each for each in self.volumes if each["ID"] == path[2])
        if method == "PUT":
            assert path == ["volume", "host", "create"]
            with self._lock:
                return self._create(body["Volume"] | {"Namespace": query["namespace"]})
        assert method == "DELETE"
        if self.in_use:
            self.in_use -= 1
            return 500, f"volume {path[2]} in use by allocations: [a2145c67]"
        found = next((each for each in self.volumes if each["ID"] == path[2]), None)
        if found is None:
            return 500, "no such volume"
        if found["NodeID"] in self.away and query.get("force") != "true":
            return 500, "volume cannot be removed from unknown node without force=true"
        self.volumes.remove(found)
        return 200, ""

    def _list(self, query: dict[str, str]) -> list[dict[str, Any]]:
        space = query["namespace"]
        if query.get("type") == "csi":
            # The list leaves out what only the volume itself tells.
            return [{"ID": each["ID"]} for each in self.csi]
        # Without a type Nomad lists nothing.
        found = [
            each
            for each in self.volumes
            if query.get("type") == "host" and each.get("Namespace", "default") == space
        ]
        state = "pending" if self.slow else "ready"
        self.slow = max(0, self.slow - 1)
        return [{"State": state, **each, "RequestedCapabilities": None} for each in found]

    def _create(self, volume: dict[str, Any]) -> tuple[int, Any]:
        if volume.get("PluginID") != "mkdir":
            return (
                500,
                f'could not place volume "{volume["Name"]}": node is not feasible for volume',
            )
        self.pools[volume["NodeID"]] = volume["NodePool"]
        if self.rival:
            self.rival = False
            self._create(volume)
        key = (volume["Name"], volume["NodeID"])
        if key in [(each["Name"], each["NodeID"]) for each in self.volumes]:
            return 500, "volume validation failed: volume name already exists on this node"
        made = {
            "ID": f"v{len(self.volumes)}",
            "Name": key[0],
            "NodeID": key[1],
            "Namespace": volume["Namespace"],
        }
        self.volumes.append(made)
        return 200, {"Volume": {**made, "State": "pending"}, "Warnings": ""}

    def on(self, node: str) -> dict[str, dict[str, Any]]:
        """Return what a node says that it has."""
        return {
            each["Name"]: {
                "ID": each["ID"],
                "Name": each["Name"],
                "Path": f"/volumes/{each['ID']}",
                "ReadOnly": False,
            }
            for each in self.volumes
            if each["NodeID"] == node
        }
