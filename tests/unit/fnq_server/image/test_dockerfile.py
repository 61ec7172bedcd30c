"""Steps of an image become lines of a Dockerfile, each one line and one argument."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fnq.v1 import spec_pb2
from fnq_server.image.docker.dockerfile import Recipe, recipe
from fnq_wire.error import ImageBuildError

HASH = "ab" * 32
PIP = (
    'exec "$(command -v python3 || command -v python)" -m pip install --no-cache-dir '
    "--disable-pip-version-check --progress-bar off "
)


def _recipe(
    *steps: tuple[str, ...], start: tuple[str, str] = ("base", "python:3.12-slim")
) -> Recipe:
    return recipe(
        [spec_pb2.ImageStep(verb=verb, arguments=words) for verb, *words in (start, *steps)]
    )


def _shell(command: str) -> str:
    return f"RUN {json.dumps(['/bin/sh', '-c', command])}"


@pytest.mark.parametrize(
    ("step", "lines", "title"),
    [
        (("run", "pip install cowsay"), [_shell("pip install cowsay")], "pip install cowsay"),
        (("run", "a\nb"), ['RUN ["/bin/sh", "-c", "a\\nb"]'], "a b"),
        (("pip", "numpy", "torch>=2"), [_shell(f"{PIP}numpy 'torch>=2'")],
         "pip install numpy 'torch>=2'"),
        (("apt", "git", "a; b"),
         [_shell("apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y "
                 "--no-install-recommends -- git 'a; b' && rm -rf /var/lib/apt/lists/*")],
         "apt install git 'a; b'"),
        (("env", "A=1", 'B=it\'s "$x" \\'), ['ENV A="1" B="it\'s \\"\\$x\\" \\\\"'], "env A B"),
        (("workdir", "/a b/$c"), ['WORKDIR "/a b/\\$c"'], "workdir /a b/$c"),
        (("entrypoint", "tini", "--"), ['ENTRYPOINT ["tini", "--"]'], "entrypoint tini --"),
        (("add_file", "/etc/x", HASH), [f'COPY ["files/{HASH}/file", "\\"/etc/x\\""]'],
         "add file /etc/x"),
        (("add_dir", "/srv/$y", HASH), [f'COPY ["files/{HASH}/", "\\"/srv/\\\\$y\\""]'],
         "add dir /srv/$y"),
        (("dockerfile_commands", "RUN a \\\n b"), ["RUN a \\\n b"], "RUN a \\ b"),
    ],
)  # fmt: skip
def test_each_verb_has_its_instruction(step: tuple[str, ...], lines: list[str], title: str) -> None:
    """What a deployer reads names the step; values of variables are not in it."""
    found = _recipe(step)
    assert [line.text for line in found.lines] == lines
    assert {line.title for line in found.lines} == {f"step 2/2 {title}"}


def test_a_dockerfile_begins_with_the_base_and_without_its_entrypoint() -> None:
    """The command of a worker is not an argument for what a base starts by itself."""
    assert _recipe(("run", "true")).text("python:3.12-slim") == (
        f"FROM python:3.12-slim\nENTRYPOINT []\n{_shell('true')}\n"
    )


def test_a_dockerfile_of_the_users_own_is_the_start() -> None:
    """Its text is built as it is, and what it gives is the base of the rest."""
    found = _recipe(("run", "true"), start=("dockerfile", "FROM debian\nRUN x\n"))
    assert (found.start, found.base, found.title) == (
        "FROM debian\nRUN x\n",
        "",
        "step 1/2 Dockerfile",
    )


def test_requirements_are_a_file_of_the_context() -> None:
    """Named by the hash of their text, so that other text is another image."""
    found = _recipe(("pip", "-r", "numpy\n"))
    ((name, text),) = found.texts
    copy, install = (line.text for line in found.lines)
    assert text == "numpy\n"
    assert copy == f'COPY ["texts/{name}", "/opt/fnq-requirements/{name}.txt"]'
    assert install == _shell(f"{PIP}-r /opt/fnq-requirements/{name}.txt")
    assert _recipe(("pip", "-r", "scipy\n")).identity != found.identity


def test_every_command_is_a_step_of_its_own() -> None:
    """They are counted with the base; what is copied is asked for once."""
    found = _recipe(("run", "a", "b"), ("add_dir", "/x", HASH), ("add_dir", "/y", HASH))
    titles = [line.title for line in found.lines]
    assert titles == ["step 2/5 a", "step 3/5 b", "step 4/5 add dir /x", "step 5/5 add dir /y"]
    assert found.files == (HASH,)


@pytest.mark.parametrize("base", ["", "a b", "x\nRUN evil", "$BASE", "--platform=x", "a AS b"])
def test_a_base_is_one_name(base: str) -> None:
    """Nothing else gets into FROM."""
    with pytest.raises(ImageBuildError, match="not the name of an image"):
        _recipe(start=("base", base))


@pytest.mark.parametrize(
    "step", [("env", "A=1\n2"), ("workdir", "/a\nb"), ("add_dir", "/\r", HASH)]
)
def test_what_needs_a_line_break_is_refused(step: tuple[str, ...]) -> None:
    """A Dockerfile has no way to say it."""
    with pytest.raises(ImageBuildError, match="has a line break"):
        _recipe(step)


def test_an_unknown_step_is_refused() -> None:
    """A newer client may know more."""
    with pytest.raises(ImageBuildError, match="no step 'conda'"):
        _recipe(("conda", "numpy"))


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_whatever_a_command_holds_is_one_line_that_says_it(command: str) -> None:
    """The JSON form gives it back."""
    (line,) = _recipe(("run", command)).lines
    assert "\n" not in line.text
    assert json.loads(line.text.removeprefix("RUN ")) == ["/bin/sh", "-c", command]


@given(st.lists(st.text(st.characters(exclude_categories=["Cs", "Cc"])), min_size=1))
def test_equal_steps_are_equal_text(packages: list[str]) -> None:
    """And so the same image."""
    assert _recipe(("pip", *packages)).identity == _recipe(("pip", *packages)).identity
    assert _recipe(("pip", *packages)).identity != _recipe(("pip", *packages, "x")).identity
