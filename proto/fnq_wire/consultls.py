"""TLS with Consul, by the variables of Consul's own tools. Pure."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["remedy", "settings"]

#: What stands for yes in the environment, as Consul's own tools read it, in small letters.
_TRUE = ("1", "t", "true")
#: What there is to do, by what is in the reason why TLS does not come about.
_REMEDIES = {
    "HTTPS server": "set CONSUL_HTTP_SSL=true, and CONSUL_CACERT to the file of its authority",
    "CERTIFICATE_VERIFY_FAILED": "set CONSUL_CACERT to the file of the authority that its "
    "certificate is from",
    "WRONG_VERSION_NUMBER": "it speaks no TLS, which CONSUL_HTTP_SSL asks for: unset that",
}


def settings(environ: Mapping[str, str]) -> tuple[str, str | bool, tuple[str, str] | None]:
    """Return the scheme, whom to trust, and which certificate and key to show.

    True stands for whom the machine trusts.
    """
    if environ.get("CONSUL_HTTP_SSL", "").lower() not in _TRUE:
        return "http", True, None
    authority = environ.get("CONSUL_CACERT") or environ.get("CONSUL_CAPATH") or True
    pair = (environ.get("CONSUL_CLIENT_CERT", ""), environ.get("CONSUL_CLIENT_KEY", ""))
    return "https", authority, pair if all(pair) else None


def remedy(reason: str) -> str:
    """Return what to do where TLS is the reason; "" where it is another one."""
    for sign, what in _REMEDIES.items():
        if sign in reason:
            return what
    return ""
