"""What an engine says is told by steps, and a failure by the last lines of its step."""

from __future__ import annotations

from fnq_server.image.docker.dockerfile import Line
from fnq_server.image.docker.transcript import Transcript

LINES = [
    Line("ENV A=1", "step 2/4 env A"),
    Line("RUN a\nRUN b", "step 3/4 RUN a RUN b", raw=True),
    Line("RUN c", "step 4/4 c"),
]


def _heard(*streams: str) -> tuple[Transcript, list[tuple[str, str]]]:
    said: list[tuple[str, str]] = []
    transcript = Transcript("step 1/4 base x", LINES, lambda step, line: said.append((step, line)))
    for stream in streams:
        transcript.hear({"stream": stream})
    return transcript, said


def test_lines_are_told_with_their_step() -> None:
    """Also those of instructions that the user wrote as one; but not the engine's own words."""
    _, said = _heard(
        "Step 1/5 : FROM x", "\n", " ---> 8d8af61cebf9\n", "Step 2/5 : ENV A=1", "\n",
        "Step 3/5 : RUN a\n", " ---> Running in 12\n", "of a\n",
        "Removing intermediate container 12\n", "Step 4/5 : RUN b\n", "of b\n",
        "Step 5/5 : RUN c\n", "of", " c\n", "Successfully built 8d8af61cebf9\n",
    )  # fmt: skip
    assert said == [
        ("step 2/4 env A", ""),
        ("step 3/4 RUN a RUN b", ""),
        ("step 3/4 RUN a RUN b", "of a"),
        ("step 3/4 RUN a RUN b", "of b"),
        ("step 4/4 c", ""),
        ("step 4/4 c", "of c"),
    ]


def test_colours_and_bars_are_not_told() -> None:
    """Of a bar that grew, what stands there in the end."""
    _, said = _heard("Step 5/5 : RUN c\n", "\x1b[91mred\n\x1b[0m", "1%\r50%\r100%\n")
    assert said[1:] == [("step 4/4 c", "red"), ("step 4/4 c", "100%")]


def test_a_failure_names_the_step_and_ends_with_its_last_lines() -> None:
    """Not with those of the step before."""
    transcript, _ = _heard("Step 2/5 : ENV A=1\n", "early\n", "Step 5/5 : RUN c\n", "one\ntwo")
    words = "The command '/bin/sh -c c' returned a non-zero code: 7"
    assert transcript.failure(words) == "step 4/4 c failed with exit code 7\none\ntwo"


def test_a_failure_of_the_engine_is_in_its_words() -> None:
    """There is no exit code where nothing ran."""
    transcript, _ = _heard("Step 2/5 : ENV A=1\n")
    assert transcript.failure("no space left") == "step 2/4 env A failed: no space left"


def test_passwords_are_not_told() -> None:
    """Neither in lines nor where the engine repeats a command."""
    transcript, said = _heard("Step 5/5 : RUN c\n", "from https://joe:secret@host/simple\n")
    assert said[1:] == [("step 4/4 c", "from https://***@host/simple")]
    assert "secret" not in transcript.failure("pull https://joe:secret@host/x failed")


def test_the_id_of_the_image_is_kept() -> None:
    """The engine says it once, at the end."""
    transcript, _ = _heard()
    transcript.hear({"aux": {"ID": "sha256:12"}})
    assert transcript.identity == "sha256:12"
