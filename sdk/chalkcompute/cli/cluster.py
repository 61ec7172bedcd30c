"""`fnq cluster check`: what is missing on a cluster, and what to do about it."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from chalkcompute import runtime
from chalkcompute.cli.table import paint
from chalkcompute.errors import FnqError, StackError
from fnq_wire.finding import MISSING, NOTE, OK, Finding, missing, note, ok

if TYPE_CHECKING:
    from chalkcompute.config import Config
    from fnq_wire.enrolment import Enrolment

__all__ = ["add", "lines"]

_COLOURS = {OK: "green", MISSING: "red", NOTE: "yellow"}
#: Seconds that a server has: it asks each node, and one may be out of reach.
_ANSWER_S = 60.0
#: As what servers and clients of Nomad register themselves.
_NOMAD = ("nomad", "nomad-client")


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "cluster", help="what is missing on a cluster", description="Look at a cluster."
    )
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", required=True)
    checking = verbs.add_parser(
        "check",
        help="say what is missing, and what to do about it",
        description="Look at Consul from here, and have a server look at Redis, Nomad, its nodes, "
        "its jobs and the rights there. One line for each: ok, note or missing, with what to do. "
        "The exit code is 1 when something is missing. Nothing is changed.",
    )
    checking.add_argument("--json", action="store_true", help="print one JSON object")
    checking.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    config = runtime.config()
    if config.addr is None:
        raise StackError(
            "there is no cluster to check: name one with FNQ_ADDR=consul://HOST:PORT, or --addr "
            "(the stack of this machine is shown by `fnq status`)"
        )
    findings = _findings(config, config.addr)
    lacking = sum(each.state == MISSING for each in findings)
    if options.json:
        print(json.dumps({"missing": lacking, "findings": [each._asdict() for each in findings]}))
    else:
        print("\n".join(lines(findings)))
        print(f"{lacking} missing" if lacking else "nothing is missing")
    return 1 if lacking else 0


def lines(findings: Sequence[Finding]) -> list[str]:
    """Return a line for each finding, with its remedy."""
    width = max(len(each) for each in _COLOURS)
    subjects = max((len(each.subject) for each in findings), default=0)
    return [
        f"{paint(each.state.ljust(width), _COLOURS[each.state])}  "
        f"{each.subject.ljust(subjects)}  {_words(each)}"
        for each in findings
    ]


def _words(finding: Finding) -> str:
    return f"{finding.what}; {finding.remedy}" if finding.remedy else finding.what


def _findings(config: Config, addr: str) -> list[Finding]:
    """Return what a server finds; what can be told from here where none can be asked."""
    # Not before it is needed: Consul's library takes long to load.
    from fnq_wire.address import ConsulAddress
    from fnq_wire.finder import SERVER

    at = ConsulAddress.parse(addr, SERVER)
    if at is None:
        return _of_server(config, addr)
    from fnq_wire.consul import enrolment

    try:
        servers = enrolment(at)
        here = [ok("consul", f"Consul at {at.consul} answers this machine")]
        if servers.healthy:
            return [*here, *_of_server(config, addr)]
        return [*here, *_of_consul(at.consul, at.service)]
    except FnqError as problem:
        remedy = "start it, or correct FNQ_ADDR; with ACLs set CONSUL_HTTP_TOKEN"
        return [missing("consul", str(problem), remedy)]


def _of_consul(consul: str, servers: str) -> list[Finding]:
    """Return what Consul knows of the parts of the system, and of Nomad. Raises DiscoveryError."""
    from fnq_wire.address import ConsulAddress
    from fnq_wire.consul import enrolment
    from fnq_wire.enrolment import PARTS, judge
    from fnq_wire.finder import SERVER

    named = {part: ConsulAddress(consul, servers if part == SERVER else part) for part in PARTS}
    known = {part: enrolment(at) for part, at in named.items()}
    found = [judge(part, at.service, consul, known[part]) for part, at in named.items()]
    if lack := known[SERVER].lack:
        remedy = f"set CONSUL_HTTP_TOKEN to a token that may see it, by a policy with {lack}"
        found.append(missing("server", f"none can be found at {consul}", remedy))
    return [_of_nomad(consul, *(enrolment(ConsulAddress(consul, each)) for each in _NOMAD)), *found]


def _of_nomad(consul: str, servers: Enrolment, clients: Enrolment) -> Finding:
    if servers.lack or clients.lack:
        return note("nomad", f"Consul at {consul} does not let us see it")
    parts = (("servers", servers), ("clients", clients))
    there = [name for name, known in parts if known.healthy]
    told = f"Consul at {consul} calls {' and '.join(there) or 'nothing'} of Nomad healthy"
    if len(there) == len(parts):
        return ok("nomad", told)
    return missing("nomad", told, "start its agents, with their block consul { } naming that one")


def _of_server(config: Config, addr: str) -> list[Finding]:
    from chalkcompute.cli.server import Server
    from fnq.v1 import cluster_pb2, cluster_pb2_grpc

    try:
        with Server(config, addr) as server:
            check = server.stub(cluster_pb2_grpc.ClusterStub).Check
            reply = server.ask(check, cluster_pb2.CheckRequest(), _ANSWER_S)
    except FnqError as problem:
        return [missing("server", str(problem))]
    return [Finding(each.subject, each.state, each.what, each.remedy) for each in reply.findings]
