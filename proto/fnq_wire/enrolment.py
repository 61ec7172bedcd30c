"""Whether enough of a part of the system is registered in Consul, and healthy. Pure."""

from __future__ import annotations

from typing import NamedTuple

from fnq_wire.finder import CONSUMER, REDIS, SERVER
from fnq_wire.finding import Finding, missing, note, ok

__all__ = ["PARTS", "Enrolment", "judge"]

#: The parts of the system, by the name that their service has unless told otherwise, and
#: their job in jobs/ always.
PARTS = {REDIS: "redis", SERVER: "servers", CONSUMER: "consumers"}


class Enrolment(NamedTuple):
    """How many instances of a service Consul knows, and how many of them it calls healthy.

    `lack`: the rules that our token lacks to see them: it is shown none, and there may be some.
    """

    known: int
    healthy: int
    lack: str = ""


def judge(part: str, service: str, consul: str, found: Enrolment) -> Finding:
    """Return what is to be said of a part (a key of PARTS) that has registered as `service`."""
    subject, where = f"service {part}", f"Consul at {consul}"
    if found.lack:
        return note(
            subject,
            f"{where} does not let us see {service}",
            f"to know more, give CONSUL_HTTP_TOKEN {found.lack}",
        )
    if not found.known:
        misnamed = (
            "" if service == part else "correct the name where it is given, as in FNQ_ADDR, or "
        )
        return missing(
            subject,
            f"{where} knows no {service}",
            f"{misnamed}run {_file(part)} (nomad job run), or see why it does not run: nomad job "
            f"status {part}",
        )
    if not found.healthy:
        return missing(
            subject,
            f"{where} knows {found.known} of {service}, and none passes its check",
            f"see why: nomad job status {part}, nomad alloc logs -stderr -job {part}",
        )
    if part == REDIS and found.healthy > 1:
        return missing(
            subject,
            f"{where} calls {found.healthy} of {service} healthy, and fnq needs exactly one",
            "stop the others, or register them under another name",
        )
    if found.healthy < found.known:
        return note(
            subject,
            f"{found.healthy} of {found.known} {service} in {where} pass their checks",
            f"if the others do not come back: nomad job status {part}",
        )
    alone = part != REDIS and found.healthy == 1
    more = "; with two, calls go on while one is started anew" if alone else ""
    return ok(subject, f"{found.healthy} {service} healthy in {where}{more}")


def _file(part: str) -> str:
    return f"jobs/{part.removeprefix('fnq-')}.nomad.hcl"
