"""Wheels that a test makes: packages that stand in for larger ones of the same name."""

from __future__ import annotations

import base64
import hashlib
import zipfile
from collections.abc import Mapping
from pathlib import Path

__all__ = ["STANDIN", "make_wheel"]

#: Version of all of them: whoever may choose takes them before those of an index.
STANDIN = "9999.0"
_WHEEL = "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


def make_wheel(folder: Path, name: str, modules: Mapping[str, str]) -> Path:
    """Make the wheel of a distribution with modules, by their paths in it; return its path."""
    stem = f"{name.replace('-', '_')}-{STANDIN}"
    about = f"{stem}.dist-info"
    files = {
        **modules,
        f"{about}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {STANDIN}\n",
        f"{about}/WHEEL": _WHEEL,
    }
    record = "".join(
        f"{path},{_digest(text)},{len(text.encode())}\n" for path, text in files.items()
    )
    files[f"{about}/RECORD"] = f"{record}{about}/RECORD,,\n"
    path = folder / f"{stem}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for member, text in files.items():
            archive.writestr(member, text)
    return path


def _digest(text: str) -> str:
    raw = hashlib.sha256(text.encode()).digest()
    return f"sha256={base64.urlsafe_b64encode(raw).rstrip(b'=').decode()}"
