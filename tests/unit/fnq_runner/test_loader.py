"""Functions that are loaded from an unpacked bundle, each in a clean process."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from fnq_wire.bundle import File, Manifest, Nested, Piece, value_path
from fnq_wire.stable import encode
from tests.unit.chalkcompute.capture.clean import CleanInterpreter

SCRIPT = '''\
import fake
import sys

@fake.function(cpu=N)
def f(x=N):
    """Doc."""
    if x == 0:
        raise ValueError("zero")
    return x, __name__, __file__.rpartition("/")[2], sys.modules["__main__"].f is f
'''


FAKE = """\
class Handle:
    __fnq_handle__ = True

def function(**_):
    def wrap(body):
        made = Handle()
        made.body = body
        return made
    return wrap
"""


@pytest.fixture(scope="module")
def interpreter() -> Iterator[CleanInterpreter]:
    """Return an interpreter that knows nothing of the test."""
    process = CleanInterpreter()
    yield process
    process.close()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a directory that holds a script's function and a module."""
    files: dict[str, str | bytes] = {
        "fake.py": FAKE,
        "tasks.py": "import fake\n@fake.function()\ndef g(): return __name__\nclass A:\n"
        "  @staticmethod\n  def m(): return 'm'\nN = 3\n",
        "__fnq__/script.py": SCRIPT,
        value_path(0): encode(7),
    }
    manifest = Manifest(
        main="__fnq__/script.py",
        files=[File("__fnq__/script.py")],
        statements=[Piece(0, 1, 0, 1, 11), Piece(0, 2, 0, 2, 10), Piece(0, 4, 0, 9, 83)],
        values={"N": 0},
        nested=[Nested("__main__", "o.<locals>.f", "o.<locals>.f", Piece(0, 4, 0, 9, 83), False)],
    )
    files["__fnq__/manifest.json"] = manifest.encode()
    for name, content in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return tmp_path


def test_a_function_of_a_script_is_its_plain_body(
    root: Path, interpreter: CleanInterpreter
) -> None:
    """In a `__main__` of its own name and file, which is in sys.modules."""
    assert interpreter.call(root, ("__main__", "f")) == (7, "__main__", "script.py", True)


def test_a_traceback_shows_the_users_file_and_line(
    root: Path, interpreter: CleanInterpreter
) -> None:
    """With the text of the line, as at home."""
    error = interpreter.ask(root, ("__main__", "f"), 0)["error"]
    shown = rf'File "{re.escape(str(root))}/__fnq__/script.py", line 8, in f\n    raise ValueError'
    assert re.search(shown, error)


def test_a_function_of_a_module_is_imported(root: Path, interpreter: CleanInterpreter) -> None:
    """Under the module's own name; methods by their qualified names."""
    assert interpreter.call(root, ("tasks", "g")) == "tasks"
    assert interpreter.call(root, ("tasks", "A.m")) == "m"


def test_a_nested_function_is_made_by_its_key(root: Path, interpreter: CleanInterpreter) -> None:
    """In the namespace of its module."""
    assert interpreter.call(root, ("__main__", "o.<locals>.f"), 1)[0] == 1


@pytest.mark.parametrize(
    ("module", "qualname", "why"),
    [
        ("__main__", "missing", "DeployError: the bundle has no 'missing' in '__main__': deploy"),
        ("tasks", "A.missing", "DeployError: the bundle has no 'A.missing' in 'tasks'"),
        ("tasks", "N", "DeployError: tasks.N is a int, not a function"),
        ("nowhere", "f", "ModuleNotFoundError: No module named 'nowhere'"),
    ],
)
def test_what_is_not_there_is_said(
    root: Path, interpreter: CleanInterpreter, module: str, qualname: str, why: str
) -> None:
    """By name, with what to do."""
    assert why in interpreter.ask(root, (module, qualname))["error"]


def test_a_manifest_that_does_not_fit_is_refused(root: Path, interpreter: CleanInterpreter) -> None:
    """Whatever is wrong with it."""
    manifest = root / "__fnq__" / "manifest.json"
    manifest.write_bytes(manifest.read_bytes().replace(b'"end_line":9', b'"end_line":99'))
    error = interpreter.ask(root, ("__main__", "f"))["error"]
    assert "BundleError: the manifest names lines that are not in the bundle" in error
    manifest.write_text("{")
    assert "no JSON" in interpreter.ask(root, ("__main__", "f"))["error"]


def test_an_error_in_the_users_code_comes_out_as_it_is(
    root: Path, interpreter: CleanInterpreter
) -> None:
    """A module or a statement that fails on import raises what it raises."""
    (root / "fake.py").write_text("raise OSError('no licence')")
    for where in (("__main__", "f"), ("tasks", "g")):
        assert "OSError: no licence" in interpreter.ask(root, where)["error"]


def test_newer_syntax_is_shown_where_it_stands(root: Path, interpreter: CleanInterpreter) -> None:
    """A worker whose Python cannot read the source names file and line."""
    script = root / "__fnq__" / "script.py"
    script.write_text(SCRIPT.replace("    if x == 0:", "    if x =! 0:"))
    error = interpreter.ask(root, ("__main__", "f"))["error"]
    assert f'File "{script}", line 7' in error
    assert "SyntaxError" in error
