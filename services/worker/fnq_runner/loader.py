"""Load a function from the directory that a bundle was unpacked into.

Modules are imported as usual. A `__main__` is rebuilt from its manifest: statement by
statement, under file names and lines that a traceback can show; nothing else of the
script is there to be run.
"""

from __future__ import annotations
import __future__

import ast
import contextlib
import importlib
import importlib.machinery
import os
import sys
import types
from collections.abc import Callable
from typing import Any, cast

from fnq_wire import stable
from fnq_wire.bundle import MANIFEST, BundleError, File, Manifest, Nested, Piece, value_path
from fnq_wire.error import DeployError

__all__ = ["body_of", "find", "load", "rebuild"]

MAIN = "__main__"
#: Says in a rebuilt `__main__` which directory it came from.
_ROOT = "__fnq_root__"
#: What a nested def is made by, and the names of its defaults there.
_MAKER = "__fnq_make__"
_DEFAULT = "__fnq_default_{}__"
#: What its decorators are called through.
_BELOW = "__fnq_below__"


def load(root: str, module: str, qualname: str) -> Callable[..., Any]:
    """Return the function that capture placed at (`module`, `qualname`).

    `root` goes to the front of `sys.path`; a rebuilt `__main__` takes its place in
    `sys.modules`. Raises what the user's module raises on import, and DeployError when
    the bundle has no such function.
    """
    return body_of(find(root, module, qualname), module, qualname)


def body_of(found: Any, module: str, qualname: str) -> Callable[..., Any]:
    """Return the function in what `find` found. Raises DeployError when it is none."""
    body = found.body if _is_handle(found) else found
    if not callable(body):
        raise DeployError(f"{module}.{qualname} is a {type(body).__name__}, not a function")
    return cast("Callable[..., Any]", body)


def find(root: str, module: str, qualname: str) -> Any:
    """Return what `load` returns, but with its decorators: mostly a handle."""
    root = os.path.abspath(root)
    if root not in sys.path:
        sys.path.insert(0, root)
        importlib.invalidate_caches()
    manifest = _manifest(root)
    namespace = _main(root, manifest) if module == MAIN else vars(importlib.import_module(module))
    for nested in manifest.nested:
        if (nested.module, nested.key) == (module, qualname):
            return _make(root, manifest, nested, namespace)
    return _walk(namespace, module, qualname)


def _walk(namespace: dict[str, Any], module: str, qualname: str) -> Any:
    first, *rest = qualname.split(".")
    try:
        value = namespace[first]
        for part in rest:
            value = getattr(value, part)
    except (KeyError, AttributeError):
        raise DeployError(
            f"the bundle has no {qualname!r} in {module!r}: deploy the function again"
        ) from None
    return value


def _manifest(root: str) -> Manifest:
    path = os.path.join(root, MANIFEST)
    if not os.path.exists(path):
        return Manifest()
    with open(path, "rb") as file:
        return Manifest.decode(file.read())


def _main(root: str, manifest: Manifest) -> dict[str, Any]:
    """Return the namespace of the rebuilt `__main__`, made on first use."""
    present = vars(sys.modules[MAIN])
    if present.get(_ROOT) == root:
        return present
    module = types.ModuleType(MAIN)
    namespace = vars(module)
    namespace[_ROOT] = root
    if manifest.main:
        namespace["__file__"] = os.path.join(root, manifest.main)
    namespace |= {"__package__": manifest.package, "__spec__": _Spec(manifest.package)}
    values = {name: _value(root, number) for name, number in manifest.values.items()}
    namespace |= values
    before, sys.modules[MAIN] = sys.modules[MAIN], module
    try:
        texts = [_text(root, file) for file in manifest.files]
        for piece in manifest.statements:
            file = manifest.files[piece.file]
            tree = ast.Module(_cut(texts[piece.file], piece, os.path.join(root, file.path)), [])
            exec(_compile(tree, root, file), namespace)  # noqa: S102 - what was deployed
            # A statement may bind more than it was shipped for.
            namespace |= values
        _import_submodules(manifest.submodules)
    except BaseException:
        sys.modules[MAIN] = before
        raise
    return namespace


def _import_submodules(names: list[str]) -> None:
    """Import what at home some other module had imported; a failure shows where it is used."""
    for name in names:
        if name.rpartition(".")[0] in sys.modules:
            with contextlib.suppress(ImportError):
                importlib.import_module(name)


class _Spec(importlib.machinery.ModuleSpec):
    """What relative imports start from, and what multiprocessing runs in its children."""

    def __init__(self, package: str) -> None:
        super().__init__("fnq_runner.again", None)
        self._package = package

    @property
    def parent(self) -> str:
        """Return the package of the script."""
        return self._package


def rebuild() -> dict[str, Any]:
    """Return the names of the `__main__` of the bundle that `sys.path` leads to."""
    root = next(each for each in sys.path if os.path.exists(os.path.join(each, MANIFEST)))
    made = _main(root, _manifest(root))
    return {name: each for name, each in made.items() if not _is_dunder(name)}


def _is_dunder(name: str) -> bool:
    return name.startswith("__") and name.endswith("__")


