"""A job as HCL: Nomad's own parser reads it as the job that it was made of."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import typing
from pathlib import Path
from typing import Any

import pytest

from fnq_server.orchestrator.nomad import device, volumes
from fnq_server.orchestrator.nomad import job as job_module
from fnq_server.orchestrator.nomad.hcl import FIELDS, hcl
from fnq_server.orchestrator.nomad.job import Job

GOLDEN = Path(__file__).parent / "golden"
#: Seconds for a command that asks nobody.
PATIENCE_S = 20
needs_nomad = pytest.mark.skipif(shutil.which("nomad") is None, reason="not on the path: nomad")
#: The jobs that are written down.
NAMES = sorted(each.stem for each in GOLDEN.glob("*.hcl"))
#: Which table has the fields of which type.
TABLES = {
    "Job": "job",
    "TaskGroup": "group",
    "Task": "task",
    "Template": "template",
    "Resources": "resources",
    "LogConfig": "logs",
    "RestartPolicy": "restart",
    "ReschedulePolicy": "reschedule",
    "EphemeralDisk": "disk",
    "Update": "update",
    "Constraint": "condition",
    "Affinity": "condition",
    "Device": "device",
    "Request": "volume",
    "VolumeMount": "mount",
}


def _golden(name: str) -> Job:
    found: Job = json.loads((GOLDEN / f"{name}.json").read_text())
    return found


def _wild() -> Job:
    """Return a job with what HCL would take for its own, and what is not in any job yet."""
    job: Any = _golden("docker")
    [task] = job["TaskGroups"][0]["Tasks"]
    task["Config"]["args"] = ["${a}", "%{if b}", "$${c}", 'quo"te \\ \n \t \b \f é 😀', "\\b", ""]
    task["Config"]["mounts"] = [{"type": "bind", "target": "/t"}]
    task["Env"] = {"A.B": "1", "C": "${attr.x}"}
    task["KillTimeout"] = 1_500_000_000
    task["ShutdownDelay"] = 7
    task["VolumeMounts"] = [{"Volume": "v0", "Destination": "/models", "ReadOnly": True}]
    task["Resources"]["Devices"] = [
        {
            "Name": "nvidia/gpu",
            "Count": 2,
            "Constraints": [
                {"LTarget": "${device.model}", "Operand": "regexp", "RTarget": "(?i)^(NVIDIA )?L4$"}
            ],
        }
    ]
    job["TaskGroups"][0]["Volumes"] = {
        "v0": {
            "Name": "v0",
            "Type": "host",
            "Source": "models",
            "ReadOnly": False,
            "AccessMode": "single-node-multi-writer",
        }
    }
    wild: Job = job
    return wild


def _lacking(wanted: Any, found: Any, path: str = "job") -> list[str]:
    """Return where `found` has otherwise what `wanted` says; what it has besides is fine."""
    if isinstance(wanted, dict) and isinstance(found, dict):
        return [
            line
            for name, value in wanted.items()
            for line in _lacking(value, found.get(name), f"{path}.{name}")
        ]
    if isinstance(wanted, list) and isinstance(found, list) and len(wanted) == len(found):
        pairs = enumerate(zip(wanted, found, strict=True))
        return [line for i, pair in pairs for line in _lacking(*pair, f"{path}[{i}]")]
    # HCL cannot say that there are none of a block, but by not having one.
    return (
        []
        if wanted == found or (wanted == [] and found is None)
        else [f"{path}: {wanted!r} became {found!r}"]
    )


@needs_nomad
@pytest.mark.parametrize(
    "job",
    [*(_golden(each) for each in NAMES), _wild()],
    ids=[*NAMES, "wild"],
)
def test_nomad_reads_the_job_that_it_was_made_of(job: Job, tmp_path: Path) -> None:
    """To the last field, and as `nomad fmt` would have written it."""
    file = tmp_path / "job.nomad.hcl"
    file.write_text(hcl(job))
    command = ["nomad", "job", "run", "-output", str(file)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE_S)
    assert ran.returncode == 0, ran.stderr + file.read_text()
    assert _lacking(job, json.loads(ran.stdout)["Job"]) == []
    subprocess.run(["nomad", "fmt", str(file)], check=True, timeout=PATIENCE_S)
    assert file.read_text() == hcl(job)


def test_each_field_of_a_job_has_its_name_in_hcl() -> None:
    """Whoever gives jobs a new one finds out here."""
    types = {
        name: value
        for module in (job_module, device, volumes)
        for name, value in vars(module).items()
        if typing.is_typeddict(value)
    }
    assert types.keys() == TABLES.keys()
    for name, kind in types.items():
        fields = set(kind.__annotations__) - {"ID", "Name"}
        assert fields <= FIELDS[TABLES[name]].keys(), name


def test_a_field_without_a_name_in_hcl_is_refused() -> None:
    """It is not left out: Nomad would have its default."""
    job: Any = _golden("raw_exec")
    job["TaskGroups"][0]["Consul"] = {}
    with pytest.raises(ValueError, match=r"^a group has no Consul in HCL$"):
        hcl(job)
    del job["TaskGroups"][0]["Consul"]
    job["TaskGroups"][0]["Tasks"][0]["Config"]["a b"] = 1
    with pytest.raises(ValueError, match=r"^'a b' cannot be the name of a setting in HCL$"):
        hcl(job)


def test_a_map_of_a_driver_is_an_object_of_hcl() -> None:
    """As the labels of a container are."""
    job: Any = _golden("raw_exec")
    job["TaskGroups"][0]["Tasks"][0]["Config"]["labels"] = {"team": "ml"}
    assert re.search(r'labels += \{ "team" = "ml" \}\n', hcl(job))


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("${a} %{b}", '"$${a} %%{b}"'),
        ('a"b\\c', '"a\\"b\\\\c"'),
        ("\x08\x0c\n", '"\\u0008\\u000c\\n"'),
        ("\x85\u2028\u2029", '"\\u0085\\u2028\\u2029"'),
        ("\u00e9 \U0001f600", '"\u00e9 \U0001f600"'),
    ],
    ids=["expressions", "quotes", "controls", "ends of lines", "others"],
)
def test_any_text_is_one_string_of_hcl(text: str, written: str) -> None:
    """Nomad takes each end of a line that Unicode knows for the end of the string."""
    job: Any = _golden("raw_exec")
    job["Meta"] = {"k": text}
    assert f'"k" = {written}\n' in hcl(job)
