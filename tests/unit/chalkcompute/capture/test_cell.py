"""Functions that are typed: into IPython, a notebook, or Python's own prompt."""

from __future__ import annotations

import atexit
import linecache
import sys
import types
from collections.abc import Iterator
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from chalkcompute.capture import cell
from chalkcompute.capture.main import Main
from fnq_wire.error import DeployError
from tests.unit.chalkcompute.capture.workshop import Workshop

FUNCTION = "import fake\n@fake.function\ndef f(): return {}\n"


class Notebook:
    """An IPython shell whose functions are captured by name."""

    def __init__(self, shell: Any, workshop: Workshop) -> None:
        self.shell = shell
        self.workshop = workshop
        workshop.namespace = shell.user_ns

    def run(self, *cells: str, history: bool = True) -> Notebook:
        """Run cells, as a notebook does unless `history` is False."""
        for source in cells:
            self.shell.run_cell(source, store_history=history).raise_error()
        return self

    def call(self, *args: object) -> Any:
        """Capture f, load it in a clean interpreter and call it."""
        return self.workshop.call(*args)


@pytest.fixture
def notebook(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> Iterator[Notebook]:
    """Return a shell of its own that leaves the process as it was."""
    for name in ("displayhook", "excepthook"):
        monkeypatch.setattr(sys, name, getattr(sys, name))
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])
    monkeypatch.setattr(linecache, "cache", dict(linecache.cache))
    config = Config()
    config.HistoryManager.enabled = False
    shell = InteractiveShell.instance(config=config)
    yield Notebook(shell, workshop)
    shell.atexit_operations()  # type: ignore[no-untyped-call]
    atexit.unregister(shell.atexit_operations)
    InteractiveShell.clear_instance()


@pytest.mark.parametrize("history", [True, False])
def test_a_cell_is_shipped_with_what_it_reaches_in_others(
    notebook: Notebook, history: bool
) -> None:
    """Imports, classes and values of any cell, also of one that left no history."""
    notebook.run(
        "import re\nfrom functools import partial",
        "PAT = re.compile('a+')\nLIMIT = 3",
        "class Base:\n    def name(self): return 'base'",
        FUNCTION.format("PAT.findall('aab'), LIMIT, Base().name(), partial(int, '4')()"),
        "print('never shipped')\nf",
        history=history,
    )
    assert notebook.call() == (["aa"], 3, "base", 4)


def test_a_function_that_was_defined_again_uses_its_latest_cell(notebook: Notebook) -> None:
    """And what it reaches is the latest, too."""
    notebook.run("def g(): return 1", FUNCTION.format("'old', g()"))
    notebook.run("def g(): return 2", FUNCTION.format("'new', g()"))
    assert notebook.call() == ("new", 2)


def test_a_base_whose_cell_ran_again_comes_first(notebook: Notebook) -> None:
    """Statements are put where what they need at once is there."""
    base = "class Base:\n    X = 1"
    notebook.run(base, "class Child(Base): pass", FUNCTION.format("Child.X, Base.X"), base)
    assert notebook.call() == (1, 1)


def test_magics_and_shell_lines_do_not_hinder(notebook: Notebook) -> None:
    """A cell with magics gives its definitions; what follows %%time too."""
    notebook.run(
        "%pwd\nimport json\n!true",
        "%%time\nimport math\nclass T:\n    X = math.floor(2.5)\ndef g(): return 'timed'",
        FUNCTION.format("json.dumps(T.X), g()"),
    )
    assert notebook.call() == ("2", "timed")


def test_a_cell_that_does_not_parse_is_passed_over(notebook: Notebook) -> None:
    """It has bound nothing."""
    notebook.shell.run_cell("def g(: pass", store_history=True, silent=False)
    notebook.run("import json", FUNCTION.format("json.dumps(1)"))
    assert notebook.call() == "1"


def test_a_future_import_holds_for_the_cells_after_it(notebook: Notebook) -> None:
    """As IPython itself has it."""
    notebook.run("from __future__ import annotations")
    notebook.run(
        "import fake\n@fake.function\ndef f(x: Missing = 1): return f.body.__annotations__"
    )
    assert notebook.call() == {"x": "Missing"}


