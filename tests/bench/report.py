"""The figures of a run as text for people (Markdown), and as what is kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict

from tests.bench.figure import Figure, Verdict, number
from tests.bench.results import Results

__all__ = ["as_json", "text"]

#: In the order of a call's way; what is not named follows.
_ROLES = ("client", "server", "redis", "consumer", "agent", "runner")


def text(facts: Mapping[str, str], results: Results, verdicts: Sequence[Verdict]) -> str:
    """Return the whole report."""
    parts = [
        "\n".join(f"- {name}: {value}" for name, value in facts.items()),
        _table(
            ("figure", "median (least-greatest)"),
            [(name, figure.text) for name, figure in results.figures.items()],
        ),
        _by_role("CPU s per 10,000", _medians(results.cpu)),
        _by_role("system calls per call", results.system_calls),
        _by_role("idle memory (PSS), MiB", {"one process of each": results.memory}),
        _commands(results.commands),
        "\n".join(verdict.text for verdict in verdicts),
    ]
    return "\n\n".join(part for part in parts if part)


def as_json(
    facts: Mapping[str, str], results: Results, verdicts: Sequence[Verdict]
) -> dict[str, object]:
    """Return everything as what JSON can hold, each value of each figure too."""
    judged = [
        {"floor": asdict(each.floor), "value": each.value, "passed": each.passed}
        for each in verdicts
    ]
    return {"facts": dict(facts), **asdict(results), "floors": judged}


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _by_role(what: str, kinds: Mapping[str, Mapping[str, float]]) -> str:
    """Return a table with a line for each kind of work and a column for each role."""
    found = {role for by_role in kinds.values() for role in by_role}
    roles = [role for role in _ROLES if role in found] + sorted(found - set(_ROLES))
    rows = [
        (kind, *(number(by_role[role]) for role in roles), number(sum(by_role.values())))
        for kind, by_role in kinds.items()
    ]
    return _table((what, *roles, "all"), rows) if rows else ""


def _medians(kinds: Mapping[str, Mapping[str, Figure]]) -> dict[str, dict[str, float]]:
    return {
        kind: {role: figure.median for role, figure in by_role.items()}
        for kind, by_role in kinds.items()
    }


def _commands(kinds: Mapping[str, Mapping[str, float]]) -> str:
    lines = []
    for kind, by_name in kinds.items():
        ordered = sorted(by_name.items(), key=lambda item: -item[1])
        spent = ", ".join(f"{name} {count:.2f}" for name, count in ordered)
        lines.append(f"- {kind}: {sum(by_name.values()):.2f}: {spent}")
    return "\n".join(["Redis commands per call, those inside scripts too:", "", *lines])
