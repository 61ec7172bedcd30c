"""The cells of an interactive session: IPython, Jupyter, and Python's own REPL.

IPython and, since 3.13, Python keep the source of what was typed; before 3.13 only
readline remembers it. A cell that was run again counts where it ran last.
"""

from __future__ import annotations

import ast
import codeop
import linecache
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from chalkcompute.capture.text import Text, parse

__all__ = ["cells"]

_NUMBERED = re.compile(r"<(?:python-input|stdin)\b\D*(\d*)")
#: Under this name IPython compiles what follows `%%time`.
_TIMED = "<timed exec>"
#: Lines of readline's history that are looked at, and of one statement in it.
_HISTORY = 5000
_STATEMENT = 400
_CONTINUED = re.compile(r"\s|(?:else|elif|except|finally)\b")


def cells(namespace: Mapping[str, Any]) -> list[Text]:
    """Return the cells that ran in `namespace`, in the order in which they ran last.

    Cells that do not parse have not run, and are left out.
    """
    shell = _shell(namespace)
    if shell is not None:
        typed: Iterable[tuple[str, str, str]] = _ipython(shell)
    elif namespace is vars(sys.modules["__main__"]):
        typed = _python() or _readline()
    else:
        typed = ()
    found: list[Text] = []
    futures: frozenset[str] = frozenset()
    for number, (filename, title, source) in enumerate(typed):
        try:
            text = Text(source, filename, title, "cell.py", (1, number), futures)
        except (SyntaxError, ValueError):
            continue
        futures |= text.futures
        found.append(text)
    return found


def _shell(namespace: Mapping[str, Any]) -> Any:
    """Return the IPython shell whose namespace this is, or None."""
    getter: Any = namespace.get("get_ipython")
    if "IPython" not in sys.modules or not callable(getter):
        return None
    if not str(getattr(getter, "__module__", "")).startswith("IPython"):
        return None
    shell = getter()
    if shell is None:
        return None
    return shell if namespace is shell.user_ns or namespace is vars(shell.user_module) else None


def _ipython(shell: Any) -> Iterator[tuple[str, str, str]]:
    """Yield file name, title and source of each cell.

    The compiler knows every cell with the number it had when it ran last, also those
    that left no trace in the history; the history has what linecache forgot.
    """
    compiled: dict[str, int] = getattr(shell.compile, "_filename_map", {})
    history: list[str] = list(shell.history_manager.input_hist_parsed)
    known: list[tuple[int, str, str]] = []
    for filename, number in compiled.items():
        source = "".join(linecache.getlines(filename))
        if not source and number < len(history):
            source = history[number]
        known.append((number, filename, source))
    numbers = set(compiled.values())
    known += [(n, f"In[{n}]", each) for n, each in enumerate(history) if n not in numbers]
    for number, filename, source in sorted(filter(_is_source, known), key=_number):
        yield filename, f"In[{number}]", source
        for body in _timed(source):
            yield _TIMED, f"In[{number}]", shell.transform_cell(body)


def _is_source(cell: tuple[int, str, str]) -> bool:
    return bool(cell[2].strip())


def _number(cell: tuple[int, str, str]) -> int:
    return cell[0]


def _timed(source: str) -> Iterator[str]:
    """Yield what follows `%%time` in a transformed cell."""
    if "run_cell_magic" not in source:
        return
    try:
        tree = parse(source)
    except (SyntaxError, ValueError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "run_cell_magic":
            words = [each.value for each in node.args if isinstance(each, ast.Constant)]
            if len(words) == 3 and words[0] == "time" and isinstance(words[2], str):
                yield words[2]


def _python() -> list[tuple[str, str, str]]:
    """Return what Python's own prompt has read, where it keeps it: since 3.13."""
    found: dict[str, tuple[int, str, str]] = {}
    interactive: dict[Any, Any] = getattr(linecache, "_interactive_cache", {})
    for key, entry in [*linecache.cache.items(), *interactive.items()]:
        # Newer versions have several code objects to a source, and a key for each.
        words = key if isinstance(key, tuple) else (key,)
        filename = next((w for w in words if isinstance(w, str) and _NUMBERED.match(w)), "")
        match = _NUMBERED.match(filename)
        if match and len(entry) > 2:
            source = "".join(entry[2])
            number = int(match[1] or 0)
            found.pop(filename + source, None)
            found[filename + source] = (number, filename, source)
    ordered = sorted(found.values(), key=lambda each: each[0])
    return [(filename, filename, source) for _, filename, source in ordered]


def _readline() -> list[tuple[str, str, str]]:
    """Return what was typed at the prompt of a Python that keeps no source."""
    readline = sys.modules.get("readline")
    if not hasattr(sys, "ps1") or readline is None:
        return []
    last = readline.get_current_history_length()
    item: Callable[[int], str | None] = readline.get_history_item
    lines = [item(number) or "" for number in range(max(1, last - _HISTORY), last + 1)]
    return [("<stdin>", "<stdin>", source) for source in _statements(lines)]


def _statements(lines: list[str]) -> Iterator[str]:
    """Yield the statements among lines, which come without the blank ones between."""
    start = 0
    while start < len(lines):
        end = start + 1
        state = _state(lines[start:end])
        while end - start < _STATEMENT and end < len(lines):
            if state is None or (state and not _CONTINUED.match(lines[end])):
                break
            end += 1
            state = _state(lines[start:end])
        if state:
            yield "\n".join(lines[start:end])
        start = end if state else start + 1


def _state(lines: list[str]) -> bool | None:
    """Tell whether `lines` are a whole statement (True), a part (False) or none (None)."""
    try:
        return codeop.compile_command("\n".join(lines) + "\n") is not None
    except (SyntaxError, ValueError, OverflowError):
        return None
