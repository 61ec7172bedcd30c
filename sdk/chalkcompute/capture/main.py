"""The texts behind a `__main__` namespace, and what each of its names was bound by."""

from __future__ import annotations
import __future__

import ast
import linecache
import re
import sys
import tokenize
import types
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from chalkcompute.capture.binding import Binding, Kind, bindings
from chalkcompute.capture.cell import cells
from chalkcompute.capture.handle import function_of
from chalkcompute.capture.imports import absolute
from chalkcompute.capture.text import Definition, Text
from fnq_wire.error import DeployError

__all__ = ["Main"]

#: What Python calls a script that it reads from standard input, and what is typed.
_STDIN = "<stdin>"
#: Names of files that many texts share: there the code itself must be the same.
_SHARED = frozenset({_STDIN, "<string>", "<timed exec>"})
_COMMAND = re.compile(r"-[A-Za-z]*c")


class Main:
    """The source of a namespace that no import can rebuild: a script, cells, or both."""

    def __init__(self, namespace: Mapping[str, Any]) -> None:
        self.namespace = namespace
        self.file = _file(namespace)
        self.texts: list[Text] = []
        #: Names that a function rebinds by `global`.
        self.rebound: set[str] = set()
        self._by_name: dict[str, list[Binding]] = {}
        script = _script(namespace, self.file)
        for text in [*([script] if script else []), *cells(namespace)]:
            self._add(text)
        if self.file == _STDIN and not self.texts:
            raise DeployError(
                f"{_STDIN}: a script that is read from standard input cannot be deployed, as its "
                f"source cannot be read again: write it to a file, and run that"
            )
        if self.file and not self.texts:
            raise DeployError(f"the source of {self.file} cannot be found: is it still there?")

    @property
    def title(self) -> str:
        """Return what people call it."""
        return self.file or "an interactive session"

    def require(self, function: types.FunctionType) -> tuple[Definition, Text]:
        """Return the def of a function; DeployError, with file and line, if there is none."""
        self.learn(function)
        code = function.__code__
        node, text = self.find(code)
        if node is None or text is None:
            raise DeployError(
                f"{code.co_filename}:{code.co_firstlineno}: no def of {function.__qualname__!r} is "
                f"found there. A function made by exec, read from standard input, or wrapped "
                f"by a decorator that does not use functools.wraps cannot be deployed: write it "
                f"as a def, in a file"
            )
        return node, text

    def bindings(self, name: str) -> list[Binding]:
        """Return what binds `name`, in the order in which it ran."""
        return self._by_name.get(name, [])

    def definitions(self) -> Iterator[Binding]:
        """Yield every def and class, in order of names."""
        for _, found in sorted(self._by_name.items()):
            yield from (each for each in found if each.kind is Kind.DEFINITION)

    def star(self, name: str, value: object) -> Binding | None:
        """Return the last `from module import *` that brought `name` with that value."""
        for each in reversed(self.bindings("*")):
            assert isinstance(each.node, ast.ImportFrom)
            base = absolute("." * each.node.level + (each.node.module or ""), self.package)
            module = sys.modules.get(base)
            if module is not None and vars(module).get(name, _MISSING) is value:
                return each
        return None

    @property
    def package(self) -> str:
        """Return the package that relative imports start from; "" for a plain script."""
        package = self.namespace.get("__package__")
        return package if isinstance(package, str) else ""

    def definition(self, code: types.CodeType) -> Binding | None:
        """Return the def in a module's body, or below its `if`s, that made `code`."""
        node, text = self.find(code)
        found = self.bindings(code.co_name)
        return next((each for each in found if each.node is node and each.text is text), None)

    def find(self, code: types.CodeType) -> tuple[Definition | None, Text | None]:
        """Return the def, wherever it stands, that made `code`; None where there is none."""
        for text in reversed(self._texts_of(code)):
            node = text.definitions.get((code.co_name, code.co_firstlineno))
            if node is not None:
                return node, text
        return None, None

    def learn(self, value: object) -> bool:
        """Take in the file of a function or class that was brought here, as `%run` does.

        Tell whether there was anything to learn.
        """
        methods = vars(value).values() if isinstance(value, type) else [value]
        function = next(filter(None, map(function_of, methods)), None)
        if function is None:
            return False
        ours = self.namespace.get("__name__") or "__main__"
        filename = function.__code__.co_filename
        if function.__module__ != ours or any(each.filename == filename for each in self.texts):
            return False
        text = _read(filename, self.namespace, (0, len(self.texts)))
        if text is not None:
            self._add(text)
        return text is not None

    def _texts_of(self, code: types.CodeType) -> list[Text]:
        found = [each for each in self.texts if each.filename == code.co_filename]
        if code.co_filename in _SHARED:
            return [each for each in found if _holds(each, code)]
        return found

    def _add(self, text: Text) -> None:
        self.texts.append(text)
        self.texts.sort(key=lambda each: each.order)
        for each in bindings(text):
            self._by_name.setdefault(each.name, []).append(each)
            # Stable: within a text the order of the lines stays.
            self._by_name[each.name].sort(key=lambda binding: binding.text.order)
        for node in ast.walk(text.tree):
            if isinstance(node, ast.Global):
                self.rebound.update(node.names)


_MISSING = object()


def _file(namespace: Mapping[str, Any]) -> str:
    file = namespace.get("__file__")
    return file if isinstance(file, str) else ""


def _script(namespace: Mapping[str, Any], file: str) -> Text | None:
    """Return the script of a namespace; None for a session that has none."""
    if file:
        return _read(file, namespace, (0, 0))
    if sys.argv[:1] == ["-c"]:
        words = sys.orig_argv
        after = next((n for n, word in enumerate(words[1:], 2) if _COMMAND.fullmatch(word)), 0)
        if after and after < len(words):
            return Text(words[after], "<string>", "<string>", "command.py")
    return None


def _read(filename: str, namespace: Mapping[str, Any], order: tuple[int, int]) -> Text | None:
    """Return the text of a file, or what linecache knows under that name."""
    try:
        try:
            with tokenize.open(filename) as file:
                source = file.read()
        except OSError:
            source = "".join(linecache.getlines(filename, dict(namespace)))
        label = Path(filename).stem if not filename.startswith("<") else "cell"
        return Text(source, filename, filename, f"{label}.py", order) if source else None
    except (SyntaxError, ValueError) as problem:
        raise DeployError(f"{filename} has changed and does not parse: {problem}") from problem


def _holds(text: Text, code: types.CodeType) -> bool:
    """Tell whether compiling `text` makes `code`."""
    flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    for name in text.futures:
        flags |= getattr(__future__, name).compiler_flag
    waiting = [compile(text.tree, text.filename, "exec", flags, dont_inherit=True)]
    while waiting:
        each = waiting.pop()
        if (each.co_name, each.co_code) == (code.co_name, code.co_code) and (
            each.co_consts == code.co_consts and each.co_names == code.co_names
        ):
            return True
        waiting += [const for const in each.co_consts if isinstance(const, types.CodeType)]
    return False
