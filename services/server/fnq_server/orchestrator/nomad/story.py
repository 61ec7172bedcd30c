"""What became of the workers that Nomad has placed, in one sentence. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from fnq_server.orchestrator.nomad.injection import SHARED
from fnq_server.orchestrator.nomad.job import TASK
from fnq_server.orchestrator.seam import Outlook

__all__ = ["SETTLED_S", "TERMINAL", "Story", "last_words", "newest", "tell"]

#: States from which an allocation does not come back.
TERMINAL = frozenset({"complete", "failed", "lost"})
#: Seconds after which a worker that was started again is taken for one that stays.
SETTLED_S = 10.0
#: Events that say why nothing was started; Nomad's own text goes on from there.
_HINDRANCES = frozenset(
    {"Failed Artifact Download", "Failed Validation", "Setup Failure", "Task hook failed"}
)
_PULL = "Failed to pull "
#: How Nomad says that a template waits: for the variable at a path, in a namespace and a region.
_MISSING = re.compile(r"Missing: nomad\.var\.block\(([^@)]+)@[^)]*\)")
#: What is to be expected of one worker, best first.
_BEST_FIRST = (Outlook.RUNNING, Outlook.STARTING, Outlook.CRASHING, Outlook.BLOCKED)


class Story(NamedTuple):
    """What is to be expected, and one sentence, or "" for a worker that runs.

    `ended` is an allocation whose process ended by itself: its last words say why.
    """

    outlook: Outlook
    sentence: str = ""
    ended: str = ""


def newest(allocations: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the newest allocation of each replica, by index."""
    return [each[-1] for each in _generations(allocations)]


def tell(allocations: Sequence[Mapping[str, Any]], memory_mb: int, now_s: float) -> Story | None:
    """Return the story of the best worker; None when none was placed, or all were stopped.

    `memory_mb` is what each of them has. One that was started again after a failure
    counts as running once it has stayed for SETTLED_S.
    """
    stories = [
        _story(each, memory_mb, now_s)
        for each in _generations(allocations)
        if each[-1]["DesiredStatus"] == "run"
    ]
    # Of those that are alike, one that ended has most to say.
    return min(
        stories,
        key=lambda story: (_BEST_FIRST.index(story.outlook), story.ended == ""),
        default=None,
    )


def last_words(line: str) -> str:
    """Return what the last line of a worker's log says.

    Of a record of ours without its time and process: so it is the same after each try.
    """
    try:
        record = json.loads(line)
        event, problem = record["event"], record.get("problem") or record.get("exception") or ""
    except (ValueError, TypeError, LookupError, AttributeError):
        return line.strip()
    last = str(problem).strip().rpartition("\n")[2]
    return f"{event}: {last}" if last else str(event)


def _generations(allocations: Sequence[Mapping[str, Any]]) -> list[list[Mapping[str, Any]]]:
    """Return the allocations of each replica, oldest first; replicas by index."""
    by_name: dict[str, list[Mapping[str, Any]]] = {}
    for each in sorted(allocations, key=lambda each: int(each["CreateIndex"])):
        by_name.setdefault(each["Name"], []).append(each)
    return [by_name[name] for name in sorted(by_name, key=lambda name: (len(name), name))]


def _story(generations: Sequence[Mapping[str, Any]], memory_mb: int, now_s: float) -> Story:
    allocation = generations[-1]
    status, where = allocation["ClientStatus"], f"node {allocation['NodeName']!r}"
    events = _events(allocation)
    if status == "lost":
        return Story(Outlook.BLOCKED, f"its worker was lost with {where}")
    if status == "unknown":
        return Story(Outlook.BLOCKED, f"{where}, which has its worker, is out of reach")
    if status == "running" and now_s - _started_s(events) >= SETTLED_S:
        return Story(Outlook.RUNNING)
    told = _failure(allocation, memory_mb)
    if told is None and len(generations) > 1 and generations[-2]["ClientStatus"] == "failed":
        told = _failure(generations[-2], memory_mb)
    if told is not None:
        return told
    if status == "running":
        return Story(Outlook.RUNNING)
    return Story(Outlook.STARTING, _progress(events, where))


