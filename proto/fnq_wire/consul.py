"""The one door to Consul: which instances there are, as it changes; and what lies at a key."""

from __future__ import annotations

import json
import os
import random
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import consul
from consul.callback import CB

from fnq_wire import consultls
from fnq_wire.address import ConsulAddress
from fnq_wire.cause import innermost
from fnq_wire.enrolment import Enrolment
from fnq_wire.error import DiscoveryError
from fnq_wire.roster import Roster

__all__ = ["ConsulFinder", "enrolment", "read_key"]

#: Seconds that the first `find` waits for an answer, and for an instance to be in it.
_FIRST_S = 1.0
#: Seconds that Consul may take to connect and to begin an answer.
_ANSWER_S = 5.0
#: Seconds that Consul holds a question without news.
_WAIT_S = 30
#: What Consul is asked of a token, with the rights that it takes to see a service: without
#: them it gives an empty list, and no error.
_RIGHTS = "/v1/internal/acl/authorize"
#: Characters of what Consul said that an error repeats.
_REASON = 200


class ConsulFinder:
    """Finds a healthy instance of a service; follows Consul in a thread of its own.

    The thread starts with the first `find`, and ends after `close` with the answer
    it waits for. A token is taken from CONSUL_HTTP_TOKEN, as Consul's own tools do; so is
    from CONSUL_HTTP_SSL whether Consul speaks TLS, and from CONSUL_CACERT whom to trust then.
    Instances at the host `near` are preferred.
    """

    def __init__(self, at: ConsulAddress, near: str = "") -> None:
        self._at, self._near = at, near
        self.name = f"{at.service}.service.consul"
        self._roster = Roster(random.Random())
        self._news = threading.Condition()
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None
        #: The rules that our token lacks to see the service; "" where it may, or nobody knows.
        self._lack = ""
        #: When the first `find` gives up.
        self._until = 0.0

    def find(self, avoid: str = "") -> str:
        """See `Finder`; never waits again once an instance was known."""
        roster = self._roster
        with self._news:
            if self._thread is None:
                self._start()
            patience_s = max(0.0, self._until - time.monotonic())
            self._news.wait_for(self._is_told, patience_s)
            found = roster.choose(avoid, self._near)
            if found is None:
                raise DiscoveryError(self._explain())
            return found

    def _is_told(self) -> bool:
        return bool(self._roster.instances or self._roster.problem or self._lack)

    def _start(self) -> None:
        self._until = time.monotonic() + _FIRST_S
        self._thread = threading.Thread(target=self._follow, name="fnq-finder", daemon=True)
        self._thread.start()

    def _explain(self) -> str:
        """Say why nothing was found; the lock is held."""
        service, place = self._at.service, self._at.consul
        if self._lack:
            why = f" ({self._roster.problem})" if self._roster.problem else ""
            return (
                f"cannot find {service}: Consul at {place} does not let us see it{why}: "
                f"set CONSUL_HTTP_TOKEN to a token that may, by a policy with {self._lack}"
            )
        if self._roster.problem or not self._roster.heard:
            why = self._roster.problem or f"no answer within {_FIRST_S:g} s"
            return (
                f"cannot find {service}: Consul at {place} does not answer ({why}); "
                f"{consultls.remedy(why) or f'start it, or correct the address consul://{place}'}"
            )
        return (
            f"cannot find {service}: Consul at {place} knows no healthy one; "
            "start one and have it registered there, or name the service that it is "
            f"registered as (consul://{place}/NAME)"
        )

    def close(self) -> None:
        """See `Finder`."""
        self._closed.set()

    def _follow(self) -> None:
        client = _client(self._at.consul)
        while not self._closed.is_set():
            self._closed.wait(self._ask(client))
        client.http.session.close()

    def _ask(self, client: Any) -> float:
        """Ask once; return the seconds to wait before the next time."""
        index = self._roster.index or None
        try:
            told, entries = client.health.service(
                self._at.service, index=index, wait=f"{_WAIT_S}s", passing=True
            )
            answer = int(told), list(_addresses(entries))
            lack = "" if entries else _lack(client, self._at.service)
        except Exception as problem:  # noqa: BLE001 - whatever it is, the list is kept and asked for again
            denied = isinstance(problem, consul.ACLPermissionDenied)
            with self._news:
                self._lack = _rules(_to_see(self._at.service)) if denied else ""
                pause_s = self._roster.failed(_reason(problem))
                self._news.notify_all()
        else:
            with self._news:
                self._lack = lack
                pause_s = self._roster.answered(*answer)
                self._news.notify_all()
        return pause_s