def test_what_is_ipythons_own_is_told_from_pythons(notebook: Notebook) -> None:
    """`open` is Python's in a worker; `get_ipython` and `display` are nowhere there."""
    notebook.run(FUNCTION.format("open.__module__, exit.__name__ if 0 else 1"))
    assert notebook.call()[1] == 1
    notebook.run(FUNCTION.format("get_ipython()"))
    with pytest.raises(DeployError, match="'get_ipython' is"):
        notebook.workshop.capture()


def test_an_awaited_value_is_refused_unless_it_can_travel(notebook: Notebook) -> None:
    """A worker cannot await at top level."""
    notebook.run("async def g(x): return x")
    notebook.run("V = await g(5)\nO = await g(object())", FUNCTION.format("V"))
    assert notebook.call() == 5
    notebook.run(FUNCTION.format("O"))
    with pytest.raises(DeployError, match=r"In\[2\]:2: 'O'.*In\[4\]:3.*`await`"):
        notebook.workshop.capture()


def test_the_same_cells_give_the_same_bundle(notebook: Notebook) -> None:
    """Numbers of cells do not count, nor do cells that are not reached."""
    source = "X = object()", FUNCTION.format("type(X).__name__")
    first = notebook.run(*source).workshop.capture()
    second = notebook.run("Y = 1", *source).workshop.capture()
    assert first.hash == second.hash


def test_a_script_that_is_run_in_a_notebook_is_read_from_its_file(notebook: Notebook) -> None:
    """`%run` brings its functions into the session."""
    notebook.workshop.write("helper.py", "import json\ndef g(x): return json.dumps(x)\n")
    notebook.run(f"%run {notebook.workshop.folder}/helper.py", FUNCTION.format("g([1])"))
    assert notebook.call() == "[1]"


@pytest.mark.parametrize("form", ["<python-input-{}>", "<stdin>-{}"])
def test_pythons_prompt_is_read_from_linecache(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    """Since 3.13 Python keeps what was typed, under numbered names."""
    module = types.ModuleType("__main__")
    monkeypatch.setitem(sys.modules, "__main__", module)
    monkeypatch.setattr(linecache, "cache", dict(linecache.cache))
    typed = ["import re", "PAT = re.compile('a')", "PAT = re.compile('b')"]
    for number, source in enumerate([*typed, FUNCTION.format("PAT.pattern")]):
        # From 9 on, so that numbers are not compared as text.
        name = form.format(9 + number)
        lines = source.splitlines(keepends=True)
        linecache.cache[name] = (len(source), None, lines, "<stdin>")
        exec(compile(source, name, "exec"), vars(module))  # noqa: S102 - as a prompt does
    workshop.namespace = vars(module)
    assert workshop.call() == "b"


def test_what_newer_pythons_keep_by_code_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """There a source has a key for each code object in it."""
    entry = (5, None, ["x = 1\n", "def g(): pass\n"], "<stdin>")
    kept = {("<module>", "<python-input-3>", 1): entry, ("g", "<python-input-3>", 2): entry}
    monkeypatch.setattr(linecache, "_interactive_cache", kept, raising=False)
    (text,) = cell.cells(vars(sys.modules["__main__"]))
    assert (text.filename, text.lines[1]) == ("<python-input-3>", "def g(): pass")


def test_history_is_cut_into_statements() -> None:
    """Before 3.13 readline's history is all there is; it has no blank lines."""
    lines = ["import re", "ls *.py", "@deco", "def f(x):", "  if x:", "    return 1", "  else:",
             "    return 2", "try:", "  a = 1", "except E:", "  a = 2", "s = '''", "x", "'''",
             "f(", "1)", "def broken(:"]  # fmt: skip
    found = list(cell._statements(lines))
    assert found == [
        "import re", "\n".join(lines[2:8]), "\n".join(lines[8:12]), "s = '''\nx\n'''", "f(\n1)",
    ]  # fmt: skip


def test_a_namespace_without_source_is_refused() -> None:
    """A function that was read from standard input has no source."""
    namespace: dict[str, Any] = {}
    exec("def f(): pass", namespace)  # noqa: S102 - that is the point
    with pytest.raises(DeployError, match="<string>:1: no def of 'f'"):
        Main(namespace).require(namespace["f"])