def _events(allocation: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """Return what happened to the process of an allocation; its node tells it late."""
    task = (allocation.get("TaskStates") or {}).get(TASK) or {}
    events: Sequence[Mapping[str, Any]] = task.get("Events") or ()
    return events


def _started_s(events: Sequence[Mapping[str, Any]]) -> float:
    return max((each["Time"] / 1e9 for each in events if each["Type"] == "Started"), default=0.0)


def _failure(allocation: Mapping[str, Any], memory_mb: int) -> Story | None:
    """Return what an allocation failed of last; None when it did not."""
    where = f"on node {allocation['NodeName']!r}"
    for event in reversed(_unwanted(_events(allocation))):
        details = event.get("Details") or {}
        if event["Type"] == "Terminated":
            sentence = f"its worker {where} {_ending(details, memory_mb)}"
            return Story(Outlook.CRASHING, sentence, ended=allocation["ID"])
        hindrance = _hindrance(event, where, " ".join(event["DisplayMessage"].split()))
        if hindrance:
            return Story(Outlook.CRASHING, hindrance)
    return None


def _unwanted(events: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the events without the ends that somebody asked for, as by `nomad job restart`."""
    left, asked_for = [], False
    for event in events:
        if event["Type"] == "Restart Signaled":
            asked_for = True
        elif event["Type"] == "Started":
            asked_for = False
        elif event["Type"] == "Terminated" and asked_for:
            continue
        left.append(event)
    return left


def _hindrance(event: Mapping[str, Any], where: str, text: str) -> str:
    """Return why nothing was started; empty when the event does not say so."""
    if event["Type"] == "Driver Failure" and text.startswith(_PULL):
        return f"its image cannot be pulled {where}: {text.removeprefix(_PULL)}"
    if event["Type"] == "Driver Failure":
        return f"its worker cannot be started {where}: {text}"
    if event["Type"] in _HINDRANCES or _is_fatal(event):
        return f"its worker cannot be set up {where}: {text}"
    return ""


def _is_fatal(event: Mapping[str, Any]) -> bool:
    """Whether Nomad killed the process since it cannot go on, as without a template."""
    failed = (event.get("Details") or {}).get("fails_task") == "true"
    return event["Type"] == "Killing" and failed


def _ending(details: Mapping[str, str], memory_mb: int) -> str:
    if details.get("oom_killed") == "true":
        return f"ran out of memory: it has {memory_mb} MiB"
    signal = details.get("signal", "0")
    if signal == "9":
        # Without a container nobody tells Nomad who sent it.
        return f"was killed by signal 9, as when memory runs out: it has {memory_mb} MiB"
    if signal != "0":
        return f"was killed by signal {signal}"
    return f"ended with exit code {details.get('exit_code', '0')}"


def _progress(events: Sequence[Mapping[str, Any]], where: str) -> str:
    if not events:
        return f"{where} was told to start its worker"
    last = events[-1]
    if last["Type"] == "Driver" and "image" in (last.get("Details") or {}):
        return f"{where} downloads the image {last['Details']['image']}"
    if last["Type"] == "Template":
        return f"its worker on {where} waits{_awaited(' '.join(last['DisplayMessage'].split()))}"
    return f"{where} starts its worker"


def _awaited(text: str) -> str:
    """Return what a template waits for; Nomad shows one that is denied as one that is not there."""
    missing = _MISSING.search(text)
    if missing is None:
        return f": {text}"
    if missing[1] == SHARED:
        return (
            " for what an operator gives all workers, as certificates and the login of a registry: "
            f"the variable {SHARED} of Nomad is not there, or its job may not read it"
        )
    return (
        f" for its secrets: the variable {missing[1]} of Nomad is not there, or its job may not "
        "read it; the server writes it again within seconds, if its token may"
    )