def _make(root: str, manifest: Manifest, nested: Nested, namespace: dict[str, Any]) -> Any:
    """Return a function that no name leads to, made in `namespace`."""
    file = manifest.files[nested.piece.file]
    (definition,) = _cut(_text(root, file), nested.piece, os.path.join(root, file.path))
    assert isinstance(definition, ast.FunctionDef | ast.AsyncFunctionDef)
    decorators = definition.decorator_list if nested.decorated else []
    definition.decorator_list = [_through_below(each) for each in decorators]
    _give_defaults(definition.args, nested)
    values = {name: _value(root, number) for name, number in nested.cells.items()}
    values |= {
        _DEFAULT.format(name): _value(root, number) for name, number in nested.defaults.items()
    }
    values[_BELOW] = _below
    body: list[ast.stmt] = [definition]
    if "<locals>" in nested.qualname:
        body = [_maker(definition, list(values))]
    # A def that stood at the top level means the module's names, also by its own.
    made: dict[str, Any] = dict(values)
    code = _compile(ast.fix_missing_locations(ast.Module(body, [])), root, file, "annotations")
    around = nested.qualname.rpartition(".")[0]
    exec(_renamed(code, around), namespace, made)  # noqa: S102 - what was deployed
    return made[_MAKER](**values) if _MAKER in made else made[definition.name]


def _through_below(decorator: ast.expr) -> ast.expr:
    call = ast.Call(ast.Name(_BELOW, ast.Load()), [decorator], [])
    return ast.fix_missing_locations(ast.copy_location(call, decorator))


def _below(decorator: Callable[..., Any]) -> Callable[..., Any]:
    """Return the decorator, but for handles: what is put around one belongs to who calls it."""
    return lambda value: value if _is_handle(value) else decorator(value)


def _is_handle(value: object) -> bool:
    return getattr(type(value), "__fnq_handle__", False) is True


def _renamed(code: types.CodeType, around: str) -> types.CodeType:
    """Return the code with the qualified names that the functions in it had."""
    consts = tuple(
        _renamed(each, around) if isinstance(each, types.CodeType) else each
        for each in code.co_consts
    )
    name = code.co_qualname
    if name.startswith(f"{_MAKER}.<locals>."):
        name = around + name.removeprefix(f"{_MAKER}.<locals>")
    return code.replace(co_consts=consts, co_qualname=name)


def _maker(definition: ast.FunctionDef | ast.AsyncFunctionDef, names: list[str]) -> ast.stmt:
    """Return a function around the def, whose parameters are what it closes over."""
    source = f"def {_MAKER}({', '.join(names)}): return {definition.name}"
    maker = ast.parse(source).body[0]
    assert isinstance(maker, ast.FunctionDef)
    maker.body.insert(0, definition)
    return maker


def _give_defaults(arguments: ast.arguments, nested: Nested) -> None:
    """Replace the defaults that are shipped as values by names for them."""
    places = [*arguments.posonlyargs, *arguments.args][::-1]
    for number, each in enumerate(places[: len(arguments.defaults)], 1):
        if each.arg in nested.defaults:
            arguments.defaults[-number] = _default(each.arg)
    for number, each in enumerate(arguments.kwonlyargs):
        if each.arg in nested.defaults:
            arguments.kw_defaults[number] = _default(each.arg)


def _default(name: str) -> ast.expr:
    return ast.Name(_DEFAULT.format(name), ast.Load())


def _compile(tree: ast.Module, root: str, file: File, *futures: str) -> types.CodeType:
    """Compile under the place of the file, so that a traceback shows the line."""
    flags = 0
    for name in {*file.futures, *futures}:
        flags |= getattr(__future__, name).compiler_flag
    path = os.path.join(root, file.path)
    code: types.CodeType = compile(tree, path, "exec", flags, dont_inherit=True)
    return code


def _text(root: str, file: File) -> list[str]:
    with open(os.path.join(root, file.path), encoding="utf-8", newline="") as text:
        return text.read().split("\n")


def _cut(lines: list[str], piece: Piece, filename: str) -> list[ast.stmt]:
    """Return the statement at `piece`, with the lines that it has in the file."""
    if not 0 < piece.line <= piece.end_line <= len(lines):
        raise BundleError("the manifest names lines that are not in the bundle")
    found = lines[piece.line - 1 : piece.end_line]
    found[-1] = found[-1][: piece.end_column]
    shift = piece.line - 1
    if piece.column:
        # An indented statement parses only below something. Spaces and tabs are kept.
        found[0] = (
            "".join(each if each == "\t" else " " for each in found[0][: piece.column])
            + (found[0][piece.column :])
        )
        found.insert(0, "if 1:")
        shift -= 1
    try:
        tree = ast.parse("\n".join(found), filename)
    except SyntaxError as problem:
        problem.lineno = (problem.lineno or 1) + shift
        raise
    ast.increment_lineno(tree, shift)
    outer = tree.body[0]
    return outer.body if piece.column and isinstance(outer, ast.If) else tree.body


def _value(root: str, number: int) -> Any:
    with open(os.path.join(root, value_path(number)), "rb") as file:
        return stable.decode(file.read())
