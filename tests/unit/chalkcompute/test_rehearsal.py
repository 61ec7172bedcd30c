"""A script gives its functions without its calls, and as a run of it would."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from chalkcompute import deployment
from chalkcompute.capture import capture
from chalkcompute.errors import DeployError
from chalkcompute.rehearsal import Play, rehearse
from fnq_wire.version import version_id
from tests.house import source

PROGRAMS = source.ROOT / "tests" / "spec" / "programs"
EXAMPLES = source.ROOT / "examples"
#: Installs a session that says what is deployed and lets no call through, before a script runs.
SITE = """
import sys
from chalkcompute import runtime
from chalkcompute.port import Deployed
from fnq_wire.version import version_id

class Session:
    def deploy(self, specs, *more):
        ids = [f"{spec.name}={version_id(spec)}" for spec in specs]
        print("deployed", *ids, file=sys.stderr, flush=True)
        return Deployed([(version_id(spec), 1) for spec in specs])
    def __getattr__(self, name):
        raise RuntimeError("no calls here")

runtime.install(Session(), worker=False)
"""
HEAD = "import chalkcompute\n\n"
#: What programs are given that fail without it before they call anything.
WORDS = {"retries": ("/nowhere",)}


@pytest.fixture(autouse=True)
def process(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a script changes of its process is as it was after each test."""
    monkeypatch.setattr(deployment, "_capture", capture)
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])
    monkeypatch.setattr(sys, "argv", sys.argv)
    monkeypatch.setattr(sys, "path", [*sys.path])


def sets(play: Play) -> list[dict[str, str]]:
    """Return the versions of each deploy, by function."""
    return [{spec.name: version_id(spec) for spec in each.specs} for each in play.deploys]


def run(script: Path, folder: Path) -> list[dict[str, str]]:
    """Run a script as Python does, and return what it deploys."""
    (folder / "site").mkdir(exist_ok=True)
    (folder / "site" / "sitecustomize.py").write_text(SITE)
    done = subprocess.run(
        [sys.executable, str(script), *WORDS.get(script.stem, ())],
        env={**os.environ, "PYTHONPATH": str(folder / "site")},
        capture_output=True,
        text=True,
        timeout=50,
    )
    lines = [each.split()[1:] for each in done.stderr.splitlines() if each.startswith("deployed ")]
    assert lines, done.stderr
    return [dict(word.split("=") for word in line) for line in lines]


def write(folder: Path, text: str, name: str = "script.py") -> Path:
    """Write a script."""
    path = folder / name
    path.write_text(HEAD + text)
    return path


@pytest.mark.parametrize(
    "script",
    [
        *(EXAMPLES / name for name in ("hello.py", "nested.py", "streaming.py")),
        *(PROGRAMS / f"{name}.py" for name in ("plain", "streams", "deployed", "batches")),
        *(PROGRAMS / f"{name}.py" for name in ("nested", "retries", "context", "values")),
    ],
    ids=lambda path: f"{path.parent.name}-{path.stem}",
)
def test_the_first_deploy_is_that_of_a_run(script: Path, tmp_path: Path) -> None:
    """The same functions in the same versions, to the last bit of their bundles."""
    assert sets(rehearse(str(script)))[0] == run(script, tmp_path)[0]


#: Everything that decides what a version is, and calls in between.
TRICKY = '''
"""With a docstring."""
import os, sys
sys.path.append(os.path.dirname(__file__) + "/beside")
import lodger

NUMBER, TABLE = 1, {}
for letter in "abc":
    TABLE[letter] = ord(letter)
with open(__file__) as lines:
    FIRST = lines.readline()

@chalkcompute.function
def early() -> object:
    return NUMBER, TABLE, FIRST, lodger.NAME, helper(), later()

def helper():
    return CONSTANT

CONSTANT = "defined further down"
if len(TABLE) > 2:
    CONSTANT += "!"

def called() -> None:
    early()

print("not a call")
try:
    called()
except RuntimeError:
    pass
NUMBER = 2
TABLE.update(d=4)

def later():
    return 3

@chalkcompute.function
def late() -> object:
    return NUMBER, TABLE

TABLE["e"] = 5
TABLE.setdefault("f", 6)
try:
    print([late() for _ in range(3)])
except RuntimeError:
    pass
NUMBER = 3
print(NUMBER)
'''


