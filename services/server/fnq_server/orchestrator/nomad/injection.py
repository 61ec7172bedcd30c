"""How secrets come from Nomad into the workers of a job. Pure.

Nomad lets the workers of a job read the variable that is named as the job is, and those of
no other job. The job's text names the variable; what is in it goes from Nomad to the worker.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fnq_wire.variable import SECRET_PREFIX

__all__ = ["FILE", "SHARED", "has_secrets", "path_of", "template"]

#: The variable that the workers of all jobs may read.
SHARED = "nomad/jobs"

#: Where Nomad writes the secrets, in the directory of a task that is in memory.
FILE = "secrets/fnq-secrets.env"


def path_of(job_id: str) -> str:
    """Return the path of the variable that only this job can read."""
    return f"{SHARED}/{job_id}"


def template(job_id: str) -> str:
    """Return what Nomad fills in: a variable for the worker for each item, whatever it holds.

    A worker does not start before the variable is there.
    """
    return (
        f'{{{{ with nomadVar "{path_of(job_id)}" }}}}{{{{ range $name, $item := . }}}}'
        f"{SECRET_PREFIX}{{{{ $name }}}}={{{{ $item.Value | toJSON }}}}\n"
        "{{ end }}{{ end }}"
    )


def has_secrets(job: Mapping[str, Any]) -> bool:
    """Whether the workers of a job are given secrets."""
    return any(
        each["DestPath"] == FILE
        for group in job["TaskGroups"]
        for task in group["Tasks"]
        for each in task.get("Templates") or ()
    )
