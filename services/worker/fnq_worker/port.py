"""Whom the workbench tells of its runs."""

from __future__ import annotations

from typing import Protocol

from fnq.v1 import worker_pb2
from fnq_worker.run import Run

__all__ = ["NestedCalls", "Hearer"]


class Hearer(Protocol):
    """Where the workbench says what became of its runs (the link)."""

    def report(self, report: worker_pb2.Report) -> None:
        """Queue a report to the consumer."""

    def restate(self) -> None:
        """Queue a new statement of the slots."""


class NestedCalls(Protocol):
    """Where nested calls are kept."""

    def cancel_all(self, run: Run) -> None:
        """End the nested calls of a run that ended."""
