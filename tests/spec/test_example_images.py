"""The specification's examples that bring an image, over the real builder.

What they install is stood in for by tiny wheels of the same names and higher versions, which a
page of this machine lists beside the index: an image is built as anywhere.
"""

from __future__ import annotations

import functools
import http.server
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.clusterstack import ClusterStack
from tests.index import needs_index
from tests.livestack import Stack, one_stack
from tests.spec.standins import MODULES, SENTENCE_TRANSFORMERS, STREAMED, answers, example
from tests.wheel import make_wheel

pytestmark = [
    pytest.mark.spec,
    pytest.mark.images,
    pytest.mark.timeout(120),
    pytest.mark.skipif(
        ClusterStack.named(), reason="a cluster's builder finds no wheels of this machine"
    ),
]

SPACY = """
import importlib


def load(name):
    return importlib.import_module(name).load()
"""
#: `python -m spacy download NAME` puts a package beside its own, as the real one does.
SPACY_COMMAND = '''
import pathlib
import sys

MODEL = """
import re
from types import SimpleNamespace

KINDS = {"MONEY": r"\\\\$[0-9.]+", "ORG": r"[A-Z][a-z]+(?: [A-Z][a-z]+)*"}


def load():
    return lambda text: SimpleNamespace(ents=[
        SimpleNamespace(text=found, label_=label)
        for label, pattern in KINDS.items() for found in re.findall(pattern, text)
    ])
"""

verb, name = sys.argv[1:]
assert verb == "download"
folder = pathlib.Path(__file__).parents[1] / name
folder.mkdir()
(folder / "__init__.py").write_text(MODEL)
print("Download and installation successful")
'''


@contextmanager
def listed(folder: Path) -> Iterator[str]:
    """Give the address of a page that lists a folder: builds see no folder of a test's."""
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


@pytest.fixture
def translator(tmp_path: Path) -> Iterator[Path]:
    """A folder with the module that translates: it travels with the function that imports it."""
    (tmp_path / "transformers.py").write_text(MODULES["transformers"], "utf-8")
    # Where the examples put what they download; the path is theirs.
    audio = Path("/tmp/audio")
    there_before = audio.exists()
    yield tmp_path
    if not there_before:
        audio.unlink(missing_ok=True)


@pytest.fixture(scope="module")
def builder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack whose images are built from wheels that lie beside it."""
    needs_index()
    wheels = tmp_path_factory.mktemp("wheels")
    make_wheel(
        wheels,
        "sentence-transformers",
        {"sentence_transformers/__init__.py": SENTENCE_TRANSFORMERS},
    )
    for name in ("httpx", "faster_whisper"):
        make_wheel(wheels, name.replace("_", "-"), {f"{name}/__init__.py": MODULES[name]})
    make_wheel(wheels, "spacy", {"spacy/__init__.py": SPACY, "spacy/__main__.py": SPACY_COMMAND})
    with listed(wheels) as page, pytest.MonkeyPatch.context() as patch:
        patch.setenv("PIP_FIND_LINKS", page)
        with one_stack(tmp_path_factory.mktemp("stack")) as stack:
            stack.up()
            yield stack.building()


def deploy(stack: Stack, name: str) -> tuple[int, str]:
    """Run an example; return its exit code and what it says on stderr."""
    done = example(stack, name)
    return done.returncode, done.stderr


@pytest.mark.parametrize("name", STREAMED)
def test_an_example_prints_what_the_specification_shows(
    builder: Stack, translator: Path, name: str
) -> None:
    """The files run unchanged; their image is built by the first."""
    done = example(builder, name, PYTHONPATH=str(translator))
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == STREAMED[name]


def test_the_example_of_embeddings_brings_its_model_as_a_package(builder: Stack) -> None:
    """Its secret is missed by name first; then the image is built once, and calls share runs."""
    code, said = deploy(builder, "embed")
    assert code == 1
    assert "HF_TOKEN" in said
    assert "fnq secret set HF_TOKEN" in said
    told = builder.fnq("secret", "set", "HF_TOKEN", typed="hf_xyz\n")
    assert told.returncode == 0, told.stderr
    code, said = deploy(builder, "embed")
    assert code == 0, said
    assert "embed asks for a GPU nvidia-l4, this machine has " in said
    assert "hf_xyz" not in said
    assert answers(builder, "embed", "a", "bc", "def") == [[1.0, 3.0], [2.0, 3.0], [3.0, 3.0]]
    code, again = deploy(builder, "embed")
    assert (code, "step" in again) == (0, False)


def test_the_example_of_entities_downloads_its_model_while_it_is_built(builder: Stack) -> None:
    """By the second half of its one step."""
    code, said = deploy(builder, "entities")
    assert code == 0, said
    [found] = answers(builder, "extract_entities", "Acme Corp paid $12.50 to Initech")
    assert json.loads(found) == [
        {"text": "$12.50", "label": "MONEY"},
        {"text": "Acme Corp", "label": "ORG"},
        {"text": "Initech", "label": "ORG"},
    ]
