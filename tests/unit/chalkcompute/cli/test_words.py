"""Words of a command line, bound to the parameters of a function."""

from __future__ import annotations

from typing import Any

import pyarrow
import pytest

from chalkcompute.cli.asking import MisuseError
from chalkcompute.cli.words import Words


def scale(n: int, factor: float = 2.0, *, dry_run: bool = False, tags: list[str] = []) -> None:  # noqa: B006
    """Take some of each kind."""


def gather(first: str, *rest: int, **more: Any) -> None:
    """Take any number of them."""


def lone(n: int, /) -> None:
    """Take one by place alone."""


def lengths(texts: list[str], limit: list[int]) -> list[int]:
    """Take a batch."""
    return []


def rows(table: pyarrow.Table) -> list[int]:
    """Take a batch as a table."""
    return []


USAGE = "scale --n int [--factor float] [--dry_run bool] [--tags list[str]]"


@pytest.mark.parametrize(
    ("words", "args", "kwargs"),
    [
        (["3"], [3], {}),
        (["3", "0.5"], [3, 0.5], {}),
        (["-3"], [-3], {}),
        (["--n", "-3"], [], {"n": -3}),
        (["--n=3", "--factor=1"], [], {"n": 3, "factor": 1.0}),
        (["--factor", "1", "3"], [3], {"factor": 1.0}),
        (["3", "--dry-run"], [3], {"dry_run": True}),
        (["--dry_run", "3"], [3], {"dry_run": True}),
        (["3", "--dry-run", "false"], [3], {"dry_run": False}),
        (["3", "--no-dry-run"], [3], {"dry_run": False}),
        (["--tags", '["a"]', "3"], [3], {"tags": ["a"]}),
        (["--", "3"], [3], {}),
    ],
)
def test_words_are_bound_by_place_and_by_name(
    words: list[str], args: list[Any], kwargs: dict[str, Any]
) -> None:
    """Names with - or _, values behind = or as the next word."""
    assert Words("scale", scale).bind(words) == (args, kwargs)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], f"scale needs --n (int): {USAGE}"),
        (["x"], "scale: n: expected int, not 'x'"),
        (["--n"], "scale: --n needs a value: int"),
        (["1", "--n", "2"], "scale: n is given twice, by place and by name"),
        (["--n", "1", "--n", "2"], "scale: --n is given twice"),
        (["1", "2", "3"], f"scale has no place for '3': {USAGE}"),
        (["1", "--speed", "2"], f"scale has no --speed: {USAGE}; options of fnq itself go before"),
        (["1", "--dry-run=perhaps"], "scale: --dry_run: expected bool, not 'perhaps'"),
    ],
)
def test_words_that_do_not_fit_say_what_does(words: list[str], told: str) -> None:
    """With how the function is called."""
    with pytest.raises(MisuseError) as found:
        Words("scale", scale).bind(words)
    assert str(found.value).startswith(told)


def test_open_parameters_take_what_there_is() -> None:
    """Each value by itself; names of any kind."""
    words = Words("gather", gather)
    bound = words.bind(["a", "1", "2", "--depth", "3", "--rest", "x"])
    assert bound == (["a", 1, 2], {"depth": 3, "rest": "x"})
    assert words.usage() == "gather --first str [rest ...] [--NAME VALUE ...]"


def test_a_parameter_by_place_alone_has_no_name() -> None:
    """As in Python."""
    assert Words("lone", lone).bind(["3"]) == ([3], {})
    with pytest.raises(MisuseError, match="lone has no --n"):
        Words("lone", lone).bind(["--n", "3"])


def test_a_function_that_takes_batches_takes_an_item_or_a_list() -> None:
    """An item is what does not read as a list; of a table its columns are named."""
    words = Words("lengths", lengths, batches=True)
    assert words.bind(["a text", "3"]) == (["a text", 3], {})
    assert words.bind(['["a", "b"]', "[3, 4]"]) == ([["a", "b"], [3, 4]], {})
    with pytest.raises(MisuseError, match="expected int, not 'x'"):
        words.bind(["a", "x"])
    assert Words("rows", rows, batches=True).bind(["--a", "1"]) == ([], {"a": 1})
