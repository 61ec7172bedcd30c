"""Sets of functions, and the bundle that they share."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import types
from pathlib import Path
from typing import Any

import pytest

from chalkcompute.capture import capture
from chalkcompute.capture.main import Main
from fnq_wire.error import DeployError
from tests.unit.chalkcompute.capture.clean import PROJECT, ROOTS
from tests.unit.chalkcompute.capture.workshop import Workshop

#: Runs a script as `python SCRIPT` or `python -m MODULE` does, and prints what it gives.
DRIVER = """
import json, runpy, sys
how, name, out = sys.argv[1:]
run = runpy.run_path if how == "path" else runpy.run_module
found = run(name, run_name="__main__", **({} if how == "path" else {"alter_sys": True}))
from chalkcompute.capture import capture
body = found["f"].body
bundle = capture([body])
open(out, "wb").write(bundle.data)
print(json.dumps([bundle.hash, *bundle.where[body]]))
"""


def bundle_of(workshop: Workshop, how: str, name: str, out: Path, seed: str = "0") -> list[str]:
    """Return hash, module and name that another process gives; write its bundle to `out`."""
    paths = [str(workshop.folder), *(str(PROJECT / each) for each in ROOTS)]
    environment = {"PYTHONPATH": os.pathsep.join(paths), "PYTHONHASHSEED": seed}
    command = [sys.executable, "-c", DRIVER, how, name, str(out)]
    ran = subprocess.run(
        command, env=os.environ | environment, cwd=out.parent, capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stderr
    found: list[str] = json.loads(ran.stdout.splitlines()[-1])
    return found


def test_the_same_source_gives_the_same_hash_everywhere(workshop: Workshop, tmp_path: Path) -> None:
    """In another process with other hashes, and from another place."""
    source = """
        import fake, helper
        WORDS = {"a", "b", "c", ("d", frozenset({"e", "f"}))}
        TABLE = {"k": {1, 2.5, None}}
        @fake.function
        def f(): return helper.X, len(WORDS), ("d", frozenset("ef")) in WORDS, TABLE
    """
    workshop.write("helper.py", "X = 1")
    workshop.write("script.py", source)
    elsewhere = Workshop(tmp_path / "moved", workshop.interpreter)
    elsewhere.write("helper.py", "X = 1")
    elsewhere.write("script.py", source)
    hashes = {
        bundle_of(each, "path", str(each.folder / "script.py"), tmp_path / "b", seed)[0]
        for each, seed in ((workshop, "1"), (workshop, "2"), (elsewhere, "3"))
    }
    assert hashes == {workshop.run(source).capture().hash}
    assert workshop.call() == (1, 4, True, {"k": {1, 2.5, None}})


def test_another_value_or_line_gives_another_hash(workshop: Workshop) -> None:
    """What the function reaches counts; what it does not reach does not."""
    source = "import fake\nX = {}\nY = {}\n@fake.function\ndef f(): return X, {}\n"
    forms = [(1, 1, 1), (1, 2, 1), (2, 1, 1), (1, 1, 2)]
    hashes = [workshop.run(source.format(*form)).capture().hash for form in forms]
    assert hashes[0] == hashes[1]
    assert len(set(hashes)) == 3


def test_two_functions_share_one_bundle(workshop: Workshop) -> None:
    """In whatever order they are given."""
    workshop.run(
        "import fake\n@fake.function\ndef f(): return 1\n@fake.function\ndef g(): return 2"
    )
    both = workshop.capture("f", "g")
    assert both.hash == workshop.capture("g", "f").hash
    root = workshop.unpacked(both)
    found = [workshop.interpreter.call(root, ("__main__", name)) for name in "fg"]
    assert found == [1, 2]


def test_relative_imports_of_python_m_work(workshop: Workshop, tmp_path: Path) -> None:
    """The package travels, and the script is still not run."""
    workshop.write("pkg/__init__.py", "")
    workshop.write("pkg/part.py", "def g(): return 'part'")
    workshop.write(
        "pkg/tool.py",
        "import fake\nfrom . import part\nfrom .part import g\nprint('top')\n"
        "@fake.function\ndef f(): return g(), part.g(), __package__, __name__\n",
    )
    out = tmp_path / "bundle"
    _, module, qualname = bundle_of(workshop, "module", "pkg.tool", out)
    bundle = types.SimpleNamespace(data=out.read_bytes())
    root = workshop.unpacked(bundle)  # type: ignore[arg-type]
    answer = workshop.interpreter.ask(root, (module, qualname))
    assert answer == {"result": "('part', 'part', 'pkg', '__main__')", "error": "", "said": ""}


def test_children_that_multiprocessing_spawns_find_the_main(workshop: Workshop) -> None:
    """They rebuild what was shipped, and run no more of the script than that."""
    workshop.run("""
        import fake, multiprocessing
        LIMIT = 7
        print("top")
        class Pair:
            def __init__(self, x, y=LIMIT): self.x, self.y = x, y
        def work(pair):
            from chalkcompute import runtime
            return pair.x + pair.y, __name__, runtime.in_worker()
        @fake.function
        def f():
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                return pool.map(work, [Pair(1), Pair(2, 3)])
    """)
    assert workshop.call() == [(8, "__main__", True), (5, "__main__", True)]


def test_a_command_line_script_has_a_source(workshop: Workshop, tmp_path: Path) -> None:
    """`python -c` keeps what it runs among its arguments."""
    script = (
        "import fake, re\nPAT = re.compile('a')\n@fake.function\ndef f(): return PAT.pattern\n"
        "from chalkcompute.capture import capture\n"
        f"open({str(tmp_path / 'b')!r}, 'wb').write(capture([f.body]).data)"
    )
    paths = [str(workshop.folder), *(str(PROJECT / each) for each in ROOTS)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths)}
    subprocess.run([sys.executable, "-Xutf8", "-Bc", script], env=environment, check=True)
    bundle: Any = types.SimpleNamespace(data=(tmp_path / "b").read_bytes())
    assert workshop.interpreter.call(workshop.unpacked(bundle), ("__main__", "f")) == "a"


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("f = lambda: 1", r"script\.py:2: a lambda"),
        ("exec('def f(): return 1')", "<string>:1: no def of 'f'"),
        ("def deco(g):\n  def inner(): return g()\n  return inner\n@deco\ndef f(): pass",
         r"script\.py:3: the function closes over 'g', of type function"),
    ],
)  # fmt: skip
def test_functions_without_a_def_are_refused(workshop: Workshop, source: str, why: str) -> None:
    """Lambdas, functions made by exec, and anonymous wrappers."""
    workshop.run(f"import fake\n{source}\n")
    with pytest.raises(DeployError, match=why):
        workshop.capture()


def test_a_function_made_by_exec_in_a_module_is_refused(workshop: Workshop) -> None:
    """Though importing the module would make it again: it has no source to show."""
    workshop.write("dynamic.py", "exec('def f(): return 1')")
    import dynamic  # type: ignore[import-not-found,unused-ignore]

    with pytest.raises(DeployError, match="<string>:1: no def of 'f'"):
        capture([dynamic.f])


def test_a_module_without_a_file_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker could not import it."""
    module = types.ModuleType("made_up")
    monkeypatch.setitem(sys.modules, "made_up", module)
    exec(compile("def f(): pass", __file__, "exec"), vars(module))  # noqa: S102 - that is the point
    with pytest.raises(DeployError, match="the module 'made_up' has no file"):
        capture([module.f])


