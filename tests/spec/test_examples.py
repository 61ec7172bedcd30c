"""The specification's own examples, as they are, beside which they lie.

What they download or compute is stood in for by small modules on PYTHONPATH; as
local modules these travel to the workers with the functions that import them.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.livestack import Stack
from tests.spec.program import run

pytestmark = pytest.mark.spec

EXAMPLES = Path(__file__).parents[2].parent / "shared" / "spec" / "examples"
#: Where the examples put what they download; the path is theirs.
AUDIO = Path("/tmp/audio")

HTTPX = '''
RECORDING = """0.0 Welcome to the quarterly review.
3.2 Let's start with the revenue numbers.
6.1 Q3 came in at 4.2 million, up 18 percent."""


class Response:
    def __init__(self, content):
        self.content = content

    def raise_for_status(self):
        return self


class AsyncClient:
    async def __aenter__(self):
        return self

    async def __aexit__(self, *problem):
        return None

    async def get(self, address):
        assert address.startswith("https://example.com/meeting")
        return Response(RECORDING.encode())
'''

FASTER_WHISPER = """
from dataclasses import dataclass


@dataclass
class Segment:
    start: float
    end: float
    text: str


class WhisperModel:
    def __init__(self, name, compute_type):
        assert (name, compute_type) == ("base.en", "int8")

    def transcribe(self, path):
        return self.segments(path), {"language": "en"}

    def segments(self, path):
        with open(path) as recording:
            for line in recording.read().splitlines():
                start, text = line.split(" ", 1)
                yield Segment(float(start), float(start) + 3, f" {text}")
"""

TRANSFORMERS = """
WORDS = {
    "Welcome to the quarterly review.": "Bienvenidos a la revisión trimestral.",
    "Let's start with the revenue numbers.": "Comencemos con las cifras de ingresos.",
    "Q3 came in at 4.2 million, up 18 percent.":
        "El tercer trimestre llegó a 4,2 millones, un 18 por ciento más.",
}


def pipeline(kind, model):
    assert (kind, model) == ("translation", "Helsinki-NLP/opus-mt-en-es")
    return lambda text: [{"translation_text": WORDS[text.strip()]}]
"""


@pytest.fixture
def standins(tmp_path: Path) -> Iterator[Path]:
    """A folder with modules that stand in for what the examples import."""
    folder = tmp_path / "standins"
    folder.mkdir()
    modules = {"httpx": HTTPX, "faster_whisper": FASTER_WHISPER, "transformers": TRANSFORMERS}
    for name, source in modules.items():
        (folder / f"{name}.py").write_text(source, "utf-8")
    there_before = AUDIO.exists()
    yield folder
    if not there_before:
        AUDIO.unlink(missing_ok=True)


def example(stack: Stack, name: str, standins: Path) -> subprocess.CompletedProcess[str]:
    """Run an example from where it lies."""
    path = EXAMPLES / f"{name}.py"
    if not path.exists():
        pytest.skip(f"the specification's {name}.py is not here: {path}")
    # Workers must find the stand-ins in what was shipped, not in their environment.
    stack.up()
    return run(stack, path, env={"PYTHONPATH": str(standins)})


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("add", ["8"]),
        (
            "transcribe",
            [
                "[0.0s]  Welcome to the quarterly review.",
                "[3.2s]  Let's start with the revenue numbers.",
                "[6.1s]  Q3 came in at 4.2 million, up 18 percent.",
            ],
        ),
        (
            "nested",
            [
                "[0.0s] Bienvenidos a la revisión trimestral.",
                "[3.2s] Comencemos con las cifras de ingresos.",
                "[6.1s] El tercer trimestre llegó a 4,2 millones, un 18 por ciento más.",
            ],
        ),
    ],
)
def test_an_example_prints_what_the_specification_shows(
    stack: Stack, standins: Path, name: str, shown: list[str]
) -> None:
    """The files run unchanged."""
    done = example(stack, name, standins)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == shown


def test_the_example_that_divides_shows_the_error(stack: Stack, standins: Path) -> None:
    """Type and message are what this Python says: "float division by zero" before 3.14."""
    done = example(stack, "divide", standins)
    assert done.returncode == 0, done.stderr
    with pytest.raises(ZeroDivisionError) as told:
        1.0 / 0.0  # noqa: B018 - it raises
    assert done.stdout == f"ZeroDivisionError: {told.value}\n"


def test_the_example_that_fails_in_a_stream_shows_what_came_before(
    stack: Stack, standins: Path
) -> None:
    """The chunks first, then the error as an uncaught one."""
    done = example(stack, "mid_stream_error", standins)
    assert done.returncode == 1
    assert done.stdout.splitlines() == ["ok-1", "ok-2"]
    assert "RemoteError: ValueError: something went wrong" in done.stderr
    assert 'raise ValueError("something went wrong")' in done.stderr
