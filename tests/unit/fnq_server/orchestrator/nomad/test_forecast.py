"""What a real Nomad answered to plans, in lines."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from fnq_server.orchestrator.nomad.forecast import changes, outcome

PLANS: dict[str, Any] = json.loads((Path(__file__).parent / "golden" / "plans.json").read_text())
EDITED = """\
+/- job 'fnq-make-receipt-5f0c1de2'
  +/- Meta[fnq.digest]: '2798e70953f45332' => 'x'
  +/- Priority: '50' => '70'
  + Constraint
    + LTarget: '${attr.kernel.name}'
    + Operand: '='
    + RTarget: 'linux'
  +/- group 'worker' (1 create, 1 create/destroy update)
    +/- Count: '1' => '2' (forces create)
    +/- task 'worker' (forces create/destroy update)
      +/- Config
        +/- args[0]: '1000' => '2000'
      +/- Resources
        +/- CPU: '100' => '200'
        +/- MemoryMaxMB: '0' => '1024'"""


def test_what_is_edited_is_told_field_by_field() -> None:
    """With the marks and the words of Nomad's own command; what is the same is left out."""
    assert changes(PLANS["edited"]["Diff"]) == EDITED.splitlines()


def test_what_is_new_is_told_by_its_head() -> None:
    """The job says the rest."""
    assert changes(PLANS["new"]["Diff"]) == [
        "+ job 'fnq-make-receipt-5f0c1de2'",
        "  + group 'worker' (1 create)",
        "    + task 'worker' (forces create)",
    ]


def test_what_is_the_same_is_no_change() -> None:
    """Not even a head."""
    assert changes(PLANS["same"]["Diff"]) == []


def test_what_goes_has_the_value_that_it_had() -> None:
    """As when an operator takes a field away."""
    gone = {"Type": "Deleted", "Name": "Priority", "Old": "70", "New": ""}
    diff = {"Type": "Edited", "ID": "j", "Fields": [gone], "Objects": None, "TaskGroups": None}
    assert changes(diff) == ["+/- job 'j'", "  - Priority: '70'"]


def test_what_is_the_same_inside_of_what_is_edited_is_left_out() -> None:
    """A group beside the one that differs, a task and a block of it."""
    same = {"Type": "None", "Name": "same"}
    group = {
        "Type": "Edited",
        "Name": "worker",
        "Fields": [same | {"Old": "1", "New": "1"}],
        "Objects": [same],
        "Tasks": [same],
    }
    diff = {"Type": "Edited", "ID": "j", "TaskGroups": [same, group]}
    assert changes(diff) == ["+/- job 'j'", "  +/- group 'worker'"]


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("new", "workers: 1 to be placed"),
        ("same", "workers: as they are"),
        ("edited", "workers: 1 to be placed, 1 to be replaced"),
        ("plan9", "workers: 1 to be replaced"),
    ],
)
def test_what_becomes_of_workers_is_told(name: str, line: str) -> None:
    """In one line."""
    assert outcome(PLANS[name]) == [line]


def test_what_nomad_warns_of_is_told() -> None:
    """In one line, however many it makes of it."""
    warnings = "1 warning:\n\n* Memory oversubscription is not enabled\n"
    assert outcome({"Annotations": None, "Warnings": warnings})[1:] == [
        "Nomad warns: 1 warning: * Memory oversubscription is not enabled"
    ]
