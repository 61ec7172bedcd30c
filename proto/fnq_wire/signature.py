"""The parameters of a function, and how a call's arguments meet them.

Wrong arguments raise the TypeError that Python itself would raise, in its words.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["ParameterInfo", "Signature"]

#: By the name of a kind in `inspect`.
_KINDS = {
    inspect.Parameter.POSITIONAL_ONLY: "positional",
    inspect.Parameter.POSITIONAL_OR_KEYWORD: "either",
    inspect.Parameter.KEYWORD_ONLY: "keyword",
    inspect.Parameter.VAR_POSITIONAL: "var_positional",
    inspect.Parameter.VAR_KEYWORD: "var_keyword",
}


_VARIED = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


@dataclass(frozen=True, slots=True)
class ParameterInfo:
    """Describe a parameter.

    `kind` is "positional", "either", "keyword", "var_positional" or "var_keyword";
    `type` is the Arrow type of its column as text, "any" when it has none.
    """

    name: str
    kind: str
    required: bool
    type: str = "any"


class Signature:
    """Know the parameters of one function, in order."""

    def __init__(self, name: str, parameters: Sequence[ParameterInfo]) -> None:
        self.name = name
        self.parameters = tuple(parameters)
        #: Indexes by name.
        self.index = {it.name: at for at, it in enumerate(self.parameters)}
        kinds = [it.kind for it in self.parameters]
        self._positional = [at for at, kind in enumerate(kinds) if kind in ("positional", "either")]
        self._rest = kinds.index("var_positional") if "var_positional" in kinds else None
        self._more = kinds.index("var_keyword") if "var_keyword" in kinds else None
        self._required = [at for at, it in enumerate(self.parameters) if it.required]
        least = len([at for at in self._required if at in self._positional])
        plain = not any(self.parameters[at].kind == "keyword" for at in self._required)
        #: What is present when so many arguments come by position and none by name.
        self._ready = {
            count: tuple(self._positional[:count])
            for count in range(least, len(self._positional) + 1)
            if plain
        }
        #: The names of those.
        self._in_order = {
            tuple(self.parameters[at].name for at in ready) for ready in self._ready.values()
        }

    @classmethod
    def of(cls, function: Callable[..., object]) -> Signature:
        """Return the signature of a function; raises TypeError when it has none."""
        try:
            found = inspect.signature(function).parameters.values()
        except ValueError as problem:
            raise TypeError(f"{function!r} has no signature: {problem}") from problem
        parameters = [
            ParameterInfo(
                it.name, _KINDS[it.kind], it.default is it.empty and it.kind not in _VARIED
            )
            for it in found
        ]
        return cls(getattr(function, "__qualname__", repr(function)), parameters)

    def bind(
        self, args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> tuple[tuple[int, ...], Sequence[Any]]:
        """Return the indexes of the parameters that have an argument, and the arguments.

        Defaults are left to the function. Raises TypeError.
        """
        if not kwargs:
            ready = self._ready.get(len(args))
            if ready is not None:
                return ready, args
        bound: dict[int, Any] = dict(zip(self._positional, args, strict=False))
        rest = args[len(self._positional) :]
        if rest and self._rest is not None:
            bound[self._rest] = rest
        self._bind_names(bound, kwargs)
        if rest and self._rest is None:
            raise TypeError(self._too_many(bound, len(args)))
        self._demand(bound)
        present = tuple(sorted(bound))
        return present, [bound[at] for at in present]

    def positional(self, count: int) -> tuple[int, ...] | None:
        """Return the indexes of the parameters that so many arguments by position meet.

        None where they do not fit, or where some of them go into one parameter.
        """
        return self._ready.get(count)

    def in_order(self, names: tuple[str, ...]) -> bool:
        """Return whether arguments of these names are those of a call by position alone."""
        return names in self._in_order

    def unbind(
        self, names: tuple[str, ...], values: Sequence[Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Return the arguments to call the function with, by position where possible.

        Raises ValueError when they do not fit it.
        """
        if self.in_order(names):
            return tuple(values), {}
        bound = {self.index.get(name, -1): value for name, value in zip(names, values, strict=True)}
        if -1 in bound or len(bound) < len(names) or not bound.keys() >= set(self._required):
            wanted = [it.name for it in self.parameters]
            raise ValueError(f"arguments {list(names)} for parameters {wanted}")
        args: list[Any] = []
        for at in self._positional:
            if at not in bound:
                break
            args.append(bound.pop(at))
        if self._rest is not None and self._rest in bound:
            args += bound.pop(self._rest)
        more = bound.pop(self._more) if self._more is not None and self._more in bound else {}
        return tuple(args), {self.parameters[at].name: value for at, value in bound.items()} | more

    def _bind_names(self, bound: dict[int, Any], kwargs: Mapping[str, Any]) -> None:
        """Put the arguments that come by name where they belong."""
        more: dict[str, Any] = {}
        for name, value in kwargs.items():
            at = self.index.get(name, -1)
            kind = self.parameters[at].kind if at >= 0 else ""
            if kind in ("either", "keyword"):
                if at in bound:
                    raise TypeError(f"{self.name}() got multiple values for argument '{name}'")
                bound[at] = value
            elif self._more is not None:
                more[name] = value
            else:
                raise TypeError(self._unexpected(name, kwargs))
        if more and self._more is not None:
            bound[self._more] = more

    def _unexpected(self, name: str, kwargs: Mapping[str, Any]) -> str:
        places = ", ".join(
            it.name for it in self.parameters if it.kind == "positional" and it.name in kwargs
        )
        if not places:
            return f"{self.name}() got an unexpected keyword argument '{name}'"
        what = "got some positional-only arguments passed as keyword arguments"
        return f"{self.name}() {what}: '{places}'"

    def _too_many(self, bound: dict[int, Any], given: int) -> str:
        most = len(self._positional)
        least = most - len([at for at in self._positional if at not in self._required])
        takes = str(most) if least == most else f"from {least} to {most}"
        plural = "" if takes == "1" else "s"
        keywords = [at for at in bound if self.parameters[at].kind == "keyword"]
        came = str(given)
        if keywords:
            one = "" if len(keywords) == 1 else "s"
            many = "" if given == 1 else "s"
            more = f"{len(keywords)} keyword-only argument{one}"
            came = f"{given} positional argument{many} (and {more})"
        was = "was" if given == 1 and not keywords else "were"
        return f"{self.name}() takes {takes} positional argument{plural} but {came} {was} given"

    def _demand(self, bound: dict[int, Any]) -> None:
        """Raise TypeError when an argument is missing."""
        missing = [at for at in self._required if at not in bound]
        for keyword, kind in ((False, "positional"), (True, "keyword-only")):
            names = [
                f"'{self.parameters[at].name}'"
                for at in missing
                if (self.parameters[at].kind == "keyword") is keyword
            ]
            if names:
                raise TypeError(
                    f"{self.name}() missing {len(names)} required {kind}"
                    f" argument{'s' if len(names) > 1 else ''}: {_listed(names)}"
                )


def _listed(names: list[str]) -> str:
    """Return names as Python lists them in an error."""
    if len(names) < 3:
        return " and ".join(names)
    return f"{', '.join(names[:-1])}, and {names[-1]}"
