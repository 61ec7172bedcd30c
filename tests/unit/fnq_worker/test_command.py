"""What the command line of an agent says about secrets."""

from __future__ import annotations

import asyncio
import os
from typing import Any

import pytest

from fnq_core import service
from fnq_worker import command as entry
from fnq_worker.agent import Settings

WORDS = [
    *("--consumer", "unix:/c", "--server", "unix:/s", "--redis", "unix:///r"),
    *("--version", "abc", "--work", "/w"),
]


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Settings]:
    """What agents were started with; none runs."""
    found: list[Settings] = []

    def run(make: Any) -> int:
        asyncio.run(make(print))
        return 0

    monkeypatch.setattr(service, "run", run)
    monkeypatch.setattr(entry, "Agent", lambda settings, fatal, own: found.append(settings))
    return found


def test_an_agent_takes_secrets_out_of_its_environment(
    started: list[Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it starts has none of them, and what they are called changes nothing for itself."""
    monkeypatch.setenv("FNQ_SECRET_FNQ_TOKEN", "hunter2")
    monkeypatch.setenv("FNQ_SECRET_B", "2")
    monkeypatch.delenv("FNQ_TOKEN", raising=False)
    words = [*WORDS, "--secret", "FNQ_TOKEN", "--secret", "B"]
    assert start(words, started) == {"FNQ_TOKEN": "hunter2", "B": "2"}
    assert "hunter2" not in os.environ.values()
    assert started[0].token is None
    assert "hunter2" not in repr(started[0])


def start(words: list[str], started: list[Settings]) -> dict[str, str]:
    """Start an agent; return the secrets that it was given."""
    assert entry.main(words) == 0
    return dict(started[0].secrets)


def test_a_secret_that_is_not_there_is_told_by_its_name(started: list[Settings]) -> None:
    """The agent does not start without it."""
    with pytest.raises(SystemExit, match="--secret: FNQ_SECRET_NONE is not set"):
        entry.main([*WORDS, "--secret", "NONE"])
    assert started == []


def test_all_secrets_of_the_environment_are_taken_where_their_names_are_not_known(
    started: list[Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a cluster, where an integration's are in no job."""
    monkeypatch.setenv("FNQ_SECRET_B", "2")
    monkeypatch.setenv("FNQ_SECRET_A", "1")
    monkeypatch.setenv("FNQ_SECRET_", "none")
    assert start([*WORDS, "--secrets", "--secret", "A"], started) == {"A": "1", "B": "2"}
    assert not {"FNQ_SECRET_A", "FNQ_SECRET_B"} & os.environ.keys()


@pytest.mark.parametrize(("limit", "expendable"), [("128", True), (None, False)])
def test_runners_are_expendable_where_one_limit_of_memory_holds_all(
    started: list[Settings],
    monkeypatch: pytest.MonkeyPatch,
    limit: str | None,
    expendable: bool,
) -> None:
    """As in a task of Nomad, which says so; groups of the runners' own go before."""
    monkeypatch.delenv("NOMAD_MEMORY_LIMIT", raising=False)
    if limit:
        monkeypatch.setenv("NOMAD_MEMORY_LIMIT", limit)
    entry.main(WORDS)
    entry.main([*WORDS, "--cgroup", "/g"])
    assert [each.terms("/r")["expendable"] for each in started] == [expendable, False]
