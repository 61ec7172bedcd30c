"""Local modules and packages: which are reached, and what of them travels."""

from __future__ import annotations

import importlib
import importlib.machinery
import os
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from chalkcompute.capture import capture, origin
from chalkcompute.capture.bundle import Cargo
from chalkcompute.capture.module import Modules
from fnq_wire.bundle import unpack
from fnq_wire.error import DeployError
from tests.unit.chalkcompute.capture.workshop import Workshop


def reached(*names: str) -> Cargo:
    """Return what is shipped for modules of these names."""
    modules, cargo = Modules(), Cargo()
    for name in names:
        modules.reach(name)
    modules.load(cargo)
    return cargo


def paths(cargo: Cargo) -> list[str]:
    """Return what is in a cargo."""
    return sorted(cargo._members)


def test_a_function_of_a_module_travels_with_what_that_imports(workshop: Workshop) -> None:
    """Transitively: also relative and lazy imports, submodules, and names given as text."""
    files = {
        "tasks.py": "import fake\nimport app.deep.one\n@fake.function\ndef f():\n  import lazy\n"
        "  return app.deep.one.X, lazy.Y",
        "app/__init__.py": "from . import sibling",
        "app/sibling.py": "from top import Z",
        "app/deep/__init__.py": "",
        "app/deep/one.py": "from ..sibling import Z as X\nfrom .two import *",
        "app/deep/two.py": "try:\n  import guarded\nexcept ImportError: pass",
        "lazy.py": "import importlib\nY = importlib.import_module('named').V",
        "named.py": "V = 4",
        "top.py": "Z = 3",
        "guarded.py": "",
        "unused.py": "",
    }
    for name, source in files.items():
        workshop.write(name, source)
    body = importlib.import_module("tasks").f.body
    bundle = capture([body])
    root = workshop.unpacked(bundle)
    assert bundle.where[body] == ("tasks", "f")
    assert workshop.interpreter.call(root, bundle.where[body]) == (3, 4)
    found = {str(each.relative_to(root)) for each in root.rglob("*.py")}
    assert found == {*files, "fake.py"} - {"unused.py"}


def test_imports_in_shipped_statements_are_followed(workshop: Workshop) -> None:
    """Those of a script, at its top and inside its functions; not the unreached ones."""
    for name in ("one", "two", "three"):
        workshop.write(f"{name}.py", f"def g(): return '{name}'")
    workshop.run("""
        import fake
        import one, three
        @fake.function
        def f():
            from two import g
            return one.g(), g()
        @fake.function
        def other(): return three
    """)
    assert workshop.call() == ("one", "two")
    root = workshop.unpacked(workshop.capture())
    assert {each.name for each in root.glob("*.py")} == {"fake.py", "one.py", "two.py", "three.py"}


def test_data_in_a_package_travels_and_what_is_foreign_does_not(workshop: Workshop) -> None:
    """What was left out is said; caches are not worth a word."""
    for name in ("__init__.py", "data/words.txt", "sub/more.bin", "__pycache__/x.pyc", ".git/HEAD",
                 "node_modules/m/i.js", "venv/pyvenv.cfg", "venv/lib/y.py", ".env", ".env.local",
                 "data/.env.production"):  # fmt: skip
        workshop.write(f"pkg/{name}", "")
    tool = workshop.write("pkg/tool.sh", "")
    tool.chmod(0o755)
    (workshop.folder / "pkg" / "again").symlink_to(workshop.folder / "pkg")
    (workshop.folder / "pkg" / "gone").symlink_to("nowhere")
    os.mkfifo(workshop.folder / "pkg" / "pipe")
    (workshop.folder / "pkg" / "empty").mkdir()
    cargo = reached("pkg")
    assert paths(cargo) == [
        "pkg/__init__.py", "pkg/data/words.txt", "pkg/empty/", "pkg/sub/more.bin", "pkg/tool.sh",
    ]  # fmt: skip
    left = " ".join(cargo.left_out)
    for name in (".git", "node_modules", "venv", ".env", ".env.local", "data/.env.production",
                 "again", "gone", "pipe"):  # fmt: skip
        assert f"pkg/{name} (" in left
    assert "__pycache__" not in left
    root = workshop.folder.parent / "out"
    unpack(cargo.pack()[1], root)
    assert os.access(root / "pkg/tool.sh", os.X_OK)
    assert not os.access(root / "pkg/__init__.py", os.X_OK)