def test_what_a_script_is_at_its_calls_decides_and_not_what_it_becomes(tmp_path: Path) -> None:
    """Each first call deploys what was decorated by then, with values as they are then."""
    (tmp_path / "beside").mkdir()
    (tmp_path / "beside" / "lodger.py").write_text("NAME = 'lodger'\n")
    script = write(tmp_path, TRICKY)
    found = sets(rehearse(str(script)))
    assert found == run(script, tmp_path)
    assert [sorted(each) for each in found] == [["early"], ["early", "late"]]
    assert found[0]["early"] != found[1]["early"]


FORMS = {
    "a statement": "f(1)",
    "an argument": "print('x', f(1))",
    "an assignment": "x = f(1)\nprint(x)",
    "a loop": "for each in g():\n    print(each)",
    "an assertion": "assert f(1) == 1",
    "through a function": "def main():\n    f(1)\n\nmain()",
    "through a class": "class A:\n    def go(self):\n        return f(1)\n\nA().go()",
    "on a loop": "import asyncio\n\nasync def main():\n    await f.aio(1)\n\nasyncio.run(main())",
    "an assigned loop": "import asyncio\n\nasync def main():\n    await f.aio(1)\n\n"
    "x = asyncio.run(main())",
    "spawned": "call = f.spawn(1)\nprint(call.get())",
    "a map": "print(sum(f.map([1, 2])))",
    "waited for": "f.wait_ready(timeout=5)",
    "in threads": "from concurrent.futures import ThreadPoolExecutor\n"
    "with ThreadPoolExecutor() as pool:\n    print(list(pool.map(f, [1, 2])))",
    "by name": "other = chalkcompute.RemoteFunction.from_name('other')\nother(1)",
    "caught": "try:\n    f(1)\nexcept BaseException:\n    print('bad')",
    "in a list": "both = [f, g]\nprint([each(1) for each in both])",
    "guarded": "if __name__ == '__main__':\n    print(f(1))\n    raise SystemExit(3)",
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS.keys())
def test_no_form_of_a_call_is_made(
    form: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """The functions are there, and what stands after the call has not run."""
    functions = (
        "@chalkcompute.function\ndef f(n: int) -> int:\n    return n\n\n"
        "@chalkcompute.function\ndef g():\n    yield 1\n\n"
    )
    play = rehearse(str(write(tmp_path, f"{functions}{form}\nprint('after')\n")))
    assert [sorted(each) for each in sets(play)] == [["f", "g"]]
    assert capfd.readouterr() == ("", "")


#: Handed on, and not called before the last line.
HANDED_ON = """
import atexit, functools, threading

SHELF = []

@chalkcompute.function
def f(n=0) -> object:
    return LATER, n

def main():
    f(1)

def shelve():
    SHELF.append(f)

print(f.name, f)
SHELF.append(f)
shelve()
threading.Thread(target=main)
slow = f.options(timeout=5)
partial = functools.partial(f, 1)
callback = [lambda: f(2)]
callback.append(lambda: f(3))
for each in SHELF:
    print(each.name)
LATER = "defined after all that"
try:
    slow(1)
except RuntimeError:
    LATER = "failed"
LATER = "changed"
"""


def test_a_function_that_is_only_handed_on_is_not_called(tmp_path: Path) -> None:
    """What it is is decided where it is called, as in a run."""
    script = write(tmp_path, HANDED_ON)
    assert sets(rehearse(str(script))) == run(script, tmp_path)


#: Needs what a call returns, in lines that are left out with it, and then defines another one.
DEPENDS = """
@chalkcompute.function
def f(n) -> object:
    return n

def twice(n):
    return n * 2

MODE = "usual"
try:
    result = f(1)
except RuntimeError:
    MODE = "failed"
total = result + 1
double = twice(total)
name = f"{total}"
for each in range(total):
    print(each)
assert double == 4

@chalkcompute.function
def g() -> object:
    return MODE

print(g(), total)
"""


def test_lines_that_need_a_result_are_left_out_and_others_are_not(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """A function behind them is there; what only an error would bind is as it was."""
    play = rehearse(str(write(tmp_path, DEPENDS)))
    assert [sorted(each) for each in sets(play)] == [["f"], ["f", "g"]]
    assert play.namespace["MODE"] == "usual"
    assert capfd.readouterr() == ("", "")


def test_what_would_serve_for_ever_is_left_out_and_what_is_printed_goes_to_stderr(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """At the end of a script only what can change a function matters."""
    rehearse(
        str(
            write(
                tmp_path,
                "print('begins')\n@chalkcompute.function\ndef f(): pass\n\n"
                "print('serves')\nfor number in iter(int, 1):\n    print(number)\n"
                "while True:\n    pass\n",
            )
        )
    )
    assert capfd.readouterr() == ("", "begins\n")


#: What only a call could tell.
NEEDS_A_RESULT = """
@chalkcompute.function
def f(): return 1

x = f()

@chalkcompute.function
def g(): return x
"""


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("x = 1\n", "has no remote function"),
        ("x = 1 / 0\n", "ZeroDivisionError: division by zero"),
        ("import sys\nsys.exit(3)\ndef g(): pass\n", "ends itself (3)"),
        ("x = (\n", "script.py does not parse: '(' was never closed (script.py, line 3)"),
        ("@chalkcompute.function(cpu='much')\ndef g(): pass\n", "cpu: expected"),
        (NEEDS_A_RESULT, "reaches the remote function 'f'"),
        (
            "@chalkcompute.function\ndef f(): return x\n\nif __name__ == '__main__':\n    x = 1\n",
            "`if __name__` blocks never run in a worker",
        ),
    ],
)
def test_a_script_that_cannot_be_rehearsed_says_why(text: str, told: str, tmp_path: Path) -> None:
    """With its own traceback, or the line; and nothing is deployed at the end."""
    with pytest.raises(DeployError) as found:
        rehearse(str(write(tmp_path, text)))
    assert told in str(found.value)
    assert "rehearsal" not in str(found.value)
    assert deployment.current().is_led


def test_functions_that_a_last_statement_makes_in_passing_are_there(tmp_path: Path) -> None:
    """A call that decorates is no call of a remote function."""
    text = (
        "def make(name):\n    @chalkcompute.function(name=name)\n    def inner(): pass\n\n"
        "make('one')\nmake('two')\nprint('made')\n"
    )
    script = write(tmp_path, text)
    found = sets(rehearse(str(script)))
    assert sorted(found[0]) == ["one", "two"]
    assert found == run(script, tmp_path)


def test_a_script_may_end_itself_in_order(tmp_path: Path) -> None:
    """What was decorated by then is what it deploys."""
    script = write(
        tmp_path, "@chalkcompute.function\ndef f(): pass\n\nraise SystemExit\nimport nothing\n"
    )
    assert sets(rehearse(str(script))) == run(script, tmp_path)


def test_a_module_is_imported_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the working directory; its functions are those that a script would import."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "shelf_of_play").mkdir()
    (tmp_path / "shelf_of_play" / "__init__.py").write_text("")
    function = "@chalkcompute.function\ndef shelved(): pass\n"
    write(tmp_path / "shelf_of_play", function, "book.py")
    user = write(tmp_path, "from shelf_of_play.book import shelved\nshelved()\n")
    assert sets(rehearse("shelf_of_play.book")) == run(user, tmp_path)
    write(
        tmp_path / "shelf_of_play", f"{function.replace('shelved', 'eager')}eager()\n", "eager.py"
    )
    with pytest.raises(DeployError, match=r"eager.py:5: a remote function is called while"):
        rehearse("shelf_of_play.eager")
    (tmp_path / "shelf_of_play" / "torn.py").write_text("import nothing_there\n")
    with pytest.raises(DeployError) as told:
        rehearse("shelf_of_play.torn")
    assert "torn.py" in str(told.value).splitlines()[2]
    for name in ("shelf_of_play.nothing", "nothing.py"):
        with pytest.raises(DeployError, match="neither a file nor a module"):
            rehearse(name)
