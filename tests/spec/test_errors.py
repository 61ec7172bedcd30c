"""Functions that raise."""

from __future__ import annotations

import pytest

from tests.livestack import Stack
from tests.spec.program import lines

pytestmark = pytest.mark.spec


def test_an_exception_arrives_with_its_text_and_its_traceback(stack: Stack) -> None:
    """The text is exact, what was yielded before stays, and nested errors show both sides."""
    assert lines(stack, "errors.py") == [
        "ZeroDivisionError: division by zero",
        "ZeroDivisionError | division by zero | divide | 0",
        "id 36",
        "shown True True",
        "ok-1",
        "ok-2",
        "ValueError: something went wrong",
        "['ok-1', 'ok-2']",
        "KeyError: 'key'",
        "['ok-1']",
        "ZeroDivisionError: division by zero",
        "BadWeatherError: rain, and more rain",
        "chain True True",
        "LookupError",
        "ZeroDivisionError: division by zero",
        "both sides True True",
        "caught ZeroDivisionError: division by zero",
        "2.0",
    ]
