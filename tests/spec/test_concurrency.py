"""Calls that one worker runs at once: in threads, in processes, on a loop."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.livestack import Stack, wait_until
from tests.spec.program import PROGRAMS, lines, run

pytestmark = pytest.mark.spec


@pytest.mark.machine
@pytest.mark.parametrize(("how", "processes"), [("threads", 1), ("processes", 3), ("tasks", 1)])
def test_calls_at_once_know_each_their_own_context_and_logs(
    stack: Stack, how: str, processes: int
) -> None:
    """Three meet in one worker; contexts, variables, prints and started threads stay apart."""
    first, *calls = lines(stack, "abreast.py", "overlap", how)
    assert first == f"{processes} nobody's"
    for call in calls:
        wanted = [f"{word} {call}" for word in ("first", "thread", "last")]

        def told(call: str = call, wanted: list[str] = wanted) -> bool:
            shown = stack.fnq("logs", f"in_{how}", "--call", call).stdout.splitlines()
            return [line[-len(text) :] for line, text in zip(shown, wanted, strict=False)] == wanted

        wait_until(f"the lines of {call} are there", told)


@pytest.mark.machine
def test_status_lists_every_runner(stack: Stack) -> None:
    """With its function, and what it is busy with."""
    lines(stack, "abreast.py", "overlap", "processes")
    wait_until("three runners", lambda: len(stack.processes("runner", "in_processes")) == 3)
    (worker,) = stack.processes("worker", "in_processes")
    for each in stack.processes("runner", "in_processes"):
        assert each["replica"] == worker["replica"]
        assert each["version"] == worker["version"]
        assert str(each["pid"]) in stack.fnq("status").stdout


def test_concurrent_calls_call_themselves(stack: Stack) -> None:
    """In threads, in processes, and from several threads of one call; none waits for another."""
    assert lines(stack, "abreast.py", "nest") == [
        " ".join(["34"] * 8),
        " ".join(["[0, 1, 1, 2, 3, 5]"] * 4),
    ]


def test_a_slow_reader_of_a_thread_stops_no_neighbour(stack: Stack) -> None:
    """Nor does its generator lose a chunk."""
    assert lines(stack, "abreast.py", "read_slowly") == ["0", "999", "[0, 1, 2]", "99999"]


@pytest.mark.machine
def test_a_killed_runner_takes_only_its_own_call_along(stack: Stack, tmp_path: Path) -> None:
    """Its call is run again, in its successor; the other runners go on, and their calls."""
    folder = tmp_path / "met"
    folder.mkdir()

    def busy(*but: int) -> list[int]:
        found = stack.processes("runner", "in_processes")
        pids = [each["pid"] for each in found if each["busy"] and each["pid"] not in but]
        return pids if len(pids) == 3 else []

    with stack.start(PROGRAMS / "abreast.py", "serve", "processes", str(folder)) as script:
        wait_until("three calls run", lambda: len(list(folder.iterdir())) == 3)
        before = wait_until("three runners say so", busy)
        os.kill(before[0], signal.SIGKILL)
        wait_until("its call runs again", lambda: busy(before[0]))
        (folder / "the fourth").touch()
        out, _ = script.communicate(timeout=30)
    after = {int(line) for line in out.splitlines() if not line.startswith("[fnq] ")}
    assert after & set(before) == set(before[1:])
    assert len(after) == 3


def test_what_holds_calls_apart_is_checked_where_it_is_written(
    stack: Stack, tmp_path: Path
) -> None:
    """A word that is none fails at decoration, and the error says which there are."""
    program = tmp_path / "wrong.py"
    program.write_text(
        "import chalkcompute\n"
        "@chalkcompute.function(concurrency=2, options={'concurrency': 'fibers'})\n"
        "def f(): ...\n"
    )
    done = run(stack, program)
    assert done.returncode == 1
    assert (
        'ValueError: options: concurrency: expected "threads" or "processes", not \'fibers\''
        in done.stderr
    )
