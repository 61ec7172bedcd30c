"""What a function asks of its machine is what it gets, where the kernel can hold it to that."""

from __future__ import annotations

import re

import pytest

from fnq_local.cgroups import Cgroups
from tests.clusterstack import ClusterStack
from tests.livestack import Stack
from tests.spec.program import PROGRAMS, run

pytestmark = pytest.mark.spec


@pytest.mark.skipif(ClusterStack.named(), reason="a cluster's drivers hold tasks to their limits")
@pytest.mark.timed
def test_cores_and_memory_are_limits(stack: Stack) -> None:
    """Who takes more memory is killed and told what to ask for; the next call finds a worker."""
    groups = Cgroups()
    if groups.enforced != {"memory", "cpu"}:
        pytest.skip(f"workers cannot be held to memory and cpu here: {groups.obstacle}")
    groups.close()
    done = run(stack, PROGRAMS / "confined.py")
    assert done.returncode == 0, done.stderr
    little, lost, *printed, again, held = done.stdout.splitlines()
    assert (little, again, held) == ("a little 1", "again 2", "held back True True")
    assert re.fullmatch(
        r"oom_killed \| the process that ran the call was lost: it ran out of memory: it was "
        r'killed by SIGKILL at 1\d\d(\.\d)?Mi, with memory="160Mi"; try memory="256Mi".*',
        lost,
    )
    assert "  taking 500 MiB" in printed


@pytest.mark.skipif(ClusterStack.named(), reason="a cluster runs nothing that it has no room for")
def test_a_machine_that_lacks_something_runs_the_function_and_says_so(stack: Stack) -> None:
    """In one line for each thing; FNQ_LOCAL_STRICT=1 makes it an error with the same facts."""
    stack.up()
    done = run(stack, PROGRAMS / "greedy.py")
    assert (done.returncode, done.stdout) == (0, "enough\n"), done.stderr
    cores, gpu, *_ = done.stderr.splitlines()
    assert re.fullmatch(
        r"\[fnq\] greedy asks for 99999 cores, this machine has \d+; it runs all the same .*", cores
    )
    assert gpu.startswith("[fnq] greedy asks for 1000 GPUs nvidia-l4, this machine has ")
    assert "no effect" not in done.stderr
    strict = run(stack, PROGRAMS / "greedy.py", env={"FNQ_LOCAL_STRICT": "1"})
    assert (strict.returncode, strict.stdout) == (1, "")
    assert re.search(
        r"UnschedulableError: greedy was not deployed: it asks for 99999 cores, this machine has "
        r"\d+, and asks for 1000 GPUs",
        strict.stderr,
    )
