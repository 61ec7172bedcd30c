"""The project's examples do what they say, in a namespace of their own."""

from __future__ import annotations

import hashlib
import os
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import nbclient
import nbformat
import pytest

from tests.clusterstack import ClusterStack
from tests.index import needs_index
from tests.livestack import Stack, wait_until
from tests.ports import free_port

pytestmark = [
    pytest.mark.spec,
    pytest.mark.skipif(
        ClusterStack.named(), reason="a cluster lacks packages that the examples need"
    ),
]

FOLDER = Path(__file__).parents[2] / "examples"


def environment(stack: Stack) -> dict[str, str]:
    """Return the environment of an example: the same functions as elsewhere are others here."""
    return stack.env | {"FNQ_NAMESPACE": "examples"}


def example(stack: Stack, name: str, *words: str, **env: str) -> list[str]:
    """Run an example and return what it prints, line by line."""
    done = subprocess.run(
        [sys.executable, str(FOLDER / name), *words],
        env=environment(stack) | env,
        capture_output=True,
        text=True,
        timeout=stack.patience_s,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def fnq(stack: Stack, *words: str, text: str = "") -> str:
    """Run the fnq command as an example says; it must succeed."""
    done = subprocess.run(
        [str(Path(sys.executable).with_name("fnq")), *words],
        env=environment(stack),
        input=text,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_example_is_run() -> None:
    """By a test of this file that names it."""
    source = Path(__file__).read_text("utf-8")
    found = [path.name for path in FOLDER.iterdir() if path.suffix in (".py", ".ipynb")]
    assert [name for name in found if f'"{name}"' not in source] == []


def test_hello_runs_in_a_worker(stack: Stack) -> None:
    """And refuses at the caller what the annotation does not allow."""
    total, ran, refused = example(stack, "hello.py")
    assert total == "8"
    here, there = re.findall(r"process (\d+)", ran)
    assert here != there
    assert refused == 'add() argument "y": expected int, got str'


def test_streaming_stops_early_and_fails_late(stack: Stack) -> None:
    """What was yielded before the error is there."""
    primes, *countdown = example(stack, "streaming.py")
    assert primes.split() == "2 3 5 7 11 13 17 19 23 29 31 37 41 43 47 53".split()
    assert countdown == ["3 ...", "2 ...", "1 ...", "RuntimeError: no rocket"]


def test_nested_calls_itself(stack: Stack) -> None:
    """With one worker of each function."""
    *longest, fib = example(stack, "nested.py")
    assert [line.split()[0] for line in longest] == ["quick", "jumped", "extraordinarily"]
    assert fib == "fib(8) = 21"


def test_the_demo_hears_what_is_read(stack: Stack) -> None:
    """Segment by segment, each with its gloss."""
    lines = example(stack, "transcribe.py")
    heard, glosses = lines[::2], lines[1::2]
    assert len(heard) == len(glosses) >= 5
    assert "had he married a more amiable woman" in " ".join(heard)
    assert re.search(r"él podría .* haber sido hecho .*\(here after \d+\.\d s\)", glosses[-1])


def test_embeddings_find_what_is_near_in_meaning(stack: Stack) -> None:
    """By a model that is a model; the texts run in few batches."""
    *nearest, together = example(stack, "embeddings.py")
    assert [line.strip() for line in nearest] == [
        "a sleeping cat: The kitten fell asleep on the sofa.",
        "stock market news: Shares fell after the bank published its results.",
        "how to bake bread: Add the flour, then knead the dough for ten minutes.",
        "who won the match: The striker scored twice in the second half.",
    ]
    assert re.fullmatch(r"none of 8 texts ran with fewer than [1-7] others", together)


@pytest.mark.images
@pytest.mark.timeout(120)
def test_entities_come_with_their_package(stack: Stack) -> None:
    """Its image is built by the first run, and there for the next one."""
    needs_index()
    first = example(stack.building(), "entities.py")
    assert first[:3] == [
        "Robie House, 5757 South Woodlawn Avenue, Chicago, IL 60637",
        "    BuildingName: Robie House",
        "    AddressNumber: 5757",
    ]
    assert example(stack, "entities.py") == first


def test_limits_repeat_and_hold_back(stack: Stack) -> None:
    """Two at once, whatever fails."""
    fnq(stack, "limit", "set", "demo-provider", "--max-concurrency", "2", "--rate", "20/s")
    *answers, most = example(stack, "limits.py")
    second = {"Lima", "Cairo"}
    assert answers == [
        f"sunny in {city} (attempt {1 + (city in second)})"
        for city in ("Lima", "Oslo", "Rome", "Cairo", "Quito", "Delhi")
    ]
    assert most in ("1 requests at once, at most", "2 requests at once, at most")
    fnq(stack, "limit", "delete", "demo-provider")


def test_the_cache_outlives_the_script(stack: Stack) -> None:
    """Made once; each later call and run finds it, until the volume is deleted."""
    made, found = example(stack, "cache.py")
    assert made.startswith("made: 78498 primes in ")
    assert found.startswith("found: 78498 primes in ")
    assert all(line.startswith("found") for line in example(stack, "cache.py"))
    assert "primes" in fnq(stack, "volume", "list")


def test_credentials_reach_who_asked_for_them(stack: Stack) -> None:
    """The one that is kept, and the one of the script's own environment."""
    fnq(stack, "secret", "set", "DEMO_API_KEY", text="hunter2\n")
    trusted, neighbour = example(stack, "credentials.py", DEMO_TOKEN="swordfish")
    key, token = (hashlib.sha256(each).hexdigest()[:8] for each in (b"hunter2", b"swordfish"))
    assert trusted == f"trusted has {{'DEMO_API_KEY': '{key}', 'DEMO_TOKEN': '{token}'}}"
    assert neighbour == "neighbour has {'DEMO_API_KEY': 'nothing', 'DEMO_TOKEN': 'nothing'}"
    fnq(stack, "secret", "delete", "DEMO_API_KEY")


def test_files_are_mapped_and_a_bad_one_is_named(stack: Stack, tmp_path: Path) -> None:
    """In order; the others are answered."""
    for name, content in (("a.py", b"x = 1\nlonger = 2\n"), ("b.py", b"\xff\n"), ("c.py", b"")):
        (tmp_path / name).write_bytes(content)
    first, second, third = example(stack, "files.py", str(tmp_path))
    assert first == "a.py: 10 characters: longer = 2"
    assert second.startswith("b.py: UnicodeDecodeError: 'utf-8' codec can't decode byte 0xff")
    assert third == "c.py: 0 characters: "


def test_rows_of_a_file_keep_their_order_and_those_that_fail_say_why(stack: Stack) -> None:
    """In a column beside the results; the plan is told first."""
    *plan, first, _, third, _, last = example(stack, "rows.py")
    assert plan[0].startswith("scan ")
    assert "call     amount = amount(memo)" in plan
    assert "'amount': None, 'amount_error': \"ValueError: could not convert" in first
    assert third == "{'id': 2, 'memo': 'refund 12.50', 'amount': 12.5, 'amount_error': None}"
    assert last == "200 of 800 memos have one"


@contextmanager
def service(stack: Stack) -> Iterator[str]:
    """Give the address of the web service, while it runs."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, str(FOLDER / "api.py"), str(port)],
        env=environment(stack),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    address = f"http://127.0.0.1:{port}"
    try:
        wait_until("the service answers", lambda: _answers(address))
        yield address
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(20)


def _answers(address: str) -> bool:
    try:
        _get(f"{address}/openapi.json")
    except OSError:
        return False
    return True


def _get(address: str) -> str:
    with urllib.request.urlopen(address, timeout=30) as answer:  # noqa: S310 - on this machine
        content: bytes = answer.read()
        return content.decode()


def test_a_web_service_answers_with_values_and_streams(stack: Stack) -> None:
    """And with the error of a function as its own."""
    with service(stack) as address:
        assert _get(f"{address}/square/7") == '{"square":49}'
        assert _get(f"{address}/count/3") == "0\n1\n2\n"
        with pytest.raises(urllib.error.HTTPError) as refused:
            _get(f"{address}/square/7000")
        assert refused.value.code == 422
        told = refused.value.read().decode()
        assert told == '{"detail":"ValueError: expected a number below 1000"}'


def test_the_notebook_runs_from_top_to_bottom(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each cell shows what it says; one that is defined anew is called anew."""
    for name, value in environment(stack).items():
        if os.environ.get(name) != value:
            monkeypatch.setenv(name, value)
    notebook = nbformat.read(FOLDER / "notebook.ipynb", 4)  # type: ignore[no-untyped-call]
    nbclient.NotebookClient(notebook, timeout=30).execute()
    shown = {
        cell.id: each.get("text") or each.data["text/plain"]
        for cell in notebook.cells
        for each in cell.get("outputs", ())
        if each.get("name") != "stderr"
    }
    assert shown == {
        "call": "101",
        "redefine": "-99",
        "await": "-98",
        "map": "[-100, -99, -98]",
        "stream": "20 10 5 2 1\n",
    }
