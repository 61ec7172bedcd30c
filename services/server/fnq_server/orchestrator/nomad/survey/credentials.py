"""Whether jobs find what they must show, in the variable that all of them may read. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from fnq_server.orchestrator.nomad.injection import SHARED
from fnq_wire.finding import Finding, missing, note, ok

__all__ = ["findings"]

_TOKEN, _PASSWORD = "FNQ_TOKEN", "REDIS_PASSWORD"
_ANEW = "run nomad job restart -yes -reschedule fnq-server, fnq-consumer and the jobs of functions"
#: The command by itself refuses a variable that is there, or replaces all that it holds.
_ADD = "add it, as step 1 in jobs/README.md does: what else is there stays"


def findings(items: Mapping[str, str] | None, token: str | None) -> list[Finding]:
    """Return what is to be said of the variable's items (None: there is none).

    `token` is what the servers ask for.
    """
    given = items or {}
    put = _ADD if given else f"run nomad var put {SHARED} {_TOKEN}=... {_PASSWORD}=..."
    if token is not None and given.get(_TOKEN) is None:
        return [missing(SHARED, f"no {_TOKEN} is in it, and without it no worker is let in", put)]
    if token is not None and given[_TOKEN] != token:
        what = f"{_TOKEN} is another one than that with which the servers started"
        return [missing(SHARED, what, _ANEW)]
    lacking = [name for name in (_TOKEN, _PASSWORD) if name not in given]
    if lacking:
        what = f"no {' and no '.join(lacking)} is in it, which will do on loopback alone"
        return [note(SHARED, what, put)]
    return [ok(SHARED, f"{_TOKEN} and {_PASSWORD} are in it")]
