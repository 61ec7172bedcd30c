"""Which functions are deployed when."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest

import chalkcompute
from chalkcompute import DeployError, Image, NotFoundError, RemoteFunction, deployment, runtime
from tests.unit.chalkcompute.memory import MemorySession

Handle = RemoteFunction[[], Any, Any]


def make(name: str, value: int = 0, **arguments: Any) -> Handle:
    """Return a remote function of that name; the same name is the same function, defined anew."""

    def body() -> int:
        return value

    body.__name__ = body.__qualname__ = name
    decorate: Callable[[Callable[[], int]], Handle] = chalkcompute.function(**arguments)
    return decorate(body)


def names(session: MemorySession) -> list[list[str]]:
    """Return the names of each set that was deployed."""
    return [[spec.name for spec in specs] for specs in session.deploys]


def test_decorating_sends_nothing(session: MemorySession) -> None:
    """Neither a deploy nor a look-up."""
    make("one")
    assert (session.deploys, session.lookups) == ([], 0)


def test_the_first_call_deploys_all_decorated_so_far(session: MemorySession) -> None:
    """One set with one bundle; the second call finds it there."""
    one, two = make("one", 1), make("two", 2)
    assert [two(), one(), two()] == [2, 1, 2]
    assert names(session) == [["one", "two"]]
    assert {spec.bundle for spec in session.deploys[0]} == set(session.bundles)


def test_later_ones_are_deployed_with_the_earlier_ones(session: MemorySession) -> None:
    """So that they can call each other; a call of an earlier one deploys them too."""
    one = make("one", 1)
    one()
    two = make("two", 2)
    assert [one(), two()] == [1, 2]
    assert names(session) == [["one"], ["one", "two"]]


def test_waiting_deploys(session: MemorySession) -> None:
    """wait_ready is a first call as well."""
    make("one").wait_ready()
    assert names(session) == [["one"]]


def test_two_threads_deploy_once(session: MemorySession) -> None:
    """The second one waits for what the first one sends."""
    session.gate.clear()
    one, two = make("one", 1), make("two", 2)
    found: list[int] = []
    threads = [
        threading.Thread(target=lambda handle=handle: found.append(handle()))
        for handle in (one, two)
    ]
    for thread in threads:
        thread.start()
    session.gate.set()
    for thread in threads:
        thread.join(10)
    assert sorted(found) == [1, 2]
    assert names(session) == [["one", "two"]]


def test_a_function_defined_anew_takes_the_place(session: MemorySession) -> None:
    """As when a cell of a notebook is run again; the old handle keeps its version."""
    old = make("one", 1)
    assert old() == 1
    new = make("one", 2)
    assert [new(), old(), new()] == [2, 1, 2]
    assert names(session) == [["one"], ["one"]]
    assert old.target is not None
    assert new.target is not None
    assert (old.target.number, new.target.number) == (1, 2)


def test_a_handle_that_was_replaced_before_its_first_call_runs_its_own_source() -> None:
    """What is called is what is deployed, not what took its name."""
    old = make("one", 1)
    new = make("one", 2)
    assert [old(), new(), old()] == [1, 2, 1]


def test_two_functions_of_one_name_are_refused() -> None:
    """Silently replacing another module's function would be worse."""
    make("one")

    def one() -> int:
        return 2

    with pytest.raises(
        ValueError, match=r"two functions are named 'one': .*give one of them"
    ) as problem:
        chalkcompute.function(one)
    assert "test_two_functions_of_one_name_are_refused.<locals>.one" in str(problem.value)
    assert chalkcompute.function(name="other")(one)() == 2


