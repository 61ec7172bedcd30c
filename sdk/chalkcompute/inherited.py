"""What a stack takes over from the environment of its starter, and what is missed. Pure.

It serves other scripts too, and every function on it: what one shell has exported is
not for all of them. So it takes what says where things are and how programs talk to the
network and to devices, and nothing else; a function's own variables are those of `env=`
and `secrets=`, on this machine as on a cluster.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

__all__ = ["inherited", "missed"]

_TAKEN = re.compile(
    # Who and where.
    r"PATH|HOME|USER|LOGNAME|SHELL|HOSTNAME|TMPDIR|TEMP|TMP|TZ|LANG|LANGUAGE|LC_.+|XDG_.+"
    r"|DBUS_SESSION_BUS_ADDRESS|SSH_AUTH_SOCK"
    # How output looks.
    r"|TERM|COLORTERM|NO_COLOR|CI|DEBIAN_FRONTEND|SOURCE_DATE_EPOCH"
    # fnq, Python, and what installs packages.
    r"|FNQ_.+|PYTHON.+|PYENV_.+|CONDA_.+|VIRTUAL_ENV|PIP_.+|UV_.+|LD_.+|DYLD_.+|MALLOC_.+"
    # The network.
    r"|.+_PROXY|.+_proxy|.*CERT.*|.*_CA_.*|.+_CAINFO|GRPC_.+|OTEL_.+"
    r"|DOCKER_(?:HOST|CONFIG|CONTEXT|TLS_VERIFY)"
    # Devices, and threads of numeric libraries.
    r"|CUDA.+|NVIDIA_.+|NVPL_.+|NCCL_.+|ROCR_.+|HIP_.+|HSA_.+|OMP_.+|MKL_.+|OPENBLAS_.+"
    r"|NUMEXPR_.+|VECLIB_.+"
    # Where programs and models are, and how their libraries work.
    r"|.+_HOME|.+_CACHE(?:_DIR)?|HF_.+|TRANSFORMERS_.+|TOKENIZERS_.+|TORCH_.+|TRITON_.+"
    r"|TF_(?!VAR_).+|XLA_.+|JAX_.+|NLTK_DATA|MPL.+"
)
#: What none of them may be, but where packages are installed from.
_CREDENTIAL = re.compile(
    r"(?!PIP_|UV_).*(?:(?<!TIK)TOKEN(?!IZERS_)|SECRET|PASSWORD|PASSWD|PASSPHRASE|CREDENTIAL|_HEADERS"
    r"|(?:API|ACCESS|PRIVATE)_?KEY).*",
    re.IGNORECASE,
)
#: How the error of `os.environ["NAME"]` ends, or its first part, where a place is told.
_MISSED = re.compile(r"KeyError: '([A-Za-z_][A-Za-z0-9_]*)'(?:\Z| \()")


def inherited(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that a stack takes over."""
    return {
        name: value
        for name, value in environ.items()
        if _TAKEN.fullmatch(name) and not _CREDENTIAL.fullmatch(name)
    }


def missed(error: str, environ: Mapping[str, str]) -> str:
    """Return what to do about a remote error that misses a variable which is set here.

    Empty where it is another one.
    """
    found = _MISSED.search(error)
    if found is None or found[1] not in environ:
        return ""
    return (
        f"{found[1]} is set where this was called from; a worker has it where the function "
        "names it in env= or secrets="
    )
