"""What the specification's examples are tested with: where they lie, and what stands in."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.livestack import Stack
from tests.spec.program import run

__all__ = [
    "EXAMPLES",
    "MODULES",
    "SENTENCE_TRANSFORMERS",
    "STREAMED",
    "answers",
    "example",
    "write",
]

EXAMPLES = Path(__file__).parents[2].parent / "shared" / "spec" / "examples"

#: Vectors that say how long a text is and how many were encoded together.
SENTENCE_TRANSFORMERS = """
import os
import pathlib


class Array(list):
    def tolist(self):
        return list(self)


class SentenceTransformer:
    def __init__(self, name):
        assert name == "all-MiniLM-L6-v2" or os.path.isfile(name + "/weights"), name
        self.dimension = 2.0 if name == "all-MiniLM-L6-v2" else 3.0

    def encode(self, texts):
        if isinstance(texts, str):
            return Array([float(len(texts)), self.dimension])
        return Array([float(len(text)), float(len(texts))] for text in texts)

    def save(self, path):
        pathlib.Path(path).mkdir(parents=True)
        pathlib.Path(path, "weights").write_text("3")
"""

_HTTPX = '''
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

_FASTER_WHISPER = """
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

_TRANSFORMERS = """
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

#: What those examples import that hear and translate, by its name.
MODULES = {"httpx": _HTTPX, "faster_whisper": _FASTER_WHISPER, "transformers": _TRANSFORMERS}
#: What the examples with images print, which stream what they hear.
STREAMED = {
    "transcribe": [
        "[0.0s]  Welcome to the quarterly review.",
        "[3.2s]  Let's start with the revenue numbers.",
        "[6.1s]  Q3 came in at 4.2 million, up 18 percent.",
    ],
    "nested": [
        "[0.0s] Bienvenidos a la revisión trimestral.",
        "[3.2s] Comencemos con las cifras de ingresos.",
        "[6.1s] El tercer trimestre llegó a 4,2 millones, un 18 por ciento más.",
    ],
}


def write(folder: Path) -> None:
    """Write what the examples with images import; local modules travel with the functions."""
    for name, source in MODULES.items():
        (folder / f"{name}.py").write_text(source, "utf-8")


def example(stack: Stack, name: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run an example from where it lies, with these variables beside the stack's."""
    path = EXAMPLES / f"{name}.py"
    if not path.exists():
        pytest.skip(f"the specification's {name}.py is not here: {path}")
    return run(stack, path, env=env)


def answers(stack: Stack, function: str, *words: str) -> list[Any]:
    """Return what a function answers to each word."""
    done = run(stack, "answers.py", function, *words)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]
