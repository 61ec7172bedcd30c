"""How a server logs in at the registry that it pushes images to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["PASSWORD", "USER", "Login"]

#: Variables of a server's environment.
USER, PASSWORD = "FNQ_REGISTRY_USER", "FNQ_REGISTRY_PASSWORD"


@dataclass(frozen=True, slots=True)
class Login:
    """User and password for one registry, `host` or `host:port`."""

    host: str
    user: str
    password: str = field(repr=False)

    @classmethod
    def of(cls, environ: Mapping[str, str], registry: str) -> Login | None:
        """Return the login for `registry`, host:port/prefix; None where there is no user.

        Then the logins in the Docker configuration of the server are used.
        """
        user = environ.get(USER, "")
        host = registry.partition("/")[0]
        return cls(host, user, environ.get(PASSWORD, "")) if user and host else None

    def for_(self, name: str) -> dict[str, str] | None:
        """Return what an engine is to say when it asks for an image; None for elsewhere."""
        if name.partition("/")[0] != self.host:
            return None
        return {"username": self.user, "password": self.password, "serveraddress": self.host}
