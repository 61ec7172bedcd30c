"""Make a base image from this machine's Debian packages, where no registry has one.

`python services/base.py [NAME]` gives the engine an image with Python and venv, by
debootstrap, which needs root and a minute. On it NAME-build is made, in which pip is told
what it is told here (index, proxy, certificates): the images of the services are built in
that one and made of the other, as an index or a proxy may be named with credentials.
"""

from __future__ import annotations

import ast
import hashlib
import os
import platform
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

__all__ = ["main"]

#: What the images need beyond what every Debian has.
PACKAGES = "python3,python3-venv,ca-certificates"
#: Where a Debian keeps the certificates it trusts.
BUNDLE = "etc/ssl/certs/ca-certificates.crt"
#: Left out: nothing in a container reads it.
USELESS = ("usr/share/doc", "usr/share/locale", "usr/share/man", "var/cache/apt", "var/lib/apt")
#: Settings of pip that make sense on another file system.
KEPT = ("index-url", "extra-index-url", "trusted-host", "proxy", "cert", "timeout", "retries")
#: Label that says what a base was made from.
LABEL = "fnq.base"
#: Where this machine may name a bundle of certificates of its own, besides pip's settings.
NAMED_BY = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")
_SETTING = re.compile(r"(?:global|install|:env:)\.(?:default-)?(\S+?)=(.*)")


def main(name: str = "fnq-base") -> int:
    """Make `name` and `name`-build unless they are there, made from the same.

    Returns the exit code.
    """
    settings = pip_settings(_said([sys.executable, "-m", "pip", "config", "list"]).splitlines())
    bundle = certificates([settings.pop("cert", ""), *map(os.environ.get, NAMED_BY)])
    if bundle is not None:
        settings["cert"] = f"/{BUNDLE}"
    codename = platform.freedesktop_os_release()["VERSION_CODENAME"]
    made_of = repr((codename, PACKAGES, USELESS, sorted(settings.items()), bundle))
    mark = hashlib.sha256(made_of.encode()).hexdigest()
    form = f'{{{{index .Config.Labels "{LABEL}"}}}}'
    there = _said(["docker", "image", "inspect", "-f", form, name, f"{name}-build"])
    if there.split() == [mark, mark]:
        return 0
    if os.geteuid() != 0:
        sys.stderr.write("debootstrap needs root: run this as root, or name a base that is there\n")
        return 1
    with tempfile.TemporaryDirectory(prefix="fnq-base-") as folder:
        root = Path(folder) / "root"
        _bootstrap(codename, root)
        if bundle is not None:
            (root / BUNDLE).write_bytes(bundle)
        _hand_over(root, name, mark)
    _tell_pip(name, pip_conf(settings))
    return 0


def certificates(paths: Iterable[str | None]) -> bytes | None:
    """Return the first bundle that is there, or None."""
    for path in paths:
        if path and Path(path).is_file():
            return Path(path).read_bytes()
    return None


def pip_settings(lines: Iterable[str]) -> dict[str, str]:
    """Return what `pip config list` says of the way to packages; the environment wins."""
    found = [match.groups() for line in lines if (match := _SETTING.fullmatch(line.strip()))]
    # pip prints them sorted, the environment first; here the last one stays.
    return {name: str(ast.literal_eval(value)) for name, value in found[::-1] if name in KEPT}


def pip_conf(settings: Mapping[str, str]) -> str:
    """Return a pip.conf; values of several lines are indented."""
    lines = [
        f"{name} = {value.strip().replace(chr(10), chr(10) + '    ')}\n"
        for name, value in sorted(settings.items())
    ]
    return "[global]\n" + "".join(lines)


def mirror(targets: Iterable[str], codename: str) -> list[str]:
    """Return the archive that this machine's apt uses, as debootstrap's last argument.

    `targets` are lines of "address codename component"; nothing fits: no argument.
    """
    for line in targets:
        address, found, component = (*line.split(), "", "", "")[:3]
        if (found, component) == (codename, "main"):
            return [address]
    return []


def _bootstrap(codename: str, root: Path) -> None:
    ask = ["apt-get", "indextargets", "--format", "$(REPO_URI) $(CODENAME) $(COMPONENT)"]
    command = ["debootstrap", "--variant=minbase", f"--include={PACKAGES}", codename, str(root)]
    command += mirror(_said([*ask, "Created-By: Packages"]).splitlines(), codename)
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"debootstrap failed: {done.stdout[-2000:]}{done.stderr[-2000:]}")


def _hand_over(root: Path, name: str, mark: str) -> None:
    """Give the tree to the engine."""
    tar = ["tar", "-C", str(root), "-c", *(f"--exclude=./{each}/*" for each in USELESS), "."]
    load = ["docker", "import", "-c", f"LABEL {LABEL}={mark}", "-", name]
    with subprocess.Popen(tar, stdout=subprocess.PIPE) as packing:
        loaded = subprocess.run(load, stdin=packing.stdout, stdout=subprocess.DEVNULL)
    if packing.returncode or loaded.returncode:
        raise SystemExit(f"docker import of {name} failed")


def _tell_pip(name: str, settings: str) -> None:
    """Make an image on top of `name`, label included, which has the settings."""
    with tempfile.TemporaryDirectory(prefix="fnq-base-") as folder:
        (Path(folder) / "pip.conf").write_text(settings)
        (Path(folder) / "Dockerfile").write_text(f"FROM {name}\nCOPY pip.conf /etc/pip.conf\n")
        build = ["docker", "build", "-q", "-t", f"{name}-build", folder]
        done = subprocess.run(build, capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"docker build of {name}-build failed: {done.stderr[-2000:]}")


def _said(command: list[str]) -> str:
    """Return what a command prints; nothing when it fails or is not there."""
    try:
        return subprocess.run(command, capture_output=True, text=True).stdout
    except OSError:
        return ""


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
