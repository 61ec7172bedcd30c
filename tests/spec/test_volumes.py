"""Files that outlive the workers that write them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.apart import NOBODY, can_mount
from tests.clusterstack import ClusterStack
from tests.index import needs_index
from tests.livestack import Stack, one_stack
from tests.spec.program import PROGRAMS, lines, run
from tests.spec.standins import EXAMPLES

pytestmark = [
    pytest.mark.spec,
    pytest.mark.skipif(
        ClusterStack.named(), reason="a cluster has volumes of Nomad, and tests of them"
    ),
]

SENTENCE_TRANSFORMERS = '''
"""Stands in for the package of this name; counts what it downloads."""
import json
import os


class Vector(list):
    def tolist(self):
        return list(self)


class SentenceTransformer:
    def __init__(self, name):
        if os.path.isdir(name):
            with open(os.path.join(name, "model.json")) as file:
                self.model = json.load(file)
        else:
            self.model = {"name": name, "from": "the network"}

    def save(self, path):
        os.makedirs(path)
        with open(os.path.join(path, "model.json"), "w") as file:
            json.dump(self.model | {"from": "the volume"}, file)

    def encode(self, text):
        return Vector([float(len(text)), 1.0 if self.model["from"] == "the volume" else 0.0])
'''


@pytest.fixture(autouse=True)
def _nothing_left() -> Iterator[None]:
    """Nothing of these tests stays mounted on the machine, and nothing at its root."""
    if why := can_mount():
        pytest.skip(reason=why)
    yield
    mounted = Path("/proc/self/mountinfo").read_text().splitlines()
    # Others may mount things meanwhile: these are the names that are in use here.
    names = (
        "/fnq-notes",
        "/fnq-elsewhere",
        "/fnq-data",
        "/fnq-full",
        "/fnq-app",
        "/models",
        "/volumes/",
    )
    assert [line for line in mounted if any(each in line for each in names)] == []
    assert [each for each in names if Path(each).exists()] == []


def test_the_specification_s_example_keeps_its_model(stack: Stack, tmp_path: Path) -> None:
    """The second call finds in the volume what the first one put there."""
    path = EXAMPLES / "volumes.py"
    if not path.exists():
        pytest.skip(f"the specification's volumes.py is not here: {path}")
    (tmp_path / "sentence_transformers.py").write_text(SENTENCE_TRANSFORMERS)
    stack.up()
    done = run(stack, path, env={"PYTHONPATH": str(tmp_path)})
    assert done.returncode == 0, done.stderr
    assert lines(stack, "volume_example.py") == ["[10.0, 0.0]", "[7.0, 1.0]"]
    found = stack.fnq("volume", "list", "model-cache:all-MiniLM-L6-v2")
    assert "model.json" in found.stdout


def test_files_are_shared_by_functions_versions_and_stacks(tmp_path: Path) -> None:
    """At the path that each asks for; a worker that dies leaves what it wrote, and no mount."""
    with one_stack(tmp_path) as stack:
        first = lines(stack, "volumes.py", "1")
        assert first == [
            "['1 a']",
            "['1 a', '1 b'] ['1 a', '1 b']",
            "lived [False, False, False] False",
        ]
        stack.down()
        second = lines(stack, "volumes.py", "2")
        assert second[0] == "['1 a', '1 b', '2 a']"
        listed = stack.fnq("volume", "list").stdout.splitlines()
        assert [line.split()[0] for line in listed] == ["VOLUME", "spec-notes", "spec-other"]
        assert "volumes.die, volumes.note, volumes.read" in listed[1]
        stack.fnq("volume", "delete", "spec-notes", "--force")
        assert lines(stack, "volumes.py", "2")[0] == "['2 a']"


@pytest.mark.images
@pytest.mark.timeout(120)
def test_volumes_and_files_of_an_image_are_seen_together(stack: Stack, tmp_path: Path) -> None:
    """Also a volume within a folder of these; neither gets anything of the other."""
    needs_index()
    (tmp_path / "greeting.txt").write_text("hello")
    said = "['hello', 'data', 'greeting.txt', 'Read-only file system']"
    assert lines(stack.building(), "volume_image.py", str(tmp_path)) == [said]
    for volume in ("spec-notes", "spec-cache"):
        assert stack.fnq("volume", "list", volume).stdout.split()[-1] == "a"


def test_a_folder_goes_into_a_volume_and_comes_back(stack: Stack, tmp_path: Path) -> None:
    """By the command, with contents, modes and links; outside of the volume it reaches nothing."""
    folder = tmp_path / "weights"
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "run").write_text("run")
    (folder / "deep" / "run").chmod(0o755)
    (folder / "large").write_bytes(os.urandom(3 << 20))
    (folder / "latest").symlink_to("deep/run")
    stack.up()
    for words, said in (
        (("put", "spec-files", str(folder)), "spec-files:weights: 2 files, 3.0 MiB"),
        (("put", "spec-files", str(folder / "large"), "in/"), "spec-files:in/large: 1 file"),
        (("get", "spec-files", "weights", str(tmp_path / "back")), "back: 2 files, 3.0 MiB"),
        (("list", "spec-files:weights"), "latest -> deep/run"),
        (("rm", "spec-files", "in/large"), "removed"),
        (("rm", "-r", "spec-files", "weights"), "removed"),
    ):
        done = stack.fnq("volume", *words)
        assert said in done.stdout, done.stderr
    back = tmp_path / "back"
    assert (back / "large").read_bytes() == (folder / "large").read_bytes()
    assert (back / "deep" / "run").stat().st_mode & 0o777 == 0o755
    assert os.readlink(back / "latest") == "deep/run"
    for words, said in (
        (("get", "spec-files", "../spec-other", str(tmp_path / "no")), "'..' leads out"),
        (("get", "spec-files", "weights", str(tmp_path / "no")), "nothing is there"),
        (("put", "spec-files", str(tmp_path / "none")), "No such file"),
        (("list", "spec-none"), "no volume 'spec-none'"),
    ):
        done = stack.fnq("volume", *words)
        assert (done.returncode, said in done.stderr) == (1, True), done.stderr
    assert not (tmp_path / "no").exists()
    assert stack.fnq("volume", "delete", "spec-files").returncode == 0


@pytest.mark.skipif(os.getuid() != 0, reason="only root may mount a disk that is soon full")
def test_a_full_volume_is_told_to_each_who_needs_room(stack: Stack, tmp_path: Path) -> None:
    """The function gets the error of its disk; a copy and a deploy what is full, and a remedy."""
    stack.up()
    folder = stack.home / "state" / "volumes" / "default" / "spec-full"
    folder.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", folder], check=True)
    try:
        assert lines(stack, "volume_full.py") == [
            "10",
            "OSError: [Errno 28] No space left on device",
        ]
        (tmp_path / "large").write_bytes(b"x" * (8 << 20))
        done = stack.fnq("volume", "put", "spec-full", str(tmp_path / "large"))
        assert done.returncode == 1
        assert "volume 'spec-full' is full: its file system has 0 bytes left" in done.stderr
        assert "fnq volume rm spec-full PATH" in done.stderr
        source = tmp_path / "again.py"
        source.write_text((PROGRAMS / "volume_full.py").read_text().replace("10)", "11)"))
        source.write_text(source.read_text().replace("so many", "as many"))
        done = run(stack, source)
        assert done.returncode == 1
        assert "DeployError" in done.stderr
        assert "volume 'spec-full' is full" in done.stderr
    finally:
        subprocess.run(["umount", folder], check=True)


@pytest.mark.skipif(os.getuid() != 0, reason="only root may become another user")
def test_a_user_without_rights_has_volumes_too() -> None:
    """All of it as nobody: the stack, its workers, and the volume at the root."""
    if why := can_mount(NOBODY):
        pytest.skip(reason=why)
    home = Path(tempfile.mkdtemp(prefix="fnq-v-", dir="/dev/shm"))
    os.chown(home, NOBODY, NOBODY)
    env = {"HOME": str(home), "PATH": os.environ["PATH"], "XDG_RUNTIME_DIR": str(home)}
    # That of the tests may lie where nobody else can read it.
    env["PYTHONPATH"] = os.pathsep.join(each for each in sys.path if each)
    python = shutil.which(f"python{sys.version_info[0]}.{sys.version_info[1]}", path=os.defpath)

    def ask(*words: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [python or sys.executable, *words],
            env=env, user=NOBODY, group=NOBODY, extra_groups=[], cwd=home,
            capture_output=True, text=True, timeout=50, check=False,
        )  # fmt: skip

    try:
        try:
            readable = (
                ask("-c", "import chalkcompute, grpc, pyarrow, redis.asyncio").returncode == 0
            )
        except PermissionError:
            readable = False
        if not readable:
            pytest.skip(reason="nobody can read this Python and its packages")
        done = ask(PROGRAMS / "volumes.py", "1")
        assert done.stdout.splitlines()[-1:] == ["lived [False, False, False] False"], done.stderr
        assert ask("-c", "from chalkcompute.cli import main; main(['down'])").returncode == 0
    finally:
        shutil.rmtree(home)
        # Where large values of all stacks of that user lie, which are gone.
        shutil.rmtree(f"/dev/shm/fnq-{NOBODY}", ignore_errors=True)
