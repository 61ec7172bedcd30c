"""What of a `__main__` namespace is shipped: the four rules, in their order.

For each global name that a function reaches:

    1. a value that the wire can carry: a snapshot of it;
    2. a def or class, with its decorators, bases and defaults;
    3. an import, with the whole `try` or `if` around it where that is plain;
    4. any other assignment: it is run again, unless it reaches a remote handle.

What the shipped statements reach is treated alike. One name goes before rule 1: one
that a `try` around an import binds (see `chain.decided_by_worker`).
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from chalkcompute.capture.binding import Binding, Kind
from chalkcompute.capture.chain import Syntax, chain, decided_by_worker, effects
from chalkcompute.capture.main import Main
from chalkcompute.capture.reach import Reach
from chalkcompute.capture.remote import Remote
from chalkcompute.capture.snapshot import snapshot
from chalkcompute.capture.text import Text, first_line
from fnq_wire.error import DeployError

__all__ = ["PROVIDED", "Plan", "Shipped"]

#: Every module has them by itself.
PROVIDED = frozenset(
    [
        "__annotations__",
        "__builtins__",
        "__cached__",
        "__debug__",
        "__file__",
        "__loader__",
        "__name__",
        "__package__",
        "__path__",
        "__spec__",
    ]
)
_ABSENT = object()


@dataclass(frozen=True, eq=False, slots=True)
class Shipped:
    """A statement that is run in the worker, and what it reaches."""

    text: Text
    node: ast.stmt
    reach: Reach

    @property
    def key(self) -> tuple[tuple[int, int], int, int]:
        """Return what sorts statements as they ran."""
        return (self.text.order, first_line(self.node), self.node.col_offset)


class Plan:
    """Collect, from the functions that are deployed, all that they reach."""

    def __init__(self, main: Main) -> None:
        self.main = main
        self.values: dict[str, bytes] = {}
        self.shipped: dict[int, Shipped] = {}
        self._syntax = Syntax()
        self._snapshots: dict[str, bytes | None] = {}
        self._remote = Remote(main, self._syntax, lambda name: self._snapshot(name) is not None)
        #: Names that are dealt with, and the values of those that rules 2 and 4 made.
        self._settled: set[str] = set()
        self._made: dict[str, object] = {}
        #: Names that only annotations use: where, for those still to be tried; and those
        #: that cannot be shipped.
        self._soft: dict[str, str] = {}
        self._given_up: set[str] = set()

    def want(self, reached: Mapping[str, int], text: Text) -> None:
        """Ship what `reached` names; lines are those of `text`.

        Raises DeployError, with file and line, for a name that cannot be shipped.
        """
        self._take([(name, text.place(line)) for name, line in sorted(reached.items())])

    def take(self, name: str, place: str) -> None:
        """Ship one name, that of a function that is deployed."""
        self._take([(name, place)])

    def _take(self, waiting: list[tuple[str, str]]) -> None:
        while waiting:
            name, place = waiting.pop()
            if name not in self._settled and name not in PROVIDED:
                self._settled.add(name)
                for each in self._settle(name, place):
                    found = sorted(each.reach.hard.items())
                    waiting += [(inner, each.text.place(line)) for inner, line in found]
                    self.want_softly(each.reach, each.text)

    def want_softly(self, reached: Reach, text: Text) -> None:
        """Ship the names that only annotations as text use, if it can be done."""
        for name, line in reached.soft.items():
            if name not in self._given_up:
                self._soft.setdefault(name, text.place(line))

    def finish(self) -> None:
        """Take what registers itself with what was reached, and the soft names."""
        self._register()
        while self._soft:
            name, place = min(self._soft.items())
            del self._soft[name]
            self._try(name, place)

    def _try(self, name: str, place: str) -> None:
        before = dict(self.values), dict(self.shipped), set(self._settled), dict(self._made)
        waiting = dict(self._soft)
        try:
            self._take([(name, place)])
            self._register()
        except DeployError:
            self.values, self.shipped, self._settled, self._made = before
            self._soft = waiting
            self._given_up.add(name)

    def _settle(self, name: str, place: str) -> list[Shipped]:
        """Apply the rules to one name; return the statements that it adds."""
        value = self.main.namespace.get(name, _ABSENT)
        if value is _ABSENT:
            return self._unborn(name, place)
        if not decided_by_worker(self.main, name, value):
            data = self._snapshot(name)
            if data is not None:
                self.values[name] = data
                return []
        needed = chain(self.main, name, value, self._syntax)
        star = self.main.star(name, value)
        if star is not None and (not needed or needed[-1].runs_before(star)):
            needed = [star]
        if not needed and hasattr(builtins, name) and _is_of_ipython(value):
            return []  # IPython's `open` and `exit`, for which a worker has Python's.
        if not needed and self.main.learn(value):
            needed = chain(self.main, name, value, self._syntax)
        if not needed:
            raise DeployError(self._unbound(name, value, place))
        if needed[-1].kind not in (Kind.IMPORT, Kind.STAR):
            self._made[name] = value
            self._refuse_effects(name, value, needed[0], place)
        return [each for binding in needed for each in self._ship(binding, name, place)]

    def _refuse_effects(self, name: str, value: object, first: Binding, place: str) -> None:
        changed = effects(self.main, name, value, first)
        if changed is not None:
            raise DeployError(
                f"{changed.place}: this changes {name!r}, which is reached from {place}, and a "
                f"worker would not see it: only imports, defs and assignments outside of loops "
                f"and of `if __name__` are shipped. Write it as one of these"
            )

    def _unborn(self, name: str, place: str) -> list[Shipped]:
        """Take defs and imports of a name that has no value yet: `TYPE_CHECKING`, or later."""
        kinds = (Kind.DEFINITION, Kind.IMPORT)
        found = [each for each in self.main.bindings(name) if each.kind in kinds]
        builtin = getattr(builtins, name, None)
        if _is_of_ipython(builtin):
            raise DeployError(f"{place}: {name!r} is IPython's own, and a worker runs without it")
        if builtin is not None or not found:
            return []
        return [*self._ship(found[-1], name, found[-1].place)]

    def _ship(self, binding: Binding, name: str, place: str) -> Iterator[Shipped]:
        """Add the statement of `binding` unless it is there; yield it when it is new."""
        node = binding.unit
        runs = binding.kind in (Kind.ASSIGNMENT, Kind.CHANGE)
        why = self._refusal(binding, node, runs)
        if why and not runs and binding.kind is not Kind.OTHER:
            node, why = binding.node, ""
        if why:
            raise DeployError(
                f"{binding.place}: {name!r}, which is reached from {place}, cannot be shipped: "
                f"{why}"
            )
        if id(node) not in self.shipped:
            added = Shipped(binding.text, node, self._syntax.reach(node, binding))
            self.shipped[id(node)] = added
            yield added

    def _refusal(self, binding: Binding, node: ast.stmt, runs: bool) -> str:
        """Return why the statement may not be run in a worker; "" when it may."""
        if binding.kind is Kind.OTHER:
            return (
                "it is bound by a loop, `with`, `match` or `:=`, and its value cannot travel. Bind "
                "it by a plain assignment, or inside the function"
            )
        if runs and binding.guarded:
            return "`if __name__` blocks never run in a worker. Move the assignment out of it"
        found = self._syntax.reach(node, binding)
        if found.waits and (runs or node is not binding.node):
            return "it is made by `await` outside a function. Make it inside the function"
        handle = self._remote.handle(found) if runs or node is not binding.node else ""
        if handle:
            return (
                f"the assignment would be run again in the worker, and it reaches the remote "
                f"function {handle!r}. Call that inside the function, or pass the value"
            )
        return ""

    def _unbound(self, name: str, value: object, place: str) -> str:
        return (
            f"{place}: {name!r} is of type {type(value).__qualname__}, which cannot travel as a "
            f"value, and no def, import or assignment in {self._titles()} binds it. Make it inside "
            f"the function, or define it in a module or a script file"
        )

    def _titles(self) -> str:
        titles = sorted({text.title for text in self.main.texts})
        return ", ".join(titles[:3]) or "the session, whose source Python has not kept,"

    def _register(self) -> None:
        """Take defs whose decorators enter them into something that was shipped."""
        found = True
        while found:
            found = False
            for each in list(self.main.definitions()):
                if id(each.unit) not in self.shipped and self._remote.registers(each, self._made):
                    found = True
                    for added in self._ship(each, each.name, each.place):
                        self.want(added.reach.hard, added.text)
                        self.want_softly(added.reach, added.text)

    def _snapshot(self, name: str) -> bytes | None:
        if name not in self._snapshots:
            value = self.main.namespace.get(name, _ABSENT)
            self._snapshots[name] = None if value is _ABSENT else snapshot(name, value)
        return self._snapshots[name]


def _is_of_ipython(value: object) -> bool:
    namespace = getattr(value, "__globals__", None)
    module = getattr(value, "__module__", "")
    if isinstance(namespace, dict):
        module = namespace.get("__name__")
    return isinstance(module, str) and module.partition(".")[0] == "IPython"