def read_key(at: str, key: str) -> str | None:
    """Return what lies at a key of the KV of Consul at "host:port"; None: nothing.

    Blocks for seconds at most. Raises DiscoveryError while it cannot be read. The token is
    that of ConsulFinder.
    """
    client = _client(at)
    try:
        _, found = client.kv.get(key)
        return None if found is None else (found["Value"] or b"").decode()
    except consul.ACLPermissionDenied as problem:
        raise DiscoveryError(
            f"Consul at {at} does not let us read the key {key!r} ({_reason(problem)}): set "
            f'CONSUL_HTTP_TOKEN to a token that may, by a policy with key "{key}" '
            '{ policy = "read" }'
        ) from problem
    except Exception as problem:
        raise DiscoveryError(
            f"the key {key!r} of Consul at {at} cannot be read ({_reason(problem)})"
        ) from problem
    finally:
        client.http.session.close()


def enrolment(at: ConsulAddress) -> Enrolment:
    """Return how many instances of a service there are.

    Blocks for seconds at most. Raises DiscoveryError while that cannot be asked. The token is
    that of ConsulFinder; one that may not see the service is shown none, and that is told.
    """
    client = _client(at.consul)
    try:
        _, entries = client.health.service(at.service)
        states = [{check["Status"] for check in entry["Checks"]} for entry in entries]
        lack = "" if states else _lack(client, at.service)
        return Enrolment(len(states), sum(each <= {"passing"} for each in states), lack)
    except Exception as problem:
        raise DiscoveryError(
            f"Consul at {at.consul} does not say who is {at.service} ({_reason(problem)})"
        ) from problem
    finally:
        client.http.session.close()


def _client(at: str) -> Any:
    host, _, port = at.rpartition(":")
    scheme, verify, shown = consultls.settings(os.environ)
    # Said in full: what is left out the library takes from the environment.
    client = consul.Consul(
        host,
        int(port),
        scheme=scheme,
        verify=verify,
        cert=shown,
        connections_timeout=_ANSWER_S,
    )
    # No proxy of the user's stands between a node and its own Consul.
    client.http.session.trust_env = False
    return client


def _to_see(service: str) -> list[dict[str, str]]:
    """Return the rights that it takes to see a service, as Consul is asked for them."""
    return [
        {"Resource": "service", "Segment": service, "Access": "read"},
        # Wherever it may be placed.
        {"Resource": "node", "Segment": "", "Access": "read"},
    ]


def _rules(rights: Sequence[Mapping[str, Any]]) -> str:
    """Return what a policy must say that gives these rights."""
    kinds = ((each["Segment"], each["Resource"]) for each in rights)
    return " and ".join(
        f'{kind if name else f"{kind}_prefix"} "{name}" {{ policy = "read" }}'
        for name, kind in kinds
    )


def _lack(client: Any, service: str) -> str:
    """Return the rules that our token lacks to see a service; "" for none, or where none knows."""
    rights = _to_see(service)
    try:
        told = client.http.post(
            CB.json(allow_404=False),
            _RIGHTS,
            headers=client.prepare_headers(),
            data=json.dumps(rights),
        )
        return _rules(
            [each for each, answer in zip(rights, told, strict=True) if not answer["Allow"]]
        )
    except (OSError, consul.ConsulException, LookupError, TypeError, ValueError):
        # It has no ACLs, or is one that cannot be asked.
        return ""


def _addresses(entries: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Yield where the instances are; one without an address is at its node's."""
    for entry in entries:
        service = entry["Service"]
        host = service["Address"] or entry["Node"]["Address"]
        yield f"[{host}]:{service['Port']}" if ":" in host else f"{host}:{service['Port']}"


def _reason(problem: BaseException) -> str:
    """Return one short line; of a broken connection what the system said of it."""
    if isinstance(problem, OSError):
        # The library wraps it, more than once, in long sentences.
        problem = innermost(problem)
    return " ".join(str(problem).split())[:_REASON] or repr(problem)
