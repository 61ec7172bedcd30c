"""What expressions make of a batch of rows: pyarrow filters and computes, in this thread."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa
from pyarrow import acero

from chalkcompute.frame import compiled
from chalkcompute.frame.expression import text
from chalkcompute.frame.node import Column, Node
from chalkcompute.frame.plan import names_in

__all__ = ["Making"]


@dataclass(frozen=True, slots=True)
class Making:
    """Columns made of the rows that pass all of `where`, which are asked one after the other.

    A condition meets only rows that passed those before it.
    """

    columns: Mapping[str, Node]
    where: Sequence[Node] = ()
    _plans: dict[pa.Schema, list[acero.Declaration]] = field(
        default_factory=dict, compare=False, repr=False
    )

    @property
    def needed(self) -> dict[str, None]:
        """The columns that it is made of, in the order in which they are met."""
        nodes = (*self.where, *self.columns.values())
        return {name: None for node in nodes for name in names_in(node)}

    def of(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Return what it makes of a batch, perhaps no rows.

        Raise ExpressionError where a value does not let itself be computed.
        """
        if not self.where and all(isinstance(node, Column) for node in self.columns.values()):
            return self._renamed(batch)
        if batch.schema not in self._plans:
            self._plans[batch.schema] = self._planned(batch.schema)
        rows = acero.TableSourceNodeOptions(pa.Table.from_batches([batch]))
        steps = [acero.Declaration("table_source", rows), *self._plans[batch.schema]]
        try:
            # With threads rows would lose their order.
            made = acero.Declaration.from_sequence(steps).to_table(use_threads=False)
        except pa.ArrowException as problem:
            raise compiled.told(problem, self._text()) from problem
        return _whole(made)

    def _planned(self, schema: pa.Schema) -> list[acero.Declaration]:
        """Return what Acero does with a batch of a schema."""
        made = compiled.compiled(self.columns.values(), schema)
        filters = map(acero.FilterNodeOptions, compiled.compiled(self.where, schema))
        project = acero.ProjectNodeOptions(made, list(self.columns))
        return [
            *(acero.Declaration("filter", each) for each in filters),
            acero.Declaration("project", project),
        ]

    def _renamed(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Return columns as they are, under their new names."""
        fields = [
            batch.schema.field(node.name).with_name(name)
            for name, node in self.columns.items()
            if isinstance(node, Column)
        ]
        if not fields:
            return batch.select([])
        arrays = [
            batch.column(node.name) for node in self.columns.values() if isinstance(node, Column)
        ]
        return pa.RecordBatch.from_arrays(arrays, schema=pa.schema(fields))

    def _text(self) -> str:
        """Return what it computes, as one would write it."""
        nodes = [*self.where, *self.columns.values()]
        return ", ".join(text(node) for node in nodes if not isinstance(node, Column))


def _whole(table: pa.Table) -> pa.RecordBatch:
    """Return a table as one batch: Acero cuts long ones."""
    batches = table.combine_chunks().to_batches()
    if len(batches) == 1:
        return batches[0]
    return pa.RecordBatch.from_arrays(
        [pa.array([], each.type) for each in table.schema], schema=table.schema
    )
