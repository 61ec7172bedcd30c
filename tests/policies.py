"""The policies that lie beside the jobs, and what is left of one without a line."""

from __future__ import annotations

import re
from dataclasses import dataclass

from jobs.cluster import JOBS

__all__ = ["Line", "lines", "policy"]

FOLDER = JOBS / "policies"
#: A line that gives a right: one of a list, or a rule of its own.
_LISTED = re.compile(r'\s+"([a-z-]+)",')
_RULE = re.compile(r'(\w+ (?:"[^"]*" )?\{ policy = "\w+" \})$')
#: A block in which there are lists.
_PATH = re.compile(r'\s+path "([^"]+)" \{$')


@dataclass(frozen=True, slots=True)
class Line:
    """One right that a policy gives: how an error names it, and the policy `without` it.

    `name` tells it from others of the policy: a capability with the path that it is of.
    """

    name: str
    right: str
    without: str


def policy(name: str) -> str:
    """Return the policy in a file, "nomad-server" for example."""
    return (FOLDER / f"{name}.hcl").read_text("utf-8")


def lines(name: str) -> list[Line]:
    """Return each line of a policy that gives a right."""
    found: list[Line] = []
    text = policy(name).splitlines()
    path = ""
    for number, line in enumerate(text):
        if opened := _PATH.match(line):
            path = f"{opened[1]} "
        without = "\n".join(text[:number] + text[number + 1 :])
        if given := _LISTED.match(line):
            found.append(Line(path + given[1], f'"{given[1]}"', without))
        elif given := _RULE.match(line):
            found.append(Line(given[1], given[1], without))
    return found
