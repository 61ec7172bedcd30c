"""Names that are near to one that is not there. Pure."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["near"]

#: How many names are listed at most, near ones and all.
_NEAR, _ALL = 3, 10


def near(name: str, names: Iterable[str], what: str) -> str:
    """Return what follows "there is no ...": near names, or those that there are.

    `what` says in the plural what they are names of: "columns".
    """
    # Only what is wrong needs it.
    import difflib

    known = list(dict.fromkeys(names))
    folded = {each.casefold(): each for each in reversed(known)}
    close = difflib.get_close_matches(name.casefold(), folded, n=_NEAR)
    if close:
        return "did you mean " + " or ".join(f'"{folded[each]}"' for each in close) + "?"
    if not known:
        return f"there are no {what}"
    more = len(known) - _ALL
    listed = ", ".join(known[:_ALL]) + (f" and {more} more" if more > 0 else "")
    return f"the {what} are {listed}"
