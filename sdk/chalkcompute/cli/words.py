"""The words after a function's name on a command line, bound to its parameters. Pure."""

from __future__ import annotations

import inspect
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from chalkcompute.cli.asking import MisuseError
from chalkcompute.cli.reading import is_truth, read, word
from fnq_wire.annotation import UNKNOWN, hints_of
from fnq_wire.items import element_of, table_parameter

__all__ = ["Words"]

_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


class Words:
    """Reads words for one function; `batches`: its lists are of items, and one item will do."""

    def __init__(self, name: str, function: Callable[..., Any], *, batches: bool = False) -> None:
        self._name = name
        self._parameters = dict(inspect.signature(function).parameters)
        self._hints = hints_of(function)
        self._batches = batches
        table = table_parameter(function) if batches else None
        if table is not None:
            # A caller names its columns, whatever they are called.
            self._parameters = {
                "columns": inspect.Parameter("columns", inspect.Parameter.VAR_KEYWORD)
            }

    def bind(self, words: Sequence[str]) -> tuple[list[Any], dict[str, Any]]:
        """Return positional and keyword arguments. Raises MisuseError that says what is wrong."""
        given: list[Any] = []
        named: dict[str, Any] = {}
        waiting, only_values = deque(words), False
        while waiting:
            each = waiting.popleft()
            if each == "--" and not only_values:
                only_values = True
            elif each.startswith("--") and not only_values:
                name, value = self._option(each[2:], waiting)
                if name in named:
                    raise MisuseError(f"{self._name}: --{name} is given twice")
                named[name] = value
            else:
                given.append(self._positional(len(given), each))
        self._check(given, named)
        return given, named

    def usage(self) -> str:
        """Return how it is called."""
        return " ".join([self._name, *self._usages()])

    def _usages(self) -> Iterator[str]:
        for each in self._parameters.values():
            kind = word(self._hint(each))
            if each.kind is inspect.Parameter.VAR_POSITIONAL:
                yield f"[{each.name} ...]"
            elif each.kind is inspect.Parameter.VAR_KEYWORD:
                yield "[--NAME VALUE ...]"
            elif each.default is inspect.Parameter.empty:
                yield f"--{each.name} {kind}"
            else:
                yield f"[--{each.name} {kind}]"

    def _option(self, text: str, waiting: deque[str]) -> tuple[str, Any]:
        """Return name and value of `--name`, whose value may be the next word."""
        name, equals, value = text.partition("=")
        name = name.replace("-", "_")
        parameter = self._parameters.get(name)
        denied = self._parameters.get(name.removeprefix("no_"))
        if parameter is None and denied is not None and self._hint(denied) is bool and not equals:
            return denied.name, False
        kinds = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
        if parameter is None or parameter.kind in kinds:
            parameter = self._open()
        if parameter is None or parameter.kind is inspect.Parameter.POSITIONAL_ONLY:
            raise MisuseError(
                f"{self._name} has no --{name}: {self.usage()}; options of fnq itself go before it"
            )
        hint = self._hint(parameter)
        if not equals and hint is bool and not (waiting and is_truth(waiting[0])):
            return name, True
        if not equals and not waiting:
            raise MisuseError(f"{self._name}: --{name} needs a value: {word(hint)}")
        if not equals:
            value = waiting.popleft()
        return name, self._read(f"--{name}", value, hint)

    def _positional(self, number: int, text: str) -> Any:
        several = [each for each in self._parameters.values() if each.kind in _POSITIONAL]
        rest = (
            each
            for each in self._parameters.values()
            if each.kind is inspect.Parameter.VAR_POSITIONAL
        )
        parameter = several[number] if number < len(several) else next(rest, None)
        if parameter is None:
            raise MisuseError(f"{self._name} has no place for {text!r}: {self.usage()}")
        return self._read(parameter.name, text, self._hint(parameter))

    def _check(self, given: Sequence[Any], named: dict[str, Any]) -> None:
        """Raise MisuseError for what is missing or given twice."""
        several = [each for each in self._parameters.values() if each.kind in _POSITIONAL]
        by_place = [each.name for each in several[: len(given)]]
        twice = [name for name in by_place if name in named]
        if twice:
            raise MisuseError(f"{self._name}: {twice[0]} is given twice, by place and by name")
        kinds = (*_POSITIONAL, inspect.Parameter.KEYWORD_ONLY)
        missing = [
            f"--{each.name} ({word(self._hint(each))})"
            for each in self._parameters.values()
            if each.kind in kinds and each.default is inspect.Parameter.empty
            if each.name not in named and each.name not in by_place
        ]
        if missing:
            raise MisuseError(f"{self._name} needs {', '.join(missing)}: {self.usage()}")

    def _open(self) -> inspect.Parameter | None:
        """Return the parameter that takes names of any kind."""
        kinds = inspect.Parameter.VAR_KEYWORD
        return next((each for each in self._parameters.values() if each.kind is kinds), None)

    def _hint(self, parameter: inspect.Parameter) -> Any:
        return self._hints.get(parameter.name, UNKNOWN)

    def _read(self, place: str, text: str, hint: Any) -> Any:
        try:
            return read(text, hint)
        except ValueError as problem:
            item = element_of(hint) if self._batches else UNKNOWN
            if item is not UNKNOWN:
                return self._read(place, text, item)
            raise MisuseError(f"{self._name}: {place}: {problem}") from None
