"""Jobs of functions that have an image of their own, which the server has had built. Pure.

The nodes fetch it from the operator's registry. Where that wants a login, the job's text
names two variables, and Nomad fills them in from its own variable `nomad/jobs`.
"""

from __future__ import annotations

from fnq_server.image.docker.login import PASSWORD, USER
from fnq_server.orchestrator.nomad.terms import Terms
from fnq_wire.contained import PREFIX, WORK

__all__ = ["FILE", "LOGIN", "refusal", "start"]

#: Where Nomad writes the login, in the directory of a task that is in memory.
FILE = "secrets/fnq-registry.env"
#: A worker does not start before the variable is there; an item that is not is empty.
LOGIN = (
    '{{ with nomadVar "nomad/jobs" }}'
    f"{USER}={{{{ with .{USER} }}}}{{{{ .Value | toJSON }}}}{{{{ end }}}}\n"
    f"{PASSWORD}={{{{ with .{PASSWORD} }}}}{{{{ .Value | toJSON }}}}{{{{ end }}}}\n"
    "{{ end }}"
)


def refusal(terms: Terms) -> str:
    """Return why a function is not deployed that asks for an image where none is built."""
    if terms.driver == "docker":
        return (
            "it asks for an image, and the servers of this cluster build none: have its operator "
            "start them with --builder docker, or leave image= out and have its packages in the "
            f"image {terms.image}"
        )
    return (
        f"it asks for an image, and functions run here with the driver {terms.driver}, without "
        "images: have the operator of this cluster run them with docker, or leave image= out "
        f"and have its packages in the environment of {terms.command} on the nodes"
    )


def start(terms: Terms, image: str) -> dict[str, object]:
    """Return what Docker starts where a function has the image that a builder calls so."""
    found: dict[str, object] = {"image": image.removeprefix(PREFIX), "command": WORK}
    if terms.registry_login:
        found["auth"] = [{"username": f"${{{USER}}}", "password": f"${{{PASSWORD}}}"}]
    return found
