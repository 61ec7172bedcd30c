"""A stand-in for Nomad's API: jobs and their counts, with Nomad's own statuses and texts.

It places nothing. What a scheduler would find, and whether the API is well, is the
test's to say.
"""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.httpserver import HttpServer
from tests.unit.fnq_server.orchestrator.nomad.hostapi import VolumesApi
from tests.unit.fnq_server.orchestrator.nomad.vars import VarsApi

__all__ = ["NomadApi", "serving"]


class NomadApi:
    """What Nomad knows, and what it was asked: method, path and body of each request."""

    def __init__(self) -> None:
        self.address = ""
        self.asked: list[tuple[str, str]] = []
        self.jobs: dict[str, dict[str, Any]] = {}
        self.allocations: dict[str, list[dict[str, Any]]] = {}
        self.evaluations: list[dict[str, Any]] = []
        #: What a plan is answered with; None: as for a job that would be placed.
        self.plan: dict[str, Any] | None = None
        self.nodes: list[dict[str, Any]] = []
        #: Node pools that the token may see.
        self.pools: list[str] = []
        self.vars = VarsApi()
        self.hosts = VolumesApi()
        self.logs: dict[tuple[str, str], bytes] = {}
        #: Allocations whose node is out of reach, so that nobody can read what they wrote.
        self.broken_logs: set[str] = set()
        self.tokens: set[str] = set()
        self.queries: list[dict[str, str]] = []
        #: What is answered in place of anything else: status and text.
        self.refusal: tuple[int, str] | None = None
        #: The token that is shown; None while ACLs are off.
        self.own: dict[str, Any] | None = None
        #: Paths that the token has no right to.
        self.denied: set[str] = set()
        #: Changes of a job by somebody else, each right before a write reaches it.
        self.rivals = 0
        #: Closed, nothing is answered.
        self.gate = threading.Event()
        self.gate.set()
        self.index = 100
        self.changed = threading.Condition()

    def answer(self, method: str, url: str, body: Any) -> tuple[int, Any]:
        """Return the status, and the text or the JSON, of an answer."""
        self.gate.wait(10)
        parts = urlsplit(url)
        query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        self.asked.append((method, parts.path.removeprefix("/v1/")))
        self.queries.append(query)
        if self.refusal is not None:
            return self.refusal
        path = parts.path.removeprefix("/v1/").split("/")
        if "/".join(path) in self.denied:
            return 403, "Permission denied"
        if path[0] == "job":
            return self._job(method, path[1], path[2] if len(path) > 2 else "", body, query)
        if path[:3] == ["client", "fs", "logs"]:
            return self._log(path[3], query)
        if path[0] in ("var", "vars"):
            return self.vars.answer(method, "/".join(path), body, query)
        if path[0] in ("volume", "volumes"):
            return self.hosts.answer(method, path, body, query)
        if path == ["node", "pools"]:
            return 200, [{"Name": each} for each in self.pools]
        if path[0] == "node":
            found = [each for each in self.nodes if each["ID"] == path[1]]
            return (200, found[0]) if found else (404, "node not found")
        if path == ["status", "leader"]:
            return 200, b'"127.0.0.1:4647"'
        if path == ["acl", "token", "self"]:
            return 200, self.own or {"AccessorID": "acls-disabled", "Name": "ACLs disabled token"}
        lists: dict[str, list[Any]] = {
            "jobs": list(self.jobs.values()),
            "allocations": [each for some in self.allocations.values() for each in some],
            "nodes": [
                {**each, "HostVolumes": {**self.hosts.on(each["ID"]), **each["HostVolumes"]}}
                if "HostVolumes" in each
                else each
                for each in self.nodes
            ],
        }
        return 200, lists[path[0]]

    def _job(
        self, method: str, identity: str, verb: str, body: Any, query: dict[str, str]
    ) -> tuple[int, Any]:
        if method == "POST" and self.rivals:
            self.rivals -= 1
            self._rival(identity)
        job = self.jobs.get(identity)
        if verb == "plan":
            return self._plan(body)
        if method == "POST" and not verb:
            return self._register(identity, body, job)
        if method == "DELETE":
            self.index += 1
            if job is not None:
                job["Stop"] = True
            return 200, {"EvalID": "" if job is None else "e", "JobModifyIndex": self.index}
        if verb == "allocations":
            return 200, self._wait(identity, query)
        if verb == "evaluate":
            assert body == {"JobID": identity}
            return 200, {"EvalID": "e"}
        if verb == "evaluations":
            return 200, self.evaluations
        if job is None:
            return 404, f'job "{identity}" not found' if verb == "scale" else "job not found"
        return self._scale(job, body) if verb == "scale" else (200, job)

    def _plan(self, body: Any) -> tuple[int, Any]:
        assert body["Diff"]
        pool, identity = body["Job"]["NodePool"], body["Job"]["ID"]
        if pool not in ("default", "all"):
            return (
                500,
                f'1 error occurred:\n\t* job "{identity}" is in nonexistent node pool "{pool}"',
            )
        if self.plan is not None:
            return 200, self.plan
        placed = {"worker": {"Place": body["Job"]["TaskGroups"][0]["Count"]}}
        diff = {"Type": "Added", "ID": identity}
        return 200, {"Diff": diff, "Annotations": {"DesiredTGUpdates": placed}}

    def _register(self, identity: str, body: Any, job: dict[str, Any] | None) -> tuple[int, Any]:
        assert body["EnforceIndex"]
        expected = body["JobModifyIndex"]
        if job is None and expected != 0:
            return 500, f"Enforcing job modify index {expected}: job does not exist"
        if job is not None and expected == 0:
            return 500, f"Enforcing job modify index {expected}: job already exists"
        if job is not None and expected != job["JobModifyIndex"]:
            return 500, _conflict(expected, job)
        self.index += 1
        self.jobs[identity] = {**body["Job"], "Stop": False, "JobModifyIndex": self.index}
        return 200, {"EvalID": "e", "JobModifyIndex": self.index}

    def _scale(self, job: dict[str, Any], body: Any) -> tuple[int, Any]:
        assert body["Target"] == {"Group": "worker"}
        if body["JobModifyIndex"] != job["JobModifyIndex"]:
            return 500, _conflict(body["JobModifyIndex"], job)
        self.index += 1
        job["JobModifyIndex"] = self.index
        job["TaskGroups"][0]["Count"] = body["Count"]
        return 200, {"EvalID": "e", "JobModifyIndex": self.index}

    def _rival(self, identity: str) -> None:
        job = self.jobs.get(identity)
        if job is not None:
            self.index += 1
            job["JobModifyIndex"] = self.index

    def _wait(self, identity: str, query: dict[str, str]) -> list[dict[str, Any]]:
        """Answer a blocking query once something has changed."""
        if "index" in query:
            with self.changed:
                seconds = float(query["wait"].removesuffix("s"))
                self.changed.wait_for(lambda: self.index > int(query["index"]), seconds)
        return self.allocations.get(identity, [])

    def place(self, identity: str, *allocations: dict[str, Any]) -> None:
        """Change what is placed of a job, and wake who waits for that."""
        with self.changed:
            self.index += 1
            self.allocations[identity] = list(allocations)
            self.changed.notify_all()

    def _log(self, allocation: str, query: dict[str, str]) -> tuple[int, Any]:
        if allocation in self.broken_logs:
            return 500, "Unknown node a2145c67"
        found = self.logs.get((allocation, query["type"]))
        if found is None:
            return 404, f'task "{query["task"]}" not started yet. No logs available'
        assert (query["origin"], query["plain"]) == ("end", "true")
        return 200, found[-int(query["offset"]) :]