def test_what_is_no_function_is_refused() -> None:
    """A class or a builtin is not what the decorator takes."""
    with pytest.raises(DeployError, match="expected a function made by def, got type"):
        capture([int])  # type: ignore[list-item]


def test_a_decorator_that_wraps_is_run_in_the_worker(workshop: Workshop) -> None:
    """functools.wraps says where the def is; the body is the wrapper, made again."""
    workshop.write(
        "deco.py",
        """
        import functools
        def twice(function):
            @functools.wraps(function)
            def inner(*args): return function(*args), function(*args)
            return inner
        """,
    )
    workshop.run("""
        import fake
        from deco import twice
        LIMIT = 2
        @fake.function
        @twice
        def f(x): return x * LIMIT
    """)
    assert workshop.call(2) == (4, 4)


def test_methods_of_a_class_are_found_by_their_qualified_name(workshop: Workshop) -> None:
    """The class travels whole."""
    workshop.run("class A:\n  @staticmethod\n  def m(x): return x + 1\n")
    assert workshop.call(1, name="A.m") == 2


def test_functions_of_two_scripts_are_refused(workshop: Workshop) -> None:
    """A worker has one `__main__`."""
    source = "import fake\n@fake.function\ndef f(): return 1\n"
    one = workshop.run(source, "one.py").body("f")
    two = workshop.run(source, "two.py").body("f")
    with pytest.raises(DeployError, match=r"two scripts.*one\.py.*two\.py"):
        capture([one, two])


def test_an_array_over_the_cap_is_refused_by_name(workshop: Workshop) -> None:
    """Before it is copied."""
    workshop.run("""
        import fake, numpy
        WEIGHTS = numpy.broadcast_to(numpy.zeros(1), (1 << 30,))
        @fake.function
        def f(): return WEIGHTS
    """)
    with pytest.raises(DeployError, match=r"'WEIGHTS' takes 8192 MiB.*at most 64 MiB"):
        workshop.capture()


def test_a_bundle_over_the_cap_names_its_largest_parts(workshop: Workshop) -> None:
    """Variables and files count together."""
    workshop.write("pkg/__init__.py", "")
    with open(workshop.folder / "pkg" / "large.bin", "wb") as file:
        file.truncate(40 << 20)
    workshop.run("""
        import fake, pkg
        TEXT = "x" * (30 << 20)
        @fake.function
        def f(): return TEXT, pkg
    """)
    with pytest.raises(DeployError, match=r"more than 64 MiB.*pkg/large.bin.*'TEXT' \(30\.0 MiB"):
        workshop.capture()


def test_errors_come_from_capture_alone(workshop: Workshop) -> None:
    """A module that is gone from disk, and a source that has changed beyond reading."""
    workshop.run("import fake\n@fake.function\ndef f(): return 1\n")
    script = workshop.folder / "script.py"
    script.write_text("def f(:")
    with pytest.raises(DeployError, match=r"script\.py has changed and does not parse"):
        workshop.capture()
    script.unlink()
    with pytest.raises(DeployError, match=r"script\.py cannot be found: is it still there"):
        workshop.capture()


def test_a_script_on_standard_input_is_refused_with_what_to_do() -> None:
    """Its source was read once, and cannot be read again."""
    with pytest.raises(DeployError, match=r"^<stdin>: a script .*: write it to a file"):
        Main({"__name__": "__main__", "__file__": "<stdin>"})
