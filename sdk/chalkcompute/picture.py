"""What goes on, drawn on a terminal by rich; imported where something is drawn, only then."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

from rich.console import Console, Group
from rich.live import Live
from rich.spinner import Spinner
from rich.text import Text

from chalkcompute.account import Row

__all__ = ["Picture"]

#: Pictures a second: the spinner turns, and seconds are counted in tenths.
_RATE = 10.0
#: Rows that are drawn at most, so that it fits below what was written.
_MOST_ROWS = 8


class Picture:
    """Draws `rows` on stderr until it is closed; what others print comes above it."""

    def __init__(self, rows: Callable[[], Sequence[Row]]) -> None:
        self._rows = rows
        self._console = Console(stderr=True, highlight=False)
        name = "dots" if self._console.encoding.startswith("utf") else "line"
        self._spinner = Spinner(name)
        self._live = Live(
            console=self._console,
            get_renderable=self._draw,
            refresh_per_second=_RATE,
            transient=True,
            # What is piped elsewhere must not come out here.
            redirect_stdout=sys.stdout is not None and sys.stdout.isatty(),
        )
        self._live.start(refresh=True)
        # Whoever is killed meanwhile leaves a terminal with a cursor.
        self._console.show_cursor(True)

    def print(self, lines: list[str]) -> None:
        """Write lines that stay, above the picture."""
        for line in lines:
            self._console.print(Text(line), soft_wrap=True)

    def close(self) -> None:
        """Wipe the picture away."""
        self._live.stop()

    def _draw(self) -> Group:
        rows = self._rows()
        lines: list[Text] = []
        for row in rows[:_MOST_ROWS]:
            lines.append(self._head(row))
            lines += (_cut(f"    {each}", "dim") for each in row.output)
        if len(rows) > _MOST_ROWS:
            lines.append(_cut(f"  and {len(rows) - _MOST_ROWS} more", "dim"))
        return Group(*lines)

    def _head(self, row: Row) -> Text:
        turning = self._spinner.render(self._console.get_time())
        assert isinstance(turning, Text)
        line = _cut("", "")
        line.append(turning)
        line.append(f" {row.seconds:.1f} s ", "dim")
        line.append(f" {row.function}: " if row.function else " ", "bold")
        line.append(row.step)
        return line


def _cut(text: str, style: str) -> Text:
    """Return a line that is cut where the terminal ends."""
    return Text(text, style, no_wrap=True, overflow="ellipsis")