def _conflict(expected: int, job: dict[str, Any]) -> str:
    return (
        f"Enforcing job modify index {expected}: job exists with conflicting "
        f"job modify index: {job['JobModifyIndex']}"
    )


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    #: Head and body leave together: the other side would acknowledge the first late.
    wbufsize = 1 << 16
    api: NomadApi

    def handle(self) -> None:
        """Serve a connection until it ends; a client that was impatient has gone."""
        with suppress(ConnectionError):
            super().handle()

    def _serve(self) -> None:
        size = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(size)) if size else None
        self.api.tokens.add(self.headers.get("X-Nomad-Token", ""))
        status, content = self.api.answer(self.command, self.path, body)
        if isinstance(content, str | bytes):
            kind = "text/plain"
            data = content if isinstance(content, bytes) else content.encode()
        else:
            kind, data = "application/json", json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("X-Nomad-Index", str(self.api.index))
        if 300 <= status < 400:
            self.send_header("Location", content)
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_PUT = do_DELETE = _serve  # noqa: N815 - names of the base class

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base's name
        """Say nothing."""


@contextmanager
def serving(
    api: NomadApi | None = None, *, tls: ssl.SSLContext | None = None
) -> Iterator[NomadApi]:
    """Give an API that listens on this machine, in the clear unless told otherwise."""
    api = api or NomadApi()
    handler = type("Handler", (_Handler,), {"api": api})
    with HttpServer(handler, tls) as server:
        api.address = f"http{'s' if tls else ''}://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield api
        finally:
            server.shutdown()
            thread.join()
