"""The specification's examples that only define functions: each is deployed by running it.

Then another program calls what it deployed, by name. What they import is stood in for by
small modules on PYTHONPATH, which travel with the functions.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.clusterstack import ClusterStack
from tests.livestack import Stack
from tests.spec.program import run
from tests.spec.standins import EXAMPLES, SENTENCE_TRANSFORMERS, answers

pytestmark = pytest.mark.spec


def deploy(stack: Stack, name: str, **env: str) -> str:
    """Run an example from where it lies; return what it says on stderr."""
    path = EXAMPLES / f"{name}.py"
    if not path.exists():
        pytest.skip(f"the specification's {name}.py is not here: {path}")
    # Workers must find the stand-ins in what was shipped, not in their environment.
    stack.up()
    done = run(stack, path, env=env)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    return done.stderr


@pytest.mark.machine
def test_the_example_of_batches_takes_texts_together(stack: Stack, tmp_path: Path) -> None:
    """Three callers, one run; the machine need not have the GPU, and says so."""
    (tmp_path / "sentence_transformers.py").write_text(SENTENCE_TRANSFORMERS)
    said = deploy(stack, "batching", PYTHONPATH=str(tmp_path))
    assert answers(stack, "batch_embed", "a", "bc", "def") == [[1.0, 3.0], [2.0, 3.0], [3.0, 3.0]]
    if not ClusterStack.named():
        assert "batch_embed asks for a GPU nvidia-l4, this machine has " in said
    assert "no effect" not in said or ClusterStack.named()


def test_the_example_of_retries_answers_by_each_policy(stack: Stack) -> None:
    """Its bodies are empty, so the answer is None."""
    said = deploy(stack, "retries").splitlines()
    # On a busy machine, and on a cluster, that its workers start takes long enough to be told.
    assert [each for each in said if "worker" not in each] == []
    for name in ("flaky_api", "resilient_call", "network_call"):
        assert answers(stack, name, "x") == [None]


def test_the_example_of_a_limit_names_one_that_may_come_later(stack: Stack) -> None:
    """The deploy says that it has no policy; the policy then holds."""
    assert "the rate limit 'provider-api-limit' has no policy" in deploy(stack, "rate_limit")
    done = stack.fnq("limit", "set", "provider-api-limit", "--max-concurrency", "1")
    assert done.returncode == 0, done.stderr
    assert answers(stack, "call_provider", "x", "y") == [None, None]
    stack.fnq("limit", "delete", "provider-api-limit")


@pytest.mark.machine
def test_the_example_of_a_cooldown_answers(stack: Stack) -> None:
    """Its worker then stays for a while."""
    deploy(stack, "suspend_cooldown")
    assert answers(stack, "infer", "x") == [None]
