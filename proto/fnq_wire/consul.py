"""The one door to Consul: which instances of a service are healthy, as it changes."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import consul

from fnq_wire.address import ConsulAddress
from fnq_wire.error import DiscoveryError
from fnq_wire.roster import Roster

__all__ = ["ConsulFinder"]

#: Seconds that the first `find` waits for an answer, and for an instance to be in it.
_FIRST_S = 1.0
#: Seconds that Consul may take to connect and to begin an answer.
_ANSWER_S = 5.0
#: Seconds that Consul holds a question without news.
_WAIT_S = 30
#: Characters of what Consul said that an error repeats.
_REASON = 200


class ConsulFinder:
    """Finds a healthy instance of a service; follows Consul in a thread of its own.

    The thread starts with the first `find`, and ends after `close` with the answer
    it waits for. A token is taken from CONSUL_HTTP_TOKEN, as Consul's own tools do.
    """

    def __init__(self, at: ConsulAddress) -> None:
        self._at = at
        self._roster = Roster(random.Random())
        self._news = threading.Condition()
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None
        #: When the first `find` gives up.
        self._until = 0.0

    def find(self, avoid: str = "") -> str:
        """See `Finder`; never waits again once an instance was known."""
        roster = self._roster
        with self._news:
            if self._thread is None:
                self._start()
            patience_s = max(0.0, self._until - time.monotonic())
            self._news.wait_for(lambda: roster.instances or roster.problem, patience_s)
            found = roster.choose(avoid)
            if found is None:
                raise DiscoveryError(self._explain())
            return found

    def _start(self) -> None:
        self._until = time.monotonic() + _FIRST_S
        self._thread = threading.Thread(target=self._follow, name="fnq-finder", daemon=True)
        self._thread.start()

    def _explain(self) -> str:
        """Say why nothing was found; the lock is held."""
        service, place = self._at.service, self._at.consul
        if self._roster.problem or not self._roster.heard:
            why = self._roster.problem or f"no answer within {_FIRST_S:g} s"
            return (
                f"cannot find {service}: Consul at {place} does not answer ({why}); "
                f"start it, or correct the address consul://{place}"
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
        host, _, port = self._at.consul.rpartition(":")
        # Said in full: what is left out the library takes from the environment.
        client = consul.Consul(
            host, int(port), scheme="http", verify=True, connections_timeout=_ANSWER_S
        )
        # No proxy of the user's stands between a node and its own Consul.
        client.http.session.trust_env = False
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
        except Exception as problem:  # noqa: BLE001 - whatever it is, the list is kept and asked for again
            with self._news:
                pause_s = self._roster.failed(_reason(problem))
                self._news.notify_all()
        else:
            with self._news:
                pause_s = self._roster.answered(*answer)
                self._news.notify_all()
        return pause_s


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
        while (deeper := problem.__cause__ or problem.__context__) is not None:
            problem = deeper
    return " ".join(str(problem).split())[:_REASON] or repr(problem)
