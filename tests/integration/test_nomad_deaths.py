"""What is told of workers that die on a real Nomad, to callers and to whoever looks."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import agents
from tests.integration.nomadstack import NomadStack
from tests.redis import wait_until

pytestmark = [
    pytest.mark.integration,
    pytest.mark.nomad,
    pytest.mark.timeout(240),
    pytest.mark.skipif(bool(agents.lacking()), reason=f"not on the path: {agents.lacking()}"),
]

PROGRAMS = Path(__file__).parent / "programs"
#: Seconds that a program may take, with the starts of its workers.
PATIENCE_S = 120.0
OUT_OF_MEMORY = (
    r"oom_killed \| the process that ran the call was lost: it ran out of memory: it was killed by "
    r'SIGKILL at 12\d(\.\d)?Mi, with memory="128Mi"; try memory="256Mi"'
)
KILLED = r"its worker on node '.+' was killed by signal 9, as when memory runs out: it has \d+ MiB"


@pytest.fixture(scope="module")
def stack() -> Iterator[NomadStack]:
    """A stack whose workers a Nomad runs."""
    with agents.cluster() as made, tempfile.TemporaryDirectory(prefix="d-") as folder:
        made.start_agents()
        running = NomadStack(Path(folder), made.nomad.address)
        running.start()
        yield running
        running.stop()


def _output(stack: NomadStack, program: str) -> list[str]:
    """Return the lines that a program prints."""
    done = subprocess.run(
        [sys.executable, str(PROGRAMS / program)],
        env=stack.env,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_who_takes_too_much_memory_is_told_what_to_ask_for(stack: NomadStack) -> None:
    """One limit holds for agent and runner: the runner goes, and the agent lives to say why."""
    little, *lost, again = _output(stack, "hoard.py")
    assert (little, again) == ("a little 1", "again 2")
    assert [bool(re.fullmatch(OUT_OF_MEMORY, each)) for each in lost] == [True, True], lost


def test_a_call_whose_workers_die_is_held_by_that(stack: NomadStack) -> None:
    """Those that are dead are no workers of its function any more."""
    [call] = _output(stack, "murder.py")
    told: list[str] = []
    workers: set[int] = set()

    def ended() -> bool:
        told.append(stack.fnq("calls", "why", call).strip())
        found = stack.json("function", "versions", "murder")
        workers.update(each["workers"] for each in found)
        return "it has ended" in told[-1]

    wait_until(ended, PATIENCE_S)
    assert workers <= {0, 1}
    assert any(re.fullmatch(f"no worker takes calls: {KILLED}", each) for each in told), told
    assert told[-1].endswith("the worker that ran the call was lost")
