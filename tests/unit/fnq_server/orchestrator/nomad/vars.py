"""A stand-in for Nomad's Variables, with its own statuses and texts."""

from __future__ import annotations

from typing import Any

__all__ = ["VarsApi"]

_MOST = 64 << 10


class VarsApi:
    """What is in variables, by path, and who changes it."""

    def __init__(self) -> None:
        self.items: dict[str, dict[str, str]] = {}
        self.indexes: dict[str, int] = {}
        #: Changes of a variable by somebody else, each right before a write reaches it.
        self.rivals = 0
        #: Paths, and beginnings of such, that the token may not touch.
        self.denied: set[str] = set()
        self._index = 1_000

    def answer(self, method: str, place: str, body: Any, query: dict[str, str]) -> tuple[int, Any]:
        """Return the status, and the text or the JSON, of an answer."""
        kind, _, path = place.partition("/")
        if kind == "vars":
            # What may not be read is left out, and denied to nobody.
            seen = (each for each in sorted(self.items) if not self._denies(each))
            return 200, [self._facts(each) for each in seen if each.startswith(query["prefix"])]
        if self._denies(path):
            return 403, "Permission denied"
        if method == "GET":
            return (200, self._whole(path)) if path in self.items else (404, "variable not found")
        if self.rivals:
            self.rivals -= 1
            self.write(path, {"rival": str(self.rivals)})
        if int(query["cas"]) != self.indexes.get(path, 0):
            return 409, self._whole(path) if path in self.items else {}
        if method == "DELETE":
            del self.items[path], self.indexes[path]
            return 204, ""
        size = sum(len(name) + len(text.encode()) for name, text in body["Items"].items())
        if size > _MOST:
            return 400, "variables are limited to 64KiB in total size"
        self.write(path, body["Items"])
        return 200, self._whole(path)

    def write(self, path: str, items: dict[str, str]) -> None:
        """Write a variable, as anybody may."""
        self._index += 1
        self.items[path], self.indexes[path] = dict(items), self._index

    def _denies(self, path: str) -> bool:
        return any(path.startswith(each) for each in self.denied)

    def _facts(self, path: str) -> dict[str, Any]:
        return {"Namespace": "default", "Path": path, "ModifyIndex": self.indexes[path]}

    def _whole(self, path: str) -> dict[str, Any]:
        return self._facts(path) | {"Items": self.items[path]}
