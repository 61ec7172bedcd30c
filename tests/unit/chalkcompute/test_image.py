"""Images: immutable, chained, content-addressed."""

from __future__ import annotations

import copy
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from chalkcompute import Image, runtime
from chalkcompute.errors import DeployError
from chalkcompute.imagefiles import steps_of
from tests.unit.chalkcompute.memory import MemorySession


def test_each_method_is_a_step() -> None:
    """The steps have the verbs of the spec, in order."""
    image = (
        Image.debian_slim("3.12")
        .apt_install("git", "curl")
        .pip_install(["httpx", "numpy>=2"])
        .run_commands("echo 1", "echo 2")
        .env({"A": "1"})
        .workdir("/app")
        .entrypoint(["tini", "--"])
        .dockerfile_commands("USER nobody")
    )
    assert steps_of(image).steps == [
        ("base", ("python:3.12-slim",)),
        ("apt", ("git", "curl")),
        ("pip", ("httpx", "numpy>=2")),
        ("run", ("echo 1", "echo 2")),
        ("env", ("A=1",)),
        ("workdir", ("/app",)),
        ("entrypoint", ("tini", "--")),
        ("dockerfile_commands", ("USER nobody",)),
    ]


def test_the_default_python_is_the_deployers() -> None:
    """debian_slim() without a version takes that of this interpreter."""
    (step,) = Image.debian_slim().steps
    assert step.arguments == (f"python:3.{sys.version_info[1]}-slim",)


def test_an_image_is_never_changed() -> None:
    """A chained call makes another image, and nothing can be assigned."""
    image = Image.base("python:3.12-slim")
    longer = image.pip_install("httpx")
    assert len(image.steps) == 1
    assert longer != image
    with pytest.raises(AttributeError, match="immutable"):
        image.steps = ()


def test_equal_steps_are_an_equal_image() -> None:
    """Images compare and hash by value, also after a copy."""
    image = Image.base("a").pip_install("b")
    assert image == Image.base("a").pip_install(["b"]) == copy.deepcopy(image)
    assert len({image, Image.base("a").pip_install("b")}) == 1
    assert image != "a"


def test_repr_shows_no_arguments() -> None:
    """Arguments may hold what is not for logs."""
    assert repr(Image.base("a").env({"KEY": "hunter2"})) == "Image(base > env)"


def test_text_files_are_read_at_deploy(tmp_path: Path) -> None:
    """A Dockerfile and requirements travel as their text."""
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    (tmp_path / "requirements.txt").write_text("httpx\n")
    image = Image.from_dockerfile(tmp_path / "Dockerfile")
    image = image.pip_install_from_requirements(str(tmp_path / "requirements.txt"))
    assert steps_of(image).steps == [
        ("dockerfile", ("FROM scratch\n",)),
        ("pip", ("-r", "httpx\n")),
    ]


def test_copied_files_count_by_content(tmp_path: Path) -> None:
    """Equal folders at different places are the same step; a change makes another."""
    for name in ("one", "two"):
        (tmp_path / name / "deep").mkdir(parents=True)
        (tmp_path / name / "deep" / "file").write_text("same")
        (tmp_path / name / "loop").symlink_to(".")
    image = Image.base("a")
    one = steps_of(image.add_local_dir(tmp_path / "one", "/data")).steps
    assert one == steps_of(image.add_local_dir(tmp_path / "two", "/data")).steps
    (tmp_path / "two" / "deep" / "file").write_text("other")
    assert one != steps_of(image.add_local_dir(tmp_path / "two", "/data")).steps
    file = steps_of(image.add_local_file(tmp_path / "one" / "deep" / "file", "/f")).steps
    assert file[1][1][0] == "/f"
    assert len(file[1][1][1]) == 64


def test_what_is_too_large_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may be far more than fits into memory: its size is told, and nothing is opened."""
    monkeypatch.setattr(Path, "read_bytes", lambda path: pytest.fail(f"{path} is read"))
    with open(tmp_path / "sparse", "wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(DeployError, match=f"{tmp_path} has {1 << 20} MiB"):
        steps_of(Image.debian_slim("3.12").add_local_dir(tmp_path, "/data"))


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    """A pipe would be read until somebody writes into it."""
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(DeployError, match="pipe is neither a file nor a folder"):
        steps_of(Image.debian_slim("3.12").add_local_dir(tmp_path, "/data"))


def test_a_missing_file_fails_the_deploy_not_the_description(tmp_path: Path) -> None:
    """The error names the file and the step."""
    image = Image.from_dockerfile(tmp_path / "missing")
    with pytest.raises(DeployError, match=r"cannot read .*missing for its step 'dockerfile'"):
        steps_of(image)


def test_a_folder_is_not_added_as_a_file(tmp_path: Path) -> None:
    """The error names the method that does."""
    with pytest.raises(DeployError, match="is a folder: add it with add_local_dir"):
        steps_of(Image.base("a").add_local_file(tmp_path, "/data"))


@pytest.mark.parametrize(
    "line",
    [
        "-r more.txt",
        "-rmore.txt",
        "--constraint=c.txt",
        "-c ../c.txt",
        "-e .",
        "./wheels/a.whl",
        ".",
    ],
)
def test_requirements_that_name_a_local_file_are_refused_with_their_line(
    line: str, tmp_path: Path
) -> None:
    """Only the text travels, so pip would look for the file where it is not."""
    path = tmp_path / "requirements.txt"
    path.write_text(f"numpy\n{line}\n")
    with pytest.raises(DeployError, match=r"requirements\.txt, line 2: .* names a local file"):
        steps_of(Image.base("a").pip_install_from_requirements(path))


def test_requirements_may_name_what_can_be_reached_from_anywhere(tmp_path: Path) -> None:
    """Options and URLs stay as they are."""
    text = "--index-url https://h/simple\n-r https://h/r.txt\n-e git+https://h/a.git\nb @ https://h/b\n"
    path = tmp_path / "requirements.txt"
    path.write_text(text)
    assert steps_of(Image.base("a").pip_install_from_requirements(path)).steps[1] == (
        "pip",
        ("-r", text),
    )


@pytest.mark.parametrize(
    "describe",
    [
        lambda: Image.base(""),
        lambda: Image.debian_slim("2.7"),
        lambda: Image.debian_slim(3.12),  # type: ignore[arg-type]
        lambda: Image.base("a").pip_install(),
        lambda: Image.base("a").pip_install(3),  # type: ignore[arg-type]
        lambda: Image.base("a").apt_install(["git", ""]),
        lambda: Image.base("a").env({"1A": "x"}),
        lambda: Image.base("a").env({"A": 1}),  # type: ignore[dict-item]
        lambda: Image.base("a").env("A=1"),  # type: ignore[arg-type]
        lambda: Image.base("a").workdir("relative"),
        lambda: Image.base("a").add_local_file("x", "relative"),
        lambda: Image.from_dockerfile(""),
        lambda: Image.base("a\0"),
        lambda: Image.base("a").run_commands("echo \0"),
        lambda: Image.base("a").env({"A": "\0"}),
        lambda: Image.base("a").workdir("/a\0"),
    ],
)
def test_a_bad_step_is_refused(describe: Callable[[], Image]) -> None:
    """What cannot be a step is refused where it is written."""
    with pytest.raises((TypeError, ValueError), match="expected"):
        describe()


def test_in_a_worker_nothing_is_refused(session: MemorySession) -> None:
    """A step that depends on the environment must not keep a worker from starting."""
    runtime.install(session)
    assert Image.base("").env({"": ""}).workdir("").steps
