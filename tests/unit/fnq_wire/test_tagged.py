"""The tagged form: every value comes back, and nothing else is read."""

from __future__ import annotations

import collections
import decimal
import random
import struct
import threading
import types
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from fnq_wire import tagged
from fnq_wire.classes import Classes
from fnq_wire.error import SerializationError
from tests.unit.fnq_wire import values
from tests.unit.fnq_wire.canon import canon

KNOWN = Classes(values.CLASSES)
#: The whole property; `FNQ_EXAMPLES` is for the curious only.
EXAMPLES = 5_000


def back(value: Any) -> Any:
    """Return the value as it arrives."""
    return tagged.decode(tagged.encode(value, KNOWN), KNOWN)


@settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck))
@given(values.anything())
def test_every_value_comes_back_as_it_was(value: Any) -> None:
    """Decoding gives an equal value of the same types, whatever it is made of."""
    assert canon(back(value)) == canon(value)
