"""The command line beside a script: what it deploys, calls and prints is the same."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.livestack import Stack
from tests.spec.program import PROGRAMS, lines

pytestmark = pytest.mark.spec
SCRIPT = PROGRAMS / "commanded.py"


def deploy(stack: Stack, script: Path, *words: str) -> dict[str, dict[str, Any]]:
    """Run `fnq deploy --json`, which must succeed; return what it says by function."""
    done = stack.fnq("deploy", str(script), "--json", *words)
    assert done.returncode == 0, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)["functions"]
    return {each["function"]: each for each in found}


def test_a_deploy_and_a_run_of_a_script_make_the_same_versions(
    stack: Stack, tmp_path: Path
) -> None:
    """One way round and the other; what stands at top level is not run."""
    script = tmp_path / "commanded.py"
    text = SCRIPT.read_text("utf-8").replace("commanded_", "either_way_")
    script.write_text(text, "utf-8")
    done = stack.fnq("deploy", str(script))
    assert done.returncode == 0, done.stderr
    table = [line.split() for line in done.stdout.splitlines()]
    assert [(row[0], row[1], *row[3:]) for row in table[1:]] == [
        ("either_way_scale", "1", "new", "function", "current"),
        ("either_way_count", "1", "new", "function", "current"),
        ("either_way_set", "1", "new", "function", "current"),
    ]
    assert lines(stack, script) == ["called 2.0"]
    assert {each["change"] for each in deploy(stack, script).values()} == {"unchanged"}
    script.write_text(text.replace("FACTOR = 10", "FACTOR = 100"), "utf-8")
    assert lines(stack, script) == ["called 2.0"]
    again = deploy(stack, script)
    assert {each["change"] for each in again.values()} == {"unchanged"}
    assert [each["number"] for each in again.values()] == [1, 2, 1]
    script.write_text(text, "utf-8")
    back = deploy(stack, script)["either_way_count"]
    assert (back["change"], back["number"]) == ("current again", 1)


def test_a_plan_says_what_would_change_and_changes_nothing(stack: Stack, tmp_path: Path) -> None:
    """Setting by setting, and with what would be submitted."""
    script = tmp_path / "planned.py"
    head, body = "import chalkcompute\n\n\n", "\ndef planned_one(n: int) -> int:\n    return n\n"
    script.write_text(f"{head}@chalkcompute.function(timeout=2){body}", "utf-8")
    new = deploy(stack, script, "--plan")["planned_one"]
    assert (new["change"], new["number"], new["current"]) == ("new function", 1, None)
    assert re.search(
        r'^function: planned_one$|"fnq.function" += "planned_one"', new["job"], re.MULTILINE
    )
    assert deploy(stack, script, "--plan")["planned_one"] == new
    assert deploy(stack, script)["planned_one"]["number"] == 1
    script.write_text(f"{head}@chalkcompute.function(timeout=3, max_queue=7){body}", "utf-8")
    done = stack.fnq("deploy", str(script), "--plan")
    assert done.stdout.splitlines()[:5] == [
        "planned_one: new version (2, now 1)",
        "    timeout: 2 s → 3 s",
        "    max_queue: 500000 → 7",
        "    source changed too",
        "    to be submitted:",
    ]
    assert deploy(stack, script, "--plan")["planned_one"]["current"] == 1


def test_a_plan_is_emitted_where_functions_are_jobs(stack: Stack, tmp_path: Path) -> None:
    """Elsewhere it is said that they are none; nothing is deployed by either."""
    script, folder = tmp_path / "emitted.py", tmp_path / "review"
    script.write_text(
        "import chalkcompute\n\n\n@chalkcompute.function\n"
        "def emitted_one(n: int) -> int:\n    return n\n",
        "utf-8",
    )
    job = deploy(stack, script, "--plan")["emitted_one"]["job"]
    done = stack.fnq("deploy", str(script), "--emit", str(folder))
    if job.startswith("job "):
        assert done.returncode == 0, done.stderr
        assert job in {each.read_text() for each in folder.iterdir()}
    else:
        assert done.returncode == 1
        assert "there is no job to write: its server starts no workers as jobs" in done.stderr
        assert not folder.exists()
    assert deploy(stack, script, "--plan")["emitted_one"]["current"] is None


def test_a_function_of_a_file_is_run_with_words_as_arguments(stack: Stack) -> None:
    """Read by its annotations; chunks are a line each, and a function that stays here may lead."""

    def run(target: str, *words: str) -> list[str]:
        done = stack.fnq("run", "--json", f"{SCRIPT}{target}", *words)
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    assert run("::commanded_scale", "3") == ["6.0"]
    assert run("::commanded_scale", "--n", "3", "--by=0.5", "--negate") == ["-1.5"]
    assert run("::commanded_count", "2", "--words", '["a"]') == [
        '{"n": 0, "words": ["a"]}',
        '{"n": 10, "words": ["a"]}',
    ]
    assert run("", "--n", "3") == ["local 30", "null"]
    wrong = stack.fnq("run", f"{SCRIPT}::commanded_scale", "three")
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert wrong.stderr == "fnq: commanded_scale: n: expected int, not 'three'\n"
    failed = stack.fnq("run", f"{SCRIPT}::commanded_set", "1", "0")
    assert (failed.returncode, failed.stdout) == (1, "")
    assert "return {n // m}" in failed.stderr
    assert failed.stderr.endswith("ZeroDivisionError: integer division or modulo by zero\n")


def test_a_deployed_function_is_called_by_name_with_json(stack: Stack) -> None:
    """An object, a list, standard input; all that comes is JSON."""
    deploy(stack, SCRIPT)

    def call(*words: str, stdin: str = "") -> list[str]:
        done = subprocess.run(
            [str(Path(sys.executable).with_name("fnq")), "call", *words],
            env=stack.env,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=30,
        )
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout.splitlines()

    scale = "commanded_scale"
    assert call(scale, "--json", '{"n": 3, "negate": true}') == ["-6.0"]
    assert call(scale, "--json", "-", "--version", "1", stdin="[4]") == ["8.0"]
    assert call("commanded_count", "--json", "[2]", "--timeout", "20") == [
        '{"n": 0, "words": null}',
        '{"n": 10, "words": null}',
    ]
    assert call("commanded_set", "--json", "[7, 2]") == ['"{3}"']
    [spawned] = call(scale, "--json", "[5]", "--spawn")
    shown = json.loads(stack.fnq("calls", "show", spawned, "--json").stdout)
    assert shown["function"] == scale
    for words, code, told in (
        ((scale, "--json", '{"m": 1}'), 2, "unexpected keyword argument 'm'"),
        ((scale, "--json", "3"), 2, "expected an object or a list, not 3"),
        (("commanded_none",), 1, "no function 'commanded_none'"),
        (("commanded_set", "--json", "[1, 0]"), 1, "ZeroDivisionError"),
        ((scale, "--json", "[1]", "--version", "99"), 1, "version 99"),
    ):
        done = stack.fnq("call", *words)
        assert (done.returncode, done.stdout) == (code, "")
        assert told in done.stderr


def test_a_script_that_cannot_be_deployed_is_an_error_with_its_traceback(
    stack: Stack, tmp_path: Path
) -> None:
    """The exit code is 1, and nothing of it is deployed when the command ends."""
    script = tmp_path / "broken.py"
    text = "import chalkcompute\n\n@chalkcompute.function\ndef never_there(): pass\n\n"
    script.write_text(f"{text}x = 1 / 0\n", "utf-8")
    done = stack.fnq("deploy", str(script))
    assert (done.returncode, done.stdout) == (1, "")
    assert "line 6" in done.stderr
    assert "ZeroDivisionError" in done.stderr
    assert stack.fnq("call", "never_there").returncode == 1


def test_an_import_that_fails_in_the_worker_is_told_with_its_traceback(
    stack: Stack, tmp_path: Path
) -> None:
    """Also where a plan saw nothing of it; then the version is still a new one."""
    (tmp_path / "moody_here.py").write_text("import sys\nassert 'fnq_runner' not in sys.modules\n")
    script = tmp_path / "moody.py"
    script.write_text(
        "import chalkcompute, moody_here\n\n"
        "@chalkcompute.function\ndef moody_command():\n    return moody_here\n",
        "utf-8",
    )
    done = stack.fnq("deploy", str(script))
    assert (done.returncode, done.stdout) == (1, "")
    assert "fnq: moody_command was not deployed: its import failed: AssertionError" in done.stderr
    assert "assert 'fnq_runner' not in sys.modules\n" in done.stderr
    planned = deploy(stack, script, "--plan")["moody_command"]
    assert (planned["change"], planned["number"]) == ("new function", 1)
