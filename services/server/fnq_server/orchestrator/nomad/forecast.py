"""What Nomad says that registering a job would change, in lines for people. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from fnq_server.orchestrator.nomad.job import GROUP

__all__ = ["changes", "outcome"]

#: How Nomad's own command marks what is added, goes, or is changed.
_MARKS = {"Added": "+", "Deleted": "-", "Edited": "+/-", "None": " "}
#: What becomes of workers, in the order in which it is told.
_UPDATES = {
    "Place": "to be placed",
    "InPlaceUpdate": "to be updated in place",
    "DestructiveUpdate": "to be replaced",
    "Migrate": "to be moved",
    "Stop": "to be stopped",
    "Preemptions": "to make room",
}


def changes(diff: Mapping[str, Any]) -> list[str]:
    """Return the difference between a job as it runs and as it would be; empty: none.

    Of what is wholly new or goes the head alone is told: the job itself says the rest.
    """
    if diff["Type"] == "None":
        return []
    lines = [f"{_MARKS[diff['Type']]} job {diff['ID']!r}"]
    if diff["Type"] == "Edited":
        lines += _inside(diff, "  ")
    for group in diff.get("TaskGroups") or ():
        if group["Type"] != "None":
            lines += _group(group)
    return lines


def _group(group: Mapping[str, Any]) -> Iterator[str]:
    updates = [f"{count} {name}" for name, count in sorted((group.get("Updates") or {}).items())]
    told = f" ({', '.join(updates)})" if updates else ""
    yield f"  {_MARKS[group['Type']]} group {group['Name']!r}{told}"
    if group["Type"] == "Edited":
        yield from _inside(group, "    ")
    for task in group.get("Tasks") or ():
        if task["Type"] == "None":
            continue
        told = f" ({', '.join(task['Annotations'])})" if task.get("Annotations") else ""
        yield f"    {_MARKS[task['Type']]} task {task['Name']!r}{told}"
        if task["Type"] == "Edited":
            yield from _inside(task, "      ")


def _inside(diff: Mapping[str, Any], indent: str) -> Iterator[str]:
    """Yield the fields that differ, and the blocks with theirs."""
    for field in diff.get("Fields") or ():
        if field["Type"] != "None":
            yield f"{indent}{_MARKS[field['Type']]} {field['Name']}: {_values(field)}"
    for block in diff.get("Objects") or ():
        if block["Type"] != "None":
            yield f"{indent}{_MARKS[block['Type']]} {block['Name']}"
            yield from _inside(block, indent + "  ")


def _values(field: Mapping[str, Any]) -> str:
    told = f" ({', '.join(field['Annotations'])})" if field.get("Annotations") else ""
    if field["Type"] == "Added":
        return f"{field['New']!r}{told}"
    if field["Type"] == "Deleted":
        return f"{field['Old']!r}{told}"
    return f"{field['Old']!r} => {field['New']!r}{told}"


def outcome(reply: Mapping[str, Any]) -> list[str]:
    """Return what would become of workers, and what Nomad warns of; places that lack apart."""
    annotations = reply.get("Annotations") or {}
    updates = (annotations.get("DesiredTGUpdates") or {}).get(GROUP) or {}
    told = [f"{updates[name]} {words}" for name, words in _UPDATES.items() if updates.get(name)]
    lines = [f"workers: {', '.join(told)}" if told else "workers: as they are"]
    warnings = " ".join((reply.get("Warnings") or "").split())
    return [*lines, f"Nomad warns: {warnings}"] if warnings else lines
