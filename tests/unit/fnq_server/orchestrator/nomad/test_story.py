"""What became of workers that were placed."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from fnq_server.orchestrator.nomad.story import SETTLED_S, Story, last_words, newest, tell
from fnq_server.orchestrator.seam import Outlook
from tests.unit.fnq_server.orchestrator.nomad import recorded
from tests.unit.fnq_server.orchestrator.nomad.recorded import allocation

NOW_S = 1_000.0
CRASHED = (recorded.RECEIVED, recorded.SETUP, recorded.STARTED, recorded.EXIT_7)


def _told(*allocations: dict[str, Any], now_s: float = NOW_S) -> Story | None:
    return tell(allocations, 512, now_s)


def _sentence(outlook: Outlook, *events: dict[str, Any], status: str = "failed") -> str:
    story = _told(allocation(status, *events))
    assert story is not None
    assert story.outlook is outlook
    return story.sentence


def test_nothing_placed_has_no_story() -> None:
    """Neither has what was stopped."""
    assert _told() is None
    assert _told(allocation("complete", *CRASHED, desired="stop")) is None


def test_one_that_runs_is_enough() -> None:
    """Whatever became of the others."""
    others = [allocation("failed", *CRASHED), allocation("running", index=1)]
    assert _told(*others) == Story(Outlook.RUNNING)
    assert _told(*reversed(others)) == Story(Outlook.RUNNING)


def test_one_that_comes_up_is_better_than_those_that_end() -> None:
    """And those that end are better than one whose node is gone; the order does not matter."""
    lost, crashed = allocation("lost"), allocation("failed", *CRASHED, index=1)
    pending = allocation("pending", recorded.SETUP, index=2)
    starting = Story(Outlook.STARTING, "node 'vm' starts its worker")
    for order in itertools.permutations([lost, crashed, pending]):
        assert _told(*order) == starting
    assert _told(lost, crashed) == _told(crashed, lost) == _told(crashed)


def test_a_restart_that_somebody_asked_for_is_no_failure() -> None:
    """Neither while it goes on nor after; a crash before or after it is one."""
    restart = (recorded.RESTART_SIGNALED, recorded.TERMED)
    assert _sentence(Outlook.STARTING, recorded.STARTED, *restart, status="pending") == (
        "node 'vm' starts its worker"
    )
    started = recorded.event("Started", at_s=NOW_S)
    again = (recorded.STARTED, *restart, recorded.RESTARTING, started)
    assert _told(allocation("running", *again)) == Story(Outlook.RUNNING)
    ended = "its worker on node 'vm' ended with exit code 7"
    assert _sentence(Outlook.CRASHING, *again, recorded.EXIT_7) == ended
    assert _sentence(Outlook.CRASHING, *CRASHED, *again, status="running") == ended


def test_a_process_that_ended_is_told_with_its_exit_code() -> None:
    """And with the allocation in whose log its last words are."""
    crashed = allocation("failed", *CRASHED, recorded.RESTARTING, recorded.NOT_RESTARTING)
    assert _told(crashed) == (
        Outlook.CRASHING,
        "its worker on node 'vm' ended with exit code 7",
        crashed["ID"],
    )


@pytest.mark.parametrize(
    ("event", "sentence"),
    [
        (recorded.OOM, "its worker on node 'vm' ran out of memory: it has 512 MiB"),
        (
            recorded.KILLED,
            (
                "its worker on node 'vm' was killed by signal 9, as when memory runs out: "
                "it has 512 MiB"
            ),
        ),
        (
            recorded.event("Terminated", exit_code="139", signal="11"),
            "its worker on node 'vm' was killed by signal 11",
        ),
        (
            recorded.NO_BINARY,
            (
                "its worker cannot be started on node 'vm': failed to launch command with "
                'executor: rpc error: code = Unknown desc = binary "/nope" could not be found'
            ),
        ),
        (
            recorded.NO_IMAGE,
            (
                "its image cannot be pulled on node 'vm': `127.0.0.1:1/nope:1`: Error response "
                'from daemon: Get "http://127.0.0.1:1/v2/": dial tcp 127.0.0.1:1: connect: '
                "connection refused"
            ),
        ),
        (
            recorded.NO_VOLUME,
            (
                "its worker cannot be set up on node 'vm': volumes: task driver \"raw_exec\" for "
                '"worker" does not support host volumes'
            ),
        ),
        (
            recorded.NO_KEY,
            (
                "its worker cannot be set up on node 'vm': Template failed: (dynamic): execute: "
                'template: :1: map has no entry for key "HF_TOKEN"'
            ),
        ),
    ],
    ids=["oom", "killed", "segfault", "binary", "image", "hook", "template"],
)
def test_each_failure_is_told_in_nomads_words(event: dict[str, Any], sentence: str) -> None:
    """What comes after it, as the end of the tries, does not hide it."""
    assert _sentence(Outlook.CRASHING, recorded.SETUP, event, recorded.NOT_RESTARTING) == sentence
    assert (
        _sentence(Outlook.CRASHING, recorded.SETUP, event, recorded.RESTARTING, status="pending")
        == sentence
    )


@pytest.mark.parametrize(
    ("events", "sentence"),
    [
        ((), "node 'vm' was told to start its worker"),
        ((recorded.RECEIVED, recorded.SETUP), "node 'vm' starts its worker"),
        (
            (recorded.SETUP, recorded.DOWNLOADING),
            "node 'vm' downloads the image 127.0.0.1:1/nope:1",
        ),
        (
            (recorded.SETUP, recorded.NO_VARIABLE),
            (
                "its worker on node 'vm' waits for its secrets: the variable nomad/jobs/nov of "
                "Nomad is not there, or its job may not read it; the server writes it again "
                "within seconds, if its token may"
            ),
        ),
        (
            (recorded.SETUP, recorded.event("Template", "rendering\nretries")),
            "its worker on node 'vm' waits: rendering retries",
        ),
        (
            (recorded.SETUP, recorded.NO_SHARED),
            (
                "its worker on node 'vm' waits for what an operator gives all workers, as "
                "certificates and the login of a registry: the variable nomad/jobs of Nomad is not "
                "there, or its job may not read it"
            ),
        ),
    ],
    ids=["told", "setup", "image", "variable", "template", "shared"],
)
def test_what_is_on_its_way_is_told(events: tuple[dict[str, Any], ...], sentence: str) -> None:
    """By the last thing that happened."""
    assert _sentence(Outlook.STARTING, *events, status="pending") == sentence


def test_a_node_that_is_gone_is_named() -> None:
    """For good, or out of reach."""
    lost = Story(Outlook.BLOCKED, "its worker was lost with node 'vm'")
    away = Story(Outlook.BLOCKED, "node 'vm', which has its worker, is out of reach")
    assert [_told(allocation(status)) for status in ("lost", "unknown")] == [lost, away]


def test_one_that_was_started_again_must_stay_a_while() -> None:
    """A crash loop is told as such, also while it looks alive."""
    started = recorded.event("Started", at_s=NOW_S)
    again = allocation("running", *CRASHED, recorded.RESTARTING, started)
    failed = Story(Outlook.CRASHING, "its worker on node 'vm' ended with exit code 7", again["ID"])
    assert _told(again, now_s=NOW_S + SETTLED_S - 1) == failed
    assert _told(again, now_s=NOW_S + SETTLED_S) == Story(Outlook.RUNNING)
    fresh = allocation("running", recorded.SETUP, started)
    assert _told(fresh) == Story(Outlook.RUNNING)


def test_one_that_takes_the_place_of_a_failed_one_has_its_story() -> None:
    """Until it stays; what was stopped in order left no story."""
    failed = allocation("failed", *CRASHED, desired="stop")
    started = recorded.event("Started", at_s=NOW_S)
    for status, events in (("pending", [recorded.SETUP]), ("running", [started])):
        next_one = allocation(status, *events, created=20)
        assert _told(next_one, failed) == (
            Outlook.CRASHING,
            "its worker on node 'vm' ended with exit code 7",
            failed["ID"],
        )
    stopped = allocation("complete", *CRASHED, desired="stop")
    assert _told(stopped, allocation("running", started, created=20)) == Story(Outlook.RUNNING)


def test_the_newest_of_each_replica_is_found_by_index() -> None:
    """Ten comes after two."""
    found = newest(
        [
            allocation("running", index=10, created=5),
            allocation("running", index=2, created=9),
            allocation("failed", index=2, created=4),
        ]
    )
    assert [(each["Name"][-4:], each["CreateIndex"]) for each in found] == [
        ("r[2]", 9),
        ("[10]", 5),
    ]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (
            (
                '{"problem": "wrong password", "event": "cannot start", "level": "error", '
                '"timestamp": "2026-11-24T19:59:31Z", "role": "worker", "pid": 7}'
            ),
            "cannot start: wrong password",
        ),
        (
            '{"event": "a loop failed", "exception": "Traceback ...\\n  ...\\nKeyError: 1\\n"}',
            "a loop failed: KeyError: 1",
        ),
        ('{"event": "worker is ready", "level": "info"}', "worker is ready"),
        ("/usr/bin/python3: No module named fnq_worker", None),
        ('{"no": "event"}', None),
        ("17", None),
        ("[]", None),
        ("null", None),
    ],
)
def test_last_words_are_the_same_after_each_try(line: str, words: str | None) -> None:
    """Time and process are left out of our records; other lines are as they are."""
    assert last_words(f"{line} ") == (words or line)
