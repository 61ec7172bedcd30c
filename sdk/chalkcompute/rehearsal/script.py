"""Runs a script, or imports a module, for its functions and without its calls."""

from __future__ import annotations
import __future__

import ast
import contextlib
import importlib
import os
import sys
import traceback
import types
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.machinery import SourceFileLoader
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chalkcompute import deployment, runtime
from chalkcompute.capture.main import Main
from chalkcompute.capture.scope import bound_names
from chalkcompute.capture.text import Text
from chalkcompute.errors import DeployError
from chalkcompute.rehearsal.missing import LackingError, Missing
from chalkcompute.rehearsal.recorder import Deploy, Held, Recorder
from chalkcompute.rehearsal.statement import Reader, Verdict

if TYPE_CHECKING:
    from chalkcompute.function import RemoteFunction
    from fnq.v1 import spec_pb2

__all__ = ["Play", "rehearse"]


#: Files whose frames are no part of a script's traceback.
_OURS = (os.path.dirname(os.path.abspath(__file__)), importlib.__file__, "<frozen")


@dataclass(slots=True)
class Play:
    """What a script has: its globals, its remote functions by name, and what it deploys.

    Each deploy has all functions of the one before; most scripts make one.
    """

    namespace: dict[str, Any]
    functions: dict[str, RemoteFunction[..., Any, Any]]
    deploys: list[Deploy]

    @property
    def specs(self) -> Sequence[spec_pb2.FunctionSpec]:
        """Return the specs of all its functions, as its last deploy has them."""
        return self.deploys[-1].specs

    def deploy(self) -> dict[str, int]:
        """Deploy as the script would; return the numbers of the versions, by function.

        Its handles can be called then. Raises DeployError and what opening a session raises.
        """
        numbers: dict[str, int] = {}
        for each in self.deploys:
            session = runtime.current_session()
            deployed = session.deploy(each.specs, *each.arguments, **each.keywords)
            deployment.current().say(each.specs, deployed)
            names = [spec.name for spec in each.specs]
            numbers |= zip(names, (number for _, number in deployed.versions), strict=True)
        for name, number in numbers.items():
            target = self.functions[name].target
            assert target is not None
            target.number = number
        return numbers


def rehearse(name: str) -> Play:
    """Run the script at a path, or import the module of a dotted name; nothing is sent.

    Its standard output goes to stderr. Raises DeployError, with the traceback of the
    script where it fails, and for what cannot be shipped.
    """
    recorder, current = Recorder(), deployment.current()
    # What this process ends with is the command's to deploy.
    current.is_led = True
    runtime.install(recorder, worker=False)
    try:
        with contextlib.redirect_stdout(sys.stderr):
            path = Path(name)
            namespace = _script(path) if path.is_file() else _module(name)
        _deploy_rest()
    finally:
        runtime.install(None)
    if not recorder.deploys:
        raise DeployError(f"{name} has no remote function: decorate one by @chalkcompute.function")
    return Play(namespace, current.functions(), recorder.deploys)


def _module(name: str) -> dict[str, Any]:
    if not all(part.isidentifier() for part in name.split(".")):
        raise DeployError(f"there is no file {name!r}, and it is no name of a module either")
    sys.path.insert(0, os.getcwd())
    with _told(name):
        try:
            return vars(importlib.import_module(name))
        except ModuleNotFoundError as problem:
            if problem.name is None or not f"{name}.".startswith(f"{problem.name}."):
                raise
            raise DeployError(f"there is neither a file nor a module {name!r}") from None
        except Held as held:
            raise _held_at_import(held) from None


def _script(path: Path) -> dict[str, Any]:
    """Run a script as `python FILE` would, without what it calls."""
    file = os.path.abspath(path)
    module = types.ModuleType("__main__")
    namespace = vars(module)
    namespace.update(
        __file__=file, __cached__=None, __loader__=SourceFileLoader("__main__", file),
        __package__=None, __builtins__=sys.modules["builtins"],
    )  # fmt: skip
    sys.modules["__main__"] = module
    sys.argv = [str(path)]
    sys.path.insert(0, os.path.dirname(os.path.realpath(file)))
    try:
        ast.parse(path.read_bytes(), path.name)
    except (SyntaxError, ValueError) as problem:
        raise DeployError(f"{path} does not parse: {problem}") from problem
    main = Main(namespace)
    text = main.texts[0]
    with _told(str(path)):
        _play(text, Reader(text, main, namespace), namespace)
    return namespace


def _play(text: Text, reader: Reader, namespace: dict[str, Any]) -> None:
    """Run the statements of a script up to the last that can matter."""
    namespace["__doc__"] = ast.get_docstring(text.tree, clean=False)
    flags = 0
    for future in text.futures:
        flags |= getattr(__future__, future).compiler_flag
    for number, node in enumerate(text.tree.body):
        verdict = reader.verdict(number)
        if verdict is Verdict.RUN:
            verdict = _run(node, text.filename, flags, namespace)
        if verdict is not Verdict.RUN:
            namespace.update((name, Missing()) for name in _bound(node))
        if verdict is Verdict.CALL:
            _deploy_rest()
            if not reader.defines_after(number):
                return


def _bound(node: ast.stmt) -> set[str]:
    """Return what a statement binds; what only an error would bind is left as it is."""
    if isinstance(node, ast.Try | ast.TryStar):
        return bound_names([*node.body, *node.orelse, *node.finalbody]).bound
    return bound_names([node]).bound


def _run(node: ast.stmt, filename: str, flags: int, namespace: dict[str, Any]) -> Verdict:
    """Run one statement; tell whether it came to a call, or to the end of the script."""
    body = ast.Module([node], type_ignores=[])
    try:
        exec(compile(body, filename, "exec", flags, dont_inherit=True), namespace)  # noqa: S102
    except LackingError:
        return Verdict.SKIP
    except Held as held:
        if isinstance(node, ast.Import | ast.ImportFrom):
            raise _held_at_import(held) from None
        return Verdict.CALL
    return Verdict.RUN


def _deploy_rest() -> None:
    """Have what was decorated since the last deploy taken, as the first call would."""
    current = deployment.current()
    for handle in current.rest().values():
        current.ensure(handle)


def _held_at_import(held: Held) -> DeployError:
    frames = [
        each
        for each in traceback.extract_tb(held.__traceback__)
        if not each.filename.startswith(("<", os.path.dirname(deployment.__file__)))
    ]
    last = frames[-1]
    return DeployError(
        f"{last.filename}:{last.lineno}: a remote function is called while its module is imported, "
        f"and so it would be in each worker: move the call into a function, or below "
        f'`if __name__ == "__main__":`'
    )


@contextlib.contextmanager
def _told(name: str) -> Iterator[None]:
    """Tell what a script raises as the script's own; a script may end itself, in order."""
    try:
        yield
    except DeployError:
        raise
    except SystemExit as end:
        if end.code not in (None, 0):
            raise DeployError(
                f"{name} ends itself ({end.code}) before its functions are known: "
                f'move that below `if __name__ == "__main__":`'
            ) from end
    except Exception as problem:
        where = problem.__traceback__
        while where is not None and where.tb_frame.f_code.co_filename.startswith(_OURS):
            where = where.tb_next
        text = "".join(traceback.format_exception(type(problem), problem, where))
        raise DeployError(f"{name} fails before its functions are known:\n{text}") from problem
