"""HTTP with the agents on this machine, in JSON."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

__all__ = ["RefusalError", "ask"]

#: Seconds for one answer; both agents answer from memory.
_ANSWER_S = 10.0
#: No proxy stands between a machine and itself.
_open = urllib.request.build_opener(urllib.request.ProxyHandler({})).open


class RefusalError(RuntimeError):
    """An agent is away, or does not do what it was asked."""


def ask(method: str, url: str, body: object = None, *, token: str = "") -> Any:
    """Return the answer; RefusalError with the agent's words when there is none.

    `token` is for a Nomad with ACLs.
    """
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, method=method)  # noqa: S310 - always http://
    if token:
        request.add_header("X-Nomad-Token", token)
    try:
        with _open(request, timeout=_ANSWER_S) as reply:
            return json.loads(reply.read() or b"null")
    except urllib.error.HTTPError as problem:
        with problem:
            text = problem.read().decode(errors="replace").strip()
        raise RefusalError(f"{method} {url}: {text or problem.reason}") from problem
    except (OSError, ValueError) as problem:
        raise RefusalError(f"{method} {url}: {problem}") from problem