def test_names_that_cannot_travel_are_left_out(workshop: Workshop) -> None:
    """A backslash or bytes that are no text would not be unpacked everywhere."""
    workshop.write("pkg/__init__.py", "")
    (workshop.folder / "pkg" / "a\\b").touch()
    (workshop.folder / "pkg" / os.fsdecode(b"\xff")).touch()
    cargo = reached("pkg")
    assert paths(cargo) == ["pkg/__init__.py"]
    assert len(cargo.left_out) == 2


def test_a_namespace_package_travels_from_where_its_modules_are(workshop: Workshop) -> None:
    """A folder without __init__.py is a package, not all that lies beside it."""
    for name in ("space/inner/mod.py", "space/inner/data.csv", "space/other/big.bin",
                 "space/proper/__init__.py", "space/proper/x.txt", "bare/data.txt"):  # fmt: skip
        workshop.write(name, "")
    assert paths(reached("space.inner.mod", "space.proper", "bare")) == [
        "bare/", "space/inner/data.csv", "space/inner/mod.py", "space/proper/__init__.py",
        "space/proper/x.txt",
    ]  # fmt: skip


def test_only_what_is_local_travels(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not the standard library, not installed packages, not fnq itself."""
    installed = workshop.folder.parent / "lib" / "site-packages"
    for name in ("third/__init__.py", "../dist-packages/debian.py"):
        path = installed / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    monkeypatch.syspath_prepend(str(installed))
    monkeypatch.syspath_prepend(str(installed.parent / "dist-packages"))
    assert paths(reached("json", "third", "debian", "numpy", "chalkcompute.image", "sys")) == []
    assert paths(reached("fnq_wire", "not_there", "not.there", "json.not_there")) == []


def test_an_editable_install_is_local(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    """A finder that leads outside of site-packages leads to the user's own code."""
    source = workshop.folder.parent / "src"
    (source / "edited").mkdir(parents=True)
    (source / "edited" / "__init__.py").touch()

    class Finder:
        @staticmethod
        def find_spec(name: str, path: object = None, target: object = None) -> object:
            if name != "edited":
                return None
            return importlib.machinery.PathFinder.find_spec(name, [str(source)])

    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path, Finder])
    assert paths(reached("edited")) == ["edited/__init__.py"]


def test_locality_is_a_matter_of_place() -> None:
    """A link to it does not change where a file is."""
    standard = Path(sysconfig.get_path("stdlib"))
    assert not origin.is_local(standard / "json" / "__init__.py")
    assert not origin.is_local(Path("/opt/x/site-packages/y.py"))
    assert origin.is_local(Path("/opt/x/y.py"))


def test_a_module_that_does_not_parse_is_shipped_as_it_is(workshop: Workshop) -> None:
    """It may be meant for the worker's newer Python."""
    workshop.write("newer.py", "def f(: this is from the future")
    assert paths(reached("newer")) == ["newer.py"]


def test_a_module_in_an_archive_is_refused(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would be missed in silence."""
    archive = workshop.folder / "app.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("zipped.py", "")
    monkeypatch.syspath_prepend(str(archive))
    with pytest.raises(DeployError, match=r"zipped\.py lies in an archive"):
        reached("zipped")


def test_extension_modules_keep_their_suffix(workshop: Workshop) -> None:
    """A compiled module beside the script is found again by its name."""
    suffix = importlib.machinery.EXTENSION_SUFFIXES[0]
    workshop.write(f"fast{suffix}", "")
    assert paths(reached("fast")) == [f"fast{suffix}"]
