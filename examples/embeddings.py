"""Embed texts in batches: texts of all callers meet in one run of a small model.

The model, a table of 32,000 pieces of words (16 MB), lies inside the package wordllama
(`pip install wordllama`; `make setup` brings it). Run `python examples/embeddings.py`:
for each question you see the sentence that is nearest in meaning, and that texts which are
asked for one by one run together.
"""

from __future__ import annotations

import functools
from operator import mul
from pathlib import Path
from typing import Any

import chalkcompute

SENTENCES = [
    "The kitten fell asleep on the sofa.",
    "Shares fell after the bank published its results.",
    "Add the flour, then knead the dough for ten minutes.",
    "The striker scored twice in the second half.",
]
QUESTIONS = ["a sleeping cat", "stock market news", "how to bake bread", "who won the match"]


@functools.cache
def model() -> Any:
    """Load the model, once in a worker."""
    import wordllama

    # Weights and words are files of the package: nothing is downloaded.
    return wordllama.WordLlama.load(cache_dir=Path(wordllama.__file__).parent)


@chalkcompute.function(max_batching_size=32, max_buffer_duration=50)
def embed(texts: list[str]) -> list[tuple[list[float], int]]:
    """Return the vector of each text, and how many texts ran together."""
    return [(vector.tolist(), len(texts)) for vector in model().embed(texts, norm=True)]


# As the caller sees it: one text, one vector.
embedded: list[Any] = list(embed.map(SENTENCES + QUESTIONS))
vectors = [vector for vector, _ in embedded]
known, asked = vectors[: len(SENTENCES)], vectors[len(SENTENCES) :]
for question, vector in zip(QUESTIONS, asked, strict=True):
    likeness = [sum(map(mul, vector, each)) for each in known]
    _, sentence = max(zip(likeness, SENTENCES, strict=True))
    print(f"{question:>18}: {sentence}")

fewest = min(together for _, together in embedded)
print(f"none of {len(embedded)} texts ran with fewer than {fewest - 1} others")