def test_never_only_looks_up(session: MemorySession, monkeypatch: pytest.MonkeyPatch) -> None:
    """FNQ_DEPLOY=never calls what is deployed, and says what is not."""
    make("one", 1)()
    monkeypatch.setattr(deployment, "_current", deployment.Deployment())
    monkeypatch.setenv("FNQ_DEPLOY", "never")
    one, two = make("one", 5), make("two", 2)
    assert [one(), one(), asyncio.run(one.aio())] == [1, 1, 1]
    with pytest.raises(NotFoundError, match="two"):
        two()
    assert len(session.deploys) == 1
    assert session.lookups == 2
    assert deployment.current().rest() == {}


def test_a_deploy_that_failed_is_tried_again(session: MemorySession) -> None:
    """The reason reaches the caller; nothing is called on an old version instead."""
    one = make("one", 1)
    session.refusal = DeployError("no room")
    with pytest.raises(DeployError, match="no room"):
        one()
    ours = deployment.current()
    assert ours.failed(ours.rest())
    session.refusal = None
    assert one() == 1
    assert ours.rest() == {}


def test_what_has_no_effect_yet_is_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    """One line per function on stderr, at the first deploy only."""
    one = make("one", 1, image=Image.base("a"), gpu="nvidia-l4", env={"A": "1"})
    one()
    make("two", 2)()
    line = "[fnq] one: no effect: image, gpu (the function runs all the same)\n"
    assert capsys.readouterr().err == line


def test_what_has_an_effect_on_this_stack_is_not_said_to_have_none(
    session: MemorySession, capsys: pytest.CaptureFixture[str]
) -> None:
    """The server that deployed it knows."""
    session.active = frozenset({"cpu", "memory"})
    make("one", 1, cpu=2, memory="1Gi")()
    assert capsys.readouterr().err == ""
    make("two", 2, cpu=2, gpu="nvidia-l4")()
    assert "two: no effect: gpu (" in capsys.readouterr().err


def test_a_limit_without_a_policy_is_said_with_the_remedy(
    session: MemorySession, capsys: pytest.CaptureFixture[str]
) -> None:
    """For each function that names it; one that has a policy is not mentioned."""
    session.missing_limits = frozenset({"api"})
    make("one", 1, rate_limit_key="api")()
    make("two", 2, rate_limit_key="other")()
    assert capsys.readouterr().err == (
        "[fnq] one: the rate limit 'api' has no policy, so nothing is limited; "
        "set one: fnq limit set api --rate 100/m\n"
    )


def test_what_the_server_has_to_say_is_said_once(
    session: MemorySession, capsys: pytest.CaptureFixture[str]
) -> None:
    """A line each, at the first deploy that it comes with."""
    session.warnings = ("memory is not enforced", "one asks for a GPU")
    make("one", 1)()
    make("two", 2)()
    assert capsys.readouterr().err == "[fnq] memory is not enforced\n[fnq] one asks for a GPU\n"


def test_what_was_left_out_is_said(
    session: MemorySession, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A bundle that lacks something does not lack it silently."""
    capture = session.capture

    def leave_out(functions: Any) -> Any:
        bundle = capture(functions)
        bundle.left_out = ["data/huge.bin"]
        return bundle

    monkeypatch.setattr(deployment, "_capture", leave_out)
    make("one", 1)()
    assert capsys.readouterr().err == "[fnq] left out of the bundle: data/huge.bin\n"


def test_a_worker_deploys_nothing(session: MemorySession) -> None:
    """Not at decoration, not at a call, not at the end."""
    make("one", 1)()
    runtime.install(session)
    assert make("one", 1)() == 1
    assert make("two").target is None
    assert names(session) == [["one"]]


def test_a_repeatable_version_is_one_with_retries() -> None:
    """Without retries a generator is not run again after its first chunk."""
    one, two = make("one"), make("two", retries=1)
    one()
    assert one.target is not None
    assert two.target is not None
    assert (one.target.repeatable, two.target.repeatable) == (False, True)


def test_a_fork_takes_new_locks() -> None:
    """A lock that a thread of the parent holds would never be given back."""
    ours = deployment.current()
    ours._deploying.acquire()
    ours.unlock()
    assert make("one", 1)() == 1
