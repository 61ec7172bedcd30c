"""A folder of the user's, in which scripts are written, run, captured and loaded."""

from __future__ import annotations

import runpy
import sys
import textwrap
import types
from pathlib import Path
from typing import Any

from chalkcompute.capture import Bundle, capture
from chalkcompute.capture.handle import function_of
from fnq_wire.bundle import unpack
from tests.unit.chalkcompute.capture.clean import CleanInterpreter

#: Stands for the decorator of the SDK: names things, and refuses to be called.
FAKE = """
import functools

class Handle:
    __fnq_handle__ = True

    def __init__(self, body, settings):
        functools.update_wrapper(self, body)
        self.body = body
        self.settings = settings

    def __call__(self, *args, **kwargs):
        raise RuntimeError("a remote call")

def function(body=None, **settings):
    if body is None:
        return lambda given: Handle(given, settings)
    return Handle(body, settings)
"""


class Workshop:
    """Where a test writes what a user would, with what a user would see of it."""

    def __init__(self, folder: Path, interpreter: CleanInterpreter) -> None:
        self.folder = folder
        self.interpreter = interpreter
        self.namespace: dict[str, Any] = {}
        self._bundles = 0
        self.write("fake.py", FAKE)

    def write(self, name: str, source: str) -> Path:
        """Write a file below the folder."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(source))
        return path

    def run(self, source: str, name: str = "script.py") -> Workshop:
        """Run `source` as a script."""
        path = self.write(name, source)
        self.namespace = runpy.run_path(str(path), run_name="__main__")
        # runpy hands out a copy; a script's functions see the original.
        for value in self.namespace.values():
            body = function_of(value)
            if body is not None and body.__module__ == "__main__":
                self.namespace = body.__globals__
                break
        return self

    def body(self, name: str) -> types.FunctionType:
        """Return the plain function behind a name of the script, dots followed."""
        first, *rest = name.split(".")
        value = self.namespace[first]
        for part in rest:
            value = getattr(value, part)
        found = getattr(value, "body", value)
        assert isinstance(found, types.FunctionType)
        return found

    def capture(self, *names: str) -> Bundle:
        """Capture functions of the script, by name."""
        return capture([self.body(name) for name in names or ("f",)])

    def unpacked(self, bundle: Bundle) -> Path:
        """Return a fresh directory that holds the bundle."""
        self._bundles += 1
        root = self.folder.parent / "unpacked" / str(self._bundles)
        unpack(bundle.data, root)
        return root

    def call(self, *args: object, name: str = "f") -> Any:
        """Capture one function, load it in a clean interpreter and call it."""
        function = self.body(name)
        bundle = capture([function])
        return self.interpreter.call(self.unpacked(bundle), bundle.where[function], *args)

    def kept(self, bundle: Bundle) -> str:
        """Return what the bundle has of the script."""
        return (self.unpacked(bundle) / "__fnq__" / "script.py").read_text()


def forget(before: set[str]) -> None:
    """Take the modules that a test imported out of the process."""
    for name in set(sys.modules) - before:
        if not name.startswith(("chalkcompute", "fnq", "tests", "pyarrow", "numpy", "IPython")):
            del sys.modules[name]
