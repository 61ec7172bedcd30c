"""Pack a set of functions, and all that they reach, into one bundle."""

from __future__ import annotations

import ast
import re
import sys
import types
from collections.abc import Sequence
from typing import Any

from chalkcompute.capture.bundle import Bundle, Cargo
from chalkcompute.capture.handle import function_of, is_handle
from chalkcompute.capture.main import Main
from chalkcompute.capture.module import Modules
from chalkcompute.capture.nested import Inner, remade
from chalkcompute.capture.order import ordered
from chalkcompute.capture.plan import Plan
from chalkcompute.capture.submodule import submodules
from chalkcompute.capture.text import Text, is_future
from fnq_wire.bundle import FOLDER, MANIFEST, File, Manifest, Nested, Piece, value_path
from fnq_wire.error import DeployError

__all__ = ["capture"]

MAIN = "__main__"


def capture(functions: Sequence[types.FunctionType]) -> Bundle:
    """Return the source of `functions` as one bundle.

    A function of a module that can be imported is shipped with its module; one of a
    script or a cell with what it reaches, as its globals are now. Raises DeployError,
    with file and line, for what cannot be shipped; sends and runs nothing.
    """
    packer = _Packer()
    for function in functions:
        _check(function)
    for function in sorted(functions, key=_sorting):
        packer.add(function)
    return packer.pack()


def _check(function: object) -> None:
    if not isinstance(function, types.FunctionType):
        raise DeployError(f"expected a function made by def, got {type(function).__name__}")
    code = (function_of(function) or function).__code__
    if code.co_name == "<lambda>":
        raise DeployError(
            f"{code.co_filename}:{code.co_firstlineno}: a lambda cannot be deployed: write it "
            f"as a def"
        )


def _sorting(function: types.FunctionType) -> tuple[str, str, int]:
    return function.__module__ or "", function.__qualname__, function.__code__.co_firstlineno


class _Packer:
    """Sort functions by how they are found again, and fill a bundle."""

    def __init__(self) -> None:
        self._modules = Modules()
        self._plan: Plan | None = None
        self._mains: dict[int, Main] = {}
        self._nested: dict[tuple[str, str], Inner] = {}
        self._qualnames: dict[tuple[str, str], str] = {}
        self._where: dict[types.FunctionType, tuple[str, str]] = {}

    def add(self, function: types.FunctionType) -> None:
        """Take one function."""
        origin = function_of(function) or function
        namespace: dict[str, Any] = origin.__globals__
        module = function.__module__
        if _importable(module, namespace):
            self._modules.require(module)
            if self._modules.is_local(module) and origin.__code__.co_filename.startswith("<"):
                self._main(namespace).require(origin)
            if not _leads_to(namespace, function):
                self._add_nested(module, self._main(namespace), function)
            else:
                self._where[function] = (module, function.__qualname__)
            return
        plan = self._plan_of(namespace)
        if _leads_to(namespace, function):
            node, text = plan.main.require(origin)
            plan.take(function.__qualname__.partition(".")[0], text.place(node.lineno))
            self._where[function] = (MAIN, function.__qualname__)
        else:
            found = self._add_nested(MAIN, plan.main, function)
            plan.want(found.reach.hard, found.text)
            plan.want_softly(found.reach, found.text)
            self._modules.scan([found.node], plan.main.package)

    def pack(self) -> Bundle:
        """Return the bundle of all that was added."""
        cargo = Cargo()
        manifest = Manifest()
        files = _Files(manifest)
        if self._plan is not None:
            self._plan.finish()
            self._fill(self._plan, manifest, files, cargo)
        for (module, key), each in sorted(self._nested.items()):
            manifest.nested.append(self._entry(module, key, each, files, cargo))
        files.load(cargo)
        if manifest.files:
            cargo.add(MANIFEST, manifest.encode())
        self._modules.load(cargo)
        digest, data = cargo.pack()
        return Bundle(digest, data, self._where, cargo.left_out)

    def _fill(self, plan: Plan, manifest: Manifest, files: _Files, cargo: Cargo) -> None:
        """Write what is shipped of `__main__`."""
        statements = ordered(plan.shipped.values(), plan.main)
        self._modules.scan([each.node for each in statements], plan.main.package)
        for text in sorted({each.text for each in statements}, key=lambda each: each.order):
            files.number(text)
        manifest.statements = [files.piece(each.text, each.node) for each in statements]
        script = next((text for text in plan.main.texts if text.filename == plan.main.file), None)
        if script is not None:
            manifest.main = files.path(script)
        manifest.package = plan.main.package
        reached = [each.reach for each in statements]
        reached += [each.reach for (module, _), each in self._nested.items() if module == MAIN]
        manifest.submodules = submodules(reached, plan.main.namespace)
        for name in manifest.submodules:
            self._modules.reach(name)
        for name, data in sorted(plan.values.items()):
            manifest.values[name] = files.value(data, cargo, f"the variable {name!r}")

    def _entry(self, module: str, key: str, each: Inner, files: _Files, cargo: Cargo) -> Nested:
        qualname = self._qualnames[module, key]
        held = {
            kind: {
                name: files.value(data, cargo, f"{name!r} of {qualname}")
                for name, data in sorted(values.items())
            }
            for kind, values in (("cells", each.cells), ("defaults", each.defaults))
        }
        piece = files.piece(each.text, each.node)
        return Nested(module, key, qualname, piece, each.decorated, **held)

    def _add_nested(self, module: str, main: Main, function: types.FunctionType) -> Inner:
        found = remade(main, function)
        qualname = function.__qualname__
        key, number = (qualname if "<locals>" in qualname else f"{qualname}#1"), 1
        while (module, key) in self._nested:
            number += 1
            key = f"{qualname}#{number}"
        self._nested[module, key] = found
        self._qualnames[module, key] = qualname
        self._where[function] = (module, key)
        return found

    def _main(self, namespace: dict[str, Any]) -> Main:
        if id(namespace) not in self._mains:
            self._mains[id(namespace)] = Main(namespace)
        return self._mains[id(namespace)]

    def _plan_of(self, namespace: dict[str, Any]) -> Plan:
        if self._plan is None:
            self._plan = Plan(self._main(namespace))
        if self._plan.main.namespace is not namespace:
            raise DeployError(
                f"functions of two scripts are deployed by one process: {self._plan.main.title} "
                f"and {self._main(namespace).title}. Put one of them into a module"
            )
        return self._plan


