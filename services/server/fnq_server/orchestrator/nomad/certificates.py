"""What a worker is given where TLS is spoken: files, and variables that name them. Pure.

Certificates and keys are in no job's text. Nomad writes them into the directory of a task that
is in memory, from the variable that all jobs of the namespace may read, and anew when that
changes; they are read whenever the worker dials.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fnq_server.orchestrator.nomad.terms import Terms

__all__ = ["env", "files"]

#: Variable of the worker's environment, file, and item of Nomad's variable `nomad/jobs`:
#: of whom it trusts, ...
_TRUSTED = {"FNQ_TLS_CA": ("secrets/ca.pem", "TLS_CA")}
#: ... of what it shows, ...
_SHOWN = {
    "FNQ_TLS_CERT": ("secrets/cert.pem", "TLS_CERT"),
    "FNQ_TLS_KEY": ("secrets/key.pem", "TLS_KEY"),
}
#: ... and of which Consul it trusts.
_CONSUL = {"CONSUL_CACERT": ("secrets/consul-ca.pem", "CONSUL_CA")}


def _given(terms: Terms) -> dict[str, tuple[str, str]]:
    return {
        **(_TRUSTED if terms.tls != "off" else {}),
        **(_SHOWN if terms.tls == "mutual" else {}),
        **(_CONSUL if terms.consul_tls else {}),
    }


def env(terms: Terms) -> dict[str, str]:
    """Return the variables that name the files; the directory is filled in by Nomad."""
    named = {
        name: path.replace("secrets", "${NOMAD_SECRETS_DIR}")
        for name, (path, _) in _given(terms).items()
    }
    return named | ({"CONSUL_HTTP_SSL": "true"} if terms.consul_tls else {})


def files(terms: Terms) -> dict[str, str]:
    """Return what Nomad fills in, by the path of the file.

    A worker does not start where an item is missing.
    """
    return {
        path: f'{{{{ with nomadVar "nomad/jobs" }}}}{{{{ .{item}.Value }}}}{{{{ end }}}}'
        for path, item in _given(terms).values()
    }
