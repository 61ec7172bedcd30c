"""Secrets in Variables of a Nomad, which no job there can read, and Nomad keeps encrypted."""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Mapping, Sequence
from typing import Any

from fnq_core.secrets import Label
from fnq_server.orchestrator.nomad.variables import MOST, Variables
from fnq_server.secrets.seam import Entry
from fnq_server.secrets.words import title
from fnq_wire.error import StackError

__all__ = ["VariableStore", "path_of"]

#: What all paths begin with; Nomad gives the tasks of jobs rights below nomad/jobs alone.
_ROOT = "fnq/secrets"
#: The item that says what a variable is; no environment variable is called so.
_FACTS = ".fnq"
#: Characters of one step of a path: the root, a source and three of them are below Nomad's 128.
_LONGEST = 34
_SHOWN = 16
_PLAIN = re.compile(r"[A-Za-z0-9_-]")


class VariableStore:
    """A `SecretStore`: one variable for each label, with its variables as items."""

    def __init__(self, variables: Variables) -> None:
        self._variables = variables

    async def get(self, namespace: str, labels: Sequence[Label]) -> list[Mapping[str, str] | None]:
        """Return the variables of each label, in order; None for each that is not set."""
        return [await self._values(namespace, each) for each in labels]

    async def _values(self, namespace: str, label: Label) -> Mapping[str, str] | None:
        found = await self._variables.get(path_of(namespace, label))
        if found is None:
            return None
        return {name: text for name, text in found.items.items() if name != _FACTS}

    async def set(self, namespace: str, label: Label, values: Mapping[str, str]) -> None:
        """Set the variables of a label, in place of all that it had."""
        facts = json.dumps({"name": label.name, "set_ms": time.time_ns() // 1_000_000})
        items = {**values, _FACTS: facts}
        size = sum(len(name.encode()) + len(text.encode()) for name, text in items.items())
        if size > MOST:
            raise StackError(
                f"{title(label)} takes {size} bytes, and Nomad keeps {MOST} in a variable at most"
            )
        await self._variables.put(path_of(namespace, label), items)

    async def entries(self, namespace: str, source: str) -> Sequence[Entry]:
        """Return what is set of a source, by name."""
        folder = _folder(namespace, source)
        found = [await self._entry(path) for path in await self._variables.paths(f"{folder}/")]
        return sorted((each for each in found if each is not None), key=lambda each: each.name)

    async def _entry(self, path: str) -> Entry | None:
        """Return what may be shown of a variable; None where it went meanwhile."""
        found = await self._variables.get(path)
        if found is None:
            return None
        try:
            facts: dict[str, Any] = json.loads(found.items[_FACTS])
            name, set_ms = str(facts["name"]), int(facts["set_ms"])
        except (KeyError, TypeError, ValueError):
            raise StackError(
                f"the variable {path} of Nomad was written by something else: delete it with "
                f"`nomad var purge {path}`, and set what was in it with `fnq secret set`"
            ) from None
        return Entry(name, tuple(sorted(found.items.keys() - {_FACTS})), set_ms)

    async def delete(self, namespace: str, label: Label) -> bool:
        """Delete what is set of a label; return whether there was anything."""
        return await self._variables.delete(path_of(namespace, label))

    async def forget(self, namespace: str, function: str) -> None:
        """Delete what a deployer's environment gave a function that is deleted."""
        folder = f"{_folder(namespace, 'local_env')}/{_step(function)}/"
        for path in await self._variables.paths(folder):
            await self._variables.delete(path)


def path_of(namespace: str, label: Label) -> str:
    """Return the path of a label: the same for the same one, and for no other."""
    function = [_step(label.function)] if label.function else []
    return "/".join([_folder(namespace, label.source), *function, _step(label.name)])


def _folder(namespace: str, source: str) -> str:
    return f"{_ROOT}/{_step(namespace)}/{_step(source)}"


def _step(name: str) -> str:
    """Return a name in characters that a path may hold; a long one ends in its hash."""
    plain = "".join(each if _PLAIN.fullmatch(each) else _code(each) for each in name)
    if len(plain) <= _LONGEST:
        return plain
    digest = hashlib.sha256(name.encode()).hexdigest()[:_SHOWN]
    # No name has two ~ after each other otherwise.
    return f"{plain[: _LONGEST - _SHOWN - 2]}~~{digest}"


def _code(character: str) -> str:
    return "".join(f"~{byte:02X}" for byte in character.encode())
