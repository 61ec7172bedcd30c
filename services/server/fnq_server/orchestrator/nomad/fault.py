"""What went wrong between us and a Nomad, in words. Pure."""

from __future__ import annotations

import re
import ssl

import requests

from fnq_wire.cause import innermost, system_reason

__all__ = ["mistrust", "text"]

#: Characters of Nomad's words in an error.
_LONGEST = 1_000


def text(reply: object) -> str:
    """Return in one line what Nomad answered; it writes errors as nested lists."""
    # Not `text`: without a charset it would be Latin-1.
    said = (
        reply.content.decode(errors="replace")
        if isinstance(reply, requests.Response)
        else str(reply)
    )
    said = re.sub(r"\d+ errors? occurred:", "", said)
    items = [line.strip().removeprefix("* ") for line in said.splitlines()]
    joined = "; ".join(item.strip() for item in items if item.strip("* "))
    return joined.replace(":; ", ": ")[:_LONGEST] or "no reason given"


def mistrust(problem: requests.RequestException) -> str:
    """Return why two ends have no TLS between them, and the remedy."""
    inner = innermost(problem)
    if isinstance(inner, ssl.SSLCertVerificationError):
        return (
            f"has a certificate that is not trusted ({inner.verify_message}): "
            "set NOMAD_CACERT to its authority"
        )
    return (
        f"does not agree with us on TLS ({system_reason(problem)}): check --nomad or NOMAD_ADDR, "
        "which begins with http:// where it has none; where it wants a certificate of ours, check "
        "NOMAD_CLIENT_CERT and NOMAD_CLIENT_KEY"
    )
