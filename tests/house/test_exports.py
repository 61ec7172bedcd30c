"""What users import is a list that somebody decided on."""

from __future__ import annotations

import subprocess
import sys
import types

import chalkcompute
from chalkcompute import errors

#: Names that the specification's examples use.
SPECIFIED = {"DataFrame", "F", "Image", "RetryPolicy", "Secret", "Volume", "_", "function"}

#: Modules that may be public as modules.
MODULES = {"errors"}.intersection(chalkcompute.__all__)


def test_the_public_names_are_sorted() -> None:
    """__all__ is sorted, without doubles."""
    assert list(chalkcompute.__all__) == sorted(set(chalkcompute.__all__))


def test_the_public_names_are_what_is_visible() -> None:
    """dir() shows what __all__ lists, modules and private names apart."""
    visible = {
        name
        for name in dir(chalkcompute)
        if not name.startswith("_") and not _is_machinery(getattr(chalkcompute, name))
    }
    assert visible | MODULES == {name for name in chalkcompute.__all__ if name != "_"}


def test_every_public_name_is_there() -> None:
    """Each name of __all__ can be had, also those that load on first use."""
    assert [name for name in chalkcompute.__all__ if not hasattr(chalkcompute, name)] == []


def test_no_module_hides_a_public_name() -> None:
    """Importing every module of the SDK leaves each public name what it was."""
    code = (
        "import chalkcompute, importlib, pkgutil, types\n"
        "for each in pkgutil.walk_packages(chalkcompute.__path__, 'chalkcompute.'):\n"
        "    if not each.name.endswith('__main__'):\n"
        "        importlib.import_module(each.name)\n"
        "for name in chalkcompute.__all__:\n"
        "    if isinstance(getattr(chalkcompute, name), types.ModuleType):\n"
        "        print(name)\n"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert set(run.stdout.split()) == MODULES


def test_the_names_of_the_specification_are_public() -> None:
    """The specification's examples find every name that they use."""
    assert set(chalkcompute.__all__) >= SPECIFIED


def test_every_error_is_public() -> None:
    """Whatever reaches users they can catch by name."""
    assert set(chalkcompute.__all__) >= set(errors.__all__)


def _is_machinery(value: object) -> bool:
    """Tell a submodule or a __future__ import from an export."""
    return isinstance(value, types.ModuleType) or type(value).__module__ == "__future__"