class _Files:
    """The texts that pieces are cut from, each with only those left in it."""

    def __init__(self, manifest: Manifest) -> None:
        self._manifest = manifest
        self._numbers: dict[Text, int] = {}
        self._kept: dict[Text, list[ast.stmt]] = {}
        self._values: dict[bytes, int] = {}

    def number(self, text: Text) -> int:
        """Return the number of the file in the manifest."""
        if text not in self._numbers:
            self._numbers[text] = len(self._manifest.files)
            self._manifest.files.append(File(self._name(text.label), sorted(text.futures)))
        return self._numbers[text]

    def path(self, text: Text) -> str:
        """Return where the file lies in the bundle."""
        return self._manifest.files[self.number(text)].path

    def piece(self, text: Text, node: ast.stmt) -> Piece:
        """Return where `node` is found again."""
        self._kept.setdefault(text, []).append(node)
        at = text.span(node)
        return Piece(self.number(text), at.line, at.column, at.end_line, at.end_column)

    def value(self, data: bytes, cargo: Cargo, title: str) -> int:
        """Put an encoded value into the bundle; return its number."""
        number = self._values.setdefault(data, len(self._values))
        cargo.add(value_path(number), data, title=title)
        return number

    def load(self, cargo: Cargo) -> None:
        """Put the files into the bundle."""
        for text, number in self._numbers.items():
            futures = (node for node in text.tree.body if is_future(node))
            kept = text.keep([*futures, *self._kept.get(text, [])])
            cargo.add(self._manifest.files[number].path, kept.encode())

    def _name(self, label: str) -> str:
        stem = re.sub(r"[^\w.-]", "_", label.removesuffix(".py")) or "script"
        taken = {each.path for each in self._manifest.files}
        path, number = f"{FOLDER}/{stem}.py", 1
        while path in taken:
            number += 1
            path = f"{FOLDER}/{stem}_{number}.py"
        return path


def _importable(name: str, namespace: dict[str, Any]) -> bool:
    """Tell whether a worker gets this namespace by importing the module."""
    module = sys.modules.get(name)
    known = isinstance(module, types.ModuleType) and vars(module) is namespace
    return known and name not in (MAIN, "__mp_main__")


def _leads_to(namespace: dict[str, Any], function: types.FunctionType) -> bool:
    """Tell whether the function is what its qualified name leads to."""
    value: Any = namespace
    for number, part in enumerate(function.__qualname__.split(".")):
        value = value.get(part) if not number else getattr(value, part, None)
    return value is function or (is_handle(value) and value.body is function)
