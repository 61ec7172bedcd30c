"""Calls of frames without a stack: functions of this process, noted as they are called."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pytest

from chalkcompute.frame import calling
from chalkcompute.frame.calling import Errand


@dataclass
class Calls:
    """Functions by name, and the arguments that they were called with, in order."""

    functions: dict[str, Callable[..., Any]]
    types: dict[str, pa.DataType]
    made: list[tuple[Any, ...]] = field(default_factory=list, repr=False)
    asked: list[str] = field(default_factory=list)
    closed: int = 0

    def each(self, batches: Iterator[pa.RecordBatch], errand: Errand) -> Iterator[pa.RecordBatch]:
        """Append what a function makes of each row."""
        try:
            for batch in batches:
                yield self._called(batch, errand)
        finally:
            self.closed += 1

    def type_of(self, function: str) -> pa.DataType | None:
        """Return what a function declares."""
        self.asked.append(function)
        return self.types.get(function)

    def _called(self, batch: pa.RecordBatch, errand: Errand) -> pa.RecordBatch:
        name = str(errand.function)
        results: list[Any] = []
        errors: list[str | None] = []
        for row in batch.to_pylist():
            args = [row[name] for name in errand.args]
            kwargs = {name: row[column] for name, column in errand.kwargs.items()}
            self.made.append((name, *args, *kwargs.values()))
            try:
                results.append(self.functions[name](*args, **kwargs))
                errors.append(None)
            except ZeroDivisionError as error:
                if errand.on_error == "raise":
                    raise
                results.append(None)
                errors.append(f"ZeroDivisionError: {error}")
        kind = errand.returns or self.types.get(name)
        batch = batch.append_column(errand.column, pa.array(results, kind))
        if errand.on_error == "keep":
            batch = batch.append_column(errand.error_column, pa.array(errors, pa.string()))
        return batch


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Calls:
    """Return functions that frames of this test can call: upper, half, tell (of no type)."""
    functions: dict[str, Callable[..., Any]] = {
        "upper": lambda text, suffix="": text.upper() + suffix,
        "half": lambda number: 12 // number,
        "tell": lambda value: f"<{value}>",
    }
    made = Calls(functions, {"upper": pa.string(), "half": pa.int64()})
    monkeypatch.setattr(calling, "call_each", made.each)
    monkeypatch.setattr(calling, "result_type", made.type_of)
    return made
