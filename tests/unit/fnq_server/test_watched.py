"""What the leader makes of what it sees of one version."""

from __future__ import annotations

from fnq.v1 import spec_pb2
from fnq_core.backlog import Counts
from fnq_core.presence import Presence
from fnq_server.watched import Rules, Sight, Watched

RULES = Rules(least=0, most=8, current=True)
#: Seconds after the last call at which a worker may go, in these tests.
COOLDOWN_S = 10.0


def _spec(**facts: object) -> spec_pb2.FunctionSpec:
    made = spec_pb2.FunctionSpec(name="f", suspend_cooldown_s=COOLDOWN_S, concurrency=1)
    for name, value in facts.items():
        setattr(made, name, value)
    return made


def _agent(replica: int = 0, **said: object) -> Presence:
    made = Presence("default", "f", "a1", f"agent-{replica}", replica, 7, state="ready")
    for name, value in said.items():
        setattr(made, name, value)
    return made


def test_a_worker_goes_a_cooldown_after_its_last_call() -> None:
    """Also where that call was too short to be seen in the queue."""
    watched = Watched(_spec(), 1, now=0.0)
    idle = [Sight(Counts(0, 0), [_agent(idle_s=each)], 1) for each in (5.0, 0.2)]
    assert watched.wish(idle[0], RULES, 9.0) == 1
    # Said at 9.5 s: it had a call at 9.3 s.
    assert watched.wish(idle[1], RULES, 9.5) == 1
    # The same words again are old words.
    assert watched.wish(idle[1], RULES, 19.0) == 1
    assert watched.wish(idle[1], RULES, 19.5) == 0


def test_a_version_that_is_not_current_keeps_its_worker_for_a_moment_only() -> None:
    """Its calls end, and it goes, whatever replicas it had at least."""
    watched = Watched(_spec(), 1, now=0.0)
    old = RULES._replace(current=False)
    assert watched.wish(Sight(Counts(0, 1), [_agent(busy=1)], 1), old, 5.0) == 1
    assert watched.wish(Sight(Counts(0, 0), [_agent(idle_s=0.5)], 1), old, 6.0) == 1
    assert watched.wish(Sight(Counts(0, 0), [_agent(idle_s=0.5)], 1), old, 8.0) == 0


def test_a_worker_that_imports_for_long_is_waited_for() -> None:
    """Unless it waits for its next start after a crash."""
    starting = [_agent(state="starting", idle_s=1.0)]
    watched = Watched(_spec(), 1, now=0.0)
    assert watched.wish(Sight(Counts(0, 0), starting, 1), RULES, 500.0) == 1
    assert watched.wish(Sight(Counts(0, 0), starting, 1, blocked=True), RULES, 520.0) == 0


def test_attempts_that_are_not_due_need_no_worker() -> None:
    """One that is due soon does, and calls that wait anyway."""
    watched = Watched(_spec(), 0, now=0.0)
    assert watched.wish(Sight(Counts(0, 3, 3), [], 0), RULES, 50.0) == 0
    assert watched.wish(Sight(Counts(0, 3, 2), [], 0), RULES, 51.0) == 1


def test_a_backlog_that_does_not_shrink_shows_that_calls_take_longer_now() -> None:
    """Within two decisions, whatever is known of those before."""
    watched = Watched(_spec(), 1, now=0.0)
    short = [_agent(busy=1, run_s=0.01)]
    assert watched.wish(Sight(Counts(0, 1), short, 1), RULES, 0.5) == 1
    assert watched.wish(Sight(Counts(7, 1), short, 1), RULES, 1.0) == 1
    assert watched.wish(Sight(Counts(7, 1), short, 1), RULES, 1.5) == 8


def test_the_agents_say_how_many_calls_make_a_batch() -> None:
    """Where packed calls are a batch each, every one that waits needs a slot."""
    spec = _spec()
    spec.batching.max_size = 10
    watched = Watched(spec, 1, now=0.0)
    packed = Sight(Counts(8, 1), [_agent(busy=1, calls=1)], 1)
    wishes = [watched.wish(packed, RULES, 0.5 * step) for step in range(1, 9)]
    assert wishes[0] == 1
    assert wishes[-1] >= 7


def test_workers_are_spared_once_they_have_no_call_and_take_none() -> None:
    """Those below the cordon do not matter."""
    watched = Watched(_spec(), 3, now=0.0)
    first, second, third = _agent(0, busy=1), _agent(1, idle_s=3.0), _agent(2, idle_s=3.0)
    watched.presences = [first, second, third]
    assert not watched.is_spared(1, 3)
    second.state = third.state = "cordoned"
    assert watched.is_spared(1, 3)
    third.idle_s = 0.0
    assert not watched.is_spared(1, 3)
    assert watched.is_spared(1, 2)
